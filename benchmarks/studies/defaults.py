"""The search for the defaults, row by row: W2 to unseen points at several times of a flow.

Validation tasks only: data seeds from 100 on, which no other benchmark uses.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import optax

import gparticles as gpa
from gparticles.data import digits_split, gaussian_mixture_grid, logistic_noise, two_moons
from gparticles.data import swiss_roll as roll
from gparticles.evaluate.wasserstein import w2
from gparticles.flow.scaling import robust_centre, robust_spread

MollifiedReLU, Softplus = gpa.activations.MollifiedReLU, gpa.activations.Softplus
TIMES = (0.3, 0.5, 0.6, 0.8, 1.0)


@dataclass(frozen=True)
class Task:
    """Source, target, unseen points, and what ``transport`` needs besides."""

    source: np.ndarray
    target: np.ndarray
    unseen: np.ndarray
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Variant:
    """One row: a network and settings; ``spread`` works in units of the whole spread."""

    layer: Any = gpa.AOL
    activation: Any = field(default_factory=MollifiedReLU)
    width: int = 32
    lipschitz: float = 1.0
    spread: bool = False
    settings: dict[str, Any] = field(default_factory=dict)


def points_task(sampler: Callable, dim: int, std: float) -> Callable[[int], Task]:
    def make(seed: int) -> Task:
        source = np.random.default_rng(seed).normal(size=(2000, dim)) * std
        return Task(source, sampler(200, seed=seed), sampler(2000, seed=10_000 + seed))

    return make


def digits_task(seed: int) -> Task:
    images, labels, held_out, _ = digits_split(200, seed=seed)
    flat, unseen = images.reshape(200, -1), held_out.reshape(len(held_out), -1)[:600]
    classes = {"labels": np.arange(600) % 10, "target_labels": labels}
    source = logistic_noise(flat, 600, seed=seed)
    return Task(source, flat, unseen, {"bounds": (0.0, 1.0), **classes})


TASKS = {
    "swiss": points_task(roll, 3, 3.0),
    "grid": points_task(gaussian_mixture_grid, 2, 1.0),
    "moons": points_task(two_moons, 2, 1.0),
    "digits": digits_task,
}

SLOW = {"optimizer": optax.adam(3e-3)}
VARIANTS = {
    "aol-1": Variant(),
    "eps-0.5": Variant(activation=MollifiedReLU(0.5)),
    "adam-2e-2": Variant(settings={"optimizer": optax.adam(2e-2)}),
    "adam-3e-3": Variant(settings=SLOW),
    "dt-1": Variant(settings={"step_size": 1.0}),
    "dt-0.25": Variant(settings={"step_size": 0.25}),
    "dt-falling": Variant(settings={"step_size": optax.linear_schedule(1.0, 0.0, 1000)}),
    "fit-2": Variant(settings={"fit_steps": 2}),
    "fit-5": Variant(settings={"fit_steps": 5}),
    "width-64": Variant(width=64),
    "width-128": Variant(width=128),
    "spectral": Variant(layer=gpa.Spectral),
    "frobenius": Variant(layer=gpa.Frobenius),
    "tight": Variant(layer=gpa.Orthogonal, activation=gpa.activations.GroupSort()),
}
for _name, _layer in (("frobenius", gpa.Frobenius), ("spectral", gpa.Spectral), ("aol", gpa.AOL)):
    for _eps, _lipschitz in itertools.product((0.25, 0.5, 1.0), (1.0, 3.0, 10.0, 20.0)):
        VARIANTS[f"spread-{_name}-{_eps:g}-L{_lipschitz:g}"] = Variant(
            _layer, MollifiedReLU(_eps), lipschitz=_lipschitz, spread=True, settings=SLOW
        )
VARIANTS["spread-softplus-L10"] = Variant(
    gpa.Frobenius, Softplus(), lipschitz=10.0, spread=True, settings=SLOW
)


CHOICES = {"data": TASKS, "variants": VARIANTS}


def one_run(variant: Variant, task: Task, seed: int, *, steps: int) -> list[float]:
    """W2 at every one of ``TIMES``."""
    settings = {**task.settings, **variant.settings}
    if variant.spread:
        centre = robust_centre(task.source, task.target)
        settings["scale"] = robust_spread(task.source - centre, task.target - centre)
    network = {"width": variant.width, "layer": variant.layer, "activation": variant.activation}
    dim, slope = task.source.shape[1], variant.lipschitz
    phi: Any = gpa.LipschitzMLP(dim, depth=3, lipschitz=slope, seed=seed, **network)
    if "labels" in settings:
        phi = gpa.ClassConditional(phi, len(np.unique(settings["target_labels"])), seed=seed)
    store = gpa.Store(potentials=False, frames=11)
    flow = gpa.transport(
        task.source, task.target, potential=phi, steps=steps, store=store, seed=seed, **settings
    )
    ends = (flow.trajectory[round(10 * t)] for t in TIMES)
    return [w2(end, task.unseen, max_points=10**6).value for end in ends]


def run(
    *,
    data: str = "swiss",
    variants: tuple[str, ...] = ("aol-1",),
    seeds: tuple[int, ...] = (100, 101, 102, 103, 104),
    steps: int = 1000,
) -> None:
    """Print every variant's row."""
    print(f"W2 at {TIMES} of {steps} steps, mean over seeds {seeds}")
    for name in variants:
        rows = [one_run(VARIANTS[name], TASKS[data](seed), seed, steps=steps) for seed in seeds]
        print(f"{name:24s}", np.round(np.mean(rows, axis=0), 3), "sd", np.round(np.std(rows, 0), 2))
