"""Swiss roll: 2000 particles from 200 targets, W2 to 2000 fresh samples, over several seeds.

Targets and test samples are scikit-learn's Swiss roll in raw units without noise, particles start
from N(0, 9 I); data, particles and network all change with the seed. Fit: seconds of the whole call
once it is compiled. W2 is exact (POT's network simplex). With d(x) the distance of x to the nearest
of the 200 targets,

    copies      share of particles with d below a tenth of the median d of the fresh samples
    nearest     the median d of the particles over the median d of the fresh samples: 1 is fresh

Resampling with Gaussian noise is run at each sd of a grid. The sd of the best mean on the TEST set
is marked: no user could choose it, so it is the floor to beat. Another row takes, per seed, the sd
of the highest likelihood that a Gaussian kernel on 160 of the targets gives the other 40. Nothing
of our own methods is chosen here. The reference itself is run on the first seed alone.
"""

import argparse
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import optax
import ot
from common import RESULTS, last_line_of, machine, mean_and_sd, print_table, seconds_of, write_json
from scipy.spatial import cKDTree
from scipy.special import logsumexp
from sklearn.datasets import make_swiss_roll

import gparticles as gpa

TARGETS, PARTICLES, FRESH = 200, 2000, 2000
NOISES = (0.5, 1.0, 1.5, 2.0)
COPY = 0.1
RIVAL = Path(__file__).parent / "rivals" / "reference_step.py"
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


def with_defaults(sample: Sample, steps: int | None) -> gpa.Flow:
    """What a user gets who chooses nothing."""
    return gpa.transport(sample.source, sample.target, steps=steps, seed=sample.seed)


def with_smooth(sample: Sample, steps: int | None) -> gpa.Flow:
    """The smooth preset with its own layers, all else by default."""
    potential = gpa.smooth_mlp(3, seed=sample.seed)
    return gpa.transport(
        sample.source, sample.target, potential=potential, steps=steps, seed=sample.seed
    )


def with_tight(sample: Sample, steps: int | None) -> gpa.Flow:
    """The tight preset, as wide as the smooth one, all else by default."""
    potential = gpa.tight_mlp(3, width=32, seed=sample.seed)
    return gpa.transport(
        sample.source, sample.target, potential=potential, steps=steps, seed=sample.seed
    )


def as_reference(sample: Sample, steps: int | None) -> gpa.Flow:
    """The reference's settings: its network, its rates, raw units."""
    return gpa.transport(
        sample.source,
        sample.target,
        potential=gpa.smooth_mlp(3, width=32, activation=jax.nn.relu, seed=sample.seed),
        optimizer=REFERENCE_ADAM,
        fit_steps=3,
        step_size=0.5,
        scale=1.0,
        steps=steps,
        seed=sample.seed,
    )


def w2(x: np.ndarray, y: np.ndarray) -> float:
    """The exact 2-Wasserstein distance of two clouds of equal weights."""
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    return float(np.sqrt(ot.emd2([], [], ot.dist(x, y), numItermax=10_000_000)))


def score(points: np.ndarray, sample: Sample) -> dict[str, float]:
    """How far the points are from the fresh samples, and how near to the targets."""
    tree = cKDTree(sample.target)
    near, usual = tree.query(points)[0], np.median(tree.query(sample.fresh)[0])
    return {
        "w2": w2(points, sample.fresh),
        "copies": float(np.mean(near < COPY * usual)),
        "nearest": float(np.median(near) / usual),
    }


def flow_methods(quick: bool) -> dict[str, Callable[[Sample], gpa.Flow]]:
    """The flows to compare; a few steps each where only their running is in question."""
    few = 5 if quick else None
    first, second = (3, 6) if quick else (1000, 2000)
    return {
        "ours, defaults": partial(with_defaults, steps=few),
        "ours, smooth_mlp(3)": partial(with_smooth, steps=few),
        "ours, tight_mlp(3, width=32)": partial(with_tight, steps=few),
        f"ours, reference's settings, {first} steps": partial(as_reference, steps=first),
        f"ours, reference's settings, {second} steps": partial(as_reference, steps=second),
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


def score_reference(sample: Sample, options: argparse.Namespace) -> dict[str, float]:
    """The published implementation, all samples at once, in its own environment."""
    steps = 3 if options.quick else 1000
    with tempfile.TemporaryDirectory() as folder:
        source, target, moved = (Path(folder, f"{n}.npy") for n in ("source", "target", "moved"))
        np.save(source, sample.source)
        np.save(target, sample.target)
        command = [options.reference_python, RIVAL, "--checkout", options.reference]
        command += ["--run-to-end", steps, "--seed", sample.seed]
        command += ["--source", source, "--target", target, "--save", moved]
        record = last_line_of(command)
        return score(np.load(moved), sample) | {"fit": record["seconds"]}


def collect(options: argparse.Namespace) -> dict[str, list[dict[str, float]]]:
    """Every row's scores, one per seed; the reference has one seed only."""
    rows: dict[str, list[dict[str, float]]] = {}
    compiled: set[str] = set()
    for seed in options.seeds:
        sample = draw(seed)
        found = score_resampling(sample) | score_flows(sample, options.quick, compiled)
        if options.reference and seed == options.seeds[0]:
            found[f"the reference itself, seed {seed}"] = score_reference(sample, options)
        for name, scores in found.items():
            rows.setdefault(name, []).append(scores)
    return rows


def best_noise(rows: dict[str, list[dict[str, float]]]) -> str:
    """The row of the sd whose mean W2 on the test set is the lowest."""
    return min(map(noisy, NOISES), key=lambda name: mean_of(rows[name], "w2"))


def mean_of(scores: Sequence[dict[str, float]], key: str) -> float:
    """The mean over seeds."""
    return float(np.mean([score[key] for score in scores]))


def show(rows: dict[str, list[dict[str, float]]], best: str) -> None:
    """The table of means and standard deviations over seeds."""
    lines = []
    for name, scores in rows.items():
        cells = [
            mean_and_sd([score[key] for score in scores]) if key in scores[0] else "-"
            for key in ("w2", "fit", "copies", "nearest")
        ]
        label = f"{name}, best on the TEST set" if name == best else name
        lines.append([label, *cells, str(len(scores))])
    header = ["method", "W2 to fresh", "fit, s", "copies", "nearest", "seeds"]
    print_table(f"Swiss roll, {TARGETS} targets, {PARTICLES} particles", header, lines)


def parse_arguments() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    parser.add_argument("--reference", type=Path, help="a checkout of the published code")
    parser.add_argument("--reference-python", type=Path, help="an interpreter with TensorFlow")
    parser.add_argument("--quick", action="store_true", help="a few steps: does it run")
    parser.add_argument("--out", type=Path, default=RESULTS / "quality.json")
    options = parser.parse_args()
    if bool(options.reference) != bool(options.reference_python):
        parser.error("--reference and --reference-python belong together")
    return options


def main() -> None:
    """Measure, show, keep everything."""
    options = parse_arguments()
    before = machine()
    rows = collect(options)
    best = best_noise(rows)
    show(rows, best)
    record: dict[str, Any] = {"machine": before, "seeds": options.seeds, "rows": rows}
    write_json(options.out, record | {"best_noise_on_test_set": best})


if __name__ == "__main__":
    main()
