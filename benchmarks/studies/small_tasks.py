"""Small tasks of the studies that change one setting: data of a seed, and how a cloud is judged."""

import statistics
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from gparticles.data import gaussian, gaussian_mixture_grid, swiss_roll
from gparticles.evaluate.floors import resampled
from gparticles.evaluate.manifold import manifold
from gparticles.evaluate.memorisation import memorisation
from gparticles.evaluate.wasserstein import w2
from gparticles.experiment.provenance import stream

TARGETS, HELD_OUT, W2_POINTS = 200, 2000, 1500


class Task(NamedTuple):
    """Where particles start, what they learn from, and what they should look like.

    Attributes:
        fresh: as many points of the target's law as there are particles.
    """

    source: np.ndarray
    target: np.ndarray
    held_out: np.ndarray
    fresh: np.ndarray


def roll(seed: int, particles: int) -> Task:
    """The Swiss roll from N(0, 9 I), as in the recipe."""
    return Task(
        gaussian(particles, dim=3, std=3.0, seed=stream(seed, "source")),
        swiss_roll(TARGETS, seed=stream(seed, "target")),
        swiss_roll(HELD_OUT, seed=stream(seed, "held-out")),
        swiss_roll(particles, seed=stream(seed, "fresh")),
    )


def grid(seed: int, particles: int) -> Task:
    """Four Gaussians from N(0, I) in their middle, as in the recipe `mixture`."""
    return Task(
        gaussian(particles, seed=stream(seed, "source")),
        gaussian_mixture_grid(TARGETS, seed=stream(seed, "target")),
        gaussian_mixture_grid(HELD_OUT, seed=stream(seed, "held-out")),
        gaussian_mixture_grid(particles, seed=stream(seed, "fresh")),
    )


def distance(points: np.ndarray, task: Task) -> float:
    """The exact W2 to held-out points, data units."""
    return w2(points[:W2_POINTS], task.held_out[:W2_POINTS], max_points=W2_POINTS).value


def judge(points: np.ndarray, task: Task) -> dict[str, float]:
    """Scores of a cloud, by the names of ``pages.HEADINGS``."""
    near = memorisation(points, task.target, task.held_out)
    balls = manifold(points[:HELD_OUT], task.held_out)
    return {
        "w2": distance(points, task),
        "copy_rate": near.copy_rate,
        "nearest_ratio": near.nearest_ratio,
        "coverage": balls.coverage,
    }


def redrawn(task: Task, seed: int) -> np.ndarray:
    """As many of the targets, drawn again, as there are particles."""
    return resampled(task.target, len(task.source), seed=stream(seed, "resampled"))


TASKS = {"roll": roll, "grid": grid}
PARTICLES_OF = {"roll": 1000, "grid": 400}

TITLES = {"roll": "Swiss roll", "grid": "mixture of four"}
# Student's t with four degrees of freedom, 97.5 %, as suits five seeds
_SURE = 2.776


def surely(values: Sequence[float], others: Sequence[float]) -> float:
    """The mean difference of paired values where its 95 % interval leaves out 0, and 0 elsewhere.

    >>> surely([2.0, 3.1], [1.0, 2.0]), surely([2.0, 3.0], [1.0, 5.0])
    (1.05, 0.0)
    """
    differences = [a - b for a, b in zip(values, others, strict=True)]
    mean = statistics.fmean(differences)
    if len(differences) < 2:
        return 0.0
    error = statistics.stdev(differences) / len(differences) ** 0.5
    return mean if abs(mean) > _SURE * error else 0.0
