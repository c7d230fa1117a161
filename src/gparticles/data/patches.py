"""Small colour images without a network: tiles of the two photographs that scikit-learn ships."""

from collections.abc import Sequence

import numpy as np

from gparticles.checks import at_least
from gparticles.data.picking import Split, balanced, fifths, number
from gparticles.errors import InputError

Array = np.ndarray

# the photographs, in scikit-learn's order: a temple and a flower
_PHOTOGRAPHS = 2


def patches(
    n: int | None = None, *, per_class: int | None = None, side: int = 32, seed: int = 0
) -> tuple[Array, Array]:
    """Pick from the colour tiles of two photographs, balanced over the photographs.

    The tiles do not overlap. Every fifth of a photograph, row by row, is never picked here
    (`patches_split` returns those); its neighbours may be, and show the same sky.

    Args:
        n: how many in all; None: `per_class`, or all.
        per_class: how many of each photograph, instead of n; at most 208 of side 32.
        side: of a tile, pixels.
        seed: picks which tiles, and the order.

    Returns:
        images, shape (n, side, side, 3), float32 in [0, 1]; labels, shape (n,), int: 0 is the
        temple, 1 the flower.

    Raises:
        InputError: both n and per_class, fewer than one, more than there are, or a side at which a
            photograph has fewer than five tiles.

    >>> images, labels = patches(6)
    >>> images.shape, sorted(labels.tolist())
    ((6, 32, 32, 3), [0, 0, 0, 1, 1, 1])
    """
    return patches_split(n, per_class=per_class, side=side, seed=seed)[:2]


def patches_split(
    n: int | None = None, *, per_class: int | None = None, side: int = 32, seed: int = 0
) -> Split:
    """`patches(n)` and the tiles it never picks: images, labels, held_out_images and their labels.

    The held-out tiles are the same for every n and seed, and the photographs take turns.
    """
    at_least("side", side, 1)
    images, labels = _tiles(side)
    offered, rest = fifths(labels, range(_PHOTOGRAPHS))
    everything = n is None and per_class is None
    count = len(offered) if everything else number(n, per_class, _PHOTOGRAPHS)
    picked, _ = balanced(labels[offered], count, seed=seed)
    kept = offered[picked]
    return images[kept], labels[kept], images[rest], labels[rest]


def _tiles(side: int) -> tuple[Array, Array]:
    """All tiles, row by row, and which photograph each is of."""
    tiles = [_cut(photograph, side) for photograph in _photographs()]
    if min(map(len, tiles)) < 5:
        raise InputError(f"side is {side}: a photograph has fewer than five tiles; give less")
    labels = np.repeat(np.arange(len(tiles)), [len(of_one) for of_one in tiles])
    return (np.concatenate(tiles) / 255).astype(np.float32), labels


def _cut(photograph: Array, side: int) -> Array:
    down, across = (size // side for size in photograph.shape[:2])
    inner = photograph[: down * side, : across * side]
    tiles = inner.reshape(down, side, across, side, 3).swapaxes(1, 2)
    return tiles.reshape(-1, side, side, 3)


def _photographs() -> Sequence[Array]:
    from sklearn.datasets import load_sample_images  # slow to import, and only needed here

    return load_sample_images().images
