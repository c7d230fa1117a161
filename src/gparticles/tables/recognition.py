"""Which kind each column of a frame is, by its cells or by what the user says."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from numbers import Real
from typing import Any

import numpy as np

from gparticles.tables.columns import (
    AbstractColumn,
    Boolean,
    Categorical,
    Constant,
    Identifier,
    Inflated,
    Label,
    Number,
    Ordinal,
    Time,
    stamp_of,
    steps_between,
)
from gparticles.tables.dates import formats_of, look_like_dates, stamps_of
from gparticles.tables.delimited import ID_NAMES, looks_like_a_number
from gparticles.tables.scores import Grid, grid_of, inflated_end, scores_of
from gparticles.tables.storage import Storage, cells_of, storage_of
from gparticles.tables.table import quoted, refusal

KINDS = (
    *("continuous", "integer", "ordinal", "categorical", "boolean", "date", "identifier"),
    *("constant", "label", "drop"),
)
"""What a user may call a column; an ordinal one also by the list of its levels in their order."""

# rows from which on it is no chance that all cells differ
_ENOUGH = 20
# in the mean; names of rows that stand first may have blanks, as Mazda RX4 Wag has
_WORDS_OF_A_NAME = 3
# whole numbers beyond have no float64 of their own
_LARGEST = 2**53

Range = Sequence[Any]
_NO_RANGE = (None, None)


def recognise(
    frame: Any,
    settings: Mapping[Any, Any] | None = None,
    ranges: Mapping[Any, Range] | None = None,
) -> tuple[list[AbstractColumn], list[str]]:
    """The columns of a frame, and a line for what a user should know of them.

    Args:
        frame: a pandas DataFrame.
        settings: for some columns, a word of ``KINDS`` or the list of an ordinal one's levels.
        ranges: for some columns of numbers or dates, (low, high), None for an end without bound.

    Raises:
        InputError: a column that cannot be used, one line with the mend.
    """
    settings, ranges = dict(settings or {}), dict(ranges or {})
    _check_names(frame, settings, ranges)
    columns, notes = [], []
    for at, name in enumerate(frame.columns):
        if settings.get(name) == "drop":
            continue
        described = _Cells(frame.iloc[:, at], name, first=at == 0)
        column = _column(described, settings.get(name), ranges.get(name, _NO_RANGE))
        if name in ranges and not isinstance(column, (Number, Time)):
            problem = f"has a range, and is {column.describe()}"
            raise refusal(described.place, problem, "leave the range out")
        columns.append(column)
        notes += described.notes
    labels = [column.name for column in columns if isinstance(column, Label)]
    if len(labels) > 1:
        raise refusal("columns", f"{quoted(labels[1])} is a second label", "give one")
    if not any(column.coordinates for column in columns):
        raise refusal("the table", "has no column that varies", "give one")
    return columns, notes


class _Cells:
    """What is known of a column before it has a kind."""

    def __init__(self, series: Any, name: Any, *, first: bool):
        self.name, self.first = name, first
        self.place = f"column {quoted(name)}"
        self.storage: Storage = storage_of(series)
        every, missing = cells_of(series, name=str(name))
        self.total, self.cells = len(every), every[~missing]
        self.notes: list[str] = []
        if len(self.cells) == 0:
            raise refusal(self.place, "has no value at all", "remove it")
        self.distinct = _sorted(self.cells)

    @property
    def numbers(self) -> np.ndarray | None:
        """As float64, or None where a cell is none."""
        if self.cells.dtype.kind == "f":
            return self.cells
        if self.cells.dtype.kind != "O" or not all(_is_number(cell) for cell in self.cells):
            return None
        return self.cells.astype(np.float64)

    @property
    def all_differ(self) -> bool:
        return len(self.distinct) == self.total >= _ENOUGH


def _is_number(cell: Any) -> bool:
    return isinstance(cell, (int, float)) and not isinstance(cell, bool)


def _sorted(cells: np.ndarray) -> list[Any]:
    if cells.dtype.kind != "O":
        return np.unique(cells).tolist()
    kinds = {cell: type(cell).__name__ for cell in cells.tolist()}
    return sorted(kinds, key=lambda cell: (kinds[cell], cell))


def _column(cells: _Cells, setting: Any, ends: Range) -> AbstractColumn:
    if setting is not None and not isinstance(setting, str):
        return _ordinal(cells, levels=list(setting))
    if setting is None:
        setting = _kind(cells)
    make = {
        "continuous": lambda: _number(cells, None, ends),
        "number": lambda: _number(cells, grid_of(cells.numbers), ends),  # type: ignore[arg-type]
        "integer": lambda: _number(cells, Grid(1, 0), ends),
        "ordinal": lambda: _ordinal(cells, levels=None),
        "categorical": lambda: Categorical(**_levels(cells)),
        "boolean": lambda: _boolean(cells),
        "date": lambda: _time(cells, ends),
        "identifier": lambda: _identifier(cells),
        "constant": lambda: _constant(cells),
        "label": lambda: _label(cells),
    }
    return make[setting]()


def _kind(cells: _Cells) -> str:
    if len(cells.distinct) == 1:
        return "constant"
    if cells.storage.levels is not None:
        return "ordinal" if cells.storage.ordered else "categorical"
    if cells.cells.dtype.kind == "i":
        return "date"
    if isinstance(cells.distinct[0], bool) and isinstance(cells.distinct[-1], bool):
        return "boolean"
    if cells.numbers is not None:
        return _kind_of_numbers(cells)
    return _kind_of_text(cells)


def _kind_of_numbers(cells: _Cells) -> str:
    numbers = cells.numbers
    assert numbers is not None
    if not np.isfinite(numbers).all():
        return "number"
    if len(cells.distinct) == 2:
        return "categorical"
    if not (cells.all_differ and (numbers == np.rint(numbers)).all()):
        return "number"
    steps = np.diff(numbers)
    if (steps == 1).all() or (cells.first and _is_named_id(cells.name)):
        cells.notes.append(f"{cells.place} numbers the rows: new rows are numbered on")
        return "identifier"
    cells.notes.append(
        f"{cells.place} holds {cells.total} different whole numbers and is taken for a "
        'measurement; if it identifies rows, call it an "identifier"'
    )
    return "number"


def _is_named_id(name: Any) -> bool:
    return str(name).strip().casefold() in ID_NAMES


def _kind_of_text(cells: _Cells) -> str:
    texts = [cell for cell in cells.cells.tolist() if isinstance(cell, str)]
    if len(texts) < len(cells.cells):
        return "categorical"
    if look_like_dates(texts):
        if formats_of(texts):
            return "date"
        if len(cells.distinct) > 2:
            mend = 'write all in one way, such as 2024-01-31, or call it "categorical"'
            raise refusal(cells.place, "holds dates written in several ways", mend)
    like_numbers = [text for text in texts if looks_like_a_number(text)]
    if 2 * len(like_numbers) > len(texts):
        problem = f"holds text such as {quoted(like_numbers[0])}, which looks like a number"
        mend = 'make it numbers with a point before decimals, or call it "categorical"'
        raise refusal(cells.place, problem, mend)
    words = sum(len(text.split()) for text in texts) / len(texts)
    if cells.all_differ and words <= (_WORDS_OF_A_NAME if cells.first else 1):
        cells.notes.append(f"{cells.place} names the rows: new rows get new names")
        return "identifier"
    if len(texts) >= _ENOUGH and len(cells.distinct) > len(texts) / 2:
        problem = f"seems to be free text ({len(cells.distinct)} of {len(texts)} cells differ)"
        mend = f'drop it (columns.{cells.name}=drop), or call it "categorical" or "identifier"'
        raise refusal(cells.place, problem, mend)
    return "categorical"


def _number(cells: _Cells, grid: Grid | None, ends: Range) -> Number:
    numbers = cells.numbers
    if cells.cells.dtype.kind == "i":
        raise refusal(cells.place, "holds dates, no numbers", 'call it a "date"')
    if numbers is None:
        odd = next(cell for cell in cells.cells.tolist() if not _is_number(cell))
        raise refusal(cells.place, f"holds {quoted(odd)}, no number", "mend it, or drop the column")
    if not all(end is None or isinstance(end, Real) for end in ends):
        raise refusal(cells.place, f"has the range {list(ends)}", "give numbers")
    if not np.isfinite(numbers).all():
        raise refusal(cells.place, "holds an infinite value", "fill it in, or remove the row")
    if grid is not None and not grid.holds(numbers):
        raise refusal(cells.place, "holds numbers that are not whole", 'call it "continuous"')
    whole = grid is not None or np.isfinite(cells.storage.limits[1])
    if whole and np.abs(numbers).max() >= _LARGEST:
        raise refusal(cells.place, "holds whole numbers above 2^53", "drop it or make it text")
    end = inflated_end(numbers)
    scores = scores_of(numbers[numbers != end], given=ends, grid=grid)
    least, most = cells.storage.limits
    scores = replace(scores, low=max(scores.low, least), high=min(scores.high, most))
    if scores.low > scores.high or not np.isfinite(scores.settled(numbers)).all():
        raise refusal(cells.place, "has a range without numbers", "give (low, high)")
    outside = numbers[(scores.settled(numbers) != numbers) & (numbers != end)]
    if len(outside):
        raise refusal(cells.place, f"holds {outside[0]:g}, outside its range", "widen the range")
    if end is not None:
        return Inflated(name=cells.name, storage=cells.storage, scores=scores, end=end)
    return Number(name=cells.name, storage=cells.storage, scores=scores)


def _time(cells: _Cells, ends: Range) -> Time:
    form, stamps = None, cells.cells
    if stamps.dtype.kind == "f":
        raise refusal(cells.place, "holds numbers, no dates", "write them as 2024-01-31")
    if stamps.dtype.kind == "O":
        forms = formats_of([str(cell) for cell in stamps])
        if not forms:
            mend = "write all in one way, such as 2024-01-31"
            raise refusal(cells.place, "holds dates written in several ways", mend)
        form = forms[0]
        stamps = stamps_of(stamps.tolist(), form)
        if len(forms) > 1:
            cells.notes.append(f"{cells.place} was read as dates written {form}, not {forms[1]}")
    assert stamps is not None
    origin = int(stamps.min())
    step = max(1, int(np.gcd.reduce(stamps - origin)))
    stamp = partial(stamp_of, storage=cells.storage, format=form, place=cells.place)
    given = tuple(None if end is None else (stamp(end) - origin) / step for end in ends)
    steps = steps_between(stamps, origin, step)
    scores = scores_of(steps, given=given, grid=Grid(1, 0), bounded=True)
    exact = stamps[np.unique(steps, return_index=True)[1]]
    return Time(
        name=cells.name,
        storage=cells.storage,
        scores=scores,
        stamps=exact,
        origin=origin,
        step=step,
        format=form,
    )


def _levels(cells: _Cells) -> dict[str, Any]:
    return {"name": cells.name, "storage": cells.storage, "levels": tuple(cells.distinct)}


def _label(cells: _Cells) -> Label:
    if len(cells.cells) < cells.total:
        mend = "fill it in, remove the row, or call the column categorical"
        raise refusal(cells.place, "has rows without a label", mend)
    return Label(**_levels(cells))


def _boolean(cells: _Cells) -> Boolean:
    if len(cells.distinct) != 2:
        raise refusal(cells.place, f"holds {len(cells.distinct)} values", 'call it "categorical"')
    return Boolean(**_levels(cells))


def _ordinal(cells: _Cells, *, levels: list[Any] | None) -> Ordinal:
    if levels is None:
        own = cells.storage.levels
        levels = cells.distinct if own is None else [v for v in own if v in set(cells.distinct)]
    unknown = [cell for cell in cells.distinct if cell not in levels]
    if unknown:
        problem = f"holds {quoted(unknown[0])}, which is not among the levels given"
        raise refusal(cells.place, problem, "add it to the list")
    at = {level: k for k, level in enumerate(levels)}
    codes = np.array([at[cell] for cell in cells.cells.tolist()], np.float64)
    scores = scores_of(codes, grid=Grid(1, 0), bounded=True)
    return Ordinal(name=cells.name, storage=cells.storage, levels=tuple(levels), scores=scores)


def _identifier(cells: _Cells) -> Identifier:
    numbers = cells.numbers
    if cells.cells.dtype.kind == "i":
        raise refusal(cells.place, "holds dates, which name no rows", 'call it a "date"')
    last = None if numbers is None else int(numbers.max()) + 1
    return Identifier(name=cells.name, storage=cells.storage, next=last)


def _constant(cells: _Cells) -> Constant:
    if len(cells.distinct) > 1:
        problem = f"holds {len(cells.distinct)} values, not one"
        raise refusal(cells.place, problem, 'call it "categorical"')
    return Constant(name=cells.name, storage=cells.storage, value=cells.distinct[0])


def _check_names(frame: Any, settings: dict[Any, Any], ranges: dict[Any, Any]) -> None:
    names = list(frame.columns)
    odd = [name for name in names if not isinstance(name, (str, int, np.integer))]
    if odd:
        raise refusal("the table", f"has a column called {odd[0]!r}", "give it a name of text")
    repeated = sorted({str(name) for name in names if names.count(name) > 1})
    if repeated:
        problem = f"has several columns called {quoted(repeated[0])}"
        raise refusal("the table", problem, "give every column a name of its own")
    for given in (settings, ranges):
        absent = [name for name in given if name not in names]
        if absent:
            mend = f"use one of {', '.join(quoted(name) for name in names[:10])}"
            raise refusal("columns", f"there is no column {quoted(absent[0])}", mend)
    for name, setting in settings.items():
        if setting not in KINDS if isinstance(setting, str) else not np.iterable(setting):
            mend = f"use one of {', '.join(KINDS)}, or a list of levels in their order"
            raise refusal(f"column {quoted(name)}", f"cannot be {quoted(setting)}", mend)
    for name, ends in ranges.items():
        if isinstance(ends, str) or not np.iterable(ends) or len(list(ends)) != 2:
            mend = "give (low, high), None for an end without a bound"
            raise refusal(f"column {quoted(name)}", f"has the range {ends!r}", mend)
