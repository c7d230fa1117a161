"""The flow without a network: the velocity is that of the samples' own smoothed potential.

Deterministic, and for small data: every step solves the dual problem of the particles where they
are. Smoothed: D_e(X) = max over psi of G(psi; X) = min over plans of J(pi; X), where

    J = <C(X), pi> + e KL(pi | p x q) + F(r),    G = sum_i p_i phi(x_i) - F*(psi).

For a fixed plan, J touches D_e from above at the particles it was found for, and every distance
in it lies under a parabola that touches it there. So a step that lowers the parabolas lowers D_e
(majorise-minimise; Weiszfeld's step is their minimum). With classes, C is infinite between them:
one potential for each, on one problem.
"""

import math
from typing import Any, ClassVar, NamedTuple, cast

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, PyTree

from gparticles import compiled
from gparticles.checks import check_number
from gparticles.divergence import AbstractF, dual_objective
from gparticles.divergence.sinkhorn import Columns, centred, column_change, penalty_and_slack
from gparticles.errors import InputError
from gparticles.flow.exact_plan import PlanVelocity
from gparticles.flow.integrators import Euler, stored_slots
from gparticles.flow.settings import AbstractKind, Choice, Settings
from gparticles.flow.stepping import (
    AbstractRide,
    AbstractVelocity,
    Box,
    Chunk,
    Info,
    Problem,
    State,
    confine,
    observe_alone,
    walk,
)
from gparticles.numerics import own_settings
from gparticles.potential.fitting import Cloud
from gparticles.potential.soft_transform import SoftTransform

# float64 numbers in each of the matrices between points and targets, half a GiB
MOST_ENTRIES = 2**26
# iterations between two measurements of the slack, and the most that one step spends
BLOCK, MOST_BLOCKS = 10, 100
# the inner problem is solved to this share of what the last step gained
SLACK_SHARE = 0.05
# the radius within which distances are rounded, as a share of smoothing / L
RADIUS_SHARE = 0.1


class SampleFit(NamedTuple):
    """What the velocity carries: psi, and what the last step left of the objective and gained."""

    psi: Float[Array, " n"]
    left: Float[Array, ""]
    gained: Float[Array, ""]


class SampleVelocity(AbstractVelocity):
    """-grad phi of the smoothed potential of the samples, shortened to what surely lowers D_e.

    What is reported is min(J, what the last step was proven to leave); where J of the plan just
    found is above that by more than the coming step gains, the particles wait for a better plan.
    """

    f: AbstractF
    smoothing: float = eqx.field(static=True)
    lipschitz: float = eqx.field(static=True)
    certified: bool = eqx.field(static=True, default=True)
    x64: ClassVar[bool] = True

    def start(self, potential: Any, source: Cloud, target: Cloud, key: PRNGKeyArray) -> SampleFit:
        m, n = len(source.points), len(target.points)
        if m * n > MOST_ENTRIES:
            raise InputError(
                f"ExactPotential holds matrices of {m} x {n} entries, at most {MOST_ENTRIES}; "
                "use fewer points, or leave potential out: a network takes any number"
            )
        # of NumPy's kind, as after a step: of Python's, the first step would be compiled alone
        infinite = jnp.asarray(np.float64(math.inf))
        return SampleFit(jnp.zeros(target.points.shape[0]), infinite, infinite)

    def chunk(
        self, problem: Problem, state: State, limit: int, *, capacity: int
    ) -> tuple[State, Chunk]:
        with own_settings(x64=True):
            return walk(problem, state, limit)

    def step(self, problem: Problem, state: State) -> tuple[State, Info, Array]:
        size = problem.step_sizes[state.step]
        fit, info = _solved(problem, state, size)
        particles = state.particles
        if bool(info.moved):
            potential = _with_values(_transform(problem), fit.psi)
            particles = advanced(potential, particles, (size, problem.bounds), problem.labels)
        stop, stopped = observe_alone(problem, state, info)
        failed = ~(jnp.all(jnp.isfinite(particles)) & jnp.isfinite(info.divergence))
        following = State(
            state.step + 1, state.time + size, particles, state.history, fit, stop, stopped, failed
        )
        return following, info, fit.psi[None]

    def evaluation(self, problem: Problem, state: State) -> PyTree:
        return jax.ShapeDtypeStruct(state.fit.psi.shape, state.fit.psi.dtype)

    def ride(self, problem: Problem, evaluations: PyTree, moved: np.ndarray) -> "SoftRide":
        potential, steps = _transform(problem), len(moved)
        return SoftRide(
            targets=np.asarray(potential.targets),
            log_weights=np.asarray(potential.log_weights),
            values=np.asarray(evaluations),
            slots=stored_slots(problem.integrator, steps, problem.store_every),
            step_sizes=np.asarray(problem.step_sizes[:steps]),
            moved=moved,
            bounds=jax.tree.map(np.asarray, problem.bounds),
            labels=None if potential.labels is None else np.asarray(potential.labels),
            smoothing=potential.smoothing,
            radius=potential.radius,
            lipschitz=potential.lipschitz,
        )

    def describe(self) -> dict[str, Any]:
        return {"reverse": False}

    def remedy(self) -> str:
        return "use a larger smoothing, or a smaller lipschitz"

    def name_of(self, potential: Any) -> str:
        return f"ExactPotential(smoothing={self.smoothing:g})"

    def notes(self, *, stored: bool) -> tuple[str, ...]:
        holds = "a saved flow contains the target points: its potentials are made of them"
        return (holds,) if stored else ()


