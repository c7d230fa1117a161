"""1-Lipschitz activations, and the check that keeps others out of a certified potential."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from gparticles.errors import InputError

Activation = Callable[[Array], Array]


class GroupSort(eqx.Module):
    """Sorts pairs of features: the maxima of the two halves, then their minima.

    Preserves the gradient's norm, unlike ReLU (Anil, Lucas and Grosse 2019, arXiv 1811.05381).
    Acts on the last axis; an odd feature is passed through.
    """

    def __call__(self, x: Array) -> Array:
        half = x.shape[-1] // 2
        a, b, rest = x[..., :half], x[..., half : 2 * half], x[..., 2 * half :]
        return jnp.concatenate([jnp.maximum(a, b), jnp.minimum(a, b), rest], axis=-1)


class ReLU(eqx.Module):
    """max(x, 0)."""

    def __call__(self, x: Array) -> Array:
        return jnp.maximum(x, 0)


class LeakyReLU(eqx.Module):
    """x where positive, slope times x elsewhere."""

    slope: float = eqx.field(static=True, default=0.2)

    def __call__(self, x: Array) -> Array:
        return jnp.where(x > 0, x, self.slope * x)


class ELU(eqx.Module):
    """x where positive, e^x - 1 elsewhere."""

    def __call__(self, x: Array) -> Array:
        return jnp.where(x > 0, x, jnp.expm1(jnp.minimum(x, 0)))


class Softplus(eqx.Module):
    """log(1 + e^(beta x)) / beta: a smooth ReLU whose corner is about 1 / beta wide."""

    beta: float = eqx.field(static=True, default=4.0)

    def __call__(self, x: Array) -> Array:
        return jax.nn.softplus(self.beta * x) / self.beta


class MollifiedReLU(eqx.Module):
    """ReLU convolved with a box of half-width eps: its derivative is a ramp, not a step.

    (x + eps)^2 / (4 eps) for |x| < eps, ReLU outside: smooth gradients without an exponential.
    """

    eps: float = eqx.field(static=True, default=1.0)

    def __call__(self, x: Array) -> Array:
        ramp = jnp.clip(x, -self.eps, self.eps) + self.eps
        return ramp * ramp / (4 * self.eps) + jnp.maximum(x - self.eps, 0)


class BoundedReLU(eqx.Module):
    """min(max(x, 0), 1)."""

    def __call__(self, x: Array) -> Array:
        return jnp.clip(x, 0, 1)


class BoundedELU(eqx.Module):
    """ELU(x) - ELU(x - 1), between -0 and 1."""

    def __call__(self, x: Array) -> Array:
        elu = ELU()
        return elu(x) - elu(x - 1)


REGISTRY: dict[str, Callable[[], Activation]] = {
    "groupsort": GroupSort,
    "relu": ReLU,
    "leaky-relu": LeakyReLU,
    "elu": ELU,
    "softplus": Softplus,
    "mollified-relu": MollifiedReLU,
    "bounded-relu": BoundedReLU,
    "bounded-elu": BoundedELU,
}

_OURS = (GroupSort, ReLU, LeakyReLU, ELU, Softplus, MollifiedReLU, BoundedReLU, BoundedELU)


def parse_activation(name: str) -> Activation:
    """The activation that a recipe names.

    Raises:
        InputError: no activation has this name.
    """
    if name not in REGISTRY:
        raise InputError(f"unknown activation {name!r}: use one of {', '.join(REGISTRY)}")
    return REGISTRY[name]()


def steepest_slope(activation: Activation) -> float:
    """The largest |slope| of an elementwise activation seen on a fine grid of [-20, 20]."""
    grid = np.linspace(-20, 20, 80_001, dtype=np.float32)
    values = np.asarray(activation(jnp.asarray(grid)), dtype=np.float64)
    return float(np.max(np.abs(np.diff(values) / np.diff(grid.astype(np.float64)))))


def check_1_lipschitz(activation: Activation) -> None:
    """Refuses an activation that would void the potential's certificate.

    Raises:
        InputError: a slope above 1 was seen (GELU and SiLU, for instance, reach 1.13 and 1.10).
    """
    if isinstance(activation, _OURS) and getattr(activation, "slope", 0.0) <= 1:
        return
    slope = steepest_slope(activation)
    # float32 differences on the grid's spacing carry errors near 2e-3
    if not slope <= 1.01:
        raise InputError(
            f"the activation has slope {slope:.3f} somewhere, above 1: "
            "divide it by that number, or use one of gparticles.activations"
        )
