"""Distances between the rows of two clouds, and each row's nearest in another cloud."""

from typing import Any

import numpy as np

from gparticles.checks import check_points

# up to this many columns, differences are formed one by one and nothing cancels
FEW_COLUMNS = 16
# rows whose distances are held at a time
_BLOCK = 2000


def rows(points: Any) -> np.ndarray:
    """Shape (n, *event) as float64 of shape (n, d).

    Raises:
        InputError: no points, NaN, masked entries or text.
    """
    points = check_points(points, "points")
    return points.reshape(len(points), -1).astype(np.float64)


def squared_distances(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """|x_i - y_j|^2, shape (m, n), never negative.

    With many columns, |x|^2 + |y|^2 - 2 x.y of centred points in float64, whose error is about
    1e-16 of the largest squared norm.

    Args:
        x, y: shapes (m, d) and (n, d), float64.
    """
    if x.shape[1] <= FEW_COLUMNS:
        from scipy.spatial.distance import cdist

        return cdist(x, y, "sqeuclidean")
    centre = y.mean(axis=0)
    x, y = x - centre, y - centre
    squared = (x**2).sum(axis=1)[:, None] + (y**2).sum(axis=1) - 2 * x @ y.T
    return np.maximum(squared, 0)


def nearest(points: np.ndarray, among: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each point's distance to its nearest row of ``among``, and that row's index.

    Args:
        points, among: shapes (m, d) and (n, d), float64.

    Returns:
        Distances and indices, shapes (m,) and (m,); a distance of 0 is exact.
    """
    if points.shape[1] <= FEW_COLUMNS:
        from scipy.spatial import KDTree

        result: Any = KDTree(among).query(points)
        return result
    index = np.empty(len(points), np.int64)
    for begin in range(0, len(points), _BLOCK):
        block = slice(begin, begin + _BLOCK)
        index[block] = squared_distances(points[block], among).argmin(axis=1)
    # formed anew from differences, since copies are told by distances near zero
    return np.linalg.norm(points - among[index], axis=1), index


def subsample(points: np.ndarray, count: int, *, seed: int = 0) -> np.ndarray:
    """At most ``count`` of the rows, without repetition, in their order."""
    return points[subset(len(points), count, seed=seed)] if len(points) > count else points


def subset(total: int, count: int, *, seed: int = 0) -> np.ndarray:
    """Indices of at most ``count`` of ``total`` rows, ascending."""
    if total <= count:
        return np.arange(total)
    return np.sort(np.random.default_rng(seed).choice(total, count, replace=False))