def _velocity(problem: Problem) -> SampleVelocity:
    return cast(SampleVelocity, problem.velocity)


def _transform(problem: Problem) -> SoftTransform:
    target = problem.target
    smoothing, lipschitz = _velocity(problem).smoothing, _velocity(problem).lipschitz
    return SoftTransform(
        targets=target.points.reshape(target.points.shape[0], -1),
        log_weights=jnp.log(target.weights),
        values=jnp.zeros_like(target.weights),
        smoothing=smoothing,
        radius=RADIUS_SHARE * smoothing / lipschitz,
        lipschitz=lipschitz,
        labels=target.labels,
    )


def _with_values(potential: SoftTransform, psi: Array) -> SoftTransform:
    return eqx.tree_at(lambda t: t.values, potential, psi)


class _Inner(NamedTuple):
    psi: Array
    objective: Array
    slack: Array
    blocks: Array


@compiled.jit
def _solved(problem: Problem, state: State, size: Array) -> tuple[SampleFit, Info]:
    """psi at the particles, and the report with whether the step may be taken."""
    points, labels, start = state.particles, problem.labels, state.fit
    transform, p = _transform(problem), problem.weights
    costs = transform.costs(points, labels)
    inner = _solve(problem, transform, (costs, start.psi, start.gained))
    potential = _with_values(transform, inner.psi)
    pull = potential.pull(points, labels)
    flat = points.reshape(points.shape[0], -1)
    change = stepped(potential, points, (size, problem.bounds), labels).reshape(flat.shape) - flat
    # what the parabolas under which the distances lie fall by
    fall = -jnp.sum(pull.gradient * change, axis=1) - jnp.sum(change**2, axis=1) / (2 * pull.reach)
    gain = p @ fall
    objective = jnp.minimum(inner.objective, start.left)
    allowed = (inner.objective - gain <= objective) & (gain > 0)
    left = jnp.where(allowed, inner.objective - gain, objective)
    squares = jnp.sum(pull.gradient**2, axis=1)
    speeds = jnp.sqrt(squares)
    energy = (p @ squares / 2, p @ speeds, jnp.max(speeds))
    held_out = _held_out(problem, potential, points)
    info = Info(state.time, objective, *energy, held_out, allowed)
    return SampleFit(inner.psi, left, jnp.where(allowed, gain, 0.0)), info


def _held_out(problem: Problem, potential: SoftTransform, points: Array) -> Array:
    """The dual objective of phi between the particles and the targets that were kept from it."""
    kept = problem.held_out
    if kept is None:
        return jnp.asarray(jnp.nan)
    ours, theirs = potential(points, problem.labels), potential(kept.points, kept.labels)
    weights = {"first_weights": problem.weights, "second_weights": kept.weights}
    return dual_objective(_velocity(problem).f, ours, theirs, **weights)[0]


