"""What a column is, and how its cells become coordinates in which a flow works, and cells again."""

import abc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from gparticles.tables.dates import stamps_of, written
from gparticles.tables.scores import Grid, Scores
from gparticles.tables.storage import Storage
from gparticles.tables.table import listed, made_up_ids, quoted, refusal


def word(level: Any) -> str:
    """A level as a reader writes it: 3 for 3.0.

    >>> word(3.0), word("3.0"), word(True)
    ('3', '3.0', 'True')
    """
    return f"{level:g}" if isinstance(level, float) else str(level)


def as_cells(values: Sequence[Any]) -> np.ndarray:
    """An array of objects, shape (n,), whatever these are."""
    cells = np.empty(len(values), object)
    cells[:] = values
    return cells


@dataclass(frozen=True, eq=False, kw_only=True)
class AbstractColumn(abc.ABC):
    """One column of a table.

    Attributes:
        name: as in the frame.
        storage: how the frame keeps it.
    """

    kind: ClassVar[str]
    name: Any
    storage: Storage

    @property
    def coordinates(self) -> tuple[str, ...]:
        """A name for each coordinate that the column becomes; by default it becomes none."""
        return ()

    @property
    def computed_from(self) -> tuple[Any, ...]:
        """The names of the columns that it is computed from; by default of none."""
        return ()

    @property
    def choices(self) -> tuple[Any, ...] | None:
        """The cells that it can have, where these are finitely many; None for numbers and dates."""
        return None

    def compared(self, cells: np.ndarray) -> np.ndarray:
        """Numbers in the order of cells none of which is missing, shape (n,)."""
        raise refusal(self.place, f"is {self.describe()}", "name another column")

    def meant(self, value: Any) -> Any:
        """The choice, or the number as in ``compared``, that a user means, maybe by its text.

        Raises:
            InputError: it is none of the column's.
        """
        for choice in self.choices or ():
            if choice == value or str(value) in (str(choice), word(choice)):
                return choice
        if self.choices is None:
            raise refusal(self.place, f"is {self.describe()}", "name another column")
        mend = f"use one of {listed([word(choice) for choice in self.choices])}"
        raise refusal(self.place, f"no row has {quoted(value)}", mend)

    @property
    def place(self) -> str:
        """What messages call it."""
        return f"column {quoted(self.name)}"

    def encode(self, cells: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Coordinates of cells none of which is missing, shape (n, k)."""
        return np.zeros((len(cells), 0))

    @abc.abstractmethod
    def decode(self, coordinates: np.ndarray, others: Mapping[Any, np.ndarray]) -> np.ndarray:
        """Cells of any coordinates, shape (n,).

        Args:
            coordinates: shape (n, k).
            others: the cells of the columns that it is computed from, by their names.
        """

    def readable(self, coordinates: np.ndarray) -> np.ndarray:
        """Coordinates as numbers that a reader knows, shape (n, k): in the column's own units."""
        return coordinates

    def describe(self) -> str:
        """The kind, and what else a reader should know."""
        return self.kind


@dataclass(frozen=True, eq=False, kw_only=True)
class Number(AbstractColumn):
    """Numbers by their normal scores; ``grid`` and range are those of ``scores``."""

    kind: ClassVar[str] = "continuous"
    scores: Scores

    @property
    def coordinates(self) -> tuple[str, ...]:
        return (str(self.name),)

    def encode(self, cells: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        return self.scores.encode(self.compared(cells), generator)[:, None]

    def decode(self, coordinates: np.ndarray, others: Mapping[Any, np.ndarray]) -> np.ndarray:
        return self.settled(self.scores.decode(coordinates[:, 0]))

    def readable(self, coordinates: np.ndarray) -> np.ndarray:
        return self.scores.decode(coordinates[:, 0])[:, None]

    @property
    def reach(self) -> tuple[float, float]:
        """The ends of the range."""
        return self.scores.low, self.scores.high

    def compared(self, cells: np.ndarray) -> np.ndarray:
        try:
            return cells.astype(np.float64)
        except ValueError:
            odd = next(cell for cell in cells.tolist() if isinstance(cell, str))
            mend = "give rows like those that were fitted"
            raise refusal(self.place, f"holds {quoted(odd)}, no number", mend) from None

    def meant(self, value: Any) -> Any:
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = np.nan
        if np.isnan(number):
            mend = "give a number, or an interval: >= and <= in the command, (low, high) in Python"
            raise refusal(self.place, f"{quoted(value)} is no number", mend)
        with np.errstate(over="ignore"):
            # as the column holds it, which may be with fewer digits
            return float(np.float64(number).astype(self._dtype))

    @property
    def _dtype(self) -> str:
        narrow = self.storage.dtype in ("float32", "float16", "Float32")
        return self.storage.dtype.lower() if narrow else "float64"

    def settled(self, values: np.ndarray) -> np.ndarray:
        """Values as the column may have them: on its grid, in its range and of its precision."""
        values = self.scores.settled(values)
        if self._dtype == "float64":
            return values
        narrow = values.astype(self._dtype)
        # rounding to fewer digits may lead out of the range
        narrow = np.where(narrow > self.scores.high, np.nextafter(narrow, -np.inf), narrow)
        return np.where(narrow < self.scores.low, np.nextafter(narrow, np.inf), narrow)

    def describe(self) -> str:
        grid = self.scores.grid
        if grid is None:
            return "continuous"
        return "integer" if grid == Grid(1, 0) else f"on a grid of {grid.step:g}"


@dataclass(frozen=True, eq=False, kw_only=True)
class Inflated(Number):
    """Numbers of which many are the same end of the range, such as amounts that are often 0.

    One coordinate says where, and the scores are those of all others. Where it is the end, the
    score is left open (NaN).

    Attributes:
        end: the value.
    """

    end: float

    @property
    def coordinates(self) -> tuple[str, ...]:
        return (str(self.name), f"{self.name} = {self.end:g}")

    @property
    def reach(self) -> tuple[float, float]:
        low, high = super().reach
        return min(low, self.end), max(high, self.end)

    def encode(self, cells: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        at_end = self.compared(cells) == self.end
        scores = super().encode(cells, generator)
        scores[at_end] = np.nan
        return np.hstack([scores, at_end[:, None]])

    def decode(self, coordinates: np.ndarray, others: Mapping[Any, np.ndarray]) -> np.ndarray:
        values = super().decode(coordinates, others)
        return np.where(coordinates[:, 1] > 0.5, self.end, values).astype(values.dtype)

    def readable(self, coordinates: np.ndarray) -> np.ndarray:
        at_end = coordinates[:, 1] > 0.5
        values = np.where(at_end, self.end, super().readable(coordinates)[:, 0])
        return np.column_stack([values, at_end])

    def describe(self) -> str:
        return f"{super().describe()}, often {self.end:g}"


def steps_between(stamps: np.ndarray, origin: int, step: int) -> np.ndarray:
    """How many steps each stamp is from an origin, shape (n,).

    Whole numbers are exact: years are more nanoseconds than a float has digits.
    """
    whole, rest = np.divmod(stamps - origin, step)
    return whole + rest / step


def stamp_of(value: Any, storage: Storage, *, format: str | None, place: str) -> int:
    """A date as a column's own number.

    Raises:
        InputError: it is none, or written in another way.
    """
    if format is None:
        return storage.stamp(value, place=place)
    stamps = stamps_of([str(value)], format)
    if stamps is None:
        raise refusal(place, f"{quoted(value)} is no date as its own", f"write it as {format}")
    return int(stamps[0])


@dataclass(frozen=True, eq=False, kw_only=True)
class Time(AbstractColumn):
    """Dates, times of day and durations: whole multiples of a step from an origin.

    Attributes:
        scores: of these multiples.
        stamps: the sample's own, exactly, for each of the scores' values.
        origin, step: in the units of the frame's dtype, or microseconds where it is text.
        format: of text, as for ``strftime``; None for dates of a dtype of their own.
    """

    kind: ClassVar[str] = "date"
    scores: Scores
    stamps: np.ndarray
    origin: int
    step: int
    format: str | None

    @property
    def coordinates(self) -> tuple[str, ...]:
        return (str(self.name),)

    def encode(self, cells: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        steps = steps_between(self.compared(cells), self.origin, self.step)
        return self.scores.encode(steps, generator)[:, None]

    def compared(self, cells: np.ndarray) -> np.ndarray:
        stamps = cells if self.format is None else stamps_of(cells.tolist(), self.format)
        if stamps is None:
            problem = f"holds dates that are not written as {self.format}"
            raise refusal(self.place, problem, "write all dates alike")
        return stamps

    def meant(self, value: Any) -> Any:
        return stamp_of(value, self.storage, format=self.format, place=self.place)

    def readable(self, coordinates: np.ndarray) -> np.ndarray:
        return self.scores.decode(coordinates[:, 0])[:, None]

    def decode(self, coordinates: np.ndarray, others: Mapping[Any, np.ndarray]) -> np.ndarray:
        steps = self.scores.decode(coordinates[:, 0])
        at = np.searchsorted(self.scores.values, steps).clip(max=len(self.stamps) - 1)
        # there are more nanoseconds in a year than whole numbers in a float
        known = self.scores.values[at] == steps
        made = self.origin + steps.astype(np.int64) * self.step
        stamps = np.where(known, self.stamps[at], made)
        return stamps if self.format is None else written(stamps, self.format)


@dataclass(frozen=True, eq=False, kw_only=True)
class Levels(AbstractColumn):
    """Cells of finitely many kinds, kept letter for letter."""

    levels: tuple[Any, ...]

    @property
    def choices(self) -> tuple[Any, ...]:
        return self.levels

    def codes(self, cells: np.ndarray) -> np.ndarray:
        """Positions of cells among the levels, shape (n,).

        Raises:
            InputError: a cell that is none of them.
        """
        at = {level: k for k, level in enumerate(self.levels)}
        unknown = sorted({str(c) for c in cells.tolist() if c not in at})
        if unknown:
            problem = f"{listed(unknown)} did not occur in the rows that were fitted"
            mend = f"use {listed(self.levels)}, or fit anew with such rows"
            raise refusal(self.place, problem, mend)
        return np.array([at[c] for c in cells.tolist()], np.int64)

    def cells(self, codes: Sequence[int] | np.ndarray) -> np.ndarray:
        return as_cells([self.levels[k] for k in codes])


@dataclass(frozen=True, eq=False, kw_only=True)
class Categorical(Levels):
    """Kinds without an order: one coordinate for each, 1 where it is the row's; one for two."""

    kind: ClassVar[str] = "categorical"

    @property
    def coordinates(self) -> tuple[str, ...]:
        shown = self.levels[1:] if len(self.levels) == 2 else self.levels
        return tuple(f"{self.name} = {word(level)}" for level in shown)

    def encode(self, cells: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        hot = np.eye(len(self.levels))[self.codes(cells)]
        return hot[:, 1:] if len(self.levels) == 2 else hot

    def readable(self, coordinates: np.ndarray) -> np.ndarray:
        hot = np.eye(len(self.levels))[self.nearest(coordinates)]
        return hot[:, 1:] if len(self.levels) == 2 else hot

    def decode(self, coordinates: np.ndarray, others: Mapping[Any, np.ndarray]) -> np.ndarray:
        return self.cells(self.nearest(coordinates))

    def nearest(self, coordinates: np.ndarray) -> np.ndarray:
        """The positions of the levels that coordinates are nearest to, shape (n,)."""
        coordinates = np.nan_to_num(coordinates)
        if len(self.levels) == 2:
            return (coordinates[:, 0] > 0.5).astype(int)
        return coordinates.argmax(axis=1)


@dataclass(frozen=True, eq=False, kw_only=True)
class Label(Levels):
    """The class of a row, which is given and not decoded: each class has its own potential."""

    kind: ClassVar[str] = "label"

    def decode(self, coordinates: np.ndarray, others: Mapping[Any, np.ndarray]) -> np.ndarray:
        return others[self.name]


@dataclass(frozen=True, eq=False, kw_only=True)
class Boolean(Categorical):
    """True and False."""

    kind: ClassVar[str] = "boolean"


@dataclass(frozen=True, eq=False, kw_only=True)
class Ordinal(Levels):
    """Kinds in an order: the normal scores of their positions."""

    kind: ClassVar[str] = "ordinal"
    scores: Scores

    @property
    def coordinates(self) -> tuple[str, ...]:
        return (str(self.name),)

    def encode(self, cells: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        return self.scores.encode(self.codes(cells).astype(np.float64), generator)[:, None]

    def readable(self, coordinates: np.ndarray) -> np.ndarray:
        return self.scores.decode(coordinates[:, 0])[:, None]

    def decode(self, coordinates: np.ndarray, others: Mapping[Any, np.ndarray]) -> np.ndarray:
        return self.cells(self.scores.decode(coordinates[:, 0]).astype(int))


@dataclass(frozen=True, eq=False, kw_only=True)
class Constant(AbstractColumn):
    """One value, which all rows get."""

    kind: ClassVar[str] = "constant"
    value: Any

    @property
    def choices(self) -> tuple[Any, ...]:
        return (self.value,)

    def decode(self, coordinates: np.ndarray, others: Mapping[Any, np.ndarray]) -> np.ndarray:
        return as_cells([self.value] * len(coordinates))


@dataclass(frozen=True, eq=False, kw_only=True)
class Identifier(AbstractColumn):
    """Names of rows: new rows get new ones."""

    kind: ClassVar[str] = "identifier"
    next: int | None

    def decode(self, coordinates: np.ndarray, others: Mapping[Any, np.ndarray]) -> np.ndarray:
        return self.named(len(coordinates))

    def named(self, n: int, *, start: int = 0) -> np.ndarray:
        """n names, after those of so many rows, shape (n,)."""
        if self.next is not None:
            return np.arange(self.next + start, self.next + start + n, dtype=np.float64)
        return as_cells(made_up_ids(n, start=start))
