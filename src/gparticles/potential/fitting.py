"""The inner maximisation: refitting phi to the particles and the target."""

import math
from functools import partial
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree

from gparticles.divergence import AbstractF, dual_objective
from gparticles.errors import InputError
from gparticles.potential.lipschitz import resolve
from gparticles.potential.networks import AbstractPotential

# the first fit runs in blocks until one improves the divergence by less than this share
SETTLE_BLOCK = 25
SETTLE_SHARE = 0.02


def check_takes(potential: AbstractPotential, shape: tuple[int, ...], *, labelled: bool) -> None:
    """Whether phi is a function of points of this shape, with or without labels.

    Args:
        shape: of one point.
        labelled: whether phi is given a class for every point.

    Raises:
        InputError: it is not.
    """
    point = jax.ShapeDtypeStruct((1, *shape), jnp.float32)
    labels = jax.ShapeDtypeStruct((1,), jnp.int32) if labelled else None
    try:
        eqx.filter_eval_shape(potential, point, labels)
    except (TypeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"the potential does not take points of shape {shape}: {reason}") from None


def single_precision(potential: AbstractPotential) -> AbstractPotential:
    """The same phi with float32 arrays, in which fits compute whatever JAX's defaults were."""
    arrays, rest = eqx.partition(potential, eqx.is_inexact_array)
    return eqx.combine(jax.tree.map(lambda a: a.astype(jnp.float32), arrays), rest)


class Cloud(NamedTuple):
    """A weighted sample: points (n, *event), weights (n,) that sum to one, labels (n,) or None."""

    points: Float[Array, "n *event"]
    weights: Float[Array, " n"]
    labels: Int[Array, " n"] | None = None


class BatchStream(NamedTuple):
    """An endless stream of shuffled indices: each pass uses every point exactly once.

    A batch that reaches the end of a pass is completed from the next one, so no remainder is
    dropped or weighted differently.
    """

    key: PRNGKeyArray
    order: Int[Array, " n"]
    position: Int[Array, ""]


class Fit(NamedTuple):
    """What the fit carries from one time step to the next: parameters, optimiser, batches."""

    parameters: PyTree
    optimiser_state: optax.OptState
    source_batches: BatchStream
    target_batches: BatchStream
    key: PRNGKeyArray


class FitRule(eqx.Module):
    """What does not change from fit to fit.

    ``static`` is the potential without its arrays; ``max_settling`` bounds the first fit; ``apart``
    evaluates phi on the two clouds one after the other, since joining rows that lie on several
    devices would send them around.
    """

    f: AbstractF
    optimiser: optax.GradientTransformation = eqx.field(static=True)
    static: PyTree = eqx.field(static=True)
    fit_steps: int = eqx.field(static=True)
    max_settling: int = eqx.field(static=True)
    batch_size: int | None = eqx.field(static=True)
    reverse: bool = eqx.field(static=True)
    apart: bool = eqx.field(static=True, default=False)

    def potential(self, parameters: PyTree) -> AbstractPotential:
        """phi with these arrays in the place of its own."""
        return eqx.combine(parameters, self.static)


def start_batches(key: PRNGKeyArray, n: int, size: int | None) -> BatchStream:
    """The stream of n indices before its first batch of ``size``."""
    if size is None or size >= n:
        # nobody will draw from it, and shuffling is half of what a start compiles
        return BatchStream(key, jnp.arange(n, dtype=jnp.int32), jnp.zeros((), jnp.int32))
    key, shuffle = jax.random.split(key)
    return BatchStream(key, _shuffled(shuffle, n), jnp.zeros((), jnp.int32))


def _shuffled(key: PRNGKeyArray, n: int) -> Int[Array, " n"]:
    return jax.random.permutation(key, jnp.arange(n, dtype=jnp.int32))


def next_batch(batches: BatchStream, size: int) -> tuple[Int[Array, " size"], BatchStream]:
    """The next ``size`` indices of the stream, size at most n."""
    key, order, position = batches
    n = order.shape[0]
    ends = position + size >= n

    def reshuffle(_: None) -> tuple[PRNGKeyArray, Array]:
        following, shuffle = jax.random.split(key)
        return following, _shuffled(shuffle, n)

    key, following = jax.lax.cond(ends, reshuffle, lambda _: (key, order), None)
    wanted = position + jnp.arange(size, dtype=jnp.int32)
    indices = jnp.where(wanted < n, order[wanted % n], following[wanted % n])
    return indices, BatchStream(key, following, position + size - jnp.where(ends, n, 0))


def start_fit(
    rule: FitRule, potential: AbstractPotential, source: Cloud, target: Cloud, key: PRNGKeyArray
) -> Fit:
    """The state before the first fit, which begins at the potential's own parameters."""
    parameters = eqx.filter(single_precision(potential), eqx.is_inexact_array)
    source_key, target_key, key = jax.random.split(key, 3)
    return Fit(
        parameters,
        rule.optimiser.init(parameters),
        start_batches(source_key, source.points.shape[0], rule.batch_size),
        start_batches(target_key, target.points.shape[0], rule.batch_size),
        key,
    )


def _take(cloud: Cloud, batches: BatchStream, size: int | None) -> tuple[Cloud, BatchStream]:
    # rows that fill up devices are not among the indices
    if size is None or size >= batches.order.shape[0]:
        return cloud, batches
    indices, batches = next_batch(batches, size)
    weights = cloud.weights[indices]
    labels = None if cloud.labels is None else cloud.labels[indices]
    return Cloud(cloud.points[indices], weights / jnp.sum(weights), labels), batches