def _solve(problem: Problem, transform: SoftTransform, begin: tuple[Array, Array, Array]) -> _Inner:
    """Semi-relaxed Sinkhorn until what is left to gain is a small share of the last step's gain."""
    costs, psi, gained = begin
    gained = jnp.where(jnp.isfinite(gained), gained, 0.0)
    farthest = jnp.max(jnp.where(jnp.isfinite(costs), costs, 0.0))
    enough = SLACK_SHARE * gained + 1e-14 * (1 + farthest)

    def unfinished(inner: _Inner) -> Array:
        return (inner.slack > enough) & (inner.blocks < MOST_BLOCKS)

    def body(inner: _Inner) -> _Inner:
        psi = _iterated(problem, transform, costs, inner.psi)
        return _Inner(psi, *_objective(problem, transform, costs, psi), inner.blocks + 1)

    first = _Inner(psi, *_objective(problem, transform, costs, psi), jnp.zeros((), jnp.int32))
    return jax.lax.while_loop(unfinished, body, first)


def _iterated(problem: Problem, transform: SoftTransform, costs: Array, psi: Array) -> Array:
    """A block of iterations with the kernel of its beginning, as in ``divergence.sinkhorn``."""
    f, p, q, e = _velocity(problem).f, problem.weights, problem.target.weights, transform.smoothing
    shares = jax.nn.log_softmax(transform.log_weights - (psi + costs) / e, axis=1)
    kernel = jnp.where(q > 0, jnp.exp(shares - transform.log_weights), 0.0)

    iterated = column_change(f, kernel, (p, q), psi, jnp.asarray(e))
    change = jax.lax.fori_loop(0, BLOCK, lambda _, c: iterated(c), jnp.zeros_like(psi))
    return centred(f, psi - e * change, q)


def _objective(
    problem: Problem, transform: SoftTransform, costs: Array, psi: Array
) -> tuple[Array, Array]:
    """J of the plan that psi makes, and J - G, what more iterations can still win at most."""
    f, p, q, e = _velocity(problem).f, problem.weights, problem.target.weights, transform.smoothing
    exponents = transform.log_weights - (psi + costs) / e
    phi = -e * jax.scipy.special.logsumexp(exponents, axis=1)
    arriving = p @ jax.nn.softmax(exponents, axis=1)
    ratio = jnp.where(q > 0, arriving / jnp.where(q > 0, q, 1.0), 1.0)
    # psi of the optimum varies by no more than L times the diameter
    price = transform.lipschitz * _diameter(transform)
    penalty, slack = penalty_and_slack(f, Columns(q, psi, ratio), price)
    return p @ phi - arriving @ psi + penalty, slack


def _diameter(transform: SoftTransform) -> Array:
    """At least the distance between any two targets that have weight."""
    used = jnp.isfinite(transform.log_weights)
    first = transform.targets[jnp.argmax(used)]
    squares = jnp.sum((transform.targets - first) ** 2, axis=1)
    return 2 * jnp.sqrt(jnp.max(jnp.where(used, squares, 0.0)))


