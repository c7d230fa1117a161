"""The share of the exact divergence that each potential reaches: KL, L = 1, raw units.

The denominator is the upper bound of `gparticles.divergence`, the numerator the dual objective on
the same points after some Adam steps, in float32. Constant rates are run, and the better of their
means is shown beside both; a cosine decay to zero, tried on one Swiss roll, gained nothing. bound/L
is `lipschitz_bound()` over L, the largest of all clouds and rates. docs/measured.md has the clouds.
"""

import statistics
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from clouds import Clouds, gaussians, swiss_roll
from common import RESULTS, machine, print_rows, seconds_of, write_json
from internals import Ascent

import gparticles as gpa
from gparticles.data import gaussian_mixture_grid
from gparticles.potential import AbstractPotential

POINTS = 500
BUDGETS = (50, 500, 2000)
RATES = (1e-2, 3e-3)
TOLERANCE = 1e-4


def mixture(points: int, seed: int) -> Clouds:
    """A Gaussian and nine of them on a square grid around it."""
    source = np.random.default_rng(seed).normal(size=(points, 2))
    return source, gaussian_mixture_grid(points, side=3, spacing=4.0, std=0.5, seed=seed)


DATA: dict[str, Callable[[int, int], Clouds]] = {
    "swiss roll 3-D": swiss_roll,
    "mixture 2-D": mixture,
    "gaussians 50-D": gaussians,
}

mlp = partial(gpa.LipschitzMLP, width=64, depth=3)
smooth = partial(gpa.smooth_mlp, width=64)
sort = gpa.activations.GroupSort()
POTENTIALS: dict[str, Callable[..., AbstractPotential]] = {
    "tight_mlp (orthogonal + GroupSort)": partial(gpa.tight_mlp, width=64),
    "AOL + GroupSort": partial(mlp, layer=gpa.AOL, activation=sort),
    "spectral + GroupSort": partial(mlp, layer=gpa.Spectral, activation=sort),
    "Frobenius + GroupSort": partial(mlp, layer=gpa.Frobenius, activation=sort),
    "orthogonal + MollifiedReLU": partial(smooth, layer=gpa.Orthogonal),
    "AOL + MollifiedReLU (our default's)": partial(smooth, layer=gpa.AOL),
    "spectral + MollifiedReLU": partial(smooth, layer=gpa.Spectral),
    "Frobenius + MollifiedReLU": partial(smooth, layer=gpa.Frobenius),
    "spectral + ReLU": partial(mlp, layer=gpa.Spectral, activation=jax.nn.relu),
    "Frobenius + ReLU (the reference's)": partial(mlp, activation=jax.nn.relu),
}


class Run(NamedTuple):
    """What one fit reached: nats after each budget, the slope's bound over L, ms per step."""

    values: list[float]
    bound: float
    milliseconds: float


def runs_of(name: str, clouds: Clouds, seed: int, budgets: Sequence[int]) -> dict[str, Run]:
    """One potential on one pair of clouds, at every rate."""
    ascent = Ascent(clouds, POTENTIALS[name](clouds[0].shape[1], seed=seed), seed)
    runs = {}
    for rate in RATES:
        values, bound, seconds = ascent.climb(rate, budgets)
        runs[f"{rate:g}"] = Run(values, bound, 1e3 * seconds / budgets[-1])
    return runs


def measure(data: str, clouds: int, names: Sequence[str], budgets: Sequence[int]) -> dict[str, Any]:
    """One data set: the exact values and what every potential made of them."""
    exact, runs = [], []
    for seed in range(clouds):
        pair = DATA[data](POINTS, seed)
        # warns where the tolerance is not reached
        exact.append(gpa.divergence(*pair, f=gpa.KL(), lipschitz=1.0, tolerance=TOLERANCE))
        runs.append({name: runs_of(name, pair, seed, budgets) for name in names})
    rows = {name: summary([run[name] for run in runs], exact) for name in names}
    bounds = [{"lower": e.lower, "upper": e.upper, "gap": e.gap} for e in exact]
    return {"exact": bounds, "rows": rows}


def summary(runs: Sequence[dict[str, Run]], exact: Sequence[Any]) -> dict[str, Any]:
    """Mean shares of one potential, per way to choose rates and for the better of them."""
    shares = {}
    for way in runs[0]:
        each = np.array([run[way].values for run in runs])
        shares[way] = (each / [[value.upper] for value in exact]).mean(axis=0).tolist()
    every = [run for ways in runs for run in ways.values()]
    return {
        "share": np.max(list(shares.values()), axis=0).tolist(),
        "share_by_rate": shares,
        "ms_per_step": statistics.median(run.milliseconds for run in every),
        "largest_bound": max(run.bound for run in every),
    }


def show(name: str, found: dict[str, Any], budgets: Sequence[int]) -> None:
    """One table per data set."""
    values, places = found["exact"], range(len(budgets))
    worst = max(value["gap"] for value in values)
    mean = statistics.fmean(value["upper"] for value in values)
    columns = {
        "potential": "{potential}",
        **{f"after {steps}": f"{{share[{k}]:.3f}}" for k, steps in enumerate(budgets)},
        **{
            f"rate {rate:g}": " ".join(f"{{share_by_rate[{rate:g}][{k}]:.3f}}" for k in places)
            for rate in RATES
        },
        "ms/step": "{ms_per_step:.2f}",
        "bound/L": "{largest_bound:.6f}",
    }
    title = f"{name}: share of the exact {mean:.3f} nats, {len(values)} clouds, gap <= {worst:.0e}"
    print_rows(title, [{"potential": n} | row for n, row in found["rows"].items()], columns)


CHOICES = {"data": DATA, "potentials": POTENTIALS}


def run(
    *,
    clouds: int = 5,
    data: tuple[str, ...] = tuple(DATA),
    potentials: tuple[str, ...] = tuple(POTENTIALS),
    budgets: tuple[int, ...] = BUDGETS,
    quick: bool = False,
    out: Path = RESULTS / "tightness.json",
) -> None:
    """So many pairs of clouds per data set, so many Adam steps; each data set as it is done."""
    if quick:
        clouds, budgets = 1, (5, 10)
    budgets = tuple(sorted(budgets))
    record: dict[str, Any] = {"machine": machine(), "budgets": budgets, "data": {}}
    for name in data:
        seconds, found = seconds_of(partial(measure, name, clouds, potentials, budgets))
        record["data"][name] = found | {"seconds": seconds}
        show(name, found, budgets)
        write_json(out, record)
