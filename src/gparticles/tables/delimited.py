"""Reading comma and tab separated files, also gzipped, with the standard library alone.

Reading streams: a row is turned into numbers as soon as it is read, so that memory holds eight
bytes for each number and not the text of the file.
"""

import itertools
import re
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from gparticles.errors import InputError
from gparticles.tables.separated import SEPARATORS, Record, records
from gparticles.tables.table import (
    MISSING_MEND,
    TEXT_MEND,
    Table,
    are_decimals,
    check_finite,
    check_rows,
    column_warnings,
    is_missing,
    is_number,
    labels_of_cells,
    listed,
    position,
    quoted,
    refusal,
)

ID_NAMES = frozenset(
    (
        *("", "index", "unnamed: 0", "rownames", "row_names", "name", "names"),
        *("id", "ids", "identifier", "sample", "samples", "sample_id", "sampleid", "sample id"),
        *("barcode", "barcodes", "cell", "cell_id", "gene", "genes", "gene_id"),
    )
)
"""Headers of a first column of identifiers, in lower case; the empty one is pandas's index."""

_ENDINGS = {",": ".csv", "\t": ".tsv"}
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?")
_DECIMAL_COMMA = re.compile(r"[+-]?(\d*|\d{1,3}(\.\d{3})+),\d+([eE][+-]?\d+)?")


@dataclass
class _Layout:
    """Which column is what, and the cells collected so far."""

    name: str
    names: list[str] | None
    width: int
    first_line: int
    id_at: int | None = None
    label_at: int | None = None
    label_gaps: bool = False
    guessed: bool = False
    numbers: array = field(default_factory=lambda: array("d"))
    lines: array = field(default_factory=lambda: array("q"))
    ids: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    rows_before: int = 0

    def following(self) -> "_Layout":
        """The same columns, for the rows after these."""
        new = {"numbers": array("d"), "lines": array("q"), "ids": [], "labels": []}
        return replace(self, **new, rows_before=self.rows_before + len(self.lines))

    @property
    def feature_at(self) -> list[int]:
        return [i for i in range(self.width) if i not in (self.id_at, self.label_at)]

    def column(self, at: int) -> str:
        return f"column {quoted(self.names[at]) if self.names else at + 1}"


def read_delimited(
    path: Path,
    *,
    kind: str,
    id_column: str | None = None,
    label_column: str | None = None,
    label_gaps: bool = False,
) -> Table:
    """Read a table of numbers, float64, with a column of identifiers and one of labels at most.

    The first row is a header where a cell of it is text; but where it also has numbers, and each
    of its texts has text below, these are the identifier and the label of a row without a header.
    The first column holds identifiers where its header is in `ID_NAMES`, or where its cells are all
    text and all different.

    The arguments are those of `load`, and `kind` is "csv", "tsv", "csv.gz" or "tsv.gz".

    Raises:
        InputError: whatever cannot be used, with the row as an editor numbers it, and the column.
    """
    columns = {"id_column": id_column, "label_column": label_column}
    return next(delimited_blocks(path, None, kind=kind, label_gaps=label_gaps, **columns))


def delimited_blocks(
    path: Path,
    rows: int | None,
    *,
    kind: str,
    id_column: str | None = None,
    label_column: str | None = None,
    label_gaps: bool = False,
) -> Iterator[Table]:
    """Read a table a number of rows at a time; the arguments are those of ``read_delimited``.

    Yields:
        Tables of ``rows`` rows, the last of what is left; one of all rows for None.
    """
    head, rest, header = _begun(path, kind)
    layout = _layout(head, path, header=header, id_column=id_column, label_column=label_column)
    layout.label_gaps = label_gaps
    for line, row in _of_one_width(head[header:], rest, layout):
        if len(layout.lines) == rows:
            yield _table(layout, kind)
            layout = layout.following()
        _take(row, line, layout)
    yield _table(layout, kind)


@dataclass(frozen=True)
class Cells:
    """A file's cells as text.

    Attributes:
        names: of the columns, or None where there is no header.
        lines: the rows' numbers, as an editor counts them.
        rows: with as many cells each.
        id_at: which column holds identifiers, or None.
    """

    names: list[str] | None
    lines: list[int]
    rows: list[list[str]]
    id_at: int | None


