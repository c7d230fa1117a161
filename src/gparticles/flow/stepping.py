"""One step of the flow, as a pure function of what is carried, and a compiled chunk of steps."""

from functools import partial
from typing import Any, NamedTuple, cast

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from gparticles.divergence import AbstractF, dual_objective, velocity_factor
from gparticles.flow.integrators import AbstractIntegrator, Rows, advance, empty_history
from gparticles.flow.stopping import AbstractStop, Seen
from gparticles.potential import AbstractPotential, resolve
from gparticles.potential.fitting import Cloud, Fit, FitRule, refit, start_fit


class Problem(eqx.Module):
    """What does not change along the flow, in working units.

    Attributes:
        rule: how phi is refitted.
        integrator: how particles move.
        stop: when to end early, or None.
        target, held_out: the target that is fitted, and the part kept from the fit or None.
        weights, labels: of the particles, shapes (m,); labels or None.
        bounds: a box (low, high), each of shape (*event), or None.
        step_sizes: dt of every step, shape (steps,).
        store_every: keep the potentials of every so many steps; 0 keeps none.
    """

    rule: FitRule
    integrator: AbstractIntegrator
    stop: AbstractStop | None
    target: Cloud
    held_out: Cloud | None
    weights: Float[Array, " m"]
    labels: Int[Array, " m"] | None
    bounds: tuple[Array, Array] | None
    step_sizes: Float[Array, " steps"]
    store_every: int = eqx.field(static=True)


class Evaluation(NamedTuple):
    """What replays one velocity: phi with its weights resolved, and the shift nu."""

    potential: AbstractPotential
    shift: Float[Array, ""]


class State(NamedTuple):
    """What the flow carries from step to step."""

    step: Int[Array, ""]
    time: Float[Array, ""]
    particles: Float[Array, "m *event"]
    history: Float[Array, "h m *event"]
    fit: Fit
    stop: Any
    stopped: Bool[Array, ""]
    failed: Bool[Array, ""]


class Info(NamedTuple):
    """What a step reports, of the particles before they move and the phi that moves them."""

    time: Float[Array, ""]
    divergence: Float[Array, ""]
    kinetic_energy: Float[Array, ""]
    mean_speed: Float[Array, ""]
    max_speed: Float[Array, ""]
    held_out: Float[Array, ""]


def init(
    problem: Problem,
    potential: AbstractPotential,
    particles: Float[Array, "m *event"],
    key: PRNGKeyArray,
) -> State:
    """The state before the first step; ``key`` shuffles batches and draws penalty points."""
    source = Cloud(particles, problem.weights, problem.labels)
    return State(
        jnp.zeros((), jnp.int32),
        jnp.zeros(()),
        particles,
        empty_history(problem.integrator.rows(), particles),
        start_fit(problem.rule, potential, source, problem.target, key),
        () if problem.stop is None else problem.stop.init(particles),
        jnp.asarray(False),
        jnp.asarray(False),
    )


def velocity_at(
    f: AbstractF,
    evaluation: Evaluation,
    points: Float[Array, "m *event"],
    labels: Int[Array, " m"] | None,
    *,
    reverse: bool,
) -> tuple[Float[Array, "m *event"], Float[Array, " m"]]:
    """The velocity of particles at ``points``, and phi there.

    -grad phi for D(P|Q); f*'(phi - nu) grad phi for D(Q|P).
    """

    def total(x: Array) -> tuple[Array, Array]:
        values = evaluation.potential(x, labels)
        return jnp.sum(values), values

    gradient, values = jax.grad(total, has_aux=True)(points)
    factor = velocity_factor(f, values, evaluation.shift, reverse=reverse)
    return factor.reshape(-1, *[1] * (points.ndim - 1)) * gradient, values


def confine(points: Array, bounds: tuple[Array, Array] | None) -> Array:
    return points if bounds is None else jnp.clip(points, *bounds)


