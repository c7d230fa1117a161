"""The velocity of a network that is refitted at every step, its compiled chunk, and its replay."""

import math
import warnings
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple, cast

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, PyTree

from gparticles import compiled
from gparticles.checks import check_count, check_number
from gparticles.divergence import AbstractF, dual_objective, velocity_factor
from gparticles.errors import InputError
from gparticles.flow.integrators import (
    AbstractIntegrator,
    Rows,
    advance,
    empty_history,
    stored_slots,
)
from gparticles.flow.settings import (
    FIT_STEPS,
    MAX_SETTLING,
    AbstractKind,
    Choice,
    Settings,
    default_optimiser,
    default_potential,
)
from gparticles.flow.stepping import (
    AbstractRide,
    AbstractVelocity,
    Box,
    Chunk,
    Info,
    Problem,
    State,
    confine,
    observe,
    speeds_of,
)
from gparticles.flow.velocity import slopes_at, velocity_of
from gparticles.numerics import own_settings
from gparticles.potential import AbstractPotential, is_certified, resolve
from gparticles.potential.fitting import (
    Cloud,
    Fit,
    FitRule,
    check_takes,
    refit,
    single_precision,
    start_fit,
)


class Evaluation(NamedTuple):
    """What replays one velocity: phi with its weights resolved, the shift nu, and ``most``.

    f*'(phi - nu) of D(Q|P) has no bound away from the samples; ``most`` is the largest that a
    moving particle had, and new points get no more.
    """

    potential: AbstractPotential
    shift: Float[Array, ""]
    most: Float[Array, ""]


class NetworkVelocity(AbstractVelocity):
    """-grad phi with phi refitted at every evaluation; f*'(phi - nu) grad phi for D(Q|P).

    Attributes:
        rule: how phi is refitted.
        lipschitz: L in nats per working unit, or inf.
        default_optimiser: whether the user left the optimiser out.
    """

    rule: FitRule
    certified: bool = eqx.field(static=True)
    lipschitz: float = eqx.field(static=True)
    default_optimiser: bool = eqx.field(static=True)

    def start(
        self, potential: AbstractPotential, source: Cloud, target: Cloud, key: PRNGKeyArray
    ) -> Fit:
        return _started(self.rule, potential, source, target, key)

    def step(self, problem: Problem, state: State) -> tuple[State, Info, Evaluation]:
        """Refits phi and moves every particle once."""
        rows = problem.integrator.rows()
        shapes = jax.eval_shape(
            lambda: _evaluate(problem, state.fit, state.particles, state.time)[1:]
        )
        empty = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)

        def velocity(stage: Array, points: Array, carry: PyTree) -> tuple[Array, PyTree]:
            fit, kept, info = carry
            source = Cloud(points, problem.weights, problem.labels)
            first = (state.step == 0) & (stage == 0)
            fit = refit(self.rule, fit, source, problem.target, first=first)
            v, evaluation, new_info = _evaluate(problem, fit, points, state.time)
            kept = jax.tree.map(lambda all_, new: all_.at[stage].set(new), kept, evaluation)
            info = jax.tree.map(lambda old, new: jnp.where(stage == 0, new, old), info, new_info)
            return v, (fit, kept, info)

        step_size = problem.step_sizes[state.step]
        carry = (state.fit, _stack(empty[0], rows.weight_k.shape[1]), empty[1])
        particles, history, carry = advance(
            rows, state.particles, state.history, state.step, step_size, velocity, carry
        )
        fit, evaluations, info = cast(tuple[Fit, Evaluation, Info], carry)
        moved = confine(particles, problem.bounds)
        stop, stopped = observe(problem, state, info)
        failed = ~(jnp.all(jnp.isfinite(moved)) & jnp.isfinite(info.divergence))
        following = State(
            state.step + 1, state.time + step_size, moved, history, fit, stop, stopped, failed
        )
        return following, info, evaluations

    def chunk(
        self, problem: Problem, state: State, limit: int, *, capacity: int
    ) -> tuple[State, Chunk]:
        with own_settings():
            return jax.block_until_ready(
                run_chunk(problem, state, jnp.asarray(limit, jnp.int32), capacity)
            )

    def evaluation(self, problem: Problem, state: State) -> PyTree:
        def shape() -> Evaluation:
            potential = resolve(self.rule.potential(state.fit.parameters))
            return Evaluation(potential, jnp.zeros(()), jnp.zeros(()))

        return eqx.filter_eval_shape(shape)

    def ride(self, problem: Problem, evaluations: PyTree, moved: np.ndarray) -> "Ride":
        steps, every = len(moved), problem.store_every
        return Ride(
            f=self.rule.f,
            integrator=problem.integrator,
            bounds=jax.tree.map(np.asarray, problem.bounds),
            step_sizes=np.asarray(problem.step_sizes)[:steps],
            slots=stored_slots(problem.integrator, steps, every),
            evaluations=evaluations,
            stride=1 if every == 1 else 0,
            reverse=self.rule.reverse,
        )

    def describe(self) -> dict[str, Any]:
        rule = self.rule
        return {
            "reverse": rule.reverse,
            "fit_steps": rule.fit_steps,
            "batch_size": rule.batch_size,
        }

    def split(self) -> "NetworkVelocity":
        return replace(self, rule=replace(self.rule, apart=True))

    def of_parts(self) -> None:
        return

    def remedy(self) -> str:
        rule = self.rule
        if math.isinf(self.lipschitz):
            return "without a Lipschitz bound velocities are unbounded: give a finite lipschitz"
        if rule.reverse and math.isfinite(rule.f.domain):
            return "particles may have left the domain of f*: use KL or a smaller step_size"
        if not self.default_optimiser:
            return "the fit may have diverged: lower the optimizer's learning rate"
        return rule.f.remedy


