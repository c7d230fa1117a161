"""The convex functions f that define D_f, each with its conjugate and optimal shift."""

import math

import equinox as eqx
import jax
from jaxtyping import Array, Float

from gparticles.divergence.abstract_f import AbstractF as AbstractF
from gparticles.divergence.abstract_f import Values, as_values, library, where_inside
from gparticles.errors import InputError


def _x_log_x(x: Values) -> Values:
    xp = library(x)
    return where_inside(x > 0, x, lambda t: t * xp.log(t), 0.0)


class KL(AbstractF):
    """Kullback-Leibler: f(x) = x log x, f*(y) = exp(y - 1)."""

    @property
    def slope_at_one(self) -> float:
        return 1.0

    @property
    def domain(self) -> float:
        return math.inf

    def __call__(self, x: Values) -> Values:
        x = as_values(x)
        return library(x).where(x < 0, math.inf, _x_log_x(x))

    def derivative(self, x: Values) -> Values:
        x = as_values(x)
        return 1 + library(x).log(x)

    def curvature(self, x: Values) -> Values:
        return 1 / as_values(x)

    def conjugate(self, y: Values) -> Values:
        y = as_values(y)
        return library(y).exp(y - 1)

    def excess_conjugate(self, s: Values) -> Values:
        return library(s).expm1(s)

    def excess_derivative(self, s: Values) -> Values:
        return library(s).exp(s)

    def excess_curvature(self, s: Values) -> Values:
        return library(s).exp(s)

    @property
    def remedy(self) -> str:
        # its conjugate grows as exp does
        return "heavy tails may be the cause: use f=Alpha(2.0), or a smaller step_size"

    def proximal(self, mass: Float[Array, " n"], smoothing: Float[Array, ""]) -> Float[Array, " n"]:
        return mass * (smoothing / (1 + smoothing))

    def excess_at(self, log_ratio: Values) -> Values:
        return log_ratio

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
        x = as_values(x)
        return where_inside(x > 0, x, lambda t: -library(t).log(t), math.inf)

    def derivative(self, x: Values) -> Values:
        return -1 / as_values(x)

    def curvature(self, x: Values) -> Values:
        return as_values(x) ** -2.0

    def conjugate(self, y: Values) -> Values:
        y = as_values(y)
        return where_inside(y < 0, -y, lambda t: -1 - library(t).log(t), math.inf)

    def excess_conjugate(self, s: Values) -> Values:
        return where_inside(s < 1, -s, lambda t: -library(t).log1p(t), math.inf)

    def excess_derivative(self, s: Values) -> Values:
        return where_inside(s < 1, 1 - s, lambda t: 1 / t, math.inf)

    def excess_curvature(self, s: Values) -> Values:
        return where_inside(s < 1, 1 - s, lambda t: t**-2.0, math.inf)

    def excess_at(self, log_ratio: Values) -> Values:
        return -library(log_ratio).expm1(-log_ratio)


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
        x = as_values(x)
        xp, a = library(x), self.alpha
        inside = where_inside(x > 0, x, lambda t: xp.expm1(a * xp.log(t)), -1.0)
        return xp.where(x < 0, math.inf, inside / (a * (a - 1)))

    def derivative(self, x: Values) -> Values:
        x = as_values(x)
        return x ** (self.alpha - 1) / (self.alpha - 1)

    def curvature(self, x: Values) -> Values:
        return as_values(x) ** (self.alpha - 2)

    def conjugate(self, y: Values) -> Values:
        y = as_values(y)
        xp, a = library(y), self.alpha
        power = a / (a - 1)
        outside = 0.0 if a > 1 else math.inf
        u = (a - 1) * y
        return where_inside(u > 0, u, lambda t: xp.exp(power * xp.log(t)), outside) / a + 1 / (
            a * (a - 1)
        )

    def excess_conjugate(self, s: Values) -> Values:
        xp, a = library(s), self.alpha
        power = a / (a - 1)
        outside = -1.0 if a > 1 else math.inf
        scaled = (a - 1) * s
        inside = where_inside(scaled > -1, scaled, lambda t: xp.expm1(power * xp.log1p(t)), outside)
        return inside / a

    def excess_derivative(self, s: Values) -> Values:
        xp, a = library(s), self.alpha
        outside = 0.0 if a > 1 else math.inf
        scaled = (a - 1) * s
        return where_inside(scaled > -1, scaled, lambda t: xp.exp(xp.log1p(t) / (a - 1)), outside)

    def excess_curvature(self, s: Values) -> Values:
        xp, a = library(s), self.alpha
        outside = 0.0 if a > 1 else math.inf
        scaled, power = (a - 1) * s, (2 - a) / (a - 1)
        return where_inside(scaled > -1, scaled, lambda t: xp.exp(power * xp.log1p(t)), outside)

    def excess_at(self, log_ratio: Values) -> Values:
        a = self.alpha
        return library(log_ratio).expm1((a - 1) * log_ratio) / (a - 1)


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
        x = as_values(x)
        xp = library(x)
        return where_inside(
            x >= 0, x, lambda t: _x_log_x(t) - (t + 1) * xp.log1p((t - 1) / 2), math.inf
        )

    def derivative(self, x: Values) -> Values:
        x = as_values(x)
        xp = library(x)
        return xp.log(x) - xp.log1p((x - 1) / 2)

    def curvature(self, x: Values) -> Values:
        x = as_values(x)
        return 1 / (x * (x + 1))

    def conjugate(self, y: Values) -> Values:
        return self.excess_conjugate(as_values(y))

    def excess_conjugate(self, s: Values) -> Values:
        xp = library(s)
        return where_inside(s < self.domain, s, lambda t: -xp.log1p(-xp.expm1(t)), math.inf)

    def excess_derivative(self, s: Values) -> Values:
        xp = library(s)
        return where_inside(s < self.domain, s, lambda t: xp.exp(t) / (1 - xp.expm1(t)), math.inf)

    def excess_curvature(self, s: Values) -> Values:
        xp = library(s)
        return where_inside(
            s < self.domain, s, lambda t: 2 * xp.exp(t) / (1 - xp.expm1(t)) ** 2, math.inf
        )

    def excess_at(self, log_ratio: Values) -> Values:
        xp = library(log_ratio)
        return log_ratio - xp.log1p(xp.expm1(log_ratio) / 2)


