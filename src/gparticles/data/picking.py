"""Picking from finitely many images, without repetition and balanced over their classes."""

from collections.abc import Sequence

import numpy as np

from gparticles.checks import at_least
from gparticles.errors import InputError

Array = np.ndarray
Split = tuple[Array, Array, Array, Array]

HELD_OUT_EVERY = 5
"""Every fifth image of a class is held out: a rule without a generator stays as it is."""


def number(n: int | None, per_class: int | None, classes: int) -> int:
    """How many in all, said in one of the two ways."""
    if n is not None and per_class is None:
        return n
    if per_class is not None and n is None:
        return classes * per_class
    raise InputError("images are counted by n or by per_class; give one of the two, not both")


def balanced(labels: Array, n: int, *, seed: int) -> tuple[Array, Array]:
    """n of the rows, as many of each class, and the others, both in random order."""
    at_least("n", n, 1)
    generator = np.random.default_rng(seed)
    classes, sizes = np.unique(labels, return_counts=True)
    wanted = np.full(len(classes), n // len(classes))
    wanted[generator.permutation(len(classes))[: n % len(classes)]] += 1
    chosen, others = [], []
    for label, count in zip(classes, wanted, strict=True):
        members = generator.permutation(np.flatnonzero(labels == label))
        if count > len(members):
            raise InputError(
                f"{n} images need {count} of class {label}, of which there are "
                f"{len(members)}; ask for at most {len(classes) * sizes.min()}"
            )
        chosen.append(members[:count])
        others.append(members[count:])
    return generator.permutation(np.concatenate(chosen)), generator.permutation(
        np.concatenate(others)
    )


def fifths(labels: Array, classes: Sequence[int]) -> tuple[Array, Array]:
    """Rows that may be picked, and those held out, every fifth of a class, the classes in turns."""
    members = [np.flatnonzero(labels == label) for label in classes]
    last = HELD_OUT_EVERY - 1
    aside = [rows[last::HELD_OUT_EVERY] for rows in members]
    rest = in_turns(aside)
    return np.setdiff1d(np.concatenate(members), np.concatenate(aside)), rest


def in_turns(members: Sequence[Array]) -> Array:
    """Rows of every class in turns, so that any first part and every second row are balanced."""
    least = min(map(len, members))
    turns = np.stack([rows[:least] for rows in members], axis=1)
    # each turn begins with the next class, or every second image would be of an even class
    return np.concatenate([np.roll(turn, -k) for k, turn in enumerate(turns)])


def wanted_classes(classes: int | Sequence[int] | None, among: str) -> list[int]:
    """Those asked for, of the ten 0 to 9, ascending; all where None.

    Raises:
        InputError: what is no such number, or one twice.
    """
    wanted = np.arange(10) if classes is None else np.atleast_1d(np.asarray(classes))
    kinds = sorted(set(wanted.ravel().tolist()))
    if wanted.ndim != 1 or not 0 < len(kinds) == len(wanted) or not set(kinds) <= set(range(10)):
        raise InputError(f"classes is {classes}; give different {among} from 0 to 9")
    return [int(label) for label in kinds]
