"""What cannot be used is refused in one line that names the mend."""

import math

import numpy as np
import pytest

import gparticles as gpa

GOOD = np.random.default_rng(0).normal(size=(6, 2))
LABELS = np.arange(6) % 2


def _with(value):
    bad = GOOD.copy()
    bad[3, 1] = value
    return bad


CASES = {
    "NaN": ({"source": _with(math.nan)}, r"source: entry \(3, 1\) is nan"),
    "inf": ({"target": _with(math.inf)}, r"target: entry \(3, 1\) is inf"),
    "strings": ({"source": GOOD.astype(str)}, "give numbers"),
    "objects": ({"source": [[1.0, None], [2.0, 3.0]]}, r"entry \(0, 1\) is None; give numbers"),
    "ragged": ({"source": [[1.0, 2.0], [3.0]]}, "rectangular"),
    "complex": ({"source": GOOD.astype(complex)}, "give numbers"),
    "one axis": ({"source": GOOD[0]}, "one row per point"),
    "a scalar": ({"target": 3.0}, "one row per point"),
    "no rows": ({"target": GOOD[:0]}, "no data"),
    "no columns": ({"source": GOOD[:, :0]}, "no data"),
    "other columns": ({"source": np.ones((4, 3))}, "same columns"),
    "labels alone": ({"labels": LABELS}, "target_labels: missing"),
    "target labels alone": ({"target_labels": LABELS}, "labels: missing"),
    "short labels": ({"labels": LABELS[:2], "target_labels": LABELS}, "one label per point"),
    "absent label": ({"labels": LABELS + 1, "target_labels": LABELS}, "does not occur"),
    "missing label": (
        {"labels": np.array([0, math.nan, 1, 0, 1, 0]), "target_labels": LABELS},
        "missing",
    ),
    "unequal classes in W1": (
        {"labels": LABELS, "target_labels": [0, 0, 0, 0, 0, 1], "f": gpa.Wasserstein1()},
        "equal shares",
    ),
    "L of 0": ({"lipschitz": 0}, "lipschitz is 0"),
    "L below 0": ({"lipschitz": -1.0}, "lipschitz is -1.0"),
    "L of NaN": ({"lipschitz": math.nan}, "lipschitz is nan"),
    "L of a string": ({"lipschitz": "1"}, "lipschitz is '1'"),
    "two L": ({"lipschitz": 2.0, "potential": gpa.tight_mlp(2)}, "give one of them"),
    "a potential of another size": ({"potential": gpa.tight_mlp(3)}, "does not take points"),
    "a plain potential with labels": (
        {"labels": LABELS, "target_labels": LABELS, "potential": gpa.tight_mlp(2)},
        "ClassConditional",
    ),
    "a conditional one without": (
        {"potential": gpa.ClassConditional(gpa.tight_mlp(2), 2)},
        "needs labels",
    ),
    "no steps": ({"steps": 0}, "steps is 0"),
    "half a step": ({"steps": 1.5}, "steps is 1.5"),
    "step size of 0": ({"step_size": 0.0}, "step_size is 0.0"),
    "infinite step size": ({"step_size": math.inf}, "step_size is inf"),
    "a schedule below 0": ({"step_size": lambda n: -1.0}, "none negative"),
    "no fit steps": ({"fit_steps": 0}, "fit_steps is 0"),
    "no batch": ({"batch_size": 0}, "batch_size is 0"),
    "an optimiser by name": ({"optimizer": "adam"}, "Optax"),
    "bounds the wrong way": ({"bounds": (1.0, 0.0)}, "below the second"),
    "one bound": ({"bounds": 1.0}, "two numbers"),
    "an unknown scale": ({"scale": "robust"}, "scale is 'robust'"),
    "scale of 0": ({"scale": 0.0}, "scale is 0.0"),
    "weights below 0": ({"source_weights": [-1, 1, 1, 1, 1, 1]}, "not negative"),
    "weights of 0": ({"target_weights": np.zeros(6)}, "sum to zero"),
    "short weights": ({"target_weights": np.ones(5)}, "one number per point"),
    "NaN weights": ({"target_weights": np.full(6, math.nan)}, "finite"),
    "f by name": ({"f": "kl"}, r"f is 'kl': give an object"),
    "an integrator by name": ({"integrator": "euler"}, "integrator is 'euler'"),
    "a stop by name": ({"stop": "held-out"}, "stop is 'held-out'"),
    "a potential by name": ({"potential": "tight"}, "potential is 'tight'"),
    "half a seed": ({"seed": 1.5}, "seed is 1.5"),
    "a seed below 0": ({"seed": -1}, "seed is -1"),
    "an entry beyond float32": ({"target": _with(1e300)}, r"target: entry \(3, 1\) is 1e\+300"),
    "a held-out part of no weight": (
        {"stop": gpa.HeldOut(fraction=0.34), "target_weights": [1, 0, 0, 0, 0, 0]},
        "weight 0 altogether",
    ),
    "all held out": ({"stop": gpa.HeldOut(fraction=0.99)}, "leaves one part empty"),
}


@pytest.mark.parametrize("name", CASES)
def test_refused_in_one_line(name):
    settings, message = CASES[name]
    given = {"source": GOOD, "target": GOOD + 1, "steps": 2, **settings}
    with pytest.raises(gpa.InputError, match=message) as caught:
        gpa.transport(given.pop("source"), given.pop("target"), **given)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: gpa.KineticEnergy(fraction=2.0), "between 0 and 1"),
        (lambda: gpa.HeldOut(patience=0), "patience"),
        (lambda: gpa.HeldOut(fraction=0.0), "between 0 and 1"),
        (lambda: gpa.Store(budget=0), "budgets"),
        (lambda: gpa.Store(frames=0), "frames"),
        (lambda: gpa.Checkpoint("x", seconds=0), "seconds"),
    ],
)
def test_settings_are_checked_when_made(make, message):
    with pytest.raises(gpa.InputError, match=message):
        make()
