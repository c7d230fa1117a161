"""How long every step is: one number, a schedule, or what suits the data."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gparticles.checks import check_count, check_number
from gparticles.errors import InputError
from gparticles.flow import defaults


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


def step_sizes_of(
    steps: int | None, size: float | Cooldown | Callable | None, *, lipschitz: float, spread: float
) -> np.ndarray:
    """dt of every step, shape (steps,), from a number, a schedule or None."""
    steps = defaults.STEPS if steps is None else check_count(steps, "steps")
    if size is None:
        return defaults.default_step_sizes(steps, lipschitz, spread)
    if isinstance(size, Cooldown):
        full = step_sizes_of(steps, size.step_size, lipschitz=lipschitz, spread=spread)
        return (full * size.factors(steps)).astype(np.float32)
    if callable(size):
        sizes = np.array([float(size(n)) for n in range(steps)], np.float32)
        if not (np.all(np.isfinite(sizes)) and np.all(sizes >= 0) and sizes.sum() > 0):
            raise InputError("step_size: the schedule must give finite numbers, none negative")
        return sizes
    return np.full(steps, check_number(size, "step_size"), np.float32)
