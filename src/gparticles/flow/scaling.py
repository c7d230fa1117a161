"""Units: what is subtracted from the data and what they are divided by, in float64.

The network and the flow work on (x - centre) / scale in float32, so that data far from the origin
or in tiny or huge units lose nothing, and so that lipschitz and step_size need no tuning.
"""

from typing import Any

import equinox as eqx
import numpy as np

from gparticles.checks import check_number
from gparticles.errors import InputError

# The unit is a tenth of the spread: with it L = 1 and dt = 0.5 suit every data set that was tried
# (docs/defaults.md), and a network's features vary over lengths of about one unit.
UNITS_PER_SPREAD = 10.0


class Scaling(eqx.Module):
    """x = centre + scale * z between data x and working units z.

    Attributes:
        centre: shape (*event), data units.
        scale: a number, or an array of shape (*event) where columns have units of their own.
        spread: the robust spread of both clouds in working units; 10 unless the scale was given.
    """

    centre: np.ndarray
    scale: np.ndarray
    spread: float

    def to_working(self, points: np.ndarray) -> np.ndarray:
        """Working units, float32."""
        shifted = points.astype(np.float64) - self.centre
        return (shifted / self.scale).astype(np.float32)

    def to_data(self, points: Any, dtype: Any) -> np.ndarray:
        """Data units, in the user's dtype."""
        return (self.centre + self.scale * np.asarray(points, np.float64)).astype(dtype)

    def velocity_to_data(self, velocity: Any) -> np.ndarray:
        """dY/dt in data units per unit of working time."""
        return self.scale * np.asarray(velocity, np.float64)

    @property
    def unit(self) -> float:
        """One number for the scale: itself, or the geometric mean over columns."""
        return float(np.exp(np.mean(np.log(self.scale))))


def choose_scaling(source: np.ndarray, target: np.ndarray, scale: Any) -> Scaling:
    """The scaling that ``scale`` asks for: "auto", "columns" or a number.

    Raises:
        InputError: ``scale`` is none of these.
    """
    source, target = source.astype(np.float64), target.astype(np.float64)
    centre = robust_centre(source, target)
    source, target = source - centre, target - centre
    if isinstance(scale, str):
        if scale not in ("auto", "columns"):
            raise InputError(f'scale is {scale!r}: use "auto", "columns" or a number')
        units = column_spread(source, target) if scale == "columns" else np.float64(1)
        unit = units * robust_spread(source / units, target / units) / UNITS_PER_SPREAD
        return Scaling(centre, np.asarray(unit), UNITS_PER_SPREAD)
    number = check_number(scale, "scale")
    return Scaling(centre, np.asarray(number), robust_spread(source, target) / number)


def robust_centre(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The midpoint of the two coordinate-wise medians, so that neither cloud's size matters."""
    return np.median(source, axis=0) / 2 + np.median(target, axis=0) / 2


def robust_spread(source: np.ndarray, target: np.ndarray) -> float:
    """The median distance from the centre, each cloud with half the say; never 0.

    A distance is a norm over all coordinates, so sparse or mostly constant data (images) have one
    although most of their entries' medians are 0. Where more than half of the points coincide
    with the centre the mean serves, and where all do, 1.
    """
    distances = [_norms(source), _norms(target)]
    values = np.concatenate(distances)
    weights = np.concatenate([np.full(len(d), 0.5 / len(d)) for d in distances])
    spread = weighted_median(values, weights)
    if spread > 0:
        return spread
    mean = float(weights @ values)
    return mean if mean > 0 else 1.0


def _norms(points: np.ndarray) -> np.ndarray:
    # dividing by the largest entry keeps squares of 1e200 and 1e-200 finite and positive
    flat = points.reshape(len(points), -1)
    largest = np.max(np.abs(flat))
    if largest == 0:
        return np.zeros(len(flat))
    return largest * np.linalg.norm(flat / largest, axis=1)


def weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    order = np.argsort(values, kind="stable")
    position = np.searchsorted(np.cumsum(weights[order]), 0.5 * weights.sum())
    return float(values[order][min(position, len(values) - 1)])


def column_spread(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Half the range that holds the middle 68 % of each column, averaged over both clouds.

    The standard deviation where that range is empty, and 1 for constant columns.
    """

    def spread(points: np.ndarray) -> np.ndarray:
        low, high = np.quantile(points, [0.16, 0.84], axis=0)
        return (high - low) / 2

    spreads = (spread(source) + spread(target)) / 2
    deviations = (source.std(axis=0) + target.std(axis=0)) / 2
    spreads = np.where(spreads > 0, spreads, deviations)
    return np.where(spreads > 0, spreads, 1.0)