def cell_blocks(
    path: Path, rows: int | None, *, kind: str, id_column: str | None = None
) -> Iterator[Cells]:
    """The text of a table of whatever columns, so many rows at a time; None for all at once.

    The other arguments are those of ``read_delimited``.

    Raises:
        InputError: rows of different widths, and whatever else is no table.
    """
    head, rest, header = _begun(path, kind)
    layout = _layout(head, path, header=header, id_column=id_column, label_column=None)
    every, count = _of_one_width(head[header:], rest, layout), 0
    while pairs := list(itertools.islice(every, rows)):
        count += len(pairs)
        check_rows(count, layout.name)
        cells = [row for _, row in pairs]
        named = not layout.guessed or _are_names([row[0] for row in cells])
        id_at = layout.id_at if named else None
        yield Cells(layout.names, [line for line, _ in pairs], cells, id_at)
    check_rows(count, layout.name)


def _are_names(cells: list[str]) -> bool:
    differ = len(set(cells)) == len(cells) and not any(is_number(i) or is_missing(i) for i in cells)
    return differ and not are_decimals(cells)


def _begun(path: Path, kind: str) -> tuple[list[Record], Iterable[Record], bool]:
    """The first two rows, all others, and whether the first is a header."""
    rest: Iterable[Record] = records(path, kind)
    head = list(itertools.islice(rest, 2))
    if not head:
        raise refusal(path, "is empty", "give a header and at least two rows")
    _check_delimiter(head, path, kind)
    if all(
        len(row) == 1 and not is_number(row[0]) for _, row in head
    ):  # which no table begins with
        rest = list(rest)
        line = next((line for line, row in rest if len(row) > 1), None)
        if line is not None:
            problem = f"row {line} has more columns than the rows above it"
            raise refusal(path, problem, "remove what stands above the names of the columns")
    header = _is_header(head[0][1], head[1][1] if len(head) > 1 else None)
    if not head[0][1][-1].strip():
        rest = list(rest)
        _check_tail([*head, *rest], path, width=1)
    return head, rest, header


def _of_one_width(
    head: list[Record], rest: Iterable[Record], layout: _Layout
) -> Iterator[tuple[int, list[str]]]:
    rest = iter(rest)
    for line, row in itertools.chain(head, rest):
        if len(row) != layout.width:
            _check_tail(itertools.chain([(line, row)], rest), Path(layout.name), width=layout.width)
            raise _bad_width(row, line, layout)
        yield line, row


def _check_delimiter(head: list[Record], path: Path, kind: str) -> None:
    delimiter = "," if kind.startswith("csv") else "\t"
    # a decimal comma is no separator, so only these two count where columns were found
    alone = all(len(row) == 1 for _, row in head)
    for other, what in SEPARATORS.items():
        if other == delimiter or not (alone or other in ";\t"):
            continue
        lines = [delimiter.join(row).strip() for _, row in head]
        parts = [line.split(None if other == " " else other) for line in lines]
        if min(map(len, parts)) < 2 or (other == " " and not all(map(is_number, parts[-1]))):
            continue
        mend, suffix = f"save it with {SEPARATORS[delimiter]}", _ENDINGS.get(other)
        if suffix and not any("," in cell for cell in parts[-1]):
            mend += f" or rename it to end in {suffix}{'.gz' if kind.endswith('gz') else ''}"
        elif any(_DECIMAL_COMMA.fullmatch(cell.strip()) for row in parts[1:] for cell in row):
            mend += ", and decimals with a point"
        if other == "," and _DECIMAL_COMMA.fullmatch(lines[-1]):
            mend += ", or write decimals with a point"
        raise refusal(path, f"seems to be separated by {what}", mend)


def _check_tail(rows: Iterable[Record], path: Path, *, width: int) -> None:
    """Refuse separators at the ends of rows with nothing behind them in any row."""
    longest = 0
    for _, row in rows:
        longest = max(longest, len(row))
        width = max(width, max((i for i, cell in enumerate(row, 1) if cell.strip()), default=0))
    if longest > width:
        problem = f"no row has anything beyond column {width}"
        raise refusal(path, problem, "remove the separators at the ends of the rows")


