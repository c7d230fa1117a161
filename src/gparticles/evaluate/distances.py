"""Two-sample distances from kernels and moments: energy, MMD, KID's estimator, Frechet."""

import math
from typing import Any, NamedTuple

import numpy as np

from gparticles.evaluate.pairwise import rows, squared_distances

KID_BLOCK = 500
# of a cloud where there is one block
MOST_ROWS = 4000


class Matrices(NamedTuple):
    """Squared distances between and within two clouds.

    Attributes:
        xy, xx, yy: shapes (m, n), (m, m) and (n, n).
    """

    xy: np.ndarray
    xx: np.ndarray
    yy: np.ndarray


def matrices(x: Any, y: Any) -> Matrices:
    """All squared distances of two clouds, shapes (m, *event) and (n, *event)."""
    a, b = rows(x), rows(y)
    return Matrices(squared_distances(a, b), squared_distances(a, a), squared_distances(b, b))


def energy_distance(x: Any, y: Any) -> float:
    """The unbiased estimate of 2 E|X - Y| - E|X - X'| - E|Y - Y'|.

    Szekely and Rizzo 2013, eq. 5.1, with sums over pairs of different points within a cloud.
    Without bias: of mean zero where the distributions are equal, so it may be below zero.

    Args:
        x, y: shapes (m, *event) and (n, *event), at least two rows each, data units.

    Returns:
        The distance (not its root), data units.
    """
    return energy_of(matrices(x, y))


def energy_of(squared: Matrices) -> float:
    """`energy_distance` from squared distances."""
    xy, xx, yy = (np.sqrt(matrix) for matrix in squared)
    return 2 * float(xy.mean()) - _off_diagonal_mean(xx) - _off_diagonal_mean(yy)


def mmd2(x: Any, y: Any, *, bandwidth: float | None = None) -> float:
    """The unbiased estimate of the squared maximum mean discrepancy under a Gaussian kernel.

    E k(X, X') + E k(Y, Y') - 2 E k(X, Y) with k(a, b) = exp(-|a - b|^2 / (2 bandwidth^2))
    (Gretton et al. 2012, eq. 3). Without bias, so it may be below zero.

    Args:
        x, y: shapes (m, *event) and (n, *event), at least two rows each, data units.
        bandwidth: data units; the median distance of two rows of y by default, so that every
            cloud is compared to y under one kernel.

    Returns:
        A number without unit, at most 2.
    """
    return mmd2_of(matrices(x, y), bandwidth=bandwidth)


def mmd2_of(squared: Matrices, *, bandwidth: float | None = None) -> float:
    """`mmd2` from squared distances."""
    sigma = median_distance(squared.yy) if bandwidth is None else bandwidth
    xy, xx, yy = (np.exp(matrix / (-2 * sigma**2)) for matrix in squared)
    return _off_diagonal_mean(xx) + _off_diagonal_mean(yy) - 2 * float(xy.mean())


def median_distance(squared: np.ndarray) -> float:
    """The median distance of two different points, 1 where most coincide; from squares (n, n)."""
    above = squared[np.triu_indices(len(squared), k=1)]
    found = math.sqrt(float(np.median(above))) if len(above) else 0.0
    return found if found > 0 else 1.0


def _off_diagonal_mean(matrix: np.ndarray) -> float:
    count = len(matrix)
    return float(matrix.sum() - np.trace(matrix)) / (count * (count - 1))


class BlockMean(NamedTuple):
    """A mean over blocks.

    Attributes:
        value: the mean.
        error: its standard error, from the spread over blocks; nan with one block.
    """

    value: float
    error: float


def kid(x: Any, y: Any, *, block: int = KID_BLOCK, seed: int = 0) -> BlockMean:
    """The estimator of the kernel inception distance, on whatever features it is given.

    The unbiased squared MMD under the kernel (a.b / d + 1)^3, averaged over disjoint random
    blocks of rows of both clouds (Binkowski et al. 2018, section 4). It is called KID only on
    Inception's features. Without bias, so it may be below zero; it changes with the origin
    and the scale of the features.

    Args:
        x, y: shapes (m, *event) and (n, *event), at least two rows each.
        block: rows of each cloud in a block. Where a cloud has too few for two blocks, all rows
            of both make one, and there is no standard error.
        seed: of the division into blocks.

    Returns:
        The mean and its standard error, without unit.
    """
    generator = np.random.default_rng(seed)
    a, b = (generator.permutation(rows(cloud)) for cloud in (x, y))
    size = min(block, len(a), len(b))
    blocks = min(len(a), len(b)) // size
    if blocks == 1:
        # all rows of both: a block as small as the smaller cloud would waste the larger
        return BlockMean(_polynomial_mmd2(a[:MOST_ROWS], b[:MOST_ROWS]), math.nan)
    found = [
        _polynomial_mmd2(a[k * size : (k + 1) * size], b[k * size : (k + 1) * size])
        for k in range(blocks)
    ]
    error = np.std(found, ddof=1) / math.sqrt(blocks)
    return BlockMean(float(np.mean(found)), float(error))


def _polynomial_mmd2(a: np.ndarray, b: np.ndarray) -> float:
    dim = a.shape[1]
    ab, aa, bb = ((one @ other.T / dim + 1) ** 3 for one, other in ((a, b), (a, a), (b, b)))
    return _off_diagonal_mean(aa) + _off_diagonal_mean(bb) - 2 * float(ab.mean())


class Moments(NamedTuple):
    """A Gaussian fit.

    Attributes:
        mean: shape (d,).
        root: shape (k, d), whose root^T root is the covariance (division by n - 1).
    """

    mean: np.ndarray
    root: np.ndarray


def moments(x: np.ndarray) -> Moments:
    """The Gaussian fit to points of shape (n, d)."""
    mean = x.mean(axis=0)
    centred = (x - mean) / math.sqrt(max(len(x) - 1, 1))
    if len(x) <= x.shape[1]:
        return Moments(mean, centred)
    values, vectors = np.linalg.eigh(centred.T @ centred)
    return Moments(mean, np.sqrt(np.maximum(values, 0))[:, None] * vectors.T)


def frechet_distance(x: Any, y: Any) -> float:
    """The squared Frechet distance, which is W2^2, of the Gaussian fits to two clouds.

    |m_x - m_y|^2 + tr(C_x + C_y - 2 (C_x^(1/2) C_y C_x^(1/2))^(1/2)) (Dowson and Landau 1982,
    eq. 4; Heusel et al. 2017, eq. 6, on Inception's features, which alone make it FID).

    Bias: upward, of order d / n at equal distributions. Zero does not mean that the
    distributions are equal: only two moments are compared.

    Args:
        x, y: shapes (m, *event) and (n, *event), data units.

    Returns:
        The squared distance, squared data units; not negative but for rounding.
    """
    return frechet_of(moments(rows(x)), moments(rows(y)))


def frechet_of(x: Moments, y: Moments) -> float:
    """`frechet_distance` from Gaussian fits.

    With C = R^T R the last trace is the sum of the singular values of R_x R_y^T, so that no root
    of a singular matrix is taken.
    """
    cross = np.linalg.svd(x.root @ y.root.T, compute_uv=False).sum()
    traces = (x.root**2).sum() + (y.root**2).sum()
    return float(((x.mean - y.mean) ** 2).sum() + traces - 2 * cross)
