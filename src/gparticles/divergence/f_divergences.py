"""The convex functions f that define D_f, each with its conjugate and optimal shift.

Every formula is written once and serves NumPy in float64 (oracles, certificates) and JAX in
float32 (fitting): the argument's kind decides which library computes.

The *excess* coordinate s = y - f'(1) is the one in which nothing cancels: the excess conjugate
f*(f'(1) + s) - f'(1) is s + O(s^2), so that a divergence near zero keeps its digits.
"""

import math
from abc import abstractmethod
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from gparticles.divergence.shift import solve_shift
from gparticles.errors import InputError

Values = Any  # a float, a NumPy array or a JAX array


def _library(x: Values) -> Any:
    return jnp if isinstance(x, jax.Array) else np


def _where_inside(inside: Values, x: Values, function: Any, outside: float) -> Values:
    """function(x) where inside, a constant elsewhere, with no warning and no NaN gradient.

    The function must be finite at 0.5, where it is evaluated instead of outside.
    """
    xp = _library(x)
    return xp.where(inside, function(xp.where(inside, x, xp.full_like(x, 0.5))), outside)


def _x_log_x(x: Values) -> Values:
    xp = _library(x)
    return _where_inside(x > 0, x, lambda t: t * xp.log(t), 0.0)


def _as_values(x: Values) -> Values:
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
    def conjugate(self, y: Values) -> Values:
        """f*(y) = sup_x {x y - f(x)}, infinite outside the domain."""

    @abstractmethod
    def excess_conjugate(self, s: Values) -> Values:
        """f*(f'(1) + s) - f'(1), without cancellation at small s; infinite outside."""

    @abstractmethod
    def excess_derivative(self, s: Values) -> Values:
        """f*'(f'(1) + s), the density ratio that the dual value s stands for."""

    @abstractmethod
    def excess_shift(
        self, values: Float[Array, " n"], weights: Float[Array, " n"]
    ) -> Float[Array, ""]:
        """The optimal shift nu plus f'(1), see ``gparticles.divergence.optimal_shift``."""

    def conjugate_derivative(self, y: Values) -> Values:
        """f*'(y), nonnegative and nondecreasing, 1 at f'(1); infinite outside the domain."""
        return self.excess_derivative(_as_values(y) - self.slope_at_one)


class KL(AbstractF):
    """Kullback-Leibler: f(x) = x log x, f*(y) = exp(y - 1)."""

    @property
    def slope_at_one(self) -> float:
        return 1.0

    @property
    def domain(self) -> float:
        return math.inf

    def __call__(self, x: Values) -> Values:
        x = _as_values(x)
        return _library(x).where(x < 0, math.inf, _x_log_x(x))

    def derivative(self, x: Values) -> Values:
        x = _as_values(x)
        return 1 + _library(x).log(x)

    def conjugate(self, y: Values) -> Values:
        y = _as_values(y)
        return _library(y).exp(y - 1)

    def excess_conjugate(self, s: Values) -> Values:
        return _library(s).expm1(s)

    def excess_derivative(self, s: Values) -> Values:
        return _library(s).exp(s)

    def excess_shift(
        self, values: Float[Array, " n"], weights: Float[Array, " n"]
    ) -> Float[Array, ""]:
        # E exp(phi - nu - 1) = 1 has the closed form of Donsker and Varadhan
        return jax.scipy.special.logsumexp(values, b=weights)


