"""Columns that are functions of others: a copy, a sum, a code for each category, groups of an age.

Such a column is no coordinate of its own, in which rounding would break what holds in every row:
it is computed from the columns that it is a function of.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, ClassVar, NamedTuple

import numpy as np

from gparticles.tables.columns import AbstractColumn, Label, Levels, Number, as_cells
from gparticles.tables.table import listed

# rows for each number that a rule has, so that it holds by no chance
_ROWS_EACH = 5
_ENOUGH = 20
# rows that tell of most columns that they are no codes of each other
_GLANCE = 200
# rows that say of which columns another may be a sum
_SOME = 500
# columns that another is a sum of
_MOST_TERMS = 8
# of a column's spread; what a sum misses by less is rounding
_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False, kw_only=True)
class AbstractFunction(AbstractColumn):
    """A column that is computed.

    Attributes:
        of: the names of the columns that it is computed from.
    """

    of: tuple[Any, ...]

    @property
    def computed_from(self) -> tuple[Any, ...]:
        return self.of


@dataclass(frozen=True, eq=False, kw_only=True)
class Sum(AbstractFunction):
    """constant + the sum of coefficient * column.

    Attributes:
        column: as which it was recognised, which rounds and keeps in range.
        coefficients: one for each.
        constant: added.
    """

    kind: ClassVar[str] = "sum"
    column: Number
    coefficients: tuple[float, ...]
    constant: float

    def compared(self, cells: np.ndarray) -> np.ndarray:
        return self.column.compared(cells)

    def meant(self, value: Any) -> Any:
        return self.column.meant(value)

    def decode(self, coordinates: np.ndarray, others: Mapping[Any, np.ndarray]) -> np.ndarray:
        pairs = zip(self.coefficients, self.of, strict=True)
        parts = [coefficient * others[name].astype(np.float64) for coefficient, name in pairs]
        return self.column.settled(np.sum(parts, axis=0) + self.constant)

    def describe(self) -> str:
        if len(self.of) == 1 and self.coefficients == (1.0,) and self.constant == 0:
            return f"a copy of {self.of[0]}"
        pairs = zip(self.coefficients, self.of, strict=True)
        words = [f"{c:g} {name}" if c != 1 else str(name) for c, name in pairs]
        if self.constant:
            words.append(f"{self.constant:g}")
        return f"computed: {' + '.join(words)}".replace("+ -", "- ")


@dataclass(frozen=True, eq=False, kw_only=True)
class Coded(AbstractFunction):
    """A cell for each level of another column.

    Attributes:
        levels: its levels.
        values: a cell for each.
    """

    kind: ClassVar[str] = "coded"
    levels: tuple[Any, ...]
    values: tuple[Any, ...]

    @property
    def choices(self) -> tuple[Any, ...]:
        return tuple(dict.fromkeys(self.values))

    def decode(self, coordinates: np.ndarray, others: Mapping[Any, np.ndarray]) -> np.ndarray:
        at = dict(zip(self.levels, self.values, strict=True))
        return as_cells([at[cell] for cell in others[self.of[0]].tolist()])

    def describe(self) -> str:
        same = all(level == value for level, value in zip(self.levels, self.values, strict=True))
        return f"a copy of {self.of[0]}" if same else f"a function of {self.of[0]}"


@dataclass(frozen=True, eq=False, kw_only=True)
class Grouped(AbstractFunction):
    """A cell for each interval of a column of numbers.

    Attributes:
        edges: between the intervals, ascending.
        values: a cell for each interval, one more than edges.
    """

    kind: ClassVar[str] = "grouped"
    edges: tuple[float, ...]
    values: tuple[Any, ...]

    @property
    def choices(self) -> tuple[Any, ...]:
        return tuple(dict.fromkeys(self.values))

    def decode(self, coordinates: np.ndarray, others: Mapping[Any, np.ndarray]) -> np.ndarray:
        at = np.searchsorted(self.edges, others[self.of[0]].astype(np.float64))
        return as_cells([self.values[k] for k in at])

    def describe(self) -> str:
        return f"intervals of {self.of[0]}"


def functions_among(
    columns: Sequence[AbstractColumn],
    cells: Mapping[Any, tuple[np.ndarray, np.ndarray]],
    *,
    kept: Sequence[Any] = (),
) -> dict[Any, AbstractFunction]:
    """For each column that is a function of columns which are none, that function.

    Later columns are computed from earlier ones, where either could be.

    Args:
        columns: recognised.
        cells: their cells, and which of these are missing.
        kept: names of columns that are not to be computed.
    """
    functions: dict[Any, AbstractFunction] = {}
    used: set[Any] = set()
    for column in reversed(columns):
        if column.name in kept or column.name in used or not column.coordinates:
            continue
        others = [c for c in columns if c is not column and c.name not in functions]
        usable = [c for c in others if c.coordinates or isinstance(c, Label)]
        function = _function(column, usable, cells)
        if function is not None:
            functions[column.name] = function
            used.update(function.of)
    return functions


def _function(
    column: AbstractColumn, others: Sequence[AbstractColumn], cells: Mapping[Any, Any]
) -> AbstractFunction | None:
    missing = cells[column.name][1]
    if int((~missing).sum()) < _ENOUGH:
        return None
    # a cell that is there needs those that it is computed from
    usable = [c for c in others if not (cells[c.name][1] & ~missing).any()]
    present = {c.name: cells[c.name][0][~missing] for c in (column, *usable)}
    numbers = [c for c in usable if isinstance(c, Number)]
    own = Kinds.of(present[column.name])
    if isinstance(column, Levels) or own.number <= _ROWS_EACH:
        candidates: Iterator[AbstractFunction | None] = chain(
            (_coded(column, c, present, own) for c in usable if isinstance(c, Levels)),
            (_grouped(column, c, present, own) for c in numbers),
        )
    else:
        candidates = iter(())
    if isinstance(column, Number):
        candidates = chain(candidates, [_sum(column, numbers, present)])
    return next((c for c in candidates if c is not None and _holds(c, present)), None)


class Kinds(NamedTuple):
    """Cells as whole numbers from 0: ``codes``, shape (n,), and how many kinds there are."""

    codes: np.ndarray
    number: int

    @classmethod
    def of(cls, cells: np.ndarray) -> "Kinds":
        at: dict[Any, int] = {}
        codes = np.array([at.setdefault(cell, len(at)) for cell in cells.tolist()], np.int64)
        return cls(codes, len(at))


def _holds(function: AbstractFunction, present: Mapping[Any, np.ndarray]) -> bool:
    made = function.decode(np.zeros((len(present[function.name]), 0)), present)
    return bool((made == present[function.name]).all())


def _sum(column: Number, others: Sequence[Number], present: Mapping[Any, np.ndarray]) -> Sum | None:
    y = present[column.name].astype(np.float64)
    x = np.stack([present[c.name].astype(np.float64) for c in others] or [y * 0], axis=1)
    if y.std() == 0 or not np.isfinite(np.abs(x).sum() + np.abs(y).sum()):
        return None
    at = _terms(x[:_SOME], y[:_SOME])
    if not at or len(y) < _ROWS_EACH * (len(at) + 1):
        return None
    design = np.column_stack([x[:, at], np.ones(len(y))])
    weights = np.linalg.lstsq(design, y, rcond=None)[0]
    # whoever computed the column did it with few digits
    weights = np.array([float(f"{weight:.9g}") for weight in weights])
    weights[np.abs(weights) < _ROUNDING * max(1.0, np.abs(y).max())] = 0.0
    if np.abs(design @ weights - y).max() > _ROUNDING * max(y.std(), np.abs(y).max()):
        return None
    # with a sign, but without the ends that a sample of it happens to have
    least, most = column.storage.limits
    free = replace(
        column.scores, low=max(0.0, least) if column.scores.low >= 0 else least, high=most
    )
    terms = [weight * np.array(others[k].reach) for k, weight in zip(at, weights[:-1], strict=True)]
    if free.low == 0 > np.sum([term.min() for term in terms]) + weights[-1]:
        return None
    return Sum(
        name=column.name,
        storage=column.storage,
        column=replace(column, scores=free),
        of=tuple(others[k].name for k in at),
        coefficients=tuple(weights[:-1].tolist()),
        constant=float(weights[-1]),
    )


def _terms(x: np.ndarray, y: np.ndarray) -> list[int]:
    """The few columns of which y is a sum, each the likest to what those before leave; or none."""
    centred = (x - x.mean(axis=0)) / np.where(x.std(axis=0) > 0, x.std(axis=0), 1.0)
    left = y - y.mean()
    at: list[int] = []
    while np.abs(left).max() > 10 * _ROUNDING * max(y.std(), np.abs(y).max()):
        if len(at) == min(_MOST_TERMS, x.shape[1]):
            return []
        likeness = np.abs(centred.T @ left)
        likeness[at] = 0
        at.append(int(likeness.argmax()))
        chosen = centred[:, at]
        left = y - y.mean() - chosen @ np.linalg.lstsq(chosen, y - y.mean(), rcond=None)[0]
    return sorted(at)


def _coded(
    column: AbstractColumn, other: Levels, present: Mapping[Any, np.ndarray], own: Kinds
) -> Coded | None:
    theirs = Kinds.of(present[other.name][:_GLANCE])
    pairs = np.unique(theirs.codes * (own.number + 1) + own.codes[:_GLANCE])
    if len(pairs) > theirs.number or own.number < 2:
        return None
    mine, its = present[column.name].tolist(), present[other.name].tolist()
    values = dict(zip(its, mine, strict=True))
    rare = np.bincount(own.codes).min() < _ROWS_EACH
    if rare or len(mine) < _ROWS_EACH * len(values) or len(values) < len(other.levels):
        return None
    return Coded(
        name=column.name,
        storage=column.storage,
        of=(other.name,),
        levels=tuple(values),
        values=tuple(values.values()),
    )


def _grouped(
    column: AbstractColumn, other: Number, present: Mapping[Any, np.ndarray], own: Kinds
) -> Grouped | None:
    x = present[other.name].astype(np.float64)
    order = np.argsort(x, kind="stable")
    x, codes = x[order], own.codes[order]
    starts = np.append(0, np.flatnonzero(np.diff(codes)) + 1)
    sizes = np.diff([*starts, len(codes)])
    # every kind in one piece, of several rows, and no two of them at one number
    if not 2 <= len(starts) == own.number or sizes.min() < _ROWS_EACH:
        return None
    if (x[starts[1:]] == x[starts[1:] - 1]).any():
        return None
    cells = present[column.name]
    return Grouped(
        name=column.name,
        storage=column.storage,
        of=(other.name,),
        edges=tuple((x[starts[1:] - 1] / 2 + x[starts[1:]] / 2).tolist()),
        values=tuple(cells[order[k]] for k in starts),
    )


def told(functions: Mapping[Any, AbstractFunction]) -> list[str]:
    """A line for each function."""
    return [
        f"column {listed([name])} is {function.describe()}; it is computed and not learnt "
        "(give its kind to have it learnt)"
        for name, function in functions.items()
    ]