@compiled.jit
def _started(
    rule: FitRule, potential: AbstractPotential, source: Cloud, target: Cloud, key: PRNGKeyArray
) -> Fit:
    # one program: each operation alone would be another
    return start_fit(rule, potential, source, target, key)


def _divergence(
    problem: Problem, values: Array, potential: AbstractPotential, to: Cloud
) -> tuple[Array, Array]:
    rule, others = _rule(problem), potential(to.points, to.labels)
    ours, theirs = problem.weights, to.weights
    if rule.reverse:
        return dual_objective(rule.f, others, values, first_weights=theirs, second_weights=ours)
    return dual_objective(rule.f, values, others, first_weights=ours, second_weights=theirs)


def _rule(problem: Problem) -> FitRule:
    return cast(NetworkVelocity, problem.velocity).rule


def _evaluate(
    problem: Problem, fit: Fit, points: Array, time: Array
) -> tuple[Array, Evaluation, Info]:
    rule = _rule(problem)
    potential = resolve(rule.potential(fit.parameters))
    values, gradient = slopes_at(potential, points, problem.labels, whole=rule.apart)
    # D(Q|P) needs nu before the velocity, D(P|Q) only reports it
    divergence, shift = _divergence(problem, values, potential, problem.target)
    velocity, factor = velocity_of(rule, values, gradient, (shift, None))
    held_out = jnp.asarray(jnp.nan)
    if problem.held_out is not None:
        held_out, _ = _divergence(problem, values, potential, problem.held_out)
    speeds = speeds_of(velocity, problem.weights)
    info = Info(time, divergence, *speeds, held_out, jnp.asarray(True))
    return velocity, Evaluation(potential, shift, jnp.max(factor)), info


def _stack(tree: PyTree, n: int) -> PyTree:
    return jax.tree.map(lambda leaf: jnp.zeros((n, *leaf.shape), leaf.dtype), tree)


def slots_per_chunk(rows: Rows, capacity: int, store_every: int) -> int:
    """How many evaluations a chunk of at most ``capacity`` steps may store."""
    if store_every == 0:
        return 0
    if store_every > 1:
        return capacity // store_every + 1
    startup = sum(max(int(s) - int(rows.stages[-1]), 0) for s in rows.stages)
    return capacity * int(rows.stages[-1]) + startup


