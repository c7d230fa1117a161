"""Small tasks of the studies that change one setting: data of a seed, and how a cloud is judged."""

import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from study import W2_POINTS, Found, scores_of

import gparticles as gpa
from gparticles.data import gaussian, gaussian_mixture_grid, swiss_roll
from gparticles.evaluate.floors import resampled
from gparticles.evaluate.wasserstein import w2
from gparticles.experiment.provenance import stream

TARGETS, HELD_OUT = 200, 2000


class Task(NamedTuple):
    """Where particles start, what they learn from, and what they should look like.

    Attributes:
        fresh: as many points of the target's law as there are particles.
    """

    source: np.ndarray
    target: np.ndarray
    held_out: np.ndarray
    fresh: np.ndarray


def task(sampler: Callable[..., np.ndarray], beginning: Callable[..., np.ndarray]) -> Any:
    """Makes a task of a seed and a number of particles, with the recipe's streams."""

    def make(seed: int, particles: int) -> Task:
        counts = {"target": TARGETS, "held-out": HELD_OUT, "fresh": particles}
        source = beginning(particles, seed=stream(seed, "source"))
        return Task(source, *(sampler(n, seed=stream(seed, k)) for k, n in counts.items()))

    return make


# the Swiss roll from N(0, 9 I), and four Gaussians from N(0, I) in their middle, as in the recipes
roll = task(swiss_roll, partial(gaussian, dim=3, std=3.0))
grid = task(gaussian_mixture_grid, gaussian)


def distance(points: np.ndarray, task: Task) -> float:
    """The exact W2 to held-out points, data units."""
    return w2(points, task.held_out, max_points=W2_POINTS).value


def judge(points: np.ndarray, task: Task) -> dict[str, float]:
    """Scores of a cloud."""
    return scores_of(points, task.target, task.held_out)


def on_both(seed: int, *, floors: bool, **settings: Any) -> Found:
    """Runs on both tasks: W2, seconds and failures, with the floors of each task if wanted."""
    scores: dict[str, float] = {"seconds": 0.0, "failed": 0.0}
    beside: dict[str, dict[str, float]] = {"fresh": {}, "resampled": {}}
    for name, task_of in TASKS.items():
        task, began = task_of(seed, PARTICLES_OF[name]), time.perf_counter()
        store = gpa.Store(potentials=False)
        flow = gpa.transport(task.source, task.target, store=store, seed=seed, **settings)
        scores["seconds"] += time.perf_counter() - began
        scores["failed"] += float("failed" in flow.outcome) / len(TASKS)
        scores[f"{name}_w2"] = distance(flow.particles, task)
        if floors:
            beside["fresh"][f"{name}_w2"] = distance(task.fresh, task)
            beside["resampled"][f"{name}_w2"] = distance(redrawn(task, seed), task)
    return Found(scores, scores, beside)


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
