"""What the benchmarks use of gparticles beside its public names; it follows the package's inside.

`Chunks` is one compiled chunk of a flow's steps, `Ascent` the fit of one potential to two clouds,
`Bounds` what the certified divergence proves with the plan and the potentials of another solver.
"""

import itertools
import statistics
from collections.abc import Sequence
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from common import Clouds, seconds_of

import gparticles as gpa
from gparticles.divergence.bounds import lower_bound, upper_bound
from gparticles.divergence.dual import uniform_weights
from gparticles.divergence.ground import check_clouds
from gparticles.divergence.plans import DensePlan
from gparticles.flow import prepare
from gparticles.flow.scaling import robust_centre
from gparticles.potential import AbstractPotential
from gparticles.potential.fitting import Cloud, Fit, FitRule, fit_step, objective, start_fit

# what one timing should last, so that a clock tick and a wake-up do not matter
WINDOW_SECONDS = 0.25
TINY = 1e-300


class Chunks:
    """A prepared flow whose compiled chunk of steps can be called over and over."""

    def __init__(self, clouds: Clouds, settings: dict[str, Any], capacity: int):
        prepared = prepare(*clouds, **settings | {"steps": capacity})
        self.problem, self.state, self.capacity = prepared.problem, prepared.state, capacity
        self.state = self._run(1)
        # the counter goes back to 1 before every timing: 0 would settle the first fit again
        self.steps = 1
        one = statistics.median(self.seconds_per_step() for _ in range(3))
        self.steps = max(1, min(capacity - 1, int(WINDOW_SECONDS / one)))
        self.seconds_per_step()

    def _run(self, limit: int) -> Any:
        chunk = self.problem.velocity.chunk
        return chunk(self.problem, self.state, limit, capacity=self.capacity)[0]

    def seconds_per_step(self) -> float:
        """One timing of a chunk."""
        self.state = self.state._replace(step=jnp.ones((), jnp.int32))
        seconds, self.state = seconds_of(partial(self._run, 1 + self.steps))
        if bool(self.state.failed):
            raise SystemExit("a value became non-finite")
        return seconds / self.steps


# the rate is an entry of the state, so that one compiled program serves all of them
OPTIMISER = optax.inject_hyperparams(optax.adam)(learning_rate=1e-2)


@partial(jax.jit, static_argnames="rule")
def fit_until(
    rule: FitRule, fit: Fit, clouds: tuple[Cloud, Cloud], rate: jax.Array, limits: jax.Array
) -> tuple[Fit, jax.Array]:
    """Steps from limits[0] to limits[1] at this rate; the state and its objective."""

    def body(_: jax.Array, fit: Fit) -> Fit:
        state = fit.optimiser_state
        state = state._replace(hyperparams=state.hyperparams | {"learning_rate": rate})
        return fit_step(rule, fit._replace(optimiser_state=state), *clouds)[0]

    fit = jax.lax.fori_loop(limits[0], limits[1], body, fit)
    value, _ = objective(rule.f, rule.potential(fit.parameters), *clouds, reverse=False)
    return fit, value


class Ascent:
    """Full-batch ascent of KL's dual objective, by clouds as `transport` has them at scale 1."""

    def __init__(self, clouds: Clouds, potential: AbstractPotential, seed: int):
        centre = robust_centre(*clouds)
        weights = (uniform_weights(len(points)) for points in clouds)
        centred = (jnp.asarray(points - centre, jnp.float32) for points in clouds)
        pairs = [Cloud(points, w) for points, w in zip(centred, weights, strict=True)]
        self.clouds = pairs[0], pairs[1]
        self.rule = FitRule(
            f=gpa.KL(),
            optimiser=OPTIMISER,
            static=eqx.filter(potential, eqx.is_inexact_array, inverse=True),
            fit_steps=1,
            max_settling=0,
            batch_size=None,
            reverse=False,
        )
        self.start = start_fit(self.rule, potential, *self.clouds, jax.random.PRNGKey(seed))

    def climb(self, rate: float, budgets: Sequence[int]) -> tuple[list[float], float, float]:
        """From the start: nats after each budget of steps, the slope's bound over L, seconds."""
        fit, values, seconds = self.start, [], 0.0
        call = partial(fit_until, self.rule, clouds=self.clouds, rate=jnp.float32(rate))
        jax.block_until_ready(call(fit=fit, limits=jnp.array([0, 0])))
        for limits in itertools.pairwise((0, *budgets)):
            steps = partial(call, fit=fit, limits=jnp.array(limits))
            took, (fit, value) = seconds_of(lambda steps=steps: jax.block_until_ready(steps()))
            values.append(float(value))
            seconds += took
        potential = self.rule.potential(fit.parameters)
        return values, potential.lipschitz_bound() / potential.lipschitz, seconds


class Bounds:
    """The bounds of KL with L = 1 between two clouds, by plans and potentials from elsewhere."""

    def __init__(self, clouds: Clouds, cost: np.ndarray):
        self.ground = check_clouds(*clouds, 1.0, (None, None))[0]
        self.cost = cost

    def gap(self, plan: np.ndarray, potentials: Sequence[np.ndarray] = ()) -> float:
        """What they prove with a plan and potentials on the target, as a share of the upper one."""
        plan = np.asarray(plan, np.float64)
        if not (np.isfinite(plan).all() and (plan.sum(axis=1) > 0).all()):
            return float("inf")
        upper = upper_bound(gpa.KL(), self.ground, DensePlan(self.ground, plan))
        candidates = [np.log(np.maximum(upper.ratio, TINY)), *potentials]
        lower = max(self._lower(psi) for psi in candidates if np.isfinite(psi).all())
        return (upper.value - lower) / upper.value

    def _lower(self, psi: np.ndarray) -> float:
        phi = (psi + self.cost).min(axis=1)
        # the lowest psi with the same phi: it cannot but raise the bound
        return lower_bound(gpa.KL(), self.ground, (phi[:, None] - self.cost).max(axis=0)).value
