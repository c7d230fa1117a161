"""Coordinates that are open, drawn from what a row's other coordinates say."""

from dataclasses import dataclass

import numpy as np

# of learning the Gaussian, the first half of which is left out, and of filling gaps by it
_ROUNDS, _SWEEPS = 20, 10
# added to the variances, since columns of categories are of no full rank
_RIDGE = 1e-3

Blocks = list[tuple[np.ndarray, np.ndarray]]


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
        blocks = _blocks(points)
        filled = np.where(np.isnan(points), self.mean, points)
        if blocks:
            precision = self._precision()
            for _ in range(_SWEEPS if len(blocks) > 1 else 1):
                self._sweep(filled, blocks, precision, generator)
        return filled

    def _precision(self) -> np.ndarray:
        return np.linalg.inv(self.covariance + _RIDGE * np.eye(len(self.mean)))

    def _sweep(
        self,
        filled: np.ndarray,
        blocks: Blocks,
        precision: np.ndarray,
        generator: np.random.Generator,
    ) -> None:
        """One step of Gibbs sampling: every block given all others, in place."""
        for at, rows in blocks:
            covariance = np.linalg.inv(precision[np.ix_(at, at)])
            away = filled[rows] - self.mean
            away[:, at] = 0
            mean = self.mean[at] - away @ precision[:, at] @ covariance
            noise = generator.standard_normal(mean.shape) @ np.linalg.cholesky(covariance).T
            filled[np.ix_(rows, at)] = mean + noise


def _blocks(points: np.ndarray) -> Blocks:
    """Coordinates that are open together, and the rows in which they are."""
    gaps = np.isnan(points)
    masks = {gaps[:, k].tobytes(): gaps[:, k] for k in range(gaps.shape[1]) if gaps[:, k].any()}
    return [
        (np.flatnonzero((gaps == mask[:, None]).all(axis=0)), np.flatnonzero(mask))
        for mask in masks.values()
    ]


def gaussian_fill(points: np.ndarray) -> GaussianFill:
    """The Gaussian of points with gaps (NaN): gaps are drawn by it, and it is learnt from these.

    Every column has a value at least.
    """
    blocks, generator = _blocks(points), np.random.default_rng(0)
    filled = np.where(np.isnan(points), np.nanmean(points, axis=0), points)
    fills = [_moments(filled)]
    for _ in range(_ROUNDS if blocks else 0):
        fills[-1]._sweep(filled, blocks, fills[-1]._precision(), generator)
        fills.append(_moments(filled))
    later = fills[len(fills) // 2 :]
    return GaussianFill(
        np.mean([fill.mean for fill in later], axis=0),
        np.mean([fill.covariance for fill in later], axis=0),
    )


def _moments(points: np.ndarray) -> GaussianFill:
    k = points.shape[1]
    return GaussianFill(points.mean(axis=0), np.cov(points.T, bias=True).reshape(k, k))
