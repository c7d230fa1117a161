"""phi at points, its slopes there, and the velocity that follows from them."""

from typing import Protocol

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from gparticles.divergence import AbstractF, velocity_factor
from gparticles.potential import AbstractPotential

# points whose layers are in memory at once; more are taken in blocks of so many
MOST_AT_ONCE = 2**18


class AbstractRule(Protocol):
    """What decides how phi moves points: f, and which of the two divergences descends."""

    @property
    def f(self) -> AbstractF: ...

    @property
    def reverse(self) -> bool: ...


def slopes_at(
    potential: AbstractPotential,
    points: Float[Array, "m *event"],
    labels: Int[Array, " m"] | None,
    *,
    whole: bool = False,
) -> tuple[Float[Array, " m"], Float[Array, "m *event"]]:
    """phi and its gradient at points.

    The flow and its replay are two programs, in which XLA would fuse and lay out the same
    operations differently: behind barriers both round alike.

    Args:
        whole: takes all points at once, however many: rows that lie on several devices.
    """
    if whole or len(points) <= MOST_AT_ONCE:
        return _slopes(potential, points, labels)
    last = len(points) - MOST_AT_ONCE

    def block(number: Array, done: tuple[Array, Array]) -> tuple[Array, Array]:
        # the last block ends where the points do, and repeats some of the one before
        begin = jnp.minimum(number * MOST_AT_ONCE, last)
        part = jax.lax.dynamic_slice_in_dim(points, begin, MOST_AT_ONCE)
        of_part = (
            None if labels is None else jax.lax.dynamic_slice_in_dim(labels, begin, MOST_AT_ONCE)
        )
        pair = zip(done, _slopes(potential, part, of_part), strict=True)
        put = jax.lax.dynamic_update_slice_in_dim
        values, gradient = (put(all_, new, begin, 0) for all_, new in pair)
        return values, gradient

    empty = jnp.zeros(len(points), points.dtype), jnp.zeros_like(points)
    return jax.lax.fori_loop(0, -(-len(points) // MOST_AT_ONCE), block, empty)


def _slopes(
    potential: AbstractPotential, points: Array, labels: Array | None
) -> tuple[Array, Array]:
    potential, points = jax.lax.optimization_barrier((potential, points))

    def total(x: Array) -> tuple[Array, Array]:
        values = potential(x, labels)
        return jnp.sum(values), values

    gradient, values = jax.grad(total, has_aux=True)(points)
    return jax.lax.optimization_barrier((values, gradient))


def velocity_of(
    rule: AbstractRule,
    values: Float[Array, " m"],
    gradient: Float[Array, "m *event"],
    bound: tuple[Float[Array, ""], Float[Array, ""] | None],
) -> tuple[Float[Array, "m *event"], Float[Array, " m"]]:
    """-grad phi for D(P|Q), f*'(phi - nu) grad phi for D(Q|P), and what grad phi is multiplied by.

    Args:
        bound: nu, and what f*' may not exceed; None for no bound.
    """
    shift, most = bound
    factor = velocity_factor(rule.f, values, shift, reverse=rule.reverse)
    if rule.reverse:
        # beyond the domain of f*, where f*' is not a number, too
        most = jnp.max(factor) if most is None else most
        factor = jnp.where(factor <= most, factor, most)
    velocity = factor.reshape(-1, *[1] * (gradient.ndim - 1)) * gradient
    return jax.lax.optimization_barrier(velocity), factor
