"""The steps of the flow without a network, each with the proof that the objective fell.

Smoothed: D_e(X) = max over psi of G(psi; X) = min over plans of J(pi; X), where

    J = <C(X), pi> + e KL(pi | p x q) + F(r),    G = sum_i p_i phi(x_i) - F*(psi).

For a fixed plan, J touches D_e from above at the particles it was found for, and every distance
in it lies under a parabola that touches it there. So a step that lowers the parabolas lowers D_e
(majorise-minimise; Weiszfeld's step is their minimum).
"""

import math
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from gparticles.divergence import AbstractF
from gparticles.divergence.bounds import Upper, upper_bound
from gparticles.divergence.certified import EXACT_ENTRIES, search
from gparticles.divergence.ground import Ground, check_clouds
from gparticles.divergence.plans import DensePlan, weighted_differences
from gparticles.divergence.sinkhorn import Columns, centred, column_change, penalty_and_slack
from gparticles.errors import InputError
from gparticles.flow.exact import Cloud, Report, Wishes
from gparticles.flow.exact_ride import MOST_ENTRIES, SoftRide, advanced, stepped
from gparticles.flow.recording import thinning
from gparticles.potential.soft_transform import SoftTransform

# iterations between two looks at the slack, and the most that one step spends
BLOCK, MOST_BLOCKS = 10, 100
# the inner problem is solved to this share of what the last step gained
SLACK_SHARE = 0.05
PLAN_TOLERANCE = 1e-5
# the radius within which distances are rounded, as a share of smoothing / L
RADIUS_SHARE = 0.1
Box = tuple[np.ndarray, np.ndarray] | None


class _Inner(NamedTuple):
    psi: Array
    objective: Array
    slack: Array
    blocks: Array


class _Problem(eqx.Module):
    f: AbstractF
    potential: SoftTransform
    p: Array
    q: Array
    bounds: tuple[Array, Array] | None
    diameter: Array


class SoftSteps:
    """Steps with smoothing above 0: the smoothed objective never increases.

    What is reported is min(J, what the last step was proven to leave); where J of the plan just
    found is above that by more than the coming step gains, the particles wait for a better plan.
    """

    def __init__(self, wishes: Wishes, cloud: Cloud, box: Box, *, steps: int):
        m, self.n = len(cloud.source_weights), len(cloud.targets)
        if m * self.n > MOST_ENTRIES:
            raise InputError(
                f"ExactPotential holds matrices of {m} x {self.n} entries, at most {MOST_ENTRIES}; "
                "use fewer points, or leave potential out: a network takes any number"
            )
        self.wishes = wishes
        self.every = thinning(wishes.store, 8 * self.n, steps)
        self.thinned = _thinned(wishes, self.every) if self.every > 1 else ""
        used = cloud.target_weights > 0
        with np.errstate(divide="ignore"):
            log_weights = np.log(cloud.target_weights)
        smoothing, lipschitz = float(wishes.smoothing), float(wishes.lipschitz)
        with jax.enable_x64(True):
            potential = SoftTransform(
                targets=jnp.asarray(cloud.targets),
                log_weights=jnp.asarray(log_weights),
                values=jnp.zeros(self.n),
                smoothing=smoothing,
                radius=RADIUS_SHARE * smoothing / lipschitz,
                lipschitz=lipschitz,
            )
            near = cloud.targets[used] - cloud.targets[used][0]
            self.problem = _Problem(
                wishes.f,
                potential,
                jnp.asarray(cloud.source_weights),
                jnp.asarray(cloud.target_weights),
                None if box is None else (jnp.asarray(box[0]), jnp.asarray(box[1])),
                jnp.asarray(2 * np.linalg.norm(near, axis=1).max()),
            )
            self.psi = jnp.zeros(self.n)
        self.left, self.gained = math.inf, math.inf
        self.values: list[np.ndarray] = []
        self.moved: list[bool] = []

    def step(self, points: np.ndarray, size: float) -> tuple[np.ndarray, Report]:
        with jax.enable_x64(True):
            at, dt = jnp.asarray(points), jnp.asarray(size)
            carried = jnp.asarray([self.left, self.gained])
            self.psi, carried, numbers = _soft_step(self.problem, self.psi, (at, dt), carried)
            self.left, self.gained = (float(v) for v in carried)
            if self.gained > 0:
                at = advanced(self._potential(), at, (dt, self.problem.bounds))
        if self.every and len(self.moved) % self.every == 0:
            self.values.append(np.asarray(self.psi))
        self.moved.append(self.gained > 0)
        return np.asarray(at), Report(*(float(v) for v in numbers))

    def _potential(self) -> SoftTransform:
        return eqx.tree_at(lambda t: t.values, self.problem.potential, self.psi)

    def ride(self, sizes: np.ndarray) -> tuple[Any, tuple[str, ...]]:
        """What carries new points, and what the user should know of it."""
        steps, every = len(self.moved), self.every
        if every == 0:
            return None, ()
        potential = self.problem.potential
        ride = SoftRide(
            targets=np.asarray(potential.targets),
            log_weights=np.asarray(potential.log_weights),
            values=np.stack(self.values),
            slots=np.arange(steps) // every,
            step_sizes=np.asarray(sizes[:steps], np.float64),
            moved=np.array(self.moved),
            bounds=jax.tree.map(np.asarray, self.problem.bounds),
            smoothing=potential.smoothing,
            radius=potential.radius,
            lipschitz=potential.lipschitz,
        )
        notes = ("a saved flow contains the target points: its potentials are made of them",)
        return ride, (*notes, self.thinned) if self.thinned else notes


