"""Samples that a generator is measured against: training targets drawn again, with noise or not."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from gparticles.evaluate.pairwise import rows, squared_distances, subset

FOLDS = 5
# rows of the target by which the bandwidth is chosen
MAX_ROWS = 1000
_NARROWEST, _WIDEST, _GRID = 1e-3, 2.0, 16


def resampled(points: np.ndarray, count: int, *, seed: int = 0) -> np.ndarray:
    """``count`` of the rows, drawn with repetition."""
    return points[redrawn(len(points), count, seed=seed)]


def redrawn(total: int, count: int, *, seed: int = 0) -> np.ndarray:
    """``count`` indices below ``total``, drawn with repetition."""
    return np.random.default_rng(seed).integers(total, size=count)


class Bandwidth(NamedTuple):
    """The noise of a smoothed bootstrap.

    Attributes:
        value: standard deviation of the noise in every column, data units.
        gain: validated mean log-likelihood per point over that of the narrowest noise, nats.
    """

    value: float
    gain: float


def choose_bandwidth(points: Any, *, folds: int = FOLDS, seed: int = 0) -> Bandwidth:
    """The Gaussian noise under which left-out rows are likeliest, by cross-validation.

    Maximises over h the sum over folds of ln p_h(row), p_h the mean of N(z, h^2 I) over rows z of
    the other folds (likelihood cross-validation: Silverman 1986, section 3.4.4), on a
    grid of ln h between 0.001 and 2 times the median distance of two rows, and then by Brent's
    method between the best one's neighbours.

    Bias: outliers widen h and repeated rows narrow it. No held-out point is used.

    Args:
        points: shape (n, *event), data units; above 1000 rows, a random 1000.
        folds: of the cross-validation.
        seed: of folds and subsample.

    Returns:
        h, data units; 0 where all rows coincide or there are fewer than two.
    """
    flat = rows(points)
    flat = flat[subset(len(flat), MAX_ROWS, seed=seed)]
    if len(flat) < 2:
        return Bandwidth(0.0, 0.0)
    squared = squared_distances(flat, flat)
    unit = float(np.sqrt(np.median(squared[~np.tri(len(flat), dtype=bool)])))
    unit = unit or float(np.sqrt(squared.max()))
    if unit == 0:
        return Bandwidth(0.0, 0.0)
    fold = np.random.default_rng(seed).permutation(len(flat)) % min(folds, len(flat))
    squared = np.where(fold[:, None] == fold, np.inf, squared / unit**2)
    dim = flat.shape[1]

    def loss(log_h: float) -> float:
        return -_log_likelihood(squared, dim=dim, h=float(np.exp(log_h)))

    best, lowest = _minimise(loss, np.linspace(np.log(_NARROWEST), np.log(_WIDEST), _GRID))
    return Bandwidth(unit * float(np.exp(best)), loss(float(np.log(_NARROWEST))) - lowest)


def _minimise(loss: Callable[[float], float], grid: np.ndarray) -> tuple[float, float]:
    """The place and the value of the least loss; it may have several minima."""
    from scipy.optimize import minimize_scalar

    losses = [loss(float(at)) for at in grid]
    best = int(np.argmin(losses))
    ends = float(grid[max(best - 1, 0)]), float(grid[min(best + 1, len(grid) - 1)])
    refined: Any = minimize_scalar(loss, bounds=ends, method="bounded", options={"xatol": 0.02})
    if refined.fun < losses[best]:
        return float(refined.x), float(refined.fun)
    return float(grid[best]), losses[best]


def _log_likelihood(squared: np.ndarray, *, dim: int, h: float) -> float:
    """Mean over rows of ln of the other folds' kernel density, up to a constant."""
    closest = squared.min(axis=1, keepdims=True)
    summed = np.exp((closest - squared) / (2 * h**2)).sum(axis=1)
    return float((np.log(summed) - closest[:, 0] / (2 * h**2)).mean() - dim * np.log(h))


def smoothed(points: np.ndarray, count: int, *, bandwidth: float, seed: int = 0) -> np.ndarray:
    """The smoothed bootstrap: ``count`` rows drawn with repetition, each with Gaussian noise.

    Efron 1979; Silverman and Young 1987. Its variance is that of the rows plus the noise's.

    Args:
        points: shape (n, *event), data units.
        count: how many.
        bandwidth: standard deviation of the noise in every column, data units.
        seed: of the draw.

    Returns:
        Shape (count, *event), float64.
    """
    generator = np.random.default_rng(seed)
    drawn = points[generator.integers(len(points), size=count)].astype(np.float64)
    return drawn + bandwidth * generator.standard_normal(drawn.shape)