class ReverseKL(AbstractF):
    """Reverse Kullback-Leibler: f(x) = -log x, f*(y) = -1 - log(-y) for y < 0."""

    @property
    def slope_at_one(self) -> float:
        return -1.0

    @property
    def domain(self) -> float:
        return 0.0

    def __call__(self, x: Values) -> Values:
        x = _as_values(x)
        return _where_inside(x > 0, x, lambda t: -_library(t).log(t), math.inf)

    def derivative(self, x: Values) -> Values:
        return -1 / _as_values(x)

    def conjugate(self, y: Values) -> Values:
        y = _as_values(y)
        return _where_inside(y < 0, -y, lambda t: -1 - _library(t).log(t), math.inf)

    def excess_conjugate(self, s: Values) -> Values:
        return _where_inside(s < 1, -s, lambda t: -_library(t).log1p(t), math.inf)

    def excess_derivative(self, s: Values) -> Values:
        return _where_inside(s < 1, 1 - s, lambda t: 1 / t, math.inf)

    def excess_shift(
        self, values: Float[Array, " n"], weights: Float[Array, " n"]
    ) -> Float[Array, ""]:
        return solve_shift(self, values, weights)


class Alpha(AbstractF):
    """Alpha divergence: f(x) = (x^a - 1) / (a (a - 1)) for a > 0, a not 1.

    Its conjugate is ((a - 1) y)_+^{a / (a - 1)} / a + 1 / (a (a - 1)): finite everywhere for
    a > 1, for y < 0 only where a < 1.
    """

    alpha: float = eqx.field(static=True, default=2.0)

    def __post_init__(self) -> None:
        if not (math.isfinite(self.alpha) and self.alpha > 0 and self.alpha != 1):
            raise InputError(
                f"alpha is {self.alpha}: it must be a finite number above 0 and not 1 "
                "(use KL for the limit at 1, ReverseKL for the limit at 0)"
            )

    @property
    def slope_at_one(self) -> float:
        return 1 / (self.alpha - 1)

    @property
    def domain(self) -> float:
        return math.inf if self.alpha > 1 else 0.0

    def __call__(self, x: Values) -> Values:
        x = _as_values(x)
        xp, a = _library(x), self.alpha
        inside = _where_inside(x > 0, x, lambda t: xp.expm1(a * xp.log(t)), -1.0)
        return xp.where(x < 0, math.inf, inside / (a * (a - 1)))

    def derivative(self, x: Values) -> Values:
        x = _as_values(x)
        return x ** (self.alpha - 1) / (self.alpha - 1)

    def conjugate(self, y: Values) -> Values:
        y = _as_values(y)
        xp, a = _library(y), self.alpha
        power = a / (a - 1)
        outside = 0.0 if a > 1 else math.inf
        u = (a - 1) * y
        return _where_inside(u > 0, u, lambda t: xp.exp(power * xp.log(t)), outside) / a + 1 / (
            a * (a - 1)
        )

    def excess_conjugate(self, s: Values) -> Values:
        xp, a = _library(s), self.alpha
        power = a / (a - 1)
        outside = -1.0 if a > 1 else math.inf
        scaled = (a - 1) * s
        inside = _where_inside(
            scaled > -1, scaled, lambda t: xp.expm1(power * xp.log1p(t)), outside
        )
        return inside / a

    def excess_derivative(self, s: Values) -> Values:
        xp, a = _library(s), self.alpha
        outside = 0.0 if a > 1 else math.inf
        scaled = (a - 1) * s
        return _where_inside(scaled > -1, scaled, lambda t: xp.exp(xp.log1p(t) / (a - 1)), outside)

    def excess_shift(
        self, values: Float[Array, " n"], weights: Float[Array, " n"]
    ) -> Float[Array, ""]:
        return solve_shift(self, values, weights)


