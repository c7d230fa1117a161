"""The flow without a network and without smoothing: the velocity of an exact plan.

The certified upper bound, carrying the old plan, never increases.
"""

from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PRNGKeyArray, PyTree

from gparticles.divergence import AbstractF, dual_objective
from gparticles.divergence.bounds import Upper, upper_bound
from gparticles.divergence.certified import EXACT_ENTRIES, search
from gparticles.divergence.ground import Ground, check_clouds
from gparticles.divergence.plans import DensePlan, weighted_differences
from gparticles.errors import InputError
from gparticles.flow.stepping import (
    AbstractRide,
    AbstractVelocity,
    Chunk,
    Info,
    Problem,
    State,
    observe_alone,
    walk,
)
from gparticles.numerics import own_settings
from gparticles.potential.fitting import Cloud

PLAN_TOLERANCE = 1e-5


class PlanFit(NamedTuple):
    """What the velocity carries: the plan between points that have weight, and psi there."""

    plan: Float[np.ndarray, "r c"]
    psi: Float[np.ndarray, " c"]
    begun: Bool[np.ndarray, ""]


class PlanVelocity(AbstractVelocity):
    """Minus L times the mean direction to where an exact plan sends the particle."""

    f: AbstractF
    lipschitz: float = eqx.field(static=True)
    certified: bool = eqx.field(static=True, default=True)
    x64: ClassVar[bool] = True

    def start(self, potential: Any, source: Cloud, target: Cloud, key: PRNGKeyArray) -> PlanFit:
        m, n = len(source.points), len(target.points)
        if m * n > EXACT_ENTRIES:
            raise InputError(
                f"smoothing 0 solves {m} x {n} plans to many digits, at most "
                f"{EXACT_ENTRIES} entries; use ExactPotential(smoothing=1.0), or fewer points"
            )
        rows, columns = (int((np.asarray(c.weights) > 0).sum()) for c in (source, target))
        return PlanFit(np.zeros((rows, columns)), np.zeros(columns), np.asarray(False))

    def chunk(
        self, problem: Problem, state: State, limit: int, *, capacity: int
    ) -> tuple[State, Chunk]:
        with own_settings():
            return walk(problem, state, limit)

    def step(self, problem: Problem, state: State) -> tuple[State, Info, None]:
        particles = np.asarray(state.particles)
        points, targets, p, q = (
            np.asarray(a, np.float64)
            for a in (
                _flat(particles),
                _flat(problem.target.points),
                problem.weights,
                problem.target.weights,
            )
        )
        size = float(problem.step_sizes[state.step])
        ground, rows, columns = check_clouds(points, targets, self.lipschitz, (p, q))
        upper, psi = self._best(ground, state.fit)
        fit = PlanFit(upper.plan.matrix(), psi, np.asarray(True))
        shares = _shares(ground, fit, (points, rows, columns), n=len(targets))
        reach, velocity = _weiszfeld(points, targets, (shares, self.lipschitz))
        ahead = points + np.minimum(size, reach)[:, None] * velocity
        if problem.bounds is not None:
            ahead = np.clip(
                ahead, *(np.asarray(side, np.float64).ravel() for side in problem.bounds)
            )
        # to the last bit: a particle moves only where its own cost does not grow
        before, after = (_own_cost(x, targets, shares) for x in (points, ahead))
        moved = np.where((after <= before)[:, None], ahead, points).reshape(particles.shape)
        speeds = np.linalg.norm(velocity, axis=1)
        with own_settings(x64=True):
            info = Info(
                time=state.time,
                divergence=jnp.asarray(upper.value),
                kinetic_energy=jnp.asarray(p @ speeds**2 / 2),
                mean_speed=jnp.asarray(p @ speeds),
                max_speed=jnp.asarray(speeds.max()),
                held_out=self._held_out(problem, ground, psi),
                moved=jnp.asarray(True),
            )
            stop, stopped = observe_alone(problem, state, info)
            ended = stopped, jnp.asarray(not np.isfinite(moved).all())
            counted = state.step + 1, state.time + size, jnp.asarray(moved)
            return State(*counted, state.history, fit, stop, *ended), info, None

    def evaluation(self, problem: Problem, state: State) -> PyTree:
        return ()

    def ride(self, problem: Problem, evaluations: PyTree, moved: np.ndarray) -> AbstractRide:
        raise InputError(NO_RIDE)

    def describe(self) -> dict[str, Any]:
        return {"reverse": False}

    def remedy(self) -> str:
        return "use ExactPotential(smoothing=...) above 0"

    def split(self) -> "PlanVelocity":
        raise InputError(
            "devices: ExactPotential(smoothing=0) solves on one processor; leave devices out, or "
            "give a smoothing above 0"
        )

    def name_of(self, potential: Any) -> str:
        return "ExactPotential(smoothing=0)"

    def notes(self, *, stored: bool) -> tuple[str, ...]:
        return (NO_RIDE,)

    def _held_out(self, problem: Problem, ground: Ground, psi: np.ndarray) -> Array:
        """The dual objective of phi between particles and the targets that were kept from it."""
        kept = problem.held_out
        if kept is None:
            return jnp.asarray(jnp.nan)
        points = ground.to_unit(_flat(kept.points).astype(np.float64))
        ours, theirs = ground.c_transform(psi), ground.at(points).c_transform(psi)
        weights = {"first_weights": jnp.asarray(ground.p), "second_weights": kept.weights}
        return dual_objective(self.f, jnp.asarray(ours), jnp.asarray(theirs), **weights)[0]

    def _best(self, ground: Ground, fit: PlanFit) -> tuple[Upper, np.ndarray]:
        begun = bool(fit.begun)
        lower, upper = search(
            self.f, ground, PLAN_TOLERANCE, psi=np.asarray(fit.psi) if begun else None
        )
        if begun:
            carried = upper_bound(self.f, ground, DensePlan(ground, np.asarray(fit.plan)))
            upper = carried if carried.value <= upper.value else upper
        return upper, lower.psi


