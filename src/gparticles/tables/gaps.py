"""Coordinates of cells that are missing, drawn from what a row's other coordinates say."""

from dataclasses import dataclass

import numpy as np

_ROUNDS = 20
# added to the variances, in which columns of categories are of no full rank
_RIDGE = 1e-3


@dataclass(frozen=True, eq=False)
class GaussianFill:
    """A Gaussian of all coordinates, whose conditional laws fill gaps.

    Attributes:
        mean: shape (k,).
        covariance: shape (k, k).
    """

    mean: np.ndarray
    covariance: np.ndarray

    def fill(self, points: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Points with each NaN drawn given the row's other coordinates, shape (n, k)."""
        filled = points.copy()
        for gaps, rows in _patterns(points):
            mean, covariance = self._given(points[rows], gaps)
            # by eigenvectors, since a column that others determine has no spread of its own
            values, vectors = np.linalg.eigh(covariance)
            noise = generator.standard_normal(mean.shape) * np.sqrt(np.maximum(values, 0))
            filled[np.ix_(rows, np.flatnonzero(gaps))] = mean + noise @ vectors.T
        return filled

    def _given(self, points: np.ndarray, gaps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and covariance of the missing coordinates, given the others."""
        known = ~gaps
        across = self.covariance[np.ix_(known, gaps)]
        within = self.covariance[np.ix_(known, known)] + _RIDGE * np.eye(int(known.sum()))
        weights = np.linalg.solve(within, across)
        mean = self.mean[gaps] + (points[:, known] - self.mean[known]) @ weights
        return mean, self.covariance[np.ix_(gaps, gaps)] - across.T @ weights


def _patterns(points: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Each set of coordinates that are missing together, and the rows in which they are."""
    patterns, which = np.unique(np.isnan(points), axis=0, return_inverse=True)
    which = which.reshape(-1)
    rows = [np.flatnonzero(which == k) for k in range(len(patterns))]
    return [(gaps, at) for gaps, at in zip(patterns, rows, strict=True) if gaps.any()]


def gaussian_fill(points: np.ndarray) -> GaussianFill:
    """The Gaussian of points with gaps (NaN), by expectation and maximisation.

    Every column has a value at least.
    """
    k = points.shape[1]
    start = np.where(np.isnan(points), np.nanmean(points, axis=0), points)
    fill = GaussianFill(start.mean(axis=0), np.cov(start.T, bias=True).reshape(k, k))
    patterns = _patterns(points)
    for _ in range(_ROUNDS if patterns else 0):
        expected, lost = points.copy(), np.zeros((k, k))
        for gaps, rows in patterns:
            mean, covariance = fill._given(points[rows], gaps)
            expected[np.ix_(rows, np.flatnonzero(gaps))] = mean
            lost[np.ix_(gaps, gaps)] += len(rows) * covariance
        spread = np.cov(expected.T, bias=True).reshape(k, k) + lost / len(points)
        fill = GaussianFill(expected.mean(axis=0), spread)
    return fill
