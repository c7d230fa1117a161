"""Twos become zeros: images moved onto images."""

from typing import Any

import numpy as np
import scipy.optimize
from digits import COLUMNS, Frames, Run, digit_study

from gparticles.evaluate.features import digit_probabilities
from gparticles.evaluate.pairwise import nearest, rows, squared_distances
from gparticles.experiment.inputs import Inputs


def pairing(images: np.ndarray, inputs: Inputs) -> dict[str, float]:
    """What a moved digit keeps of the one it was; the same rows of both are one particle."""
    source = inputs.source
    squares = squared_distances(rows(images), rows(source))
    own = np.diag(squares)
    # ties count half, so that copies of one image are at 1/2
    farther = (squares > own[:, None]).sum(axis=1) + ((squares == own[:, None]).sum(axis=1) - 1) / 2
    best = squares[scipy.optimize.linear_sum_assignment(squares)].mean()
    ink = np.corrcoef(rows(images).mean(axis=1), rows(source).mean(axis=1))[0, 1]
    zeros = digit_probabilities(np.clip(images, 0, 1)).argmax(axis=1) == 0
    return {
        "zeros": float(zeros.mean()),
        "own_source": float((farther / (len(source) - 1)).mean()),
        "economy": float(best / own.mean()),
        "ink": float(ink),
    }


def transported(inputs: Inputs, _: int) -> np.ndarray:
    """Every two takes the training zero that optimal transport gives it."""
    squares = squared_distances(rows(inputs.source), rows(inputs.target))
    return inputs.target[scipy.optimize.linear_sum_assignment(squares)[1]]


def at_random(inputs: Inputs, seed: int) -> np.ndarray:
    """Every two takes some training zero."""
    return np.random.default_rng([seed, 3]).permutation(inputs.target)


def before_and_after(made: Frames) -> np.ndarray:
    """Some twos, where they are on the way, and the training digit nearest to where they end."""
    chosen = np.linspace(0, len(made.images[-1]) - 1, COLUMNS).round().astype(int)
    times = np.linspace(0, len(made.images) - 1, 5).round().astype(int)
    _, index = nearest(rows(made.images[-1][chosen]), rows(made.inputs.target))
    return np.concatenate([*made.images[times][:, chosen], made.inputs.target[index]])


def values(r: Any) -> dict[str, Any]:
    return {"saved": 1 - r.of("recipe", "economy")}


EXPERIMENT = digit_study(
    {
        "recipe": Run("mnist-2-to-0"),
        "with KL": Run("mnist-2-to-0", ("f=kl",)),
        "GroupSort": Run("mnist-2-to-0", ("potential.activation=groupsort",)),
        "default potential, width 64": Run(
            "mnist-2-to-0", ("potential.preset=default", "potential.width=64")
        ),
    },
    beside={
        "*optimal transport onto the training zeros*": transported,
        "*a training zero at random*": at_random,
    },
    also=pairing,
    picture=before_and_after,
    caption="top to bottom, the way of a two; last, the training zero nearest to its end",
)