class JensenShannon(AbstractF):
    """Twice the Jensen-Shannon divergence: f(x) = x log x - (x + 1) log((x + 1) / 2).

    f*(y) = -log(2 - e^y) for y < log 2. The variational form is infinite where absolute
    continuity fails, so the regularised value may exceed 2 log 2.
    """

    @property
    def slope_at_one(self) -> float:
        return 0.0

    @property
    def domain(self) -> float:
        return math.log(2)

    def __call__(self, x: Values) -> Values:
        x = _as_values(x)
        xp = _library(x)
        return _where_inside(
            x >= 0, x, lambda t: _x_log_x(t) - (t + 1) * xp.log1p((t - 1) / 2), math.inf
        )

    def derivative(self, x: Values) -> Values:
        x = _as_values(x)
        xp = _library(x)
        return xp.log(x) - xp.log1p((x - 1) / 2)

    def conjugate(self, y: Values) -> Values:
        return self.excess_conjugate(_as_values(y))

    def excess_conjugate(self, s: Values) -> Values:
        xp = _library(s)
        return _where_inside(s < self.domain, s, lambda t: -xp.log1p(-xp.expm1(t)), math.inf)

    def excess_derivative(self, s: Values) -> Values:
        xp = _library(s)
        return _where_inside(s < self.domain, s, lambda t: xp.exp(t) / (1 - xp.expm1(t)), math.inf)

    def excess_shift(
        self, values: Float[Array, " n"], weights: Float[Array, " n"]
    ) -> Float[Array, ""]:
        return solve_shift(self, values, weights)


class SquaredHellinger(AbstractF):
    """Squared Hellinger: f(x) = (sqrt x - 1)^2, f*(y) = y / (1 - y) for y < 1."""

    @property
    def slope_at_one(self) -> float:
        return 0.0

    @property
    def domain(self) -> float:
        return 1.0

    def __call__(self, x: Values) -> Values:
        x = _as_values(x)
        return _where_inside(x >= 0, x, lambda t: (t**0.5 - 1) ** 2, math.inf)

    def derivative(self, x: Values) -> Values:
        return 1 - _as_values(x) ** -0.5

    def conjugate(self, y: Values) -> Values:
        return self.excess_conjugate(_as_values(y))

    def excess_conjugate(self, s: Values) -> Values:
        # 1 - s and not s is what is guarded: it is the quantity that must stay positive
        return _where_inside(s < 1, 1 - s, lambda t: (1 - t) / t, math.inf)

    def excess_derivative(self, s: Values) -> Values:
        return _where_inside(s < 1, 1 - s, lambda t: 1 / t**2, math.inf)

    def excess_shift(
        self, values: Float[Array, " n"], weights: Float[Array, " n"]
    ) -> Float[Array, ""]:
        return solve_shift(self, values, weights)


class Wasserstein1(AbstractF):
    """f is 0 at 1 and infinite elsewhere, f*(y) = y: the divergence is L W1(P, Q)."""

    @property
    def slope_at_one(self) -> float:
        return 0.0

    @property
    def domain(self) -> float:
        return math.inf

    def __call__(self, x: Values) -> Values:
        x = _as_values(x)
        return _library(x).where(x == 1, 0.0, math.inf)

    def derivative(self, x: Values) -> Values:
        return 0.0 * _as_values(x)

    def conjugate(self, y: Values) -> Values:
        return _as_values(y)

    def excess_conjugate(self, s: Values) -> Values:
        return s

    def excess_derivative(self, s: Values) -> Values:
        return _library(s).ones_like(s)

    def excess_shift(
        self, values: Float[Array, " n"], weights: Float[Array, " n"]
    ) -> Float[Array, ""]:
        # every shift is optimal; the mean keeps phi - nu, and so the rounding, small
        return weights @ values


REGISTRY: dict[str, type[AbstractF]] = {
    "kl": KL,
    "reverse-kl": ReverseKL,
    "alpha": Alpha,
    "js": JensenShannon,
    "hellinger": SquaredHellinger,
    "w1": Wasserstein1,
}


def parse_f(text: str) -> AbstractF:
    """The f that a recipe or the command line names, such as ``kl`` or ``alpha:2``.

    Raises:
        InputError: the name is unknown, or its number is missing or not allowed.
    """
    name, _, number = text.partition(":")
    known = ", ".join(f"{n}:NUMBER" if n == "alpha" else n for n in REGISTRY)
    if name not in REGISTRY or bool(number) != (name == "alpha"):
        raise InputError(f"unknown f {text!r}: use one of {known}")
    if name != "alpha":
        return REGISTRY[name]()
    try:
        return Alpha(float(number))
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"f {text!r}: alpha needs a number, as in alpha:2") from None