class SquaredHellinger(AbstractF):
    """Squared Hellinger: f(x) = (sqrt x - 1)^2, f*(y) = y / (1 - y) for y < 1."""

    @property
    def slope_at_one(self) -> float:
        return 0.0

    @property
    def domain(self) -> float:
        return 1.0

    def __call__(self, x: Values) -> Values:
        x = as_values(x)
        return where_inside(x >= 0, x, lambda t: (t**0.5 - 1) ** 2, math.inf)

    def derivative(self, x: Values) -> Values:
        return 1 - as_values(x) ** -0.5

    def curvature(self, x: Values) -> Values:
        return as_values(x) ** -1.5 / 2

    def conjugate(self, y: Values) -> Values:
        return self.excess_conjugate(as_values(y))

    def excess_conjugate(self, s: Values) -> Values:
        xp, inside = library(s), s < 1
        # s over 1 - s as it stands: 1 / (1 - s) - 1 would cancel near zero
        quotient = xp.where(inside, s, 0.0) / xp.where(inside, 1 - s, 1.0)
        return xp.where(inside, quotient, math.inf)

    def excess_derivative(self, s: Values) -> Values:
        return where_inside(s < 1, 1 - s, lambda t: 1 / t**2, math.inf)

    def excess_curvature(self, s: Values) -> Values:
        return where_inside(s < 1, 1 - s, lambda t: 2 * t**-3.0, math.inf)

    def excess_at(self, log_ratio: Values) -> Values:
        return -library(log_ratio).expm1(-log_ratio / 2)


class Wasserstein1(AbstractF):
    """f is 0 at 1 and infinite elsewhere, f*(y) = y: the divergence is L W1(P, Q)."""

    @property
    def slope_at_one(self) -> float:
        return 0.0

    @property
    def domain(self) -> float:
        return math.inf

    def __call__(self, x: Values) -> Values:
        x = as_values(x)
        return library(x).where(x == 1, 0.0, math.inf)

    def derivative(self, x: Values) -> Values:
        return 0.0 * as_values(x)

    def curvature(self, x: Values) -> Values:
        x = as_values(x)
        return library(x).full_like(x, math.inf)

    def conjugate(self, y: Values) -> Values:
        return as_values(y)

    def excess_conjugate(self, s: Values) -> Values:
        return s

    def excess_derivative(self, s: Values) -> Values:
        return library(s).ones_like(s)

    def excess_curvature(self, s: Values) -> Values:
        return library(s).zeros_like(s)

    @property
    def fixes_marginal(self) -> bool:
        return True

    def penalty(self, ratio: Values, price: Values) -> Values:
        return price * abs(ratio - 1) / 2

    def proximal(self, mass: Float[Array, " n"], smoothing: Float[Array, ""]) -> Float[Array, " n"]:
        # what arrives is fixed, so the whole mass goes into the potential
        return smoothing * mass

    def excess_at(self, log_ratio: Values) -> Values:
        return 0.0 * log_ratio

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
