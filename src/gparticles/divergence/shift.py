"""The one-dimensional root behind every f that has no closed form of its shift."""

from typing import Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from gparticles import compiled

ITERATIONS = 32


@runtime_checkable
class _HasExcess(Protocol):
    @property
    def slope_at_one(self) -> float: ...
    def derivative(self, x: Array) -> Array: ...
    def excess_derivative(self, s: Array) -> Array: ...


# compiled once per f and shape, so that a call outside any jit does not compile its loop anew
@compiled.jit
def solve_shift(
    f: _HasExcess, values: Float[Array, " n"], weights: Float[Array, " n"]
) -> Float[Array, ""]:
    """Solves E_Q f*'(phi - nu) = 1 by safeguarded Newton; returns nu + f'(1).

    The unknown is t = max phi - nu - f'(1), which is of order one whatever phi's offset and range:
    0 <= t <= min(range of phi, f'(1/w) - f'(1)), w the weight at the maximum. Newton acts on the
    logarithm of the expectation (linear in t for KL); every third iteration bisects, so that the
    bracket shrinks even where Newton stalls.

    Args:
        values: phi at the target points, shape (n,), nats.
        weights: nonnegative, summing to one, shape (n,).
    """
    used = weights > 0
    top = jnp.max(jnp.where(used, values, -jnp.inf))
    gaps = jnp.where(used, top - values, 0.0)
    weight_at_top = weights[jnp.argmax(jnp.where(used, values, -jnp.inf))]
    most = f.derivative(1 / weight_at_top) - f.slope_at_one

    def log_mass(t: Array) -> Array:
        return jnp.log(weights @ f.excess_derivative(t - gaps))

    def body(i: Array, carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        t, low, high = carry
        mass, slope = jax.jvp(log_mass, (t,), (jnp.ones_like(t),))
        low, high = jnp.where(mass <= 0, t, low), jnp.where(mass <= 0, high, t)
        newton = t - mass / slope
        inside = (newton >= low) & (newton <= high) & (i % 3 != 2)
        return jnp.where(inside, newton, (low + high) / 2), low, high

    high = jnp.minimum(jnp.max(gaps), most)
    start = (jnp.zeros_like(high), jnp.zeros_like(high), high)
    t, low, high = jax.lax.fori_loop(0, ITERATIONS, body, start)
    return top - jnp.clip(t, low, high)