def _joined(source: Cloud, target: Cloud) -> tuple[Array, Array | None]:
    points = jnp.concatenate([source.points, target.points])
    if source.labels is None or target.labels is None:
        return points, None
    return points, jnp.concatenate([source.labels, target.labels])


def objective(
    f: AbstractF,
    potential: AbstractPotential,
    source: Cloud,
    target: Cloud,
    *,
    reverse: bool,
    apart: bool = False,
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """The dual objective of D(source|target), or of D(target|source), and nu; both in nats.

    Args:
        reverse: whether the target is the first argument.
        apart: as in ``FitRule``.
    """
    if apart:
        potential = resolve(potential)
        ours = potential(source.points, source.labels)
        theirs = potential(target.points, target.labels)
    else:
        # one evaluation of both clouds, so that constrained weights are computed once
        values = potential(*_joined(source, target))
        m = source.points.shape[0]
        ours, theirs = values[:m], values[m:]
    first, second = (ours, source.weights), (theirs, target.weights)
    if reverse:
        first, second = second, first
    return dual_objective(f, first[0], second[0], first_weights=first[1], second_weights=second[1])


def _between(source: Cloud, target: Cloud, key: PRNGKeyArray) -> tuple[Array, Array | None]:
    m, n = source.points.shape[0], target.points.shape[0]
    pick_key, mix_key = jax.random.split(key)
    partners = target.points[jax.random.randint(pick_key, (m,), 0, n, jnp.int32)]
    shape = (m, *[1] * (source.points.ndim - 1))
    mix = jax.random.uniform(mix_key, shape, source.points.dtype)
    return mix * source.points + (1 - mix) * partners, source.labels


def fit_step(rule: FitRule, fit: Fit, source: Cloud, target: Cloud) -> tuple[Fit, Float[Array, ""]]:
    """One optimiser step uphill.

    Returns:
        The state after, and the objective before the step, nats.
    """
    source_batch, source_batches = _take(source, fit.source_batches, rule.batch_size)
    target_batch, target_batches = _take(target, fit.target_batches, rule.batch_size)
    kind = {"reverse": rule.reverse, "apart": rule.apart}

    def loss(parameters: PyTree) -> tuple[Array, tuple[Array, PRNGKeyArray]]:
        potential = rule.potential(parameters)
        value, _ = objective(rule.f, potential, source_batch, target_batch, **kind)
        penalty, key = _penalty(potential, source_batch, target_batch, fit.key)
        return penalty - value, (value, key)

    gradient, (value, key) = jax.grad(loss, has_aux=True)(fit.parameters)
    # Optax mixes kinds of numbers, which JAX may be told to refuse
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        updates, optimiser_state = rule.optimiser.update(
            gradient, fit.optimiser_state, fit.parameters
        )
        parameters = optax.apply_updates(fit.parameters, updates)
    return Fit(parameters, optimiser_state, source_batches, target_batches, key), value


def _penalty(
    potential: AbstractPotential, source: Cloud, target: Cloud, key: PRNGKeyArray
) -> tuple[Array | float, PRNGKeyArray]:
    following, draw = jax.random.split(key)
    penalty = potential.penalty(*_between(source, target, draw))
    # constrained potentials draw nothing: threefry would cost as much as a small network
    return (0.0, key) if penalty is None else (penalty, following)


class _Settling(NamedTuple):
    steps: Int[Array, ""]
    block_sum: Float[Array, ""]
    last_block: Float[Array, ""]
    settled: Array


def _watch(state: _Settling, value: Array) -> _Settling:
    total = state.block_sum + value.astype(jnp.float32) / SETTLE_BLOCK
    steps = state.steps + 1
    ends = steps % SETTLE_BLOCK == 0
    gain = total - state.last_block
    settled = ends & (gain <= SETTLE_SHARE * jnp.abs(total)) & (total > 0)
    return _Settling(
        steps,
        jnp.where(ends, 0.0, total),
        jnp.where(ends, total, state.last_block),
        state.settled | settled,
    )


def refit(
    rule: FitRule, fit: Fit, source: Cloud, target: Cloud, *, first: Array | bool = False
) -> Fit:
    """``fit_steps`` optimiser steps; before the first ones phi is fitted until it has settled.

    Settled means that a block of 25 steps raised the divergence by at most 2 %. Without that,
    particles idle while a normalised network grows from nearly no slope.

    Args:
        first: whether these are the first steps.
    """
    wanted = jnp.asarray(first)

    def settling(watch: _Settling) -> Array:
        return wanted & ~watch.settled & (watch.steps < rule.max_settling)

    def unfinished(carry: tuple[Fit, _Settling, Array]) -> Array:
        _, watch, left = carry
        return settling(watch) | (left > 0)

    # one loop for both: a loop of its own would be half of what a flow compiles
    def body(carry: tuple[Fit, _Settling, Array]) -> tuple[Fit, _Settling, Array]:
        fit, watch, left = carry
        fit, value = fit_step(rule, fit, source, target)
        free = settling(watch)
        watch = jax.tree.map(partial(jnp.where, free), _watch(watch, value), watch)
        return fit, watch, left - jnp.where(free, 0, 1)

    start = _Settling(
        jnp.zeros((), jnp.int32),
        jnp.zeros((), jnp.float32),
        jnp.asarray(-math.inf, jnp.float32),
        jnp.asarray(False),
    )
    steps = jnp.asarray(rule.fit_steps, jnp.int32)
    return jax.lax.while_loop(unfinished, body, (fit, start, steps))[0]
