"""The divergence estimated by a network, with the lower bound that the same network proves."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int
from numpy.typing import ArrayLike

from gparticles import compiled
from gparticles.checks import check_count, check_points, check_seed
from gparticles.divergence import KL, AbstractF
from gparticles.divergence.bounds import balanced, lower_bound
from gparticles.divergence.ground import Ground, check_clouds
from gparticles.errors import InputError
from gparticles.numerics import own_settings
from gparticles.potential.fitting import (
    Cloud,
    Fit,
    FitRule,
    check_takes,
    fit_step,
    single_precision,
    start_fit,
)
from gparticles.potential.networks import AbstractPotential, tight_mlp

STEPS = 1000
LEARNING_RATE = 1e-2
BLOCK = 65_536


class _Scaled(AbstractPotential):
    """A network times a factor that is not fitted, so that every L runs the same program."""

    network: AbstractPotential
    factor: Float[Array, ""]
    lipschitz: float = eqx.field(static=True)

    def __call__(
        self, points: Float[Array, "n *event"], labels: Int[Array, " n"] | None = None
    ) -> Float[Array, " n"]:
        return jax.lax.stop_gradient(self.factor) * self.network(points, labels)

    def lipschitz_bound(self) -> float:
        return float(self.factor) * self.network.lipschitz_bound()

    def penalty(
        self, points: Float[Array, "n *event"], labels: Int[Array, " n"] | None = None
    ) -> Float[Array, ""] | None:
        return self.network.penalty(points, labels)


@dataclass(frozen=True, eq=False, repr=False)
class FittedPotential:
    """A fitted network as a function of the data: (k, *event) in data units to (k,) in nats."""

    network: AbstractPotential
    ground: Ground
    spread: float
    event: tuple[int, ...]
    lipschitz: float

    def __call__(self, points: ArrayLike) -> np.ndarray:
        array = check_points(points, "points")
        if array.shape[1:] != self.event:
            raise InputError(
                f"points have shape {array.shape[1:]}, the clouds' {self.event}; "
                "give the same columns"
            )
        flat = self.ground.to_unit(array.reshape(len(array), -1).astype(np.float64)) / self.spread
        return self._values(flat)

    def lipschitz_bound(self) -> float:
        """What |phi(x) - phi(y)| / |x - y| never exceeds, nats per data unit; inf if unknown."""
        return self.network.lipschitz_bound() / (self.spread * self.ground.unit)

    def _values(self, working: np.ndarray) -> np.ndarray:
        blocks = [
            np.asarray(_values(self.network, _shaped(working[at : at + BLOCK], self.event)))
            for at in range(0, len(working), BLOCK)
        ]
        return np.concatenate(blocks).astype(np.float64)

    def __repr__(self) -> str:
        return f"FittedPotential({type(self.network).__name__}, L = {self.lipschitz:g})"


@dataclass(frozen=True, eq=False)
class Estimate:
    """What a network says of the divergence.

    Attributes:
        value: its dual objective, nats: below the exact value if its slope is bounded by L.
        lower: a certified lower bound of the exact value, nats: the dual objective of
            min_j (phi(y_j) + L |x - y_j|), whatever the network is; not below ``value`` but for
            float32 rounding, and for networks whose slope exceeds L.
        potential: phi, callable at any points.
    """

    value: float
    lower: float
    potential: FittedPotential


@own_settings()
def estimate_divergence(
    p: ArrayLike,
    q: ArrayLike,
    *,
    f: AbstractF | None = None,
    lipschitz: float = 1.0,
    potential: AbstractPotential | None = None,
    steps: int = STEPS,
    optimizer: optax.GradientTransformation | None = None,
    p_weights: ArrayLike | None = None,
    q_weights: ArrayLike | None = None,
    seed: int = 0,
) -> Estimate:
    """The Lipschitz-regularised f-divergence of two samples, as a network finds it.

    Ascends E_P phi - inf_nu {nu + E_Q f*(phi - nu)} over the network's parameters (Birrell et al.
    2022, J. Mach. Learn. Res. 23(39), section 4) with all points in every step. The network sees
    centred points divided by their spread, and is scaled so that its slope is L in data units:
    data times s with L over s give the same value.

    Args:
        p: points of P, shape (m, *event).
        q: points of Q, shape (n, *event).
        f: the divergence; ``KL()`` by default.
        lipschitz: L, nats per data unit.
        potential: the network before the fit, of any finite L, which is replaced by ``lipschitz``;
            ``tight_mlp`` of width 64 and depth 3 by default.
        steps: of the optimiser.
        optimizer: any Optax optimiser; Adam by default, its rate falling to zero.
        p_weights, q_weights: shapes (m,) and (n,), not negative; equal by default.
        seed: of the default network.

    Raises:
        InputError: anything that cannot be used.
    """
    f = KL() if f is None else f
    if not isinstance(f, AbstractF):
        raise InputError(f"f is {f!r}: give an object, such as gpa.KL()")
    steps = check_count(steps, "steps")
    ground, _, _ = check_clouds(p, q, lipschitz, (p_weights, q_weights))
    event = np.shape(p)[1:]
    network = _network(potential, event, seed)
    optimiser = _default_optimiser(steps) if optimizer is None else optimizer
    if not isinstance(optimiser, optax.GradientTransformation):
        raise InputError("optimizer: give an Optax optimiser, such as optax.adam(1e-3)")
    spread = _spread(ground)
    factor = ground.slope * spread / network.lipschitz
    clouds = tuple(
        Cloud(_shaped(points / spread, event), jnp.asarray(weights, jnp.float32))
        for points, weights in ((ground.x, ground.p), (ground.y, ground.q))
    )
    fitted = _fitted(
        (f, steps, optimiser),
        _Scaled(network=network, factor=jnp.asarray(factor, jnp.float32), lipschitz=1.0),
        (clouds[0], clouds[1]),
    )
    phi = FittedPotential(fitted, ground, spread, event, ground.lipschitz)
    return _estimate(f, ground, phi)


def _network(
    potential: AbstractPotential | None, event: tuple[int, ...], seed: int
) -> AbstractPotential:
    check_seed(seed)
    if potential is None:
        return tight_mlp(math.prod(event), width=64, depth=3, seed=seed)
    if not isinstance(potential, AbstractPotential) or not np.isfinite(potential.lipschitz):
        raise InputError("potential: give one of finite L, such as gpa.tight_mlp(d)")
    potential = single_precision(potential)
    check_takes(potential, event, labelled=False)
    return potential


def _estimate(f: AbstractF, ground: Ground, phi: FittedPotential) -> Estimate:
    values, psi = (phi._values(points / phi.spread) for points in (ground.x, ground.y))
    excess = balanced(f, psi, ground.q)
    shift = float(psi[0] - excess[0])
    value = float(ground.p @ (values - shift) - ground.q @ f.excess_conjugate(excess))
    return Estimate(value, lower_bound(f, ground, psi).value, phi)


def _spread(ground: Ground) -> float:
    """The median distance from the centre of both clouds, in the clouds' common unit."""
    both = np.concatenate([ground.x, ground.y])
    away = np.linalg.norm(both - np.median(both, axis=0), axis=1)
    return float(np.median(away)) or float(away.max()) or 1.0


