"""Points with the margins that they should have: those of real rows."""

from dataclasses import dataclass

import numpy as np

# quantiles of a coordinate that are kept at most
_MOST = 512


@dataclass(frozen=True, eq=False)
class Margins:
    """A monotone map of each coordinate, which takes the quantiles of made points to real ones.

    A flow that was stopped leaves every column a little beside its own distribution, of which the
    real rows say more than of anything else. In between the map is linear, and beyond the outermost
    quantiles it is a shift. A coordinate that is 1 or 0 is shifted as a whole, to the share of 1.

    Attributes:
        made: quantiles of made points, ascending in each column, shape (m, k).
        real: the same ones of real points.
    """

    made: np.ndarray
    real: np.ndarray

    @classmethod
    def fit(cls, made: np.ndarray, real: np.ndarray) -> "Margins":
        """The map for points like ``made``, shape (n, k), of which there are many."""
        levels = (np.arange(min(len(real), _MOST)) + 0.5) / min(len(real), _MOST)
        knots = np.quantile(made, levels, axis=0)
        wanted = np.quantile(real, levels, axis=0, method="hazen")
        for k in range(real.shape[1]):
            if np.isin(real[:, k], (0.0, 1.0)).all():
                edge = np.quantile(made[:, k], 1 - real[:, k].mean())
                wanted[:, k] = knots[:, k] - edge + 0.5
        return cls(knots, wanted)

    def apply(self, points: np.ndarray) -> np.ndarray:
        """The points with the real margins, shape (n, k)."""
        columns = [
            np.interp(x, made, real) + np.minimum(x - made[0], 0) + np.maximum(x - made[-1], 0)
            for x, made, real in zip(points.T, self.made.T, self.real.T, strict=True)
        ]
        return np.stack(columns, axis=1)