def _layout(
    head: list[Record],
    path: Path,
    *,
    header: bool,
    id_column: str | None,
    label_column: str | None,
) -> _Layout:
    first_line, first = head[0]
    second = head[1][1] if len(head) > 1 else None
    names = first if header else None
    layout = _Layout(str(path), names, width=len(first), first_line=first_line)
    if names is not None:
        _check_names(names, path, first_line)
    numbered = names or [str(i + 1) for i in range(len(first))]
    layout.label_at = position(label_column, numbered, where=path, what="label")
    layout.id_at = position(id_column, numbered, where=path, what="identifier")
    if id_column is None and layout.width > 1 and layout.label_at != 0:
        data = second if names is not None else first
        if names is not None and names[0].strip().casefold() in ID_NAMES:
            layout.id_at = 0
        elif data and not is_number(data[0]) and not is_missing(data[0]):
            layout.id_at, layout.guessed = 0, True
    if None is not layout.id_at == layout.label_at:
        raise refusal(
            path, f"{layout.column(layout.id_at or 0)} is named twice", "name another one"
        )
    if not layout.feature_at:
        raise refusal(path, "has no column of numbers left", "give at least one")
    return layout


def _is_header(first: list[str], second: list[str] | None) -> bool:
    text = [i for i, cell in enumerate(first) if not (is_number(cell) or is_missing(cell))]
    counting = _counts_up([cell for cell in first if is_number(cell)])
    below = "" if second is None else second[0]
    if first[0].strip().casefold() in ID_NAMES:
        # under an empty name of pandas's index stand text or 0, else the cell is a missing value
        return bool(text) or counting or below == "0" or not is_number(below)
    if len(text) in (0, len(first)) or second is None:
        return bool(text)
    below_text = [second[i] for i in text if i < len(second)]
    over_numbers = any(is_number(cell) or is_missing(cell) for cell in below_text)
    return over_numbers or counting


def _counts_up(cells: list[str]) -> bool:
    """Whether these are the names of a frame's default columns: 0, 1, 2, ... or from 1."""
    counts = [cell.strip() for cell in cells]
    n = len(counts)
    return n > 1 and any(counts == [str(i + start) for i in range(n)] for start in (0, 1))


def _check_names(names: list[str], path: Path, line: int) -> None:
    unnamed = [at for at, name in enumerate(names, start=1) if not name.strip() and at > 1]
    if unnamed:
        which = ("columns " if unnamed[1:] else "column ") + ", ".join(map(str, unnamed[:5]))
        problem = f"row {line}: no name for {which}{', ...' if unnamed[5:] else ''}"
        raise refusal(path, problem, "give each one, or remove it")
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        problem = f"row {line}: several columns are called {listed(repeated)}"
        raise refusal(path, problem, "give every column a name of its own")


def _take(row: list[str], line: int, layout: _Layout) -> None:
    cells = row
    if layout.id_at is not None or layout.label_at is not None:
        cells = [row[i] for i in layout.feature_at]
        if layout.id_at is not None:
            layout.ids.append(row[layout.id_at])
        if layout.label_at is not None:
            layout.labels.append(row[layout.label_at])
    layout.lines.append(line)
    try:
        # Python reads 1_000 as a number, which no file means
        if "_" in "".join(cells):
            raise ValueError
        layout.numbers.extend(map(float, cells))
    except ValueError:
        at = next(i for i in layout.feature_at if not is_number(row[i]))
        raise _bad_cell(row, line, layout, at=at) from None


def _bad_width(row: list[str], line: int, layout: _Layout) -> InputError:
    problem = f"row {line} has {len(row)} columns where row {layout.first_line} has {layout.width}"
    mend = (
        "give every row the same columns (no separator in numbers, quotes round texts) or remove it"
    )
    if layout.names and not layout.lines and len(row) > layout.width:
        mend = "give row 1 a name for each column, such as id for the names of rows"
        if layout.width == 1 or not any(map(is_number, row)):
            mend = (
                "remove what stands above the names of the columns, or quote cells that hold the "
                "separator"
            )
    return refusal(layout.name, problem, mend)


