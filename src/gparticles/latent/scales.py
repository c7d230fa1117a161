"""How far spreads can be trusted: which columns are scaled, and how far maps reach."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

# a column in which this share of the source's samples agree is silent there
SILENT = 0.9
# gains, over that of most columns, from which on one is doubtful, and beyond which it is chance
DOUBTFUL, LARGEST = 2.0, 100.0
# where it is doubtful, what lies so many times farther than any fitted sample is shifted only
FARTHEST = 3.0


class Gains(NamedTuple):
    """Ratios of spreads, column by column, all of shape (d,).

    Attributes:
        gain: the target's over the source's, 1 where it is held back.
        held: where it is held back though the column varies.
        doubtful: where it is so large that it may hold for the fitted samples alone.
    """

    gain: np.ndarray
    held: np.ndarray
    doubtful: np.ndarray

    def reach(self, farthest: np.ndarray) -> np.ndarray:
        """Where scaling ends, given the farthest samples' distances from the mean, shape (d,)."""
        return np.where(self.doubtful, FARTHEST * farthest, np.inf)


def silent(points: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The columns in which nearly all of the weight is on one value, shape (d,), bool.

    Args:
        points: shape (n, d).
        weights: shape (n,), summing to one.
    """
    return weights @ (points == np.median(points, axis=0)) >= SILENT


def gains(
    source: np.ndarray,
    target: np.ndarray,
    *,
    rounding: np.ndarray | float,
    quiet: np.ndarray | None = None,
) -> Gains:
    """The target's spread over the source's in every column, held back to 1 where that is chance.

    A column of the source with hardly any spread says nothing of the spread of later samples, so
    that a gain of thousands would throw these far away. Held back are columns whose gain exceeds
    that of most columns (or 1) by far, silent ones sooner, and those that are constant in one of
    both.

    Args:
        source, target: standard deviations, shape (d,), data units.
        rounding: what of them is rounding, data units.
        quiet: the columns that are ``silent`` in the source; None for none.
    """
    quiet = np.zeros(len(source), bool) if quiet is None else quiet
    known = np.minimum(source, target) > rounding
    ratio = np.where(known, target / np.where(known, source, 1), 1.0)
    usual = ratio[known & ~quiet]
    typical = max(1.0, float(np.median(usual))) if len(usual) else 1.0
    wild = ratio > typical * np.where(quiet, DOUBTFUL, LARGEST)
    constant = ~known & (np.maximum(source, target) > rounding)
    return Gains(np.where(wild, 1.0, ratio), wild | constant, ratio > typical * DOUBTFUL)


def near(away: np.ndarray, reach: np.ndarray | None) -> np.ndarray:
    """Of distances from a mean, shape (k, d), the part within reach, column by column."""
    return away if reach is None else np.clip(away, -reach, reach)


def held_back(columns: np.ndarray, total: int, names: Sequence[object] | None) -> tuple[str, ...]:
    """A note that names the columns which were shifted and not scaled; none where there are none.

    Args:
        columns: their positions, shape (k,).
        total: of how many.
        names: of all columns, or None, where they are numbered from 0.
    """
    if not len(columns):
        return ()
    first = [str(k if names is None else names[k]) for k in columns[:5].tolist()]
    more = f" and {len(columns) - 5} more" if len(columns) > 5 else ""
    return (
        f"{len(columns)} of {total} columns have (almost) no spread in the source or in the target "
        f"and were shifted, not scaled: {', '.join(first)}{more}",
    )
