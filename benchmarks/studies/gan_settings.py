"""Chooses the settings of the GANs that benchmarks/studies compares with particles.

    python benchmarks/run.py gan-settings swiss-roll kl    # or alpha, clipped, penalised; or mnist

Every setting is trained on data seeds that no study reports, and judged after several numbers of
steps by points that no training saw. The best mean is the last line.
"""

import itertools
import statistics
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from common import print_table

import gparticles as gpa
from gparticles.data import mnist_split, swiss_roll
from gparticles.evaluate.features import kd_lenet
from gparticles.evaluate.wasserstein import w2
from gparticles.gan import AbstractCritic, TrainingProgress

SEEDS = (100, 101)
TARGETS, JUDGED = 200, 1000
MOMENTS = (500, 1000, 2000, 4000, 8000)
# of the critic
RATES = (1e-2, 3e-3)
Judge = Callable[[Any], float]


Critics = Iterator[tuple[str, Callable[[int], Any]]]


def lipschitz_critics(data: str, **given: Any) -> Critics:
    """The f-GAN's: L by the learning rate, on the potential that the recipe has."""

    def make(seed: int, *, slope: float, rate: float) -> AbstractCritic:
        if data == "mnist":
            phi = gpa.tight_mlp(784, width=128, lipschitz=slope, seed=seed)
            return gpa.LipschitzCritic(potential=phi, learning_rate=rate, **given)
        return gpa.LipschitzCritic(lipschitz=slope, learning_rate=rate, **given)

    for slope, rate in itertools.product((0.1, 0.3, 1.0), RATES):
        yield f"L = {slope:g}, rate {rate:g}", partial(make, slope=slope, rate=rate)


def other_critics(data: str, kind: Any, name: str, values: tuple[float, ...]) -> Critics:
    """Clipped or penalised ones: their own parameter by the learning rate."""
    width = 128 if data == "mnist" else 32
    for value, rate in itertools.product(values, RATES):
        critic = kind(width=width, learning_rate=rate, **{name: value})
        yield f"{name} {value:g}, rate {rate:g}", lambda _, critic=critic: critic


CRITICS = {
    "kl": lipschitz_critics,
    "alpha": lambda data: lipschitz_critics(data, f=gpa.Alpha(2.0)),
    "clipped": lambda data: other_critics(data, gpa.ClippedCritic, "limit", (0.01, 0.1)),
    "penalised": lambda data: other_critics(data, gpa.PenalisedCritic, "strength", (1.0, 10.0)),
}


def roll(seed: int) -> tuple[dict[str, Any], Judge]:
    """Targets, and the distance of samples to other points."""
    unseen = swiss_roll(JUDGED, seed=seed + 1000)
    return {"target": swiss_roll(TARGETS, seed=seed)}, lambda x: w2(x, unseen).value


def digits(seed: int) -> tuple[dict[str, Any], Judge]:
    """The recipe's digits; KD-LeNet to others, which are not the held-out ones of the studies."""
    images, labels, _, _ = mnist_split(TARGETS + JUDGED, seed=seed)
    settings = {"target": images[:TARGETS], "labels": labels[:TARGETS], "bounds": (0.0, 1.0)}
    return settings | {"width": 128}, lambda x: kd_lenet(x, images[TARGETS:])


DATA = {"swiss-roll": roll, "mnist": digits}
CHOICES = {"data": DATA, "critic": CRITICS}


def scores(data: str, critic: Callable[[int], Any], rate: float, moments: Any) -> list[list[float]]:
    """By seed and moment."""
    found = []
    for seed in SEEDS:
        settings, judge = DATA[data](seed)
        labels = settings.get("labels")
        if labels is not None:
            labels = np.random.default_rng(seed).choice(labels, JUDGED)
        row: list[float] = []

        def score(
            at: TrainingProgress, row: Any = row, judge: Any = judge, labels: Any = labels
        ) -> None:
            if at.step in moments:
                row.append(judge(at.gan().sample(JUDGED, labels=labels, seed=1)))

        training = {"learning_rate": rate, "steps": max(moments), "seed": seed}
        gpa.train_gan(**settings, **training, critic=critic(seed), callbacks=[score])
        found.append(row + [float("nan")] * (len(moments) - len(row)))
    return found


def run(
    data: str, critic: str, *, rates: tuple[float, ...] = (1e-3,), steps: tuple[int, ...] = MOMENTS
) -> None:
    """Try every setting of one critic, with these rates of the generator, and print the table."""
    lines = []
    for (name, make), rate in itertools.product(CRITICS[critic](data), rates):
        found = scores(data, make, rate, steps)
        means = [statistics.fmean(column) for column in zip(*found, strict=True)]
        lines.append([f"{name}, generator's rate {rate:g}", *means])
        print(lines[-1], flush=True)
    lines.sort(key=lambda line: -np.nanmin(line[1:]))
    print_table(f"{critic} on {data}", ["", *map(str, steps)], lines)