def _slot(problem: Problem, rows: Rows, state: State, first: Array) -> Array:
    """Where in the buffer a step's evaluations begin."""
    if problem.store_every > 1:
        kept = state.step % problem.store_every == 0
        begin = -(-first // problem.store_every)
        # steps that are not kept write to the last, spare row
        return jnp.where(kept, state.step // problem.store_every - begin, -1)
    cumulative = jnp.asarray([0, *[int(s) for s in rows.stages[:-1]]]).cumsum()

    def before(n: Array) -> Array:
        starts = len(rows.stages) - 1
        row = jnp.minimum(n, starts)
        return cumulative[row] + (n - row) * int(rows.stages[-1])

    return before(state.step) - before(first)


@partial(compiled.jit, static_argnames="capacity")
def run_chunk(
    problem: Problem, state: State, limit: Int[Array, ""], capacity: int
) -> tuple[State, Chunk]:
    """Steps until ``limit``, a stop or a failure; one compiled program for all chunk lengths.

    Args:
        problem, state: see their classes.
        limit: the step to stop at; at most ``capacity`` beyond ``state.step``.
        capacity: rows of the buffers, static.
    """
    rows = problem.integrator.rows()
    first = state.step
    slots = slots_per_chunk(rows, capacity, problem.store_every)
    step = problem.velocity.step
    _, info, evaluations = jax.eval_shape(lambda: step(problem, state))
    stages = rows.weight_k.shape[1]
    kept_rows = stages if problem.store_every == 1 else 1
    one = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype), evaluations)
    buffers = Chunk(
        _stack(info, capacity), _stack(one, slots + kept_rows) if problem.store_every else None
    )

    def unfinished(carry: tuple[State, Chunk]) -> Array:
        state, _ = carry
        return (state.step < limit) & ~state.stopped & ~state.failed

    def body(carry: tuple[State, Chunk]) -> tuple[State, Chunk]:
        state, chunk = carry
        following, info, evaluations = step(problem, state)
        row = state.step - first
        infos = jax.tree.map(lambda b, v: b.at[row].set(v), chunk.infos, info)
        stored = chunk.evaluations
        if problem.store_every:
            slot = _slot(problem, rows, state, first)
            slot = jnp.where(slot < 0, slots, slot)
            stored = jax.tree.map(
                lambda b, v: jax.lax.dynamic_update_slice_in_dim(b, v[:kept_rows], slot, 0),
                stored,
                evaluations,
            )
        return following, Chunk(infos, stored)

    return jax.lax.while_loop(unfinished, body, (state, buffers))


class Ride(AbstractRide):
    """What moves new points along a flow of networks, in working units.

    Attributes:
        f, integrator, reverse: as in ``gparticles.transport``.
        bounds: a box in working units, or None.
        step_sizes: dt of every step, shape (steps,).
        slots: where a step's evaluations begin among the stored ones, shape (steps,).
        stride: 1 where every evaluation is stored, 0 where a step has one potential only.
        evaluations: potentials and shifts, stacked.
    """

    f: AbstractF
    integrator: AbstractIntegrator
    bounds: Box
    step_sizes: Float[np.ndarray, " steps"]
    slots: Int[np.ndarray, " steps"]
    evaluations: PyTree
    stride: int = eqx.field(static=True)
    reverse: bool = eqx.field(static=True)

    def move(self, points: np.ndarray, labels: np.ndarray | None) -> np.ndarray:
        with own_settings():
            moved, bounded = _ride(self, jnp.asarray(points), _device(labels))
        if (count := int(np.asarray(bounded).sum())) > 0:
            warnings.warn(
                f"{count} of {len(points)} points came to where D(target|source) would move them "
                "faster than any particle of the flow; they moved as fast as the fastest",
                stacklevel=4,
            )
        return np.asarray(moved)

    def drift(self, slot: int, points: np.ndarray, labels: np.ndarray | None) -> np.ndarray:
        with own_settings():
            at = jnp.asarray(points)
            return np.asarray(_velocity(self, jnp.asarray(slot), at, _device(labels)))

    def potential(self, slot: int) -> AbstractPotential:
        return self.evaluation(jnp.asarray(slot)).potential

    def evaluation(self, slot: Int[Array, ""]) -> Evaluation:
        potential, shift, *most = jax.tree.map(
            lambda leaf: jnp.asarray(leaf)[slot], self.evaluations
        )
        # flows that 0.1.0 saved know no bound
        return Evaluation(potential, shift, most[0] if most else jnp.asarray(jnp.inf))

    def velocity(
        self, slot: Int[Array, ""], points: Array, labels: Array | None
    ) -> tuple[Array, Array]:
        """The velocity, and which points met its bound."""
        potential, shift, most = self.evaluation(slot)
        values, gradient = slopes_at(potential, points, labels)
        velocity, _ = velocity_of(self, values, gradient, (shift, most))
        if not self.reverse:
            return velocity, jnp.zeros(points.shape[0], bool)
        factor = velocity_factor(self.f, values, shift, reverse=True)
        return velocity, ~(factor <= most)


