"""Units: what is subtracted from the data and what they are divided by, in float64.

The network and the flow work on (x - centre) / scale in float32, so that data far from the origin
or in tiny or huge units lose nothing, and so that lipschitz and step_size need no tuning. Heavy
tails are also bent, so that what lies a thousand spreads away is within reach.
"""

import abc
from typing import Any

import equinox as eqx
import numpy as np

from gparticles.checks import check_number
from gparticles.errors import InputError

# The unit is a tenth of the spread: with it L = 1 and dt = 0.5 suit every data set that was tried
# (docs/defaults.md), and a network's features vary over lengths of about one unit.
UNITS_PER_SPREAD = 10.0
# where the logarithm begins to bend, in the target's spreads: 0.1 and 0.03 are no better on Cauchy
# and Student-t (seeds 100, 102 and 103)
KNEE = 0.3
# float64 is made of so many rows at a time, and units are found from so many random ones at most
ROWS, UNIT_ROWS = 2**16, 2**20
# a spread of less than so many roundings of a column's numbers is none
ROUNDINGS = 16


class AbstractScaling(eqx.Module):
    """An invertible map between data x and working units z.

    Attributes:
        centre: shape (*event), data units; it becomes 0.
        scale: data units per working unit (at the centre): a number, or shape (*event).
        spread: the robust spread of both clouds in working units; 10 unless the scale was given.
    """

    centre: eqx.AbstractVar[np.ndarray]
    scale: eqx.AbstractVar[np.ndarray]
    spread: eqx.AbstractVar[float]

    @abc.abstractmethod
    def to_working(self, points: np.ndarray) -> np.ndarray:
        """Working units, float32."""

    @abc.abstractmethod
    def parts(self, count: int) -> list[slice]:
        """Rows that can be converted on their own, to the bits of all at once."""

    @abc.abstractmethod
    def to_data(self, points: Any, dtype: Any) -> np.ndarray:
        """Data units, in the user's dtype."""

    @abc.abstractmethod
    def velocity_to_data(self, velocity: Any, points: np.ndarray) -> np.ndarray:
        """dY/dt in data units per unit of working time, of working velocities at such points."""

    @abc.abstractmethod
    def box(self, low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
        """Corners of a box in working units.

        Raises:
            InputError: a box in data units is none in working units.
        """

    @property
    def unit(self) -> float:
        """One number for the scale: itself, or the geometric mean over columns."""
        return float(np.exp(np.mean(np.log(self.scale))))


class Scaling(AbstractScaling):
    """x = centre + scale * z; ``scale`` is an array where columns have units of their own."""

    centre: np.ndarray
    scale: np.ndarray
    spread: float

    def to_working(self, points: np.ndarray) -> np.ndarray:
        working = np.empty(points.shape, np.float32)
        for rows in self.parts(len(points)):
            working[rows] = (points[rows].astype(np.float64) - self.centre) / self.scale
        return working

    def parts(self, count: int) -> list[slice]:
        return [slice(at, at + ROWS) for at in range(0, count, ROWS)]

    def to_data(self, points: Any, dtype: Any) -> np.ndarray:
        return (self.centre + self.scale * np.asarray(points, np.float64)).astype(dtype)

    def velocity_to_data(self, velocity: Any, points: np.ndarray) -> np.ndarray:
        return self.scale * np.asarray(velocity, np.float64)

    def box(self, low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
        corner = np.ones((1, *self.centre.shape))
        return self.to_working(low * corner)[0], self.to_working(high * corner)[0]


class LogScaling(AbstractScaling):
    """z = (x - c) / |x - c| * (k / s) ln(1 + |x - c| / k), for heavy tails.

    With c the centre, k the knee and s the scale, distances from the centre count as they are
    well inside the knee and by their logarithms far outside, and directions stay. A power law's
    tail becomes an exponential one, which a flow of bounded speed reaches. z is 1/s-Lipschitz in
    x, so a potential of slope L in z has slope at most L / s in x; speeds in data units
    have no bound.

    Attributes:
        knee: data units.
    """

    centre: np.ndarray
    scale: np.ndarray
    spread: float
    knee: float

    def to_working(self, points: np.ndarray) -> np.ndarray:
        return self._bent(points.astype(np.float64) - self.centre).astype(np.float32)

    def parts(self, count: int) -> list[slice]:
        # lengths are computed relative to the largest of all
        return [slice(0, count)]

    def to_data(self, points: Any, dtype: Any) -> np.ndarray:
        working = self.scale / self.knee * np.asarray(points, np.float64)
        stretch = _ratio(np.expm1, _lengths(working, self.centre.ndim))
        return (self.centre + self.knee * stretch * working).astype(dtype)

    def velocity_to_data(self, velocity: Any, points: np.ndarray) -> np.ndarray:
        # along the radius dx/dz is s exp(t), across it s (exp(t) - 1) / t, t = |z| s / k
        working = self.scale / self.knee * np.asarray(points, np.float64)
        given = self.scale * np.asarray(velocity, np.float64)
        length = _lengths(working, self.centre.ndim)
        axes = tuple(range(-self.centre.ndim, 0))
        outward = working / np.where(length > 0, length, 1.0)
        along = outward * np.sum(given * outward, axis=axes, keepdims=True)
        return np.exp(length) * along + _ratio(np.expm1, length) * (given - along)

    def box(self, low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
        raise InputError(
            'bounds: scale "log" bends a box out of shape; use scale "auto" or leave bounds out'
        )

    def _bent(self, shifted: np.ndarray) -> np.ndarray:
        shrink = _ratio(np.log1p, _lengths(shifted, self.centre.ndim) / self.knee)
        return shifted * shrink / self.scale


def _ratio(function: Any, length: np.ndarray) -> np.ndarray:
    """function(t) / t with its limit 1 at t = 0."""
    positive = np.where(length > 0, length, 1.0)
    return np.where(length > 0, function(positive) / positive, 1.0)


def choose_scaling(source: np.ndarray, target: np.ndarray, scale: Any) -> AbstractScaling:
    """The scaling that ``scale`` asks for: "auto", "columns", "log" or a number.

    Raises:
        InputError: ``scale`` is none of these.
    """
    if isinstance(scale, str) and scale not in ("auto", "columns", "log"):
        raise InputError(f'scale is {scale!r}: use "auto", "columns", "log" or a number')
    noise = _rounding(source, target)
    source, target = source.astype(np.float64), target.astype(np.float64)
    if scale == "log":
        return _bending(source, target)
    centre = robust_centre(source, target)
    source, target = source - centre, target - centre
    if isinstance(scale, str):
        units = column_spread(source, target, noise) if scale == "columns" else np.float64(1)
        unit = units * robust_spread(source / units, target / units) / UNITS_PER_SPREAD
        return Scaling(centre, np.asarray(unit), UNITS_PER_SPREAD)
    number = check_number(scale, "scale")
    return Scaling(centre, np.asarray(number), robust_spread(source, target) / number)


def deciding(points: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The points that units are found from: those that have weight, or a random part of many."""
    counted = weights > 0
    if len(points) <= UNIT_ROWS:
        return points if counted.all() else points[counted]
    rows = np.flatnonzero(counted)
    part = np.random.default_rng(0).choice(len(rows), min(len(rows), UNIT_ROWS), replace=False)
    return points[rows[np.sort(part)]]


def _rounding(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """How far apart numbers of every column's size are, a few times over; shape (*event)."""
    clouds = [cloud for cloud in (source, target) if cloud.dtype.kind == "f"]
    coarsest = max((np.finfo(cloud.dtype).eps for cloud in clouds), default=0.0)
    # no array of all absolute values: clouds may be large
    ends = [op(cloud, axis=0) for cloud in (source, target) for op in (np.min, np.max)]
    largest = np.max([np.abs(end.astype(np.float64)) for end in ends], axis=0)
    return ROUNDINGS * coarsest * largest


def constant_columns(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Which columns hold one number in both clouds, but for rounding; shape (*event), bool."""
    lows, highs = ([op(cloud, axis=0) for cloud in (source, target)] for op in (np.min, np.max))
    ranges = np.maximum(*highs).astype(np.float64) - np.minimum(*lows).astype(np.float64)
    return ranges <= _rounding(source, target)


def _bending(source: np.ndarray, target: np.ndarray) -> LogScaling:
    # about the target's own centre, where its core must be told apart, wherever the source is
    centre = np.median(target, axis=0)
    source, target = source - centre, target - centre
    knee = KNEE * robust_spread(target, target)
    bend = LogScaling(centre, np.asarray(1.0), UNITS_PER_SPREAD, knee)
    spread = robust_spread(bend._bent(source), bend._bent(target))
    return LogScaling(centre, np.asarray(spread / UNITS_PER_SPREAD), UNITS_PER_SPREAD, knee)


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
    return _lengths(points, points.ndim - 1).reshape(len(points))


def _lengths(points: np.ndarray, event: int) -> np.ndarray:
    """|x| over the last ``event`` axes, which are kept with size 1."""
    # dividing by the largest entry keeps squares of 1e200 and 1e-200 finite and positive
    largest = np.max(np.abs(points), initial=0.0)
    squares = np.square(points / (largest if largest > 0 else 1.0))
    return largest * np.sqrt(np.sum(squares, axis=tuple(range(-event, 0)), keepdims=True))


def weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    order = np.argsort(values, kind="stable")
    position = np.searchsorted(np.cumsum(weights[order]), 0.5 * weights.sum())
    return float(values[order][min(position, len(values) - 1)])


def column_spread(
    source: np.ndarray, target: np.ndarray, noise: np.ndarray | float = 0.0
) -> np.ndarray:
    """Half the range that holds the middle 68 % of each column, averaged over both clouds.

    The standard deviation where that range is empty, and 1 for columns that are constant but for
    ``noise``: 3.7 has no exact binary form, and rounding must not be taken for a spread.
    """

    def spread(points: np.ndarray) -> np.ndarray:
        low, high = np.quantile(points, [0.16, 0.84], axis=0)
        return (high - low) / 2

    spreads = (spread(source) + spread(target)) / 2
    deviations = (source.std(axis=0) + target.std(axis=0)) / 2
    spreads = np.where(spreads > noise, spreads, deviations)
    return np.where(spreads > noise, spreads, 1.0)