def _thinned(wishes: Wishes, every: int) -> str:
    return (
        f"potentials exceed the budget of {wishes.store.budget:g} MiB: those of every {every}th "
        "step are kept, and replay on new points is approximate (gpa.Store(budget=...) keeps more)"
    )


@eqx.filter_jit
def _soft_step(
    problem: _Problem, psi: Array, where: tuple[Array, Array], carried: Array
) -> tuple[Array, Array, Array]:
    """psi at the particles; what is left and gained after the step they may take; the report."""
    (points, size), (left, gained) = where, carried
    costs = problem.potential.costs(points)
    inner = _solve(problem, (costs, psi), jnp.where(jnp.isfinite(gained), gained, 0.0))
    potential = eqx.tree_at(lambda t: t.values, problem.potential, inner.psi)
    pull = potential.pull(points)
    change = stepped(potential, points, (size, problem.bounds)) - points
    # what the parabolas under which the distances lie fall by
    fall = -jnp.sum(pull.gradient * change, axis=1) - jnp.sum(change**2, axis=1) / (2 * pull.reach)
    gain = problem.p @ fall
    objective = jnp.minimum(inner.objective, left)
    allowed = (inner.objective - gain <= objective) & (gain > 0)
    following = jnp.where(allowed, inner.objective - gain, objective)
    squares = jnp.sum(pull.gradient**2, axis=1)
    speeds = jnp.sqrt(squares)
    report = [objective, problem.p @ squares / 2, problem.p @ speeds, jnp.max(speeds)]
    return inner.psi, jnp.stack([following, jnp.where(allowed, gain, 0.0)]), jnp.stack(report)


def _solve(problem: _Problem, start: tuple[Array, Array], gained: Array) -> _Inner:
    """Semi-relaxed Sinkhorn until what is left to gain is a small share of the last step's gain."""
    costs, psi = start
    enough = SLACK_SHARE * gained + 1e-14 * (1 + jnp.max(costs))

    def unfinished(inner: _Inner) -> Array:
        return (inner.slack > enough) & (inner.blocks < MOST_BLOCKS)

    def body(inner: _Inner) -> _Inner:
        psi = _iterated(problem, costs, inner.psi)
        return _Inner(psi, *_objective(problem, costs, psi), inner.blocks + 1)

    first = _Inner(psi, *_objective(problem, costs, psi), jnp.zeros((), jnp.int32))
    return jax.lax.while_loop(unfinished, body, first)


def _iterated(problem: _Problem, costs: Array, psi: Array) -> Array:
    """A block of iterations with the kernel of its beginning, as in ``divergence.sinkhorn``."""
    f, p, q, e = problem.f, problem.p, problem.q, problem.potential.smoothing
    kernel = jnp.exp(_log_shares(problem, costs, psi) - problem.potential.log_weights)
    kernel = jnp.where(q > 0, kernel, 0.0)

    iterated = column_change(f, kernel, (p, q), psi, jnp.asarray(e))
    change = jax.lax.fori_loop(0, BLOCK, lambda _, c: iterated(c), jnp.zeros_like(psi))
    return centred(f, psi - e * change, q)


