"""Two-sample distances from kernels and moments: energy, MMD, KID's estimator, Frechet."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from gparticles.evaluate.pairwise import FEW_COLUMNS, rows, squared_distances

KID_BLOCK = 500
# of a cloud where there is one block
MOST_ROWS = 4000
# of a matrix that are summed at a time: they stay in the processor's cache
_ROWS = 64

Kernel = Callable[[np.ndarray], np.ndarray]


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
    xy, xx, yy = matrices(x, y)
    return 2 * mean_between(np.sqrt, xy) - mean_within(np.sqrt, xx) - mean_within(np.sqrt, yy)


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
    xy, xx, yy = matrices(x, y)
    kernel = gaussian(median_distance(yy) if bandwidth is None else bandwidth)
    return mean_within(kernel, xx) + mean_within(kernel, yy) - 2 * mean_between(kernel, xy)


def gaussian(bandwidth: float) -> Kernel:
    """exp(-r^2 / (2 bandwidth^2)) as a function of r^2."""
    return lambda squared: np.exp(squared / (-2 * bandwidth**2))


def mean_between(kernel: Kernel, squared: np.ndarray) -> float:
    """The mean of a function of squared distances, shape (m, n)."""
    return _sum(kernel, squared) / squared.size


def mean_within(kernel: Kernel, squared: np.ndarray) -> float:
    """The same over pairs of different points of one cloud, shape (n, n)."""
    count = len(squared)
    own = float(kernel(np.diagonal(squared)).sum())
    return (_sum(kernel, squared) - own) / (count * (count - 1))


def _sum(kernel: Kernel, squared: np.ndarray) -> float:
    parts = range(0, len(squared), _ROWS)
    return sum(float(kernel(squared[k : k + _ROWS]).sum()) for k in parts)


def median_distance(squared: np.ndarray) -> float:
    """The median distance of two different points, 1 where most coincide; from squares (n, n)."""
    above = squared[~np.tri(len(squared), dtype=bool)]
    median = math.sqrt(float(np.median(above))) if len(above) else 0.0
    return median if median > 0 else 1.0


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
    values = [
        _polynomial_mmd2(a[k * size : (k + 1) * size], b[k * size : (k + 1) * size])
        for k in range(blocks)
    ]
    error = np.std(values, ddof=1) / math.sqrt(blocks)
    return BlockMean(float(np.mean(values)), float(error))


def _polynomial_mmd2(a: np.ndarray, b: np.ndarray) -> float:
    dim = a.shape[1]
    ab, aa, bb = (_products(one / dim, other) for one, other in ((a, b), (a, a), (b, b)))
    return mean_within(_cube, aa) + mean_within(_cube, bb) - 2 * mean_between(_cube, ab)


def _products(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    # threads of BLAS take longer to start than so few columns to multiply
    return np.einsum("ik,jk->ij", a, b) if a.shape[1] <= FEW_COLUMNS else a @ b.T


def _cube(products: np.ndarray) -> np.ndarray:
    """(products + 1)^3; a power would take twenty times as long."""
    raised = products + 1
    return raised * raised * raised


class GaussianFit(NamedTuple):
    """Two moments of a cloud.

    Attributes:
        mean: shape (d,).
        root: shape (k, d), whose root^T root is the covariance (division by n - 1).
    """

    mean: np.ndarray
    root: np.ndarray


def moments(x: np.ndarray) -> GaussianFit:
    """The Gaussian fit to points of shape (n, d)."""
    mean = x.mean(axis=0)
    centred = (x - mean) / math.sqrt(max(len(x) - 1, 1))
    if len(x) <= x.shape[1]:
        return GaussianFit(mean, centred)
    values, vectors = np.linalg.eigh(centred.T @ centred)
    return GaussianFit(mean, np.sqrt(np.maximum(values, 0))[:, None] * vectors.T)


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


def frechet_of(x: GaussianFit, y: GaussianFit) -> float:
    """`frechet_distance` from Gaussian fits.

    With C = R^T R the last trace is the sum of the singular values of R_x R_y^T, so that no root
    of a singular matrix is taken.
    """
    cross = np.linalg.svd(x.root @ y.root.T, compute_uv=False).sum()
    traces = (x.root**2).sum() + (y.root**2).sum()
    return float(((x.mean - y.mean) ** 2).sum() + traces - 2 * cross)