def _device(labels: np.ndarray | None) -> Array | None:
    return None if labels is None else jnp.asarray(labels)


@compiled.jit
def _ride(
    ride: Ride, points: Float[Array, "k *event"], labels: Int[Array, " k"] | None
) -> tuple[Float[Array, "k *event"], Bool[Array, " k"]]:
    rows = ride.integrator.rows()

    def body(n: Array, carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        points, history, bounded = carry

        def velocity(stage: Array, at: Array, bounded: Array) -> tuple[Array, Array]:
            slot = jnp.asarray(ride.slots)[n] + ride.stride * stage
            velocity, met = ride.velocity(slot, at, labels)
            return velocity, bounded | met

        step_size = jnp.asarray(ride.step_sizes)[n]
        points, history, bounded = advance(rows, points, history, n, step_size, velocity, bounded)
        return confine(points, ride.bounds), history, cast(Array, bounded)

    # the number of steps is not static, so that flows cut short compile nothing anew
    steps = jnp.asarray(ride.step_sizes).shape[0]
    start = (points, empty_history(rows, points), jnp.zeros(points.shape[0], bool))
    moved, _, bounded = jax.lax.fori_loop(0, steps, body, start)
    return moved, bounded


@compiled.jit
def _velocity(ride: Ride, slot: Array, points: Array, labels: Array | None) -> Array:
    return ride.velocity(slot, points, labels)[0]


class NetworkKind(AbstractKind):
    """Asks ``transport`` for a network: this one, or the default where it is None."""

    potential: AbstractPotential | None

    def prepare(
        self, settings: Settings, event: tuple[int, ...], num_classes: int | None
    ) -> Choice:
        lipschitz, potential = choose_potential(
            self.potential, settings.lipschitz, event, num_classes=num_classes, seed=settings.seed
        )
        # it may have been made where float64 is the default
        potential = single_precision(potential)
        certified = is_certified(potential)
        rule = _fit_rule(settings, potential, lipschitz)
        velocity = NetworkVelocity(
            rule=rule,
            certified=certified,
            lipschitz=lipschitz,
            default_optimiser=settings.optimizer is None,
        )
        return Choice(lipschitz, velocity, potential)


def _fit_rule(settings: Settings, potential: AbstractPotential, lipschitz: float) -> FitRule:
    fit_steps = FIT_STEPS if settings.fit_steps is None else settings.fit_steps
    size = settings.batch_size
    return FitRule(
        f=settings.f,
        optimiser=settings.optimizer or default_optimiser(),
        static=eqx.filter(potential, eqx.is_inexact_array, inverse=True),
        fit_steps=check_count(fit_steps, "fit_steps"),
        # without a bound on its slope there is no value for phi to settle at
        max_settling=MAX_SETTLING if math.isfinite(lipschitz) else 0,
        batch_size=None if size is None else check_count(size, "batch_size"),
        reverse=bool(settings.reverse),
    )


def choose_potential(
    asked: AbstractPotential | None,
    lipschitz: float | None,
    shape: tuple[int, ...],
    *,
    num_classes: int | None,
    seed: int,
) -> tuple[float, AbstractPotential]:
    """L and the potential: the one asked for, or the default for points of this shape.

    Raises:
        InputError: L is not above 0 or is not the potential's, or the potential takes other points
            or has other heads.
    """
    if lipschitz is not None:
        check_number(lipschitz, "lipschitz", allow_inf=True)
    if asked is None:
        slope = 1.0 if lipschitz is None else float(lipschitz)
        return slope, default_potential(shape, slope, num_classes, seed)
    if lipschitz is not None and lipschitz != asked.lipschitz:
        raise InputError(
            f"lipschitz is {lipschitz}, the potential's is {asked.lipschitz}; give one of them"
        )
    _check_heads(asked, num_classes)
    check_takes(asked, shape, labelled=num_classes is not None)
    return asked.lipschitz, asked


def _check_heads(potential: AbstractPotential, num_classes: int | None) -> None:
    if potential.classes() == num_classes:
        return
    if num_classes is None:
        raise InputError("a class-conditional potential needs labels and target_labels")
    raise InputError(
        f"the target has {num_classes} classes; use "
        f"potential=gpa.ClassConditional(potential, {num_classes})"
    )