NO_RIDE = (
    "smoothing 0: rows of an exact plan split, so new points cannot ride this flow; "
    "use ExactPotential(smoothing=...) above 0"
)


def _flat(points: Any) -> np.ndarray:
    return np.asarray(points).reshape(len(points), -1)


def _shares(
    ground: Ground, fit: PlanFit, where: tuple[np.ndarray, np.ndarray, np.ndarray], *, n: int
) -> np.ndarray:
    """Rows of the plan over p; points of weight 0 follow the potential to one target."""
    points, rows, columns = where
    shares = np.zeros((len(points), n))
    shares[np.ix_(rows, columns)] = fit.plan / ground.p[:, None]
    others = np.setdiff1d(np.arange(len(points)), rows)
    if len(others):
        elsewhere = ground.at(ground.to_unit(points[others]))
        shares[others, columns[np.argmin(elsewhere.costs() + fit.psi, axis=1)]] = 1.0
    return shares


def _own_cost(points: np.ndarray, targets: np.ndarray, shares: np.ndarray) -> np.ndarray:
    from scipy.spatial.distance import cdist

    return (shares * cdist(points, targets)).sum(axis=1)


def _weiszfeld(
    points: np.ndarray, targets: np.ndarray, how: tuple[np.ndarray, float]
) -> tuple[np.ndarray, np.ndarray]:
    """The largest step and the velocity of every particle, shapes (m,) and (m, d).

    A particle on a target is held by the mass it sends there (Vardi and Zhang 2000, PNAS 97(4)).
    """
    from scipy.spatial.distance import cdist

    shares, lipschitz = how
    away = cdist(points, targets)
    apart = away > 0
    weights = lipschitz * np.where(apart, shares / np.where(apart, away, 1.0), 0.0)
    pull = weighted_differences(points, targets, weights)
    held = lipschitz * np.where(apart, 0.0, shares).sum(axis=1)
    size = np.linalg.norm(pull, axis=1)
    factor = np.maximum(0.0, 1 - held / np.where(size > 0, size, 1.0))
    total = weights.sum(axis=1)
    return 1 / np.where(total > 0, total, np.inf), -factor[:, None] * pull