class SoftRide(AbstractRide):
    """What moves new points along a flow without a network, in working units and float64.

    Attributes:
        targets, log_weights: of the flow's target, shapes (n, d) and (n,).
        values: psi of the stored steps, shape (stored, n).
        slots: which of them a step uses, shape (steps,).
        step_sizes: dt of every step, shape (steps,).
        bounds: a box in working units, or None.
        moved: whether a step moved the particles, shape (steps,).
        labels: classes of the targets, shape (n,), or None.
    """

    targets: Float[np.ndarray, "n d"]
    log_weights: Float[np.ndarray, " n"]
    values: Float[np.ndarray, "stored n"]
    slots: Int[np.ndarray, " steps"]
    step_sizes: Float[np.ndarray, " steps"]
    moved: Bool[np.ndarray, " steps"]
    bounds: Box
    labels: Int[np.ndarray, " n"] | None = None
    smoothing: float = eqx.field(static=True, kw_only=True)
    radius: float = eqx.field(static=True, kw_only=True)
    lipschitz: float = eqx.field(static=True, kw_only=True)

    def move(self, points: np.ndarray, labels: np.ndarray | None) -> np.ndarray:
        # the flow's own particles fit into one block
        height = max(1, MOST_ENTRIES // len(self.targets))
        blocks = [slice(at, at + height) for at in range(0, len(points), height)]
        moved = [
            self._moved(points[rows], None if labels is None else labels[rows]) for rows in blocks
        ]
        return np.concatenate(moved)

    def drift(self, slot: int, points: np.ndarray, labels: np.ndarray | None) -> np.ndarray:
        # float32 would not do: a small smoothing magnifies the rounding of distances
        with own_settings(x64=True):
            at = jnp.asarray(points, np.float64)
            gradient = _gradient(self.potential(slot), at, _indices(labels))
            return -np.asarray(gradient).reshape(np.shape(points))

    def potential(self, slot: int) -> SoftTransform:
        return SoftTransform(
            targets=jnp.asarray(self.targets),
            log_weights=jnp.asarray(self.log_weights),
            values=jnp.asarray(self.values[slot]),
            smoothing=self.smoothing,
            radius=self.radius,
            lipschitz=self.lipschitz,
            labels=_indices(self.labels),
        )

    def _moved(self, points: np.ndarray, labels: np.ndarray | None) -> np.ndarray:
        with own_settings(x64=True):
            at = jnp.asarray(points, np.float64)
            box = jax.tree.map(jnp.asarray, self.bounds)
            at = at if box is None else jnp.clip(at, *box)
            for n in np.flatnonzero(self.moved):
                where = (jnp.asarray(self.step_sizes[n]), box)
                at = advanced(self.potential(int(self.slots[n])), at, where, _indices(labels))
            return np.asarray(at)


def _indices(labels: np.ndarray | None) -> Array | None:
    return None if labels is None else jnp.asarray(labels)


def stepped(
    potential: SoftTransform, points: Array, how: tuple[Array, Box], labels: Array | None
) -> Array:
    """A gradient step of size dt, cut to the reach of every point, and into the box."""
    step_size, bounds = how
    pull = potential.pull(points, labels)
    flat = points.reshape(points.shape[0], -1)
    moved = flat - jnp.minimum(step_size, pull.reach)[:, None] * pull.gradient
    return confine(moved.reshape(points.shape), bounds)


@compiled.jit
def _gradient(potential: SoftTransform, points: Array, labels: Array | None) -> Array:
    return potential.pull(points, labels).gradient


# the flow and its replay move points by one and the same compiled program: near a saddle two
# programs that round differently would part ways
advanced = compiled.jit(stepped)


class ExactPotential(AbstractKind):
    """Asks ``transport`` for the flow without a network.

    Targets are points: with a large L, particles that have reached one stay there although others
    are empty, since going on costs L times the way. A smaller L reaches more of them.

    Attributes:
        smoothing: e of the entropic smoothing, nats; the potential then is
            -e log sum_j q_j exp(-(psi_j + L |x - y_j|) / e), and the smoothed divergence never
            increases along the flow. 0 for the exact plan: then the certified upper bound never
            increases, and new points cannot ride.
    """

    smoothing: float = eqx.field(static=True, default=1.0)

    def __post_init__(self) -> None:
        value = self.smoothing
        number = isinstance(value, (int, float, np.integer, np.floating))
        if isinstance(value, bool) or not number or not 0 <= value < math.inf:
            raise InputError(
                f"smoothing is {value!r}: it must be a finite number of nats, 0 or above"
            )
        self.smoothing = float(value)

    def prepare(
        self, settings: Settings, event: tuple[int, ...], num_classes: int | None
    ) -> Choice:
        """The velocity of these settings.

        Raises:
            InputError: one that needs a network.
        """
        for name, reason in _NEEDS_A_NETWORK.items():
            if getattr(settings, name) not in (None, False):
                raise InputError(f"{name}: ExactPotential {reason}; leave {name} out")
        if not isinstance(settings.integrator, Euler):
            raise InputError(
                "integrator: ExactPotential takes Euler steps that are cut where they would "
                "overshoot; leave integrator out"
            )
        if self.smoothing == 0 and num_classes is not None:
            raise InputError(
                "labels: ExactPotential(smoothing=0) knows no classes; give a smoothing above 0"
            )
        lipschitz = check_number(
            1.0 if settings.lipschitz is None else settings.lipschitz, "lipschitz"
        )
        velocity = PlanVelocity(f=settings.f, lipschitz=lipschitz)
        if self.smoothing > 0:
            velocity = SampleVelocity(f=settings.f, smoothing=self.smoothing, lipschitz=lipschitz)
        return Choice(lipschitz, velocity, self)


_NEEDS_A_NETWORK = {
    "reverse": "moves along D(source|target) only",
    "fit_steps": "fits no network",
    "optimizer": "fits no network",
    "batch_size": "needs all points at once",
}
