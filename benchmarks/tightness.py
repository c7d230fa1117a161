"""The share of the exact divergence that each potential reaches: KL, L = 1, raw units.

Clouds of 500 + 500 points; P is the source and Q the target of D(P|Q):

    swiss roll 3-D   P = N(0, 9 I), Q = the Swiss roll of scikit-learn, no noise
    mixture 2-D      P = N(0, I), Q = nine equal Gaussians, sd 0.5, on a square grid 4 apart
    gaussians 50-D   P = N(0, I), Q = N(m, I), every coordinate of m 0.5

The denominator is the upper bound of `gparticles.divergence` with a tolerance of 1e-4; the gap that
it reached is printed. The numerator is the dual objective on the same points after 50, 500 and 2000
Adam steps, in float32. Constant rates 1e-2 and 3e-3 are both run, and the better of their means is
shown beside both; a cosine decay to zero, tried on one Swiss roll, gained nothing. bound/L is
`lipschitz_bound()` over L, the largest of all clouds and rates.
"""

import argparse
import statistics
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from clouds import Clouds, gaussians, swiss_roll
from common import RESULTS, machine, print_table, seconds_of, write_json

import gparticles as gpa
from gparticles.data import gaussian_mixture_grid
from gparticles.divergence.certified import Certificate
from gparticles.divergence.dual import uniform_weights
from gparticles.flow.scaling import robust_centre
from gparticles.potential import AbstractPotential
from gparticles.potential.fitting import Cloud, Fit, FitRule, fit_step, objective, start_fit

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
# the rate is an entry of the state, so that one compiled program serves all of them
OPTIMISER = optax.inject_hyperparams(optax.adam)(learning_rate=RATES[0])


class Run(NamedTuple):
    """What one fit reached: nats after each budget, the slope's bound over L, ms per step."""

    values: list[float]
    bound: float
    milliseconds: float


@partial(jax.jit, static_argnames="rule")
def fit_until(
    rule: FitRule, fit: Fit, clouds: tuple[Cloud, Cloud], rates: jax.Array, limits: jax.Array
) -> tuple[Fit, jax.Array]:
    """Steps from limits[0] to limits[1] with these rates; the state and its objective."""

    def body(step: jax.Array, fit: Fit) -> Fit:
        state = fit.optimiser_state
        state = state._replace(hyperparams=state.hyperparams | {"learning_rate": rates[step]})
        return fit_step(rule, fit._replace(optimiser_state=state), *clouds)[0]

    fit = jax.lax.fori_loop(limits[0], limits[1], body, fit)
    value, _ = objective(rule.f, rule.potential(fit.parameters), *clouds, reverse=False)
    return fit, value


def rule_of(potential: AbstractPotential) -> FitRule:
    """Full-batch ascent of KL's dual objective."""
    return FitRule(
        f=gpa.KL(),
        optimiser=OPTIMISER,
        static=eqx.filter(potential, eqx.is_inexact_array, inverse=True),
        fit_steps=1,
        max_settling=0,
        batch_size=None,
        reverse=False,
    )


def prepared(clouds: Clouds) -> tuple[Cloud, Cloud]:
    """The clouds as `gparticles.transport` has them at scale 1: centred, in float32."""
    centre = robust_centre(*clouds)
    source, target = (jnp.asarray(points - centre, jnp.float32) for points in clouds)
    return Cloud(source, uniform_weights(POINTS)), Cloud(target, uniform_weights(POINTS))


def start(name: str, clouds: tuple[Cloud, Cloud], seed: int) -> tuple[FitRule, Fit]:
    """A fresh potential and its optimiser."""
    potential = POTENTIALS[name](clouds[0].points.shape[1], seed=seed)
    rule = rule_of(potential)
    return rule, start_fit(rule, potential, *clouds, jax.random.PRNGKey(seed))


