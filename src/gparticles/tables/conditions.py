"""Rows with what is asked of them: conditions on columns, and equal numbers of each level."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gparticles.tables.codec import TableCodec
from gparticles.tables.columns import AbstractColumn, Levels, Ordinal
from gparticles.tables.storage import cells_of
from gparticles.tables.table import listed, quoted, refusal

# of rows drawn before those that are asked for are called too rare, or for each of them
MOST, MOST_EACH = 200_000, 200
AT_ONCE = 20_000

_WORDS = re.compile(r"\s*(?P<name>.+?)\s*(?P<sign>>=|<=|=)\s*(?P<value>.*?)\s*", re.DOTALL)


@dataclass(frozen=True)
class Condition:
    """What is asked of a column: one of some values, or an interval.

    Attributes:
        column: of the table.
        values: that are allowed, or None: choices of the column, or numbers as it compares them.
        low, high: the ends of an interval, likewise.
    """

    column: AbstractColumn
    values: tuple[Any, ...] | None = None
    low: Any = -np.inf
    high: Any = np.inf

    def holds(self, frame: Any) -> np.ndarray:
        """Which rows are so, shape (n,)."""
        series = frame[self.column.name]
        if self.column.choices is not None:
            return series.isin(list(self.values or ())).to_numpy(bool)
        cells, missing = cells_of(series, name=str(self.column.name))
        holds = ~missing
        numbers = self.column.compared(cells[holds])
        holds[holds] = (
            (numbers >= self.low) & (numbers <= self.high)
            if self.values is None
            else np.isin(numbers, self.values)
        )
        return holds


def conditions_of(codec: TableCodec, where: Mapping[Any, Any] | None) -> list[Condition]:
    """Conditions in Python's words, checked.

    Args:
        codec: of the rows.
        where: for columns by name, a cell, a list of cells, or (low, high) with None for no end.

    Raises:
        InputError: no such column, or a level that none of the rows has.
    """
    if where is not None and not isinstance(where, Mapping):
        mend = 'give a dictionary such as {"species": "Adelie"}'
        raise refusal("where", f"is a {type(where).__name__}", mend)
    conditions = []
    for name, value in (where or {}).items():
        column = _named(codec, name)
        if isinstance(value, tuple):
            conditions.append(_interval(column, *_ends(name, value)))
            continue
        cells = list(value) if isinstance(value, (list, set)) else [value]
        if not cells:
            raise refusal("where", f"{quoted(name)} has an empty list", "give at least one value")
        conditions.append(Condition(column, tuple(column.meant(cell) for cell in cells)))
    return conditions


def conditions_of_words(codec: TableCodec, words: Sequence[str]) -> list[Condition]:
    """Conditions as they are typed: ``species=Adelie``, ``age>=60``, ``age<=70``.

    Raises:
        InputError: words that are none, or what ``conditions_of`` refuses.
    """
    conditions = []
    for text in words:
        parts = _WORDS.fullmatch(text)
        if parts is None:
            raise refusal(
                f"--where {text}",
                "is no condition",
                "write column=value, column>=value or column<=value",
            )
        column, value = _named(codec, parts["name"]), parts["value"]
        low, high = (value, None) if parts["sign"] == ">=" else (None, value)
        conditions.append(
            Condition(column, (column.meant(value),))
            if parts["sign"] == "="
            else _interval(column, low, high)
        )
    return _agreeing(conditions)


def _interval(column: AbstractColumn, low: Any, high: Any) -> Condition:
    """The condition of lying between two ends, None for an end without a bound."""
    ends = {"low": low, "high": high}
    meant = {end: column.meant(value) for end, value in ends.items() if value is not None}
    if column.choices is None:
        return Condition(column, **meant)
    order = _order(column)
    least, most = order.get(meant.get("low"), -np.inf), order.get(meant.get("high"), np.inf)
    return Condition(column, tuple(c for c, at in order.items() if least <= at <= most))


def _order(column: AbstractColumn) -> dict[Any, float]:
    """The choices of a column, and where each stands."""
    choices = column.choices or ()
    if isinstance(column, Ordinal):
        return {choice: at for at, choice in enumerate(choices)}
    if any(isinstance(c, bool) or not isinstance(c, (int, float)) for c in choices):
        problem = f"is {column.describe()}, without an order"
        raise refusal(column.place, problem, f"ask with = for {listed(choices)}")
    return {choice: float(choice) for choice in choices}


def _agreeing(conditions: list[Condition]) -> list[Condition]:
    """The conditions, if those on one column's choices leave one."""
    chosen = [c for c in conditions if c.values is not None]
    for condition in chosen:
        own = [set(c.values or ()) for c in chosen if c.column is condition.column]
        if not set.intersection(*own):
            mend = "leave one out (in Python a list allows several values)"
            raise refusal(condition.column.place, "no row has several values at once", mend)
    return conditions


def levels_of(codec: TableCodec, name: Any) -> Levels:
    """The column of this name, if it has levels that can be balanced.

    Raises:
        InputError: there is none, or it is one of numbers.
    """
    column = _named(codec, name)
    if not isinstance(column, Levels):
        problem = f"{column.place} is {column.describe()}"
        raise refusal("balance", problem, "name a column of categories")
    return column


