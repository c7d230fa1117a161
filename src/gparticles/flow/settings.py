"""What the user may set: checked once, with the defaults that docs/defaults.md tells of."""

import math
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import equinox as eqx
import numpy as np
import optax

from gparticles.checks import check_count, check_number, check_seed
from gparticles.divergence import KL, AbstractF
from gparticles.errors import InputError
from gparticles.flow.integrators import AbstractIntegrator, Euler
from gparticles.flow.recording import Store
from gparticles.flow.stepping import AbstractVelocity
from gparticles.flow.stopping import AbstractStop
from gparticles.potential import AOL, AbstractPotential, ClassConditional, smooth_mlp

STEPS = 1000
FIT_STEPS = 3
WIDTH = 32
LEARNING_RATE = 1e-2
MAX_SETTLING = 1000

# dt * L / spread: how far, in spreads, a particle at full speed moves in one step
STRIDE = 0.05


class Choice(NamedTuple):
    """What gives the velocity, prepared: L in nats per working unit, and what it begins from."""

    lipschitz: float
    velocity: AbstractVelocity
    potential: Any


class AbstractKind(eqx.Module):
    """A kind of velocity, as the user asks for it."""

    @abstractmethod
    def prepare(
        self, settings: "Settings", event: tuple[int, ...], num_classes: int | None
    ) -> Choice:
        """The velocity of these settings for points of shape ``event``.

        Raises:
            InputError: a setting that this kind cannot use.
        """


@dataclass(frozen=True)
class Cooldown:
    """Steps of one size that falls in a straight line to nothing over the last of them.

    At full speed a particle on a thin target crosses it at every step, and comes back at the next.
    Steps that become shorter let it settle, which matters where the target has no density.

    Attributes:
        share: of the steps, over which the size falls; above 0, at most 1.
        step_size: of those before, as for ``transport``; None for what suits the data.

    >>> Cooldown(0.5, step_size=1.0).factors(4).tolist()
    [1.0, 1.0, 1.0, 0.5]
    """

    share: float = 0.3
    step_size: float | None = None

    def __post_init__(self) -> None:
        share = check_number(self.share, "share")
        if share > 1:
            raise InputError(
                f"share is {share:g}: it is the part of the steps that shorten, at most 1"
            )

    def factors(self, steps: int) -> np.ndarray:
        """By what every step's size is multiplied, shape (steps,)."""
        left = steps - np.arange(steps)
        return np.minimum(1.0, left / max(1.0, self.share * steps))


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The arguments of ``gparticles.transport`` that are not data, with their defaults.

    Raises:
        InputError: one is not of its kind.
    """

    f: AbstractF = field(default_factory=KL)
    lipschitz: float | None = None
    potential: AbstractPotential | AbstractKind | None = None
    integrator: AbstractIntegrator = field(default_factory=Euler)
    reverse: bool = False
    steps: int | None = None
    step_size: float | Cooldown | Callable[[int], float] | None = None
    fit_steps: int | None = None
    optimizer: optax.GradientTransformation | None = None
    batch_size: int | None = None
    bounds: tuple[float, float] | None = None
    scale: float | str = "auto"
    stop: AbstractStop | None = None
    store: Store = field(default_factory=Store)
    devices: Any = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name, (kinds, example) in _KINDS.items():
            value = getattr(self, name)
            if value is not None and not isinstance(value, kinds):
                raise InputError(f"{name} is {value!r}: give an object, such as {example}")
        check_seed(self.seed)
        object.__setattr__(self, "bounds", check_bounds(self.bounds))


_KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "f": ((AbstractF,), "gpa.KL()"),
    "integrator": ((AbstractIntegrator,), "gpa.Euler()"),
    "stop": ((AbstractStop,), "gpa.KineticEnergy()"),
    "potential": ((AbstractPotential, AbstractKind), "gpa.tight_mlp(d)"),
    "store": ((Store,), "gpa.Store()"),
    "optimizer": ((optax.GradientTransformation,), "optax.adam(1e-3), of Optax"),
}


def check_bounds(bounds: Any) -> tuple[float, float] | None:
    """Two numbers (low, high), or None.

    Raises:
        InputError: anything else.
    """
    if bounds is None:
        return None
    try:
        low, high = (float(b) for b in bounds)
    except (TypeError, ValueError):
        raise InputError(f"bounds are {bounds!r}: give two numbers (low, high)") from None
    if not low < high:
        raise InputError(f"bounds are ({low}, {high}): the first must be below the second")
    return low, high


@lru_cache
def default_optimiser(learning_rate: float = LEARNING_RATE) -> optax.GradientTransformation:
    """Adam at a constant rate."""
    # cached, since a new object would make the compiled chunk be compiled again
    return optax.adam(learning_rate)


def default_potential(
    shape: tuple[int, ...], lipschitz: float, num_classes: int | None, seed: int
) -> AbstractPotential:
    """The smooth dense network for points of a shape, with one head per class where there are."""
    body = smooth_mlp(math.prod(shape), width=WIDTH, layer=AOL, lipschitz=lipschitz, seed=seed)
    if num_classes is None:
        return body
    return ClassConditional(body, num_classes, seed=seed)


def step_sizes_of(
    steps: int | None,
    size: float | Cooldown | Callable[[int], float] | None,
    *,
    lipschitz: float,
    spread: float,
) -> np.ndarray:
    """dt of every step, working units squared per nat, shape (steps,).

    Args:
        steps: how many, or None for the default.
        size: a number, a schedule ``step -> dt``, or None for what suits the spread.
        lipschitz: L, nats per working unit.
        spread: of the clouds, working units.
    """
    steps = STEPS if steps is None else check_count(steps, "steps")
    if size is None:
        # a constant share of the spread at full speed
        slope = lipschitz if math.isfinite(lipschitz) else 1.0
        return np.full(steps, STRIDE * spread / slope, np.float32)
    if isinstance(size, Cooldown):
        full = step_sizes_of(steps, size.step_size, lipschitz=lipschitz, spread=spread)
        return (full * size.factors(steps)).astype(np.float32)
    if callable(size):
        sizes = np.array([float(size(n)) for n in range(steps)], np.float32)
        if not (np.all(np.isfinite(sizes)) and np.all(sizes >= 0) and sizes.sum() > 0):
            raise InputError("step_size: the schedule must give finite numbers, none negative")
        return sizes
    return np.full(steps, check_number(size, "step_size"), np.float32)