def _divergence(
    problem: Problem, values: Array, potential: AbstractPotential, to: Cloud
) -> tuple[Array, Array]:
    f, others = problem.rule.f, potential(to.points, to.labels)
    ours, theirs = problem.weights, to.weights
    if problem.rule.reverse:
        return dual_objective(f, others, values, first_weights=theirs, second_weights=ours)
    return dual_objective(f, values, others, first_weights=ours, second_weights=theirs)


def _evaluate(
    problem: Problem, fit: Fit, points: Array, time: Array
) -> tuple[Array, Evaluation, Info]:
    potential = resolve(problem.rule.potential(fit.parameters))
    # D(Q|P) needs nu before the velocity, D(P|Q) only reports it; phi at the points is shared
    values = potential(points, problem.labels)
    divergence, shift = _divergence(problem, values, potential, problem.target)
    evaluation = Evaluation(potential, shift)
    rule = problem.rule
    velocity, _ = velocity_at(rule.f, evaluation, points, problem.labels, reverse=rule.reverse)
    held_out = jnp.asarray(jnp.nan)
    if problem.held_out is not None:
        held_out, _ = _divergence(problem, values, potential, problem.held_out)
    squares = jnp.sum(velocity.reshape(velocity.shape[0], -1) ** 2, axis=1)
    speeds = jnp.sqrt(squares)
    info = Info(
        time,
        divergence,
        problem.weights @ squares / 2,
        problem.weights @ speeds,
        jnp.max(speeds),
        held_out,
    )
    return velocity, evaluation, info


def _stack(tree: Any, n: int) -> Any:
    return jax.tree.map(lambda leaf: jnp.zeros((n, *leaf.shape), leaf.dtype), tree)


def step(problem: Problem, state: State) -> tuple[State, Info, Evaluation]:
    """Refits phi and moves every particle once.

    Returns:
        The next state, the report, and the evaluations of all stages, stacked (stages, ...).
    """
    rows = problem.integrator.rows()
    shapes = jax.eval_shape(lambda: _evaluate(problem, state.fit, state.particles, state.time)[1:])
    empty = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)

    def velocity(stage: Array, points: Array, carry: Any) -> tuple[Array, Any]:
        fit, kept, info = carry
        source = Cloud(points, problem.weights, problem.labels)
        first = (state.step == 0) & (stage == 0)
        fit = refit(problem.rule, fit, source, problem.target, first=first)
        v, evaluation, new_info = _evaluate(problem, fit, points, state.time)
        kept = jax.tree.map(lambda all_, new: all_.at[stage].set(new), kept, evaluation)
        info = jax.tree.map(lambda old, new: jnp.where(stage == 0, new, old), info, new_info)
        return v, (fit, kept, info)

    step_size = problem.step_sizes[state.step]
    carry = (state.fit, _stack(empty[0], rows.weight_k.shape[1]), empty[1])
    particles, history, _, carry = advance(
        rows, state.particles, state.history, state.step, step_size, velocity, carry
    )
    fit, evaluations, info = cast(tuple[Fit, Evaluation, Info], carry)
    moved = confine(particles, problem.bounds)
    stop, stopped = _watch(problem, state, info)
    failed = ~(jnp.all(jnp.isfinite(moved)) & jnp.isfinite(info.divergence))
    following = State(
        state.step + 1, state.time + step_size, moved, history, fit, stop, stopped, failed
    )
    return following, info, evaluations


def _watch(problem: Problem, state: State, info: Info) -> tuple[Any, Array]:
    if problem.stop is None:
        return state.stop, jnp.asarray(False)
    seen = Seen(state.step, info.kinetic_energy, info.held_out, state.particles)
    return problem.stop.update(state.stop, seen)


class Chunk(NamedTuple):
    """Buffers of one chunk: a row of ``infos`` per step, ``evaluations`` per stored velocity."""

    infos: Info
    evaluations: Any


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


@partial(jax.jit, static_argnames="capacity")
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
