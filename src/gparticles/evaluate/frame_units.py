"""Rows of mixed columns as numbers that can be compared: for judging, never for making rows."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from gparticles.errors import InputError


@dataclass(frozen=True, eq=False)
class NumberColumn:
    """A column of numbers, in units of its spread; an empty cell is at the middle.

    Attributes:
        name: of the column.
        middle, spread: of the rows that the units are of.
        gaps: whether these rows have empty cells, which then are a coordinate of their own.
    """

    name: Any
    middle: float
    spread: float
    gaps: bool

    def cells(self, frame: Any) -> np.ndarray:
        """As numbers, NaN where there is none."""
        series = frame[self.name]
        if series.dtype.kind in "Mm":
            return np.where(series.isna(), np.nan, series.astype("int64").to_numpy(np.float64))
        return series.to_numpy(np.float64, na_value=np.nan)

    def coordinates(self, cells: np.ndarray) -> np.ndarray:
        missing = np.isnan(cells)
        scaled = np.where(missing, 0.0, (cells - self.middle) / self.spread)
        return np.column_stack([scaled, missing]) if self.gaps else scaled[:, None]


@dataclass(frozen=True, eq=False)
class KindColumn:
    """A column of kinds: two rows of different kinds are at distance 1.

    Attributes:
        name: of the column.
        levels: as text; an empty cell is a level of its own.
    """

    name: Any
    levels: tuple[str, ...]

    def cells(self, frame: Any) -> np.ndarray:
        """As text, empty where there is none."""
        series = frame[self.name]
        return np.where(series.isna(), "", series.astype(str)).astype(str)

    def coordinates(self, cells: np.ndarray) -> np.ndarray:
        return (cells[:, None] == np.array(self.levels)) / np.sqrt(2)


class Rows(NamedTuple):
    """Rows as they are compared.

    Attributes:
        cells: the columns, of numbers or text, shape (n,) each.
        points: shape (n, k), float64.
    """

    cells: list[np.ndarray]
    points: np.ndarray


@dataclass(frozen=True, eq=False)
class FrameUnits:
    """How rows of a table become points; made of real rows, and used for all that is compared.

    >>> import pandas as pd
    >>> frame = pd.DataFrame({"size": [1.0, 3.0], "kind": ["a", "b"]})
    >>> FrameUnits.of(frame).points(frame).shape
    (2, 3)
    """

    columns: tuple[NumberColumn | KindColumn, ...]

    @classmethod
    def of(cls, frame: Any) -> "FrameUnits":
        """The units of a DataFrame's rows.

        Raises:
            InputError: it has no rows, or no columns.
        """
        if not len(frame) or not len(frame.columns):
            raise InputError("the table has no rows or no columns; give one that has both")
        return cls(tuple(_column(frame, name) for name in frame.columns))

    @property
    def names(self) -> list[str]:
        return [str(column.name) for column in self.columns]

    def rows(self, frame: Any) -> Rows:
        """The rows of a DataFrame.

        Raises:
            InputError: a column is not there.
        """
        absent = [column.name for column in self.columns if column.name not in frame.columns]
        if absent:
            raise InputError(f"the table has no column {str(absent[0])!r}; give the same columns")
        cells = [column.cells(frame) for column in self.columns]
        pairs = zip(self.columns, cells, strict=True)
        blocks = [column.coordinates(own) for column, own in pairs]
        return Rows(cells, np.hstack(blocks).astype(np.float64))

    def points(self, frame: Any) -> np.ndarray:
        """Their coordinates alone, shape (n, k)."""
        return self.rows(frame).points

    def without(self, name: Any) -> "FrameUnits":
        """The units of the other columns."""
        return FrameUnits(tuple(column for column in self.columns if column.name != name))


def _column(frame: Any, name: Any) -> NumberColumn | KindColumn:
    from pandas.api import types

    series = frame[name]
    numeric = types.is_numeric_dtype(series) and not types.is_bool_dtype(series)
    if numeric or series.dtype.kind in "Mm":
        cells = NumberColumn(name, 0.0, 1.0, gaps=False).cells(frame)
        known = cells[~np.isnan(cells)]
        spread = float(known.std()) if len(known) else 0.0
        middle = float(known.mean()) if len(known) else 0.0
        return NumberColumn(name, middle, spread or 1.0, gaps=len(known) < len(cells))
    cells = KindColumn(name, ()).cells(frame)
    return KindColumn(name, tuple(np.unique(cells).tolist()))