def _shaped(working: np.ndarray, event: tuple[int, ...]) -> Array:
    return jnp.asarray(working.reshape(-1, *event), jnp.float32)


@lru_cache
def _default_optimiser(steps: int) -> optax.GradientTransformation:
    # cached, since a new object would make the loop be compiled again
    return optax.adam(optax.cosine_decay_schedule(LEARNING_RATE, steps))


@compiled.jit
def _values(network: Callable, points: Array) -> Array:
    return network(points)


def _fitted(
    how: tuple[AbstractF, int, optax.GradientTransformation],
    potential: AbstractPotential,
    clouds: tuple[Cloud, Cloud],
) -> AbstractPotential:
    f, steps, optimiser = how
    rule = FitRule(
        f=f,
        optimiser=optimiser,
        static=eqx.filter(potential, eqx.is_inexact_array, inverse=True),
        fit_steps=1,
        max_settling=0,
        batch_size=None,
        reverse=False,
    )
    start = start_fit(rule, potential, *clouds, jax.random.PRNGKey(0))
    fit = _ascend(rule, start, clouds, jnp.asarray(steps))
    return rule.potential(fit.parameters)


@compiled.jit
def _ascend(rule: FitRule, fit: Fit, clouds: tuple[Cloud, Cloud], steps: Array) -> Fit:
    def body(_: Array, fit: Fit) -> Fit:
        return fit_step(rule, fit, *clouds)[0]

    return jax.lax.fori_loop(0, steps, body, fit)