def _bad_cell(row: list[str], line: int, layout: _Layout, *, at: int) -> InputError:
    cell, place = row[at], f"row {line}, {layout.column(at)}"
    if is_missing(cell):
        return refusal(layout.name, f"{place}: missing value", MISSING_MEND)
    return text_among_numbers(cell, layout.name, place)


def text_among_numbers(cell: str, name: str, place: str) -> InputError:
    """What to say of a cell of text in a column of numbers."""
    return refusal(name, f"{place}: text {quoted(cell)} among numbers", _mend(cell.strip()))


def looks_like_a_number(cell: str) -> bool:
    """Whether a cell is a number that is written as no file here may write it."""
    text = cell.strip()
    return bool(_THOUSANDS.fullmatch(text) or _DECIMAL_COMMA.fullmatch(text))


def _mend(cell: str) -> str:
    """How to write what looks like a number, where that is clear."""
    if _THOUSANDS.fullmatch(cell):
        plain = cell.replace(",", "")
        if cell.count(",") > 1 or "." in cell:
            return f"write numbers without separators of thousands, as {plain}"
        decimal = cell.replace(",", ".")
        return (
            f"write {plain} if the comma separates thousands, and {decimal} if it begins decimals, "
            "in all cells alike"
        )
    if _DECIMAL_COMMA.fullmatch(cell):
        plain = cell.replace(".", "").replace(",", ".")
        return f"write decimals with a point and nothing between thousands, as {plain}"
    return TEXT_MEND


def _table(layout: _Layout, kind: str) -> Table:
    check_rows(layout.rows_before + len(layout.lines), layout.name)
    if layout.guessed:
        _check_guess(layout)
    at = layout.feature_at
    columns = None if layout.names is None else tuple(layout.names[i] for i in at)
    values = np.frombuffer(layout.numbers).reshape(-1, len(at))
    check_finite(values, name=layout.name, columns=columns, lines=layout.lines)
    return Table(
        values=values,
        columns=columns,
        ids=None if layout.id_at is None else layout.ids,
        id_name=_name(layout, layout.id_at, "id"),
        labels=_labels(layout),
        label_name=_name(layout, layout.label_at, "label"),
        kind=kind,
        header=layout.names is not None,
        warnings=_warnings(values, columns),
        name=layout.name,
        id_position=layout.id_at,
        label_position=layout.label_at,
    )


def _labels(layout: _Layout) -> np.ndarray | None:
    if layout.label_at is None:
        return None
    place = layout.name, layout.names[layout.label_at] if layout.names else str(layout.label_at + 1)
    return labels_of_cells(layout.labels, place=place, lines=layout.lines, gaps=layout.label_gaps)


def _check_guess(layout: _Layout) -> None:
    unique = len(set(layout.ids)) == len(layout.ids)
    for line, cell in zip(layout.lines, layout.ids, strict=True):
        if is_missing(cell):
            raise _bad_cell([cell], line, layout, at=0)
        unique = unique and not is_number(cell)
    if not unique or are_decimals(layout.ids):  # then the first row's text is what is odd
        raise _bad_cell(layout.ids[:1], layout.lines[0], layout, at=0)


def _name(layout: _Layout, at: int | None, fallback: str) -> str | None:
    if at is None:
        return None
    return layout.names[at] if layout.names else fallback


def _warnings(values: np.ndarray, columns: tuple[str, ...] | None) -> tuple[str, ...]:
    lines = column_warnings(values, columns)
    width = values.shape[1]
    if columns is None and width > 2 and (values[0] == np.arange(width)).all():
        line = f"row 1 is 0 to {width - 1} and was read as numbers; rename them if they are names"
        return (line, *lines)
    numbers = [name for name in columns or () if is_number(name)]
    if columns and (0 < len(numbers) < width or (width > 1 and _counts_up(numbers))):
        return (f"row 1, which ends in {columns[-1]}, was read as the names of columns", *lines)
    return lines
