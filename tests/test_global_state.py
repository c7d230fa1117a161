"""What belongs to the whole process is as it was after every public call."""

import logging
import os
import signal
import threading
import warnings

import jax
import matplotlib as mpl
import numpy as np
import pytest

import gparticles as gpa
from gparticles import plots
from gparticles.evaluate.metrics import evaluate
from tests.flow.test_process_settings import CALLS, SOURCE, TARGET

pytestmark = pytest.mark.slow


@jax.jit
def _of_the_user(x):
    return x + 1


def _drawn():
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots()
    plots.scatter(axes, SOURCE, TARGET)
    plt.close(figure)


ALL = CALLS | {
    "divergence": lambda: gpa.divergence(SOURCE, TARGET),
    "estimate": lambda: gpa.estimate_divergence(SOURCE, TARGET, steps=20),
    "evaluate": lambda: evaluate(SOURCE, TARGET, target=TARGET),
    "plots": _drawn,
}


def _state():
    name, keys, *position = np.random.get_state(legacy=True)  # noqa: NPY002
    return {
        "matplotlib": dict(mpl.rcParams),
        "numpy's random state": (name, keys.tolist(), position),
        "numpy's errors": np.geterr(),
        "numpy's printing": np.get_printoptions(),
        "warning filters": list(warnings.filters),
        "signals": [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)],
        "logging": (
            logging.root.level,
            list(logging.root.handlers),
            logging.getLogger("jax").level,
        ),
        "environment": dict(os.environ),
        "folder": os.getcwd(),  # noqa: PTH109
        "JAX's configuration": dict(jax.config.values),
        "programs of the user": _of_the_user._cache_size(),
        "hook of threads": threading.excepthook,
    }


@pytest.mark.parametrize("name", ALL)
def test_a_call_leaves_the_process_as_it_was(name):
    _of_the_user(np.ones(2))
    # what a first call imports may set up itself
    ALL[name]()
    before = _state()
    ALL[name]()
    after = _state()
    for what, value in before.items():
        assert after[what] == value, what