def _log_shares(problem: _Problem, costs: Array, psi: Array) -> Array:
    t = problem.potential
    return jax.nn.log_softmax(t.log_weights - (psi + costs) / t.smoothing, axis=1)


def _objective(problem: _Problem, costs: Array, psi: Array) -> tuple[Array, Array]:
    """J of the plan that psi makes, and J - G, what more iterations can still win at most."""
    f, p, q, t = problem.f, problem.p, problem.q, problem.potential
    exponents = t.log_weights - (psi + costs) / t.smoothing
    phi = -t.smoothing * jax.scipy.special.logsumexp(exponents, axis=1)
    arriving = p @ jax.nn.softmax(exponents, axis=1)
    ratio = jnp.where(q > 0, arriving / jnp.where(q > 0, q, 1.0), 1.0)
    # psi of the optimum varies by no more than L times the diameter
    price = t.lipschitz * problem.diameter
    penalty, slack = penalty_and_slack(f, Columns(q, psi, ratio), price)
    return p @ phi - arriving @ psi + penalty, slack


class PlanSteps:
    """Steps with smoothing 0: the certified upper bound, carrying the old plan, never increases."""

    def __init__(self, wishes: Wishes, cloud: Cloud, box: Box, *, steps: int):
        self.wishes, self.cloud, self.box = wishes, cloud, box
        m, n = len(cloud.source_weights), len(cloud.target_weights)
        if m * n > EXACT_ENTRIES:
            raise InputError(
                f"smoothing 0 solves {m} x {n} plans to many digits, at most "
                f"{EXACT_ENTRIES} entries; use ExactPotential(smoothing=1.0), or fewer points"
            )
        self.thinned = ""
        self.plan: np.ndarray | None = None
        self.psi: np.ndarray | None = None

    def step(self, points: np.ndarray, size: float) -> tuple[np.ndarray, Report]:
        ground, rows, columns = check_clouds(
            points,
            self.cloud.targets,
            self.wishes.lipschitz,
            (self.cloud.source_weights, self.cloud.target_weights),
        )
        upper, psi = self._best(ground)
        self.plan = upper.plan.matrix()
        shares = self._shares(ground, (points, rows, columns), psi)
        moved, velocity = _weiszfeld(points, self.cloud.targets, (shares, self.wishes.lipschitz))
        reach = np.minimum(size, moved)
        ahead = points + reach[:, None] * velocity
        if self.box is not None:
            ahead = np.clip(ahead, *self.box)
        # to the last bit: a particle moves only where its own cost does not grow
        before, after = (_own_cost(x, self.cloud.targets, shares) for x in (points, ahead))
        speeds = np.linalg.norm(velocity, axis=1)
        p = self.cloud.source_weights
        report = Report(
            upper.value, float(p @ speeds**2 / 2), float(p @ speeds), float(speeds.max())
        )
        return np.where((after <= before)[:, None], ahead, points), report

    def _best(self, ground: Ground) -> tuple[Upper, np.ndarray]:
        lower, upper = search(self.wishes.f, ground, PLAN_TOLERANCE, psi=self.psi)
        self.psi = lower.psi
        if self.plan is not None:
            carried = upper_bound(self.wishes.f, ground, DensePlan(ground, self.plan))
            upper = carried if carried.value <= upper.value else upper
        return upper, lower.psi

    def _shares(
        self, ground: Ground, where: tuple[np.ndarray, np.ndarray, np.ndarray], psi: np.ndarray
    ) -> np.ndarray:
        """Rows of the plan over p; points of weight 0 follow the potential to one target."""
        points, rows, columns = where
        shares = np.zeros((len(points), len(self.cloud.targets)))
        plan = self.plan if self.plan is not None else np.zeros((0, 0))
        shares[np.ix_(rows, columns)] = plan / ground.p[:, None]
        others = np.setdiff1d(np.arange(len(points)), rows)
        if len(others):
            seen = ground.at(ground.to_unit(points[others]))
            shares[others, columns[np.argmin(seen.costs() + psi, axis=1)]] = 1.0
        return shares

    def ride(self, sizes: np.ndarray) -> tuple[None, tuple[str, ...]]:
        """New points cannot follow: rows of an exact plan split."""
        return None, (
            "smoothing 0: rows of an exact plan split, so new points cannot ride this flow; "
            "use ExactPotential(smoothing=...) above 0",
        )


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