def _named(codec: TableCodec, name: Any) -> AbstractColumn:
    for column in codec.columns:
        if column.name == name or str(column.name) == name:
            return column
    mend = f"use one of {', '.join(quoted(column.name) for column in codec.columns)}"
    raise refusal("where", f"there is no column {quoted(name)}", mend)


def _ends(name: Any, value: tuple[Any, ...]) -> tuple[Any, Any]:
    if len(value) != 2:
        raise refusal("where", f"{quoted(name)} has {len(value)} ends", "give (low, high)")
    return value[0], value[1]


def labels_asked(
    codec: TableCodec,
    labels: np.ndarray | None,
    conditions: Sequence[Condition],
    balance: Levels | None = None,
) -> np.ndarray | None:
    """The classes, in whose proportions rows are drawn, where the column of classes is asked for.

    Args:
        codec: of the rows.
        labels: those of the rows that were fitted, shape (n,), or None.
        conditions, balance: as for ``select``.
    """
    if labels is None or codec.label is None:
        return None
    if balance is not None and balance.name == codec.label.name:
        labels = np.unique(labels)
    for condition in conditions:
        if condition.column is codec.label:
            labels = labels[np.isin(labels, [str(cell) for cell in condition.values or ()])]
    return labels


@dataclass(frozen=True)
class Selected:
    """Rows that were selected, and which share of all that were drawn these are."""

    frame: Any
    acceptance: float


def select(
    draw: Callable[[int, int], Any],
    n: int,
    *,
    conditions: Sequence[Condition] = (),
    balance: Levels | None = None,
    start: int = 0,
) -> Selected:
    """n of the rows that are drawn for which all conditions hold.

    Args:
        draw: takes how many rows, and how often it was called; gives a DataFrame.
        n: how many.
        conditions: that all hold.
        balance: a column of which every level (that the conditions allow) is in as many rows, to
            within one.
        start: how many rows of the same file came before, with which levels are even too.

    Raises:
        InputError: hardly any row satisfies them.
    """
    import pandas

    wanted = _quotas(range(start, start + n), balance, conditions)
    kept: list[Any] = []
    counts = dict.fromkeys(wanted, 0)
    drawn = 0
    calls = 0
    while any(counts[level] < wanted[level] for level in wanted):
        size = _next_size(n, drawn, counts, wanted)
        frame = draw(size, calls)
        drawn, calls = drawn + size, calls + 1
        holds = np.ones(len(frame), bool)
        for condition in conditions:
            # what pandas gives may be read-only
            holds = holds & condition.holds(frame)
        for level in wanted:
            own = (
                holds if balance is None else holds & (frame[balance.name] == level).to_numpy(bool)
            )
            rows = np.flatnonzero(own)[: wanted[level] - counts[level]]
            kept.append(frame.iloc[rows])
            counts[level] += len(rows)
        lacking = [level for level in wanted if counts[level] == 0 < wanted[level]]
        most = MOST if lacking else max(MOST, MOST_EACH * n)
        if drawn >= most and sum(counts.values()) < n:
            raise _too_rare(drawn, conditions, lacking, balance)
    if balance is None and len(kept) == 1:
        return Selected(kept[0].reset_index(drop=True), n / drawn)
    frame = pandas.concat(kept, ignore_index=True)
    if balance is not None:
        # or the levels would come one after the other
        frame = frame.iloc[np.random.default_rng(n).permutation(len(frame))]
    return Selected(frame.reset_index(drop=True), n / drawn)


def _quotas(rows: range, balance: Levels | None, conditions: Sequence[Condition]) -> dict[Any, int]:
    """How many of the rows, which a file numbers like this, each level gets: one after another."""
    if balance is None:
        return {None: len(rows)}
    levels = list(balance.levels)
    for condition in conditions:
        if condition.column is balance:
            levels = [level for level in levels if level in (condition.values or ())]
    turns = np.bincount(np.arange(rows.start, rows.stop) % len(levels), minlength=len(levels))
    return dict(zip(levels, turns.tolist(), strict=True))


def _next_size(n: int, drawn: int, counts: Mapping[Any, int], wanted: Mapping[Any, int]) -> int:
    """As many as will probably do, by what has come of those before."""
    if drawn == 0:
        return min(n if len(wanted) == 1 else 2 * n, AT_ONCE)
    needs = [
        (wanted[level] - counts[level]) * drawn / max(counts[level], 1)
        for level in wanted
        if counts[level] < wanted[level]
    ]
    return int(min(max(1.2 * max(needs), 100), AT_ONCE))


def _too_rare(
    drawn: int, conditions: Sequence[Condition], lacking: Sequence[Any], balance: Levels | None
) -> Exception:
    if conditions:
        names = listed([condition.column.name for condition in conditions])
        where = f"where: too few of {drawn:,} rows satisfy what is asked of {names}"
        return refusal(where, "the rows that were fitted say that it hardly occurs", "ask for less")
    name = "" if balance is None else str(balance.name)
    problem = f"{quoted(lacking[0] if lacking else '')} is too rare among {drawn:,} rows"
    return refusal(f"balance {name}", problem, "fit with it as the label column")