def climb(
    begun: tuple[FitRule, Fit],
    clouds: tuple[Cloud, Cloud],
    rates: np.ndarray,
    budgets: Sequence[int],
) -> Run:
    """Fit for the largest budget, reading the objective at each of them."""
    rule, fit = begun
    rates = jnp.asarray(rates, jnp.float32)
    values, seconds = [], 0.0
    jax.block_until_ready(fit_until(rule, fit, clouds, rates, jnp.array([0, 0])))
    for limits in zip((0, *budgets[:-1]), budgets, strict=True):
        call = partial(fit_until, rule, fit, clouds, rates, jnp.array(limits))
        took, (fit, value) = seconds_of(lambda call=call: jax.block_until_ready(call()))
        values.append(float(value))
        seconds += took
    potential = rule.potential(fit.parameters)
    bound = potential.lipschitz_bound() / potential.lipschitz
    return Run(values, bound, 1e3 * seconds / budgets[-1])


def runs_on(clouds: Clouds, seed: int, options: argparse.Namespace) -> dict[str, dict[str, Run]]:
    """Every potential with every way to choose rates, on one pair of clouds."""
    ready, found = prepared(clouds), {}
    for name in options.potentials:
        begun = start(name, ready, seed)
        found[name] = {
            f"{rate:g}": climb(begun, ready, np.full(options.budgets[-1], rate), options.budgets)
            for rate in RATES
        }
    return found


def measure(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """One data set: the exact values and what every potential made of them."""
    exact, runs = [], []
    for seed in range(options.clouds):
        clouds = DATA[name](POINTS, seed)
        # warns where the tolerance is not reached
        exact.append(gpa.divergence(*clouds, f=gpa.KL(), lipschitz=1.0, tolerance=TOLERANCE))
        runs.append(runs_on(clouds, seed, options))
    rows = {label: summary([run[label] for run in runs], exact) for label in runs[0]}
    bounds = [{"lower": e.lower, "upper": e.upper, "gap": e.gap} for e in exact]
    return {"exact": bounds, "rows": rows}


def summary(runs: Sequence[dict[str, Run]], exact: Sequence[Certificate]) -> dict[str, Any]:
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


def show(name: str, found: dict[str, Any], options: argparse.Namespace) -> None:
    """One table per data set."""
    values = found["exact"]
    worst = max(value["gap"] for value in values)
    mean = statistics.fmean(value["upper"] for value in values)
    header = [
        "potential",
        *(f"after {steps}" for steps in options.budgets),
        *(f"rate {rate:g}" for rate in RATES),
        "ms/step",
        "bound/L",
    ]
    rows = []
    for label, row in found["rows"].items():
        each = [row["share_by_rate"].get(f"{rate:g}") for rate in RATES]
        rows.append(
            [
                label,
                *(f"{share:.3f}" for share in row["share"]),
                *("-" if e is None else " ".join(f"{share:.3f}" for share in e) for e in each),
                f"{row['ms_per_step']:.2f}",
                f"{row['largest_bound']:.6f}",
            ]
        )
    title = f"{name}: share of the exact {mean:.3f} nats, {len(values)} clouds, gap <= {worst:.0e}"
    print_table(title, header, rows)


def parse_arguments() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--clouds", type=int, default=5, help="pairs of clouds per data set")
    parser.add_argument("--data", nargs="+", choices=DATA, default=list(DATA))
    parser.add_argument("--potentials", nargs="+", choices=POTENTIALS, default=list(POTENTIALS))
    parser.add_argument("--budgets", nargs="+", type=int, default=BUDGETS, help="Adam steps")
    parser.add_argument("--quick", action="store_true", help="one cloud, few steps: does it run")
    parser.add_argument("--out", type=Path, default=RESULTS / "tightness.json")
    options = parser.parse_args()
    if options.quick:
        options.clouds, options.budgets = 1, [5, 10]
    options.budgets = sorted(options.budgets)
    return options


def main() -> None:
    """Measure; show and keep each data set as it is done."""
    options = parse_arguments()
    record: dict[str, Any] = {"machine": machine(), "budgets": options.budgets, "data": {}}
    for name in options.data:
        seconds, found = seconds_of(lambda name=name: measure(name, options))
        record["data"][name] = found | {"seconds": seconds}
        show(name, found, options)
        write_json(options.out, record)


if __name__ == "__main__":
    main()
