"""Twos become zeros: images moved onto images."""

import numpy as np
import scipy.optimize
from digit_runs import LEGENDS, Frames, Run
from digit_study import COLUMNS, DigitStudy
from pages import Page, Results, figure, percent

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


def finding(r: Results) -> str:
    ours, kl, sharp, soft = (name for name in r.rows if not name.startswith("*"))
    transport = "*optimal transport onto the training zeros*"
    of: dict[str, dict[str, str]] = {
        name: {score: figure(r.mean(name, score)) for score in r.rows[name][0]}
        for name in (ours, kl, sharp, soft, transport)
    }
    return f"""It holds. The LeNet takes {percent(r.mean(ours, "zeros"))} of the recipe's
        particles for zeros; their KD-LeNet to held-out zeros ({of[ours]["kd_lenet"]}) is that of
        fresh zeros ({figure(r.mean("fresh", "kd_lenet"))}) to its noise; none is a copy. They come
        from the two that they were: {percent(r.mean(ours, "own_source"))} of the other twos are
        farther off, a little more than if every two took a training zero by optimal transport
        ({percent(r.mean(transport, "own_source"))}); another pairing of the same ends would save
        {percent(1 - r.mean(ours, "economy"))} of the way; and bold twos become bold zeros (ink
        {of[ours]["ink"]}). Alpha 2
        matters little here: KL does as well. The activation matters: GroupSort brings particles
        nearer to training zeros ({of[sharp]["nearest_ratio"]} against
        {of[ours]["nearest_ratio"]}) and farther from their own twos. The default potential stays
        nearly as far from training zeros as fresh zeros are ({of[soft]["nearest_ratio"]}), at a
        larger KD-LeNet ({of[soft]["kd_lenet"]}) and with fewer zeros
        ({percent(r.mean(soft, "zeros"))}). Activation and number of steps were chosen on one seed
        of its own (100) and zeros that are neither targets nor held out."""


OURS = {
    "zeros": ("zeros", "share that the LeNet takes for a zero"),
    "own_source": (
        "own two",
        "how many of the other twos are farther from the moved digit than its own; 1 is all, 1/2 "
        "is chance",
    ),
    "economy": (
        "economy",
        "the least mean squared way from twos to moved digits, over that of the particles' own; 1 "
        "is optimal transport",
    ),
    "ink": ("ink", "correlation of a digit's mean pixel before and after"),
}
EXPERIMENT = DigitStudy(
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
PAGE = Page(
    "Twos become zeros",
    "Images of one kind can be moved onto images of another: 200 handwritten twos become zeros, "
    "with alpha 2 (arXiv 2210.17230).",
    "200 twos and 200 zeros of MNIST, 28 x 28 pixels; 100 held-out zeros to compare with, and as "
    "fresh ones the 200 others that could have been targets.",
    ("zeros", "kd_lenet", "copy_rate", "nearest_ratio", "own_source", "economy", "ink", "seconds"),
    finding,
    legends=LEGENDS | OURS,
)
