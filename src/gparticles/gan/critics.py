"""What a GAN's critic maximises, and what keeps its slope in bounds."""

import math
from abc import abstractmethod
from functools import lru_cache
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax

from gparticles.checks import check_count, check_number
from gparticles.divergence import KL, AbstractF, Wasserstein1
from gparticles.errors import InputError
from gparticles.flow.network import choose_potential
from gparticles.potential import (
    AbstractBody,
    AbstractPotential,
    ClassConditional,
    LipschitzMLP,
    SoftLipschitz,
    activations,
)

# gradients are averaged over few steps, since the opponent moves: Radford, Metz and Chintala 2016
# for 0.5, Gulrajani et al. 2017 for 0.9
_FIRST, _SECOND = 0.5, 0.9


@lru_cache
def adam(learning_rate: float) -> optax.GradientTransformation:
    # cached, since a new object would make the compiled chunk be compiled again
    return optax.adam(learning_rate, b1=_FIRST, b2=_SECOND)


@lru_cache
def _clipped_adam(learning_rate: float, limit: float) -> optax.GradientTransformation:
    return optax.chain(adam(learning_rate), _clip_parameters(limit))


def _clip_parameters(limit: float) -> optax.GradientTransformation:
    """Changes updates so that no parameter leaves [-limit, limit]."""

    def update(updates: Any, params: Any) -> Any:
        return jax.tree.map(lambda u, p: jnp.clip(p + u, -limit, limit) - p, updates, params)

    return optax.stateless(update)


class AbstractCritic(eqx.Module):
    """The objective of the critic, its network, and its optimiser."""

    learning_rate: eqx.AbstractVar[float]

    @property
    @abstractmethod
    def objective(self) -> AbstractF:
        """The f whose dual objective the critic maximises."""

    @abstractmethod
    def network(
        self, shape: tuple[int, ...], num_classes: int | None, *, seed: int
    ) -> AbstractPotential:
        """The critic before training, for points of a shape and, where there are, classes."""

    @abstractmethod
    def optimiser(self) -> optax.GradientTransformation:
        """Its optimiser; the same object for the same settings."""


class LipschitzCritic(AbstractCritic):
    """The critic of the Lipschitz-regularised f-GAN: the potential of the flow, L-Lipschitz.

    It maximises E_P phi - inf_nu {nu + E_Q f*(phi - nu)} over networks whose slope is at most L by
    construction, P the generator's law and Q the target's (Birrell et al. 2022, J. Mach. Learn.
    Res. 23(39), eq. 13 and section 6). nu is solved for exactly.

    Args:
        f: the divergence; ``KL()`` by default, ``Alpha(a)`` for heavy tails.
        lipschitz: L, nats per working unit; the potential's or 1 by default.
        potential: the network before training; the default of ``gparticles.transport`` if left out.
        learning_rate: of Adam.
    """

    f: AbstractF = eqx.field(default_factory=KL)
    lipschitz: float | None = None
    potential: AbstractPotential | None = None
    learning_rate: float = 1e-2

    def __check_init__(self) -> None:
        if not isinstance(self.f, AbstractF):
            raise InputError(f"f is {self.f!r}: give an object, such as gpa.KL()")
        check_number(self.learning_rate, "learning_rate")

    @property
    def objective(self) -> AbstractF:
        return self.f

    def network(
        self, shape: tuple[int, ...], num_classes: int | None, *, seed: int
    ) -> AbstractPotential:
        given = self.potential
        if num_classes is not None and isinstance(given, AbstractBody):
            given = ClassConditional(given, num_classes, seed=seed)
        found = choose_potential(given, self.lipschitz, shape, num_classes=num_classes, seed=seed)
        return found[1]

    def optimiser(self) -> optax.GradientTransformation:
        return adam(self.learning_rate)


class ClippedCritic(AbstractCritic):
    """The critic of the first Wasserstein GAN: every weight is kept in [-limit, limit].

    It maximises E_P phi - E_Q phi (Arjovsky, Chintala and Bottou 2017, arXiv 1701.07875,
    algorithm 1). The slope is bounded by some number that depends on the limit and the sizes, so
    the value is W1 up to an unknown factor.

    Args:
        limit: of every weight and bias.
        width, depth: of the hidden layers, whose activation is that of ``LipschitzCritic``.
        learning_rate: of Adam.
    """

    limit: float = 0.01
    width: int = 32
    depth: int = 3
    learning_rate: float = 1e-3

    def __check_init__(self) -> None:
        check_number(self.limit, "limit")
        _check_free(self)

    @property
    def objective(self) -> AbstractF:
        return Wasserstein1()

    def network(
        self, shape: tuple[int, ...], num_classes: int | None, *, seed: int
    ) -> AbstractPotential:
        free = _free(shape, num_classes, (self.width, self.depth), seed=seed)
        return jax.tree.map(
            lambda leaf: (
                jnp.clip(leaf, -self.limit, self.limit) if eqx.is_inexact_array(leaf) else leaf
            ),
            free,
        )

    def optimiser(self) -> optax.GradientTransformation:
        return _clipped_adam(self.learning_rate, self.limit)


class PenalisedCritic(AbstractCritic):
    """The critic of the Wasserstein GAN with a gradient penalty.

    It maximises E_P phi - E_Q phi - strength E (|grad phi| / L - 1)_+^2, the last mean over points
    on segments between the two clouds (Gulrajani et al. 2017, arXiv 1704.00028, eq. 3, in the
    one-sided form of Petzka, Fischer and Lukovnikov 2018, arXiv 1709.08894, eq. 8).

    Args:
        strength: of the penalty, nats.
        lipschitz: L, nats per working unit.
        width, depth: of the hidden layers, whose activation is that of ``LipschitzCritic``.
        learning_rate: of Adam.
    """

    strength: float = 10.0
    lipschitz: float = 1.0
    width: int = 32
    depth: int = 3
    learning_rate: float = 1e-3

    def __check_init__(self) -> None:
        check_number(self.strength, "strength")
        check_number(self.lipschitz, "lipschitz")
        _check_free(self)

    @property
    def objective(self) -> AbstractF:
        return Wasserstein1()

    def network(
        self, shape: tuple[int, ...], num_classes: int | None, *, seed: int
    ) -> AbstractPotential:
        free = _free(shape, num_classes, (self.width, self.depth), seed=seed)
        return SoftLipschitz(free, lipschitz=self.lipschitz, strength=self.strength)

    def optimiser(self) -> optax.GradientTransformation:
        return adam(self.learning_rate)


def _check_free(critic: ClippedCritic | PenalisedCritic) -> None:
    check_number(critic.learning_rate, "learning_rate")
    check_count(critic.width, "width")
    check_count(critic.depth, "depth")


def _free(
    shape: tuple[int, ...], num_classes: int | None, sizes: tuple[int, int], *, seed: int
) -> AbstractPotential:
    """The default potential's layers and activation without a bound on its slope."""
    body = LipschitzMLP(
        math.prod(shape),
        width=sizes[0],
        depth=sizes[1],
        lipschitz=math.inf,
        activation=activations.MollifiedReLU(),
        seed=seed,
    )
    return body if num_classes is None else ClassConditional(body, num_classes, seed=seed)
