"""What an f must provide, whichever it is: f, its conjugate and their derivatives.

Every formula is written once and serves NumPy in float64 (oracles, certificates) and JAX in
float32 (fitting): the argument's kind decides which library computes.

The *excess* coordinate s = y - f'(1) is the one in which nothing cancels: the excess conjugate
f*(f'(1) + s) - f'(1) is s + O(s^2), so that a divergence near zero keeps its digits.
"""

from abc import abstractmethod
from collections.abc import Callable
from types import ModuleType
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from gparticles import compiled

Values = Any  # a float, a NumPy array or a JAX array

PROXIMAL_ITERATIONS = 6
SHIFT_ITERATIONS = 32


def library(x: Values) -> ModuleType:
    """``jax.numpy`` for JAX arrays, NumPy for all else."""
    return jnp if isinstance(x, jax.Array) else np


def where_inside(
    inside: Values, x: Values, function: Callable[[Values], Values], outside: float
) -> Values:
    """function(x) where inside, a constant elsewhere, with no warning and no NaN gradient.

    The function must be finite at 0.5, where it is evaluated instead of outside.
    """
    xp = library(x)
    return xp.where(inside, function(xp.where(inside, x, xp.full_like(x, 0.5))), outside)


def as_values(x: Values) -> Values:
    """An array of floating-point numbers: float32 in JAX and float64 in NumPy unless x has one."""
    if isinstance(x, jax.Array):
        return x if jnp.issubdtype(x.dtype, jnp.floating) else x.astype(jnp.float32)
    x = np.asarray(x)
    return x if np.issubdtype(x.dtype, np.floating) else x.astype(np.float64)


class AbstractF(eqx.Module):
    """A convex f on [0, inf) with f(1) = 0, that defines D_f(P|Q) = E_Q f(dP/dQ).

    A new f is a subclass with the methods below; ``gparticles.divergence.REGISTRY`` names it, and
    with that the generic tests, the recipes and the command know it. All methods act elementwise
    on arrays of any shape. Values of f and of its conjugate are in nats.
    """

    @property
    @abstractmethod
    def slope_at_one(self) -> float:
        """f'(1), where the conjugate's derivative is 1."""

    @property
    @abstractmethod
    def domain(self) -> float:
        """The supremum of the conjugate's domain: f* is finite for y below it."""

    @abstractmethod
    def __call__(self, x: Values) -> Values:
        """f(x) for x >= 0; infinite for x < 0."""

    @abstractmethod
    def derivative(self, x: Values) -> Values:
        """f'(x) for x > 0, the inverse of ``conjugate_derivative``."""

    @abstractmethod
    def curvature(self, x: Values) -> Values:
        """f''(x) for x > 0, and its limit at 0."""

    @abstractmethod
    def conjugate(self, y: Values) -> Values:
        """f*(y) = sup_x {x y - f(x)}, infinite outside the domain."""

    @abstractmethod
    def excess_conjugate(self, s: Values) -> Values:
        """f*(f'(1) + s) - f'(1), without cancellation at small s; infinite outside."""

    @abstractmethod
    def excess_derivative(self, s: Values) -> Values:
        """f*'(f'(1) + s), the density ratio that the dual value s stands for."""

    @abstractmethod
    def excess_at(self, log_ratio: Values) -> Values:
        """f'(e^z) - f'(1), the inverse of log f*'(f'(1) + s), without cancellation near zero."""

    def excess_shift(
        self, values: Float[Array, " n"], weights: Float[Array, " n"]
    ) -> Float[Array, ""]:
        """The optimal shift nu plus f'(1), see ``gparticles.divergence.optimal_shift``."""
        return solve_shift(self, values, weights)

    def conjugate_derivative(self, y: Values) -> Values:
        """f*'(y), nonnegative and nondecreasing, 1 at f'(1); infinite outside the domain."""
        return self.excess_derivative(as_values(y) - self.slope_at_one)

    @abstractmethod
    def excess_curvature(self, s: Values) -> Values:
        """f*''(f'(1) + s), how fast the density ratio grows with the dual value."""

    @property
    def fixes_marginal(self) -> bool:
        """Whether f is infinite but at 1, so that D_f is finite only where P and Q are one.

        Every plan must then arrive with the target's weights, and every class of a labelled
        source have the share that it has in the target.
        """
        return False

    @property
    def remedy(self) -> str:
        """What may help where a flow of D_f became non-finite, as part of a sentence."""
        return "use a smaller step_size or lipschitz"

    def penalty(self, ratio: Values, price: Values) -> Values:
        """f less its tangent at 1, in nats: not negative, and 0 where the ratio is 1.

        The tangent sums to zero, since the ratio's mean is one; without it nothing cancels.

        Args:
            ratio: what arrives over the target's weight, not negative.
            price: nats; what it costs at most to carry mass from one target to another. An f that
                is infinite but at 1 is replaced by this price for every share out of place, which
                has the same optimum (an exact penalty).
        """
        return self(ratio) - self.slope_at_one * (ratio - 1)

    def proximal(self, mass: Float[Array, " n"], smoothing: Float[Array, ""]) -> Float[Array, " n"]:
        """The s with log f*'(f'(1) + s) + s / smoothing = mass, elementwise.

        The update of the target's potentials in an entropically smoothed transport, where mass is
        the logarithm of what the particles send at s = 0. Newton in z = log f*', which both terms
        bracket: s and z have the sign of mass.
        """
        at_most = jnp.log(self.excess_derivative(smoothing * mass))
        # room for rounding, which near zero is more than the root
        at_most = at_most + 1e-6 * jnp.sign(mass)
        end = jnp.where(mass > 0, jnp.minimum(mass, at_most), jnp.maximum(mass, at_most))
        low, high = jnp.minimum(end, 0), jnp.maximum(end, 0)
        z = end
        for _ in range(PROXIMAL_ITERATIONS):
            value, slope = jax.jvp(self.excess_at, (z,), (jnp.ones_like(z),))
            z = jnp.clip(z - (z + value / smoothing - mass) / (1 + slope / smoothing), low, high)
        return self.excess_at(z)


# compiled once per f and shape, so that a call outside any jit does not compile its loop anew
@compiled.jit
def solve_shift(
    f: AbstractF, values: Float[Array, " n"], weights: Float[Array, " n"]
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
    t, low, high = jax.lax.fori_loop(0, SHIFT_ITERATIONS, body, start)
    return top - jnp.clip(t, low, high)
