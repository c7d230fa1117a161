"""Points turned and stretched so that no direction has another spread than the others."""

from dataclasses import dataclass

import numpy as np

# of the largest spread; directions with less are functions of the others
_FLAT = 1e-3


@dataclass(frozen=True, eq=False)
class Whitening:
    """x = mean + z @ back, with z of mean 0 and covariance 1, of as many dimensions as x spans.

    Attributes:
        mean: shape (k,).
        back: shape (r, k).
    """

    mean: np.ndarray
    back: np.ndarray

    @classmethod
    def fit(cls, points: np.ndarray) -> "Whitening":
        """Of points, shape (n, k)."""
        mean = points.mean(axis=0)
        _, spreads, directions = np.linalg.svd(points - mean, full_matrices=False)
        kept = spreads > _FLAT * spreads[0]
        spreads = spreads[kept] / np.sqrt(len(points))
        return cls(mean, spreads[:, None] * directions[kept])

    def encode(self, points: np.ndarray) -> np.ndarray:
        """White points, shape (n, r)."""
        norms = np.square(self.back).sum(axis=1)
        return (points - self.mean) @ (self.back / norms[:, None]).T

    def decode(self, white: np.ndarray) -> np.ndarray:
        """Points of white ones, shape (n, k)."""
        return self.mean + white @ self.back
