"""Targets that are not held: random parts of them, one after the other."""

from typing import Any, Protocol, runtime_checkable

import jax.numpy as jnp
import numpy as np

from gparticles.errors import InputError
from gparticles.flow.scaling import AbstractScaling
from gparticles.potential.fitting import Cloud


@runtime_checkable
class DrawnTarget(Protocol):
    """Rows of which a flow is given one random part after the other.

    Attributes:
        every: for how many steps a part serves.
        ends: the least and the largest number of every column, shape (2, *event), data units.
        identity: other rows have another one.
        note: what the user should know, one line.
    """

    @property
    def every(self) -> int: ...

    @property
    def ends(self) -> np.ndarray: ...

    @property
    def identity(self) -> str: ...

    @property
    def note(self) -> str: ...

    def part(self, number: int) -> np.ndarray:
        """Random rows, shape (rows, *event): the same ones for a number, whatever came before."""
        ...


def drawn_target(target: Any, others: dict[str, Any]) -> DrawnTarget | None:
    """The target, if it is one of which parts are drawn.

    Args:
        target: what ``transport`` was given.
        others: arguments with an entry for every row of the target, by name.

    Raises:
        InputError: one of these is given as well.
    """
    if not isinstance(target, DrawnTarget):
        return None
    for name, value in others.items():
        if value is not None:
            raise InputError(f"{name}: rows that are drawn from a file have none; leave it out")
    return target


def drawn_cloud(drawn: DrawnTarget, number: int, *, scaling: AbstractScaling, count: int) -> Cloud:
    """The first ``count`` rows of a part in working units, all of the same weight."""
    points = jnp.asarray(scaling.to_working(drawn.part(number)[:count]))
    return Cloud(points, jnp.asarray(np.full(count, 1 / count).astype(np.float32)))
