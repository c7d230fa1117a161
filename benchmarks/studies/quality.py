"""Swiss roll: 2000 particles from 200 targets, W2 to 2000 fresh samples, over several seeds.

docs/measured.md explains the columns. Resampling with Gaussian noise is run at each sd of a grid;
the sd of the best mean on the TEST set is marked: no user could choose it, so it is the floor to
beat. Another row takes, per seed, the sd of the highest likelihood that a Gaussian kernel on 160 of
the targets gives the other 40. Nothing of our own methods is chosen here. The reference itself is
run on the first seed alone.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import optax
from common import RESULTS, elsewhere, machine, print_means, reference, seconds_of, write_json
from scipy.special import logsumexp
from sklearn.datasets import make_swiss_roll
from study import near_copies

import gparticles as gpa
from gparticles.evaluate.memorisation import memorisation
from gparticles.evaluate.wasserstein import w2

TARGETS, PARTICLES, FRESH = 200, 2000, 2000
NOISES = (0.5, 1.0, 1.5, 2.0)
# one object, since another one would have the flow compiled again
REFERENCE_ADAM = optax.adam(1e-3)


class Sample(NamedTuple):
    """The data of one seed; ``others`` are fresh samples for the row that no method can beat."""

    source: np.ndarray
    target: np.ndarray
    fresh: np.ndarray
    others: np.ndarray
    seed: int


def draw(seed: int) -> Sample:
    """All that one seed decides but the networks."""
    rolls = [
        make_swiss_roll(count, random_state=1000 * k + seed)[0]
        for k, count in enumerate((TARGETS, FRESH, PARTICLES))
    ]
    source = np.random.default_rng(seed).normal(0.0, 3.0, (PARTICLES, 3))
    return Sample(source, *rolls, seed)


def resample(sample: Sample, noise: float = 0.0) -> np.ndarray:
    """Targets drawn with repetition, plus Gaussian noise."""
    rng = np.random.default_rng([sample.seed, 7])
    chosen = sample.target[rng.integers(TARGETS, size=PARTICLES)]
    return chosen + noise * rng.normal(size=chosen.shape)


def likeliest_noise(sample: Sample) -> float:
    """The sd under which the kernel estimate of most targets explains the others best."""
    order = np.random.default_rng([sample.seed, 8]).permutation(TARGETS)
    held_out, kept = np.split(sample.target[order], [TARGETS // 5])
    squares = np.sum((held_out[:, None] - kept) ** 2, axis=-1)

    def likelihood(sd: float) -> float:
        log_kernel = -squares / (2 * sd**2) - 3 * np.log(sd)
        return float(logsumexp(log_kernel, axis=1).mean())

    return max(NOISES, key=likelihood)


def flow_of(sample: Sample, potential: Callable[..., Any] | None, **settings: Any) -> gpa.Flow:
    """A flow with that potential, all else by default but the settings."""
    phi = None if potential is None else potential(3, seed=sample.seed)
    return gpa.transport(sample.source, sample.target, potential=phi, seed=sample.seed, **settings)


def score(points: np.ndarray, sample: Sample) -> dict[str, float]:
    """How far the points are from the fresh samples, and how near to the targets."""
    return {
        "w2": w2(points, sample.fresh, max_points=len(points) + FRESH).value,
        "copies": near_copies(points, sample.target, sample.fresh),
        "nearest": memorisation(points, sample.target, sample.fresh).nearest_ratio,
    }


def flow_methods(quick: bool) -> dict[str, Callable[[Sample], gpa.Flow]]:
    """The flows to compare; a few steps each where only their running is in question."""
    few = 5 if quick else None
    # the reference's network, its rates, raw units
    relu = partial(gpa.smooth_mlp, width=32, activation=jax.nn.relu)
    theirs = {"optimizer": REFERENCE_ADAM, "fit_steps": 3, "step_size": 0.5, "scale": 1.0}
    return {
        "ours, defaults": partial(flow_of, potential=None, steps=few),
        "ours, smooth_mlp(3)": partial(flow_of, potential=gpa.smooth_mlp, steps=few),
        "ours, tight_mlp(3, width=32)": partial(
            flow_of, potential=partial(gpa.tight_mlp, width=32), steps=few
        ),
    } | {
        f"ours, reference's settings, {steps} steps": partial(
            flow_of, potential=relu, steps=steps, **theirs
        )
        for steps in ((3, 6) if quick else (1000, 2000))
    }


def score_resampling(sample: Sample) -> dict[str, dict[str, float]]:
    """The rows that fit nothing."""
    rows = {
        "fresh against fresh": score(sample.others, sample),
        "resampled targets": score(resample(sample), sample),
    }
    for noise in NOISES:
        rows[noisy(noise)] = score(resample(sample, noise), sample)
    chosen = likeliest_noise(sample)
    rows["resampled + noise, sd by validation"] = rows[noisy(chosen)] | {"sd": chosen}
    return rows


def noisy(sd: float) -> str:
    """The name of a row."""
    return f"resampled + noise, sd {sd:g}"


def score_flows(sample: Sample, quick: bool, compiled: set[str]) -> dict[str, dict[str, float]]:
    """The flows' rows; a flow that is not compiled yet runs twice, and the second is timed."""
    rows = {}
    for name, move in flow_methods(quick).items():
        if name not in compiled:
            move(sample)
            compiled.add(name)
        seconds, flow = seconds_of(partial(move, sample))
        rows[name] = score(flow.particles, sample) | {"fit": seconds}
    return rows


def collect(
    seeds: Sequence[int], place: tuple[Path, Path] | None, quick: bool
) -> dict[str, list[dict[str, float]]]:
    """Every row's scores, one per seed; the published implementation has one seed only."""
    rows: dict[str, list[dict[str, float]]] = {}
    compiled: set[str] = set()
    for seed in seeds:
        sample = draw(seed)
        found = score_resampling(sample) | score_flows(sample, quick, compiled)
        if place and seed == seeds[0]:
            job = {"checkpoints": [3 if quick else 1000], "seed": seed, "warm": False}
            (moved,) = elsewhere(reference(*place), (sample.source, sample.target), [job])
            scores = score(moved.final, sample) | {"fit": moved.seconds[-1]}
            found[f"the reference itself, seed {seed}"] = scores
        for name, scores in found.items():
            rows.setdefault(name, []).append(scores)
    return rows


def best_noise(rows: dict[str, list[dict[str, float]]]) -> str:
    """The row of the sd whose mean W2 on the test set is the lowest."""
    return min(map(noisy, NOISES), key=lambda name: np.mean([one["w2"] for one in rows[name]]))


def run(
    *,
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4),
    checkout: Path | None = None,
    reference_python: Path | None = None,
    quick: bool = False,
    out: Path = RESULTS / "quality.json",
) -> None:
    """Measure, print, keep everything."""
    before = machine()
    place = (reference_python, checkout) if reference_python and checkout else None
    rows = collect(seeds, place, quick)
    best = best_noise(rows)
    columns = {"w2": "W2 to fresh", "fit": "fit, s", "copies": "copies", "nearest": "nearest"}
    named = {
        f"{name}, best on the TEST set" * (name == best) or name: scores
        for name, scores in rows.items()
    }
    print_means(f"Swiss roll, {TARGETS} targets, {PARTICLES} particles", named, columns)
    record: dict[str, Any] = {"machine": before, "seeds": seeds, "rows": rows}
    write_json(out, record | {"best_noise_on_test_set": best})
