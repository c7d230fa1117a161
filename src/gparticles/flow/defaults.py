"""The settings that nobody has to choose; docs/defaults.md tells how they were measured."""

import math
from functools import lru_cache

import numpy as np
import optax

from gparticles.potential import AOL, AbstractPotential, ClassConditional, smooth_mlp

STEPS = 1000
FIT_STEPS = 3
WIDTH = 32
LEARNING_RATE = 1e-2
MAX_SETTLING = 1000

# dt * L / spread: how far, in spreads, a particle at full speed moves in one step
STRIDE = 0.05


@lru_cache
def default_optimiser(learning_rate: float = LEARNING_RATE) -> optax.GradientTransformation:
    # cached, since a new object would make the compiled chunk be compiled again
    return optax.adam(learning_rate)


def default_potential(
    shape: tuple[int, ...], lipschitz: float, num_classes: int | None, seed: int
) -> AbstractPotential:
    body = smooth_mlp(math.prod(shape), width=WIDTH, layer=AOL, lipschitz=lipschitz, seed=seed)
    if num_classes is None:
        return body
    return ClassConditional(body, num_classes, seed=seed)


def default_step_sizes(steps: int, lipschitz: float, spread: float) -> np.ndarray:
    """dt of every step: a constant share of the spread at full speed, working units."""
    slope = lipschitz if math.isfinite(lipschitz) else 1.0
    return np.full(steps, STRIDE * spread / slope, np.float32)
