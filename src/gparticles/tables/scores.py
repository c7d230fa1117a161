"""Numbers to normal scores and back: ranks of the sample, its grid, its range and its tails."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from scipy.special import ndtri

# beyond which a normal score means nothing: one in 10^15
FARTHEST = 8.0
# decimals that a column is rounded to at most, and the digits that rounding leaves at most
_MOST_DECIMALS, _MOST_DIGITS = 8, 13
# the part of the rows by which a tail is continued
_TAIL = 0.1
# at an end of the range where so much of the rows lies, the range ends
_PILE = 0.05
# a value is one of its own kind where so much of the rows have it, so many times as many as have
# any other, of which there are so many
_LEAST_SHARE, _TIMES_OTHERS, _MANY_OTHERS = 0.08, 4, 10
# so few values in so many rows each are all that there are
_FEW_VALUES, _ROWS_EACH = 20, 5


@dataclass(frozen=True)
class Grid:
    """Multiples of ``factor`` / 10 ** ``decimals``, as exactly as float64 holds them.

    >>> Grid(5, 1).nearest(np.array([0.7, 1.1])).tolist()
    [0.5, 1.0]
    """

    factor: int
    decimals: int

    @property
    def step(self) -> float:
        return self.factor / 10.0**self.decimals

    def nearest(self, values: np.ndarray, low: float = -np.inf, high: float = np.inf) -> np.ndarray:
        """The multiples nearest to values, of those that lie in the range."""
        # a quotient may be rounded across a whole number, by one at most
        least, most = self._edge(low, np.ceil, 1), self._edge(high, np.floor, -1)
        return self._at(np.clip(np.rint(values / self.step), least, most))

    def _edge(self, end: float, rounded: Any, inwards: int) -> float:
        if not np.isfinite(end):
            return end
        edge = float(rounded(end / self.step))
        candidates = [edge - inwards, edge, edge + inwards]
        return next(c for c in candidates if (self._at(c) - end) * inwards >= 0)

    def _at(self, multiples: Any) -> Any:
        return multiples * self.factor / 10.0**self.decimals

    def holds(self, values: np.ndarray) -> bool:
        """Whether all of the values are exactly on the grid."""
        return bool((self.nearest(values) == values).all())


def grid_of(values: np.ndarray) -> Grid | None:
    """The coarsest decimal grid that values lie on, or None where they have all their digits.

    Steps are 1, 2, 2.5 or 5 times a power of ten.

    >>> grid_of(np.array([0.5, 1.0, 7.25])), grid_of(np.array([1 / 3, 0.1]))
    (Grid(factor=25, decimals=2), None)
    """
    distinct = np.unique(values)
    largest = np.abs(distinct).max(initial=0.0)
    for decimals in range(_MOST_DECIMALS + 1):
        grid = Grid(1, decimals)
        if largest * 10.0**decimals >= 10.0**_MOST_DIGITS:
            return None
        if grid.holds(distinct):
            return _coarser(distinct, grid)
    return None


def _coarser(distinct: np.ndarray, grid: Grid) -> Grid:
    whole = np.rint(distinct / grid.step).astype(np.int64)
    common = int(np.gcd.reduce(whole))
    factors = [m * 10**k for k in range(_MOST_DIGITS) for m in (1, 2, 5, 25)]
    best = Grid(max(f for f in factors if common % f == 0), grid.decimals)
    return best if best.holds(distinct) else grid


def learnt_range(values: np.ndarray, grid: Grid | None) -> tuple[float, float]:
    """Where a column may go by what its values show: signs, shares, piles at an end, few values."""
    n = len(values)
    distinct, counts = np.unique(values, return_counts=True)
    least, most = float(distinct[0]), float(distinct[-1])
    if len(distinct) <= _FEW_VALUES and n >= _ROWS_EACH * len(distinct):
        return least, most
    low, high = -np.inf, np.inf
    if least >= 0:
        low = 0.0 if least == 0 or grid is None else grid.step
        if most in (1.0, 100.0) or (grid is None and 0.5 < most < 1):
            high = 1.0 if most <= 1 else 100.0
    elif most <= 0:
        high = 0.0
    pile = max(3.0, _PILE * n)
    return (
        least if counts[0] >= pile else low,
        most if counts[-1] >= pile else high,
    )


def inflated_end(values: np.ndarray) -> float | None:
    """The end of the range at which many values lie, as zeros of amounts do; None for others.

    >>> inflated_end(np.array([0.0] * 20 + [1.5 * k for k in range(1, 31)]))
    0.0
    """
    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) <= _MANY_OTHERS:
        return None
    at = 0 if counts[0] >= counts[-1] else -1
    share, others = counts[at] / len(values), np.delete(counts, at)
    if not _LEAST_SHARE <= share <= 1 - _LEAST_SHARE or counts[at] < _TIMES_OTHERS * others.max():
        return None
    return float(distinct[at])


@dataclass(frozen=True, eq=False)
class Scores:
    """The monotone map between a column's numbers and normal scores that its sample defines.

    The j-th of n sorted values has the score of (j - 1/2) / n. Equal values have an interval of
    scores, in which each row's is drawn at random, so that scores are normal whatever the column
    is. In between the map is linear; beyond the sample it goes on as it did in the last tenth,
    and by ratios where values are positive, so that they stay so.

    Attributes:
        values: the distinct values, ascending, shape (m,).
        counts: how often each occurs, shape (m,).
        low, high: the range that values are kept in.
        grid: that values are rounded to, or None.
    """

    values: np.ndarray
    counts: np.ndarray
    low: float
    high: float
    grid: Grid | None

    @cached_property
    def first(self) -> np.ndarray:
        """The share of the sample at which each value begins, shape (m,)."""
        return (np.cumsum(self.counts) - self.counts + 0.5) / self.counts.sum()

    @cached_property
    def last(self) -> np.ndarray:
        """The share at which each value ends, shape (m,)."""
        return (np.cumsum(self.counts) - 0.5) / self.counts.sum()

    def encode(self, values: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Scores of values, shape (n,); of one that the sample has several times, a random one."""
        at = np.searchsorted(self.values, values).clip(max=len(self.values) - 1)
        shares = self.first[at] + generator.random(len(values)) * (self.last[at] - self.first[at])
        known = self.values[at] == values
        scores = np.clip(ndtri(shares), ndtri(self.first[at]), ndtri(self.last[at]))
        return np.where(known, scores, self._between(values))

    def _between(self, values: np.ndarray) -> np.ndarray:
        """Scores of values that the sample does not have."""
        after = np.searchsorted(self.values, values).clip(1, max(len(self.values) - 1, 1))
        if len(self.values) == 1:
            after = np.zeros(len(values), np.int64)
        before = np.maximum(after - 1, 0)
        ends = self.values[before], self.values[after]
        between = ndtri(self.last[before]), ndtri(self.first[after])
        width = np.where(ends[1] > ends[0], ends[1] - ends[0], 1.0)
        share = np.clip((values - ends[0]) / width, 0, 1)
        inside = between[0] + share * (between[1] - between[0])
        inside = np.where(values < self.values[0], ndtri(self.first[0]), inside)
        inside = np.where(values > self.values[-1], ndtri(self.last[-1]), inside)
        (left, right), (least, most) = self._slopes(), self.values[[0, -1]]
        below, above = np.maximum(least - values, 0), np.maximum(values - most, 0)
        if least > 0 and left > 0:
            with np.errstate(divide="ignore"):
                below = least * np.log(least / np.clip(values, 1e-300, least))
        inside = inside - (below / left if left > 0 else 0) + (above / right if right > 0 else 0)
        return np.clip(inside, -FARTHEST, FARTHEST)

    def decode(self, scores: np.ndarray) -> np.ndarray:
        """Values of scores, whatever these are, in the range and on the grid, shape (n,)."""
        scores = np.clip(np.nan_to_num(scores), -FARTHEST, FARTHEST)
        knots, values = self._knots()
        (left, right), least = self._slopes(), self.values[0]
        below, above = np.maximum(knots[0] - scores, 0), np.maximum(scores - knots[-1], 0)
        with np.errstate(over="ignore"):
            inside = np.interp(scores, knots, values) + right * above
            shrunk = inside * np.exp(-left * below / least) if least > 0 else inside - left * below
        return self.settled(shrunk)

    def settled(self, values: np.ndarray) -> np.ndarray:
        """Values brought into the range and onto the grid."""
        ends = np.finfo(np.float64)
        values = np.clip(values, max(self.low, ends.min), min(self.high, ends.max))
        return values if self.grid is None else self.grid.nearest(values, self.low, self.high)

    def _knots(self) -> tuple[np.ndarray, np.ndarray]:
        ends = np.stack([self.first, self.last], axis=1).ravel()
        knots, kept = np.unique(ndtri(ends), return_index=True)
        return knots, np.repeat(self.values, 2)[kept]

    def _slopes(self) -> tuple[float, float]:
        """Data units per score at the two ends."""
        if len(self.values) == 1:
            return 0.0, 0.0
        shares = (self.first + self.last) / 2
        near = min(int(np.searchsorted(shares, _TAIL)), len(shares) - 1)
        far = max(int(np.searchsorted(shares, 1 - _TAIL, side="right")) - 1, 0)
        near, far = max(near, 1), min(far, len(shares) - 2)
        with np.errstate(over="ignore"):
            left = (self.values[near] - self.values[0]) / (
                ndtri(shares[near]) - ndtri(self.first[0])
            )
            right = (self.values[-1] - self.values[far]) / (
                ndtri(self.last[-1]) - ndtri(shares[far])
            )
        return float(left), float(right)


def scores_of(
    values: np.ndarray,
    *,
    given: Sequence[float | None] = (None, None),
    grid: Grid | None = None,
    bounded: bool = False,
) -> Scores:
    """The scores of a sample.

    Args:
        values: finite, shape (n,).
        given: the range, None where the values tell it.
        grid: that new values are rounded to.
        bounded: new values stay between the extremes.
    """
    distinct, counts = np.unique(values + 0.0, return_counts=True)
    learnt = (distinct[0], distinct[-1]) if bounded else learnt_range(values, grid)
    low, high = (own if end is None else end for own, end in zip(learnt, given, strict=True))
    return Scores(distinct, counts, float(low), float(high), grid)
