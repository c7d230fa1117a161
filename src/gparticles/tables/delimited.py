"""Reading comma and tab separated files, also gzipped, with the standard library alone.

Reading streams: a row is turned into numbers as soon as it is read, so that memory holds eight
bytes for each number and not the text of the file.
"""

import csv
import gzip
import itertools
import zlib
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import numpy as np

from gparticles.tables.table import (
    MISSING,
    TEXT_MEND,
    Table,
    check_finite,
    check_rows,
    column_warnings,
    labels_of_text,
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

_DELIMITERS = {",": ("commas", ".csv"), "\t": ("tabs", ".tsv"), ";": ("semicolons", "")}


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
    """Read a table of numbers with at most one column of identifiers and one of labels.

    The first row is a header where a cell of it is text; but where it also has numbers, and each
    of its texts has text below, these are the identifier and the label of a row without a header.
    The first column holds identifiers where its header is in `ID_NAMES`, or where its cells are all
    text and all different.

    Args:
        path: the file.
        kind: "csv", "tsv", "csv.gz" or "tsv.gz".
        id_column: the identifiers' header, or the column's number from 1 without a header.
        label_column: the labels', likewise.
        label_gaps: labels may be missing; their cells are kept as they are.

    Returns:
        The table; values float64, shape (n, d).

    Raises:
        InputError: whatever cannot be used, with the row as an editor numbers it, and the column.
    """
    delimiter = "," if kind.startswith("csv") else "\t"
    with _reading(path), _open_text(path, kind) as stream:
        records = _records(stream, path, delimiter)
        head = list(itertools.islice(records, 2))
        if not head:
            raise refusal(path, "is empty", "give a header and at least two rows")
        _check_delimiter(head, path, delimiter)
        layout = _layout(head, path, id_column=id_column, label_column=label_column)
        layout.label_gaps = label_gaps
        for line, row in itertools.chain(head[layout.names is not None :], records):
            _take(row, line, layout)
    return _table(layout, kind)


def _open_text(path: Path, kind: str) -> IO[str]:
    # utf-8-sig drops the mark that spreadsheets put in front
    if kind.endswith(".gz"):
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError as error:
        raise refusal(path, "is not UTF-8 text", "save it as UTF-8") from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise refusal(path, f"is damaged ({error})", "make it again") from error
    except OSError as error:
        raise refusal(path, f"cannot be read ({error.strerror})", "check the file") from error


def _records(stream: IO[str], path: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(stream, delimiter=delimiter, strict=True)
    blank = 0
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise refusal(path, f"row {reader.line_num}: {error}", "mend its quotes") from error
        if not row:
            blank = blank or reader.line_num
        elif blank:
            raise refusal(path, f"row {blank} is empty", "fill it in or remove the row")
        else:
            yield reader.line_num, row


def _check_delimiter(head: list[tuple[int, list[str]]], path: Path, delimiter: str) -> None:
    for other, (what, suffix) in _DELIMITERS.items():
        everywhere = all(any(other in cell for cell in row) for _, row in head)
        # a decimal comma is no separator, so only semicolons count where columns were found
        alone = all(len(row) == 1 for _, row in head)
        if other != delimiter and everywhere and (alone or other == ";"):
            mend = f"save it with {_DELIMITERS[delimiter][0]}"
            mend += f" or rename it to end in {suffix}" if suffix else ""
            raise refusal(path, f"seems to be separated by {what}", mend)


def _layout(
    head: list[tuple[int, list[str]]],
    path: Path,
    *,
    id_column: str | None,
    label_column: str | None,
) -> _Layout:
    first_line, first = head[0]
    second = head[1][1] if len(head) > 1 else None
    names = first if _is_header(first, second) else None
    layout = _Layout(str(path), names, width=len(first), first_line=first_line)
    if names is not None:
        _check_names(names, path, first_line)
    layout.label_at = _find(label_column, layout, what="label")
    layout.id_at = _find(id_column, layout, what="identifier")
    if id_column is None and layout.width > 1 and layout.label_at != 0:
        data = second if names is not None else first
        if names is not None and names[0].strip().casefold() in ID_NAMES:
            layout.id_at = 0
        elif data and not is_number(data[0]) and not is_missing(data[0]):
            layout.id_at, layout.guessed = 0, True
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
    seen: dict[str, int] = {}
    for at, name in enumerate(names, start=1):
        if not name.strip() and at > 1:
            raise refusal(path, f"row {line}, column {at} has no name", "give it one")
        if name in seen:
            problem = f"row {line}, columns {seen[name]} and {at} are both called {quoted(name)}"
            raise refusal(path, problem, "rename one")
        seen[name] = at


def _find(wanted: str | None, layout: _Layout, *, what: str) -> int | None:
    if wanted is None:
        return None
    names = layout.names or [str(i + 1) for i in range(layout.width)]
    if wanted not in names:
        has = ", ".join(quoted(name) for name in names[:8]) + (", ..." if len(names) > 8 else "")
        raise refusal(layout.name, f"no {what} column {quoted(wanted)}", f"choose one of {has}")
    return names.index(wanted)


def _take(row: list[str], line: int, layout: _Layout) -> None:
    if len(row) != layout.width:
        problem = f"row {line} has {len(row)} columns where row {layout.first_line} has"
        raise refusal(layout.name, f"{problem} {layout.width}", "give every row the same columns")
    cells = row
    if layout.id_at is not None or layout.label_at is not None:
        cells = [row[i] for i in layout.feature_at]
        if layout.id_at is not None:
            layout.ids.append(row[layout.id_at])
        if layout.label_at is not None:
            if is_missing(row[layout.label_at]) and not layout.label_gaps:
                raise _bad_cell(row, line, layout, at=layout.label_at)
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


def _bad_cell(row: list[str], line: int, layout: _Layout, *, at: int) -> Exception:
    cell, place = row[at], f"row {line}, {layout.column(at)}"
    if is_missing(cell):
        return refusal(layout.name, f"{place}: missing value", "fill it in or remove the row")
    problem = f"{place}: text {quoted(cell)} among numbers"
    if is_number(cell.replace(",", ".", 1)):
        return refusal(layout.name, problem, "write decimals with a point")
    return refusal(layout.name, problem, TEXT_MEND)


def _table(layout: _Layout, kind: str) -> Table:
    check_rows(len(layout.lines), layout.name)
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
        labels=None if layout.label_at is None else labels_of_text(layout.labels),
        label_name=_name(layout, layout.label_at, "label"),
        kind=kind,
        header=layout.names is not None,
        warnings=_warnings(values, columns),
        name=layout.name,
        id_position=layout.id_at,
        label_position=layout.label_at,
    )


def _check_guess(layout: _Layout) -> None:
    unique = len(set(layout.ids)) == len(layout.ids)
    for line, cell in zip(layout.lines, layout.ids, strict=True):
        if is_missing(cell):
            raise _bad_cell([cell], line, layout, at=0)
        unique = unique and not is_number(cell)
    if not unique:  # then the first row's text is what is odd
        raise _bad_cell(layout.ids[:1], layout.lines[0], layout, at=0)


def _name(layout: _Layout, at: int | None, fallback: str) -> str | None:
    if at is None:
        return None
    return layout.names[at] if layout.names else fallback


def _warnings(values: np.ndarray, columns: tuple[str, ...] | None) -> tuple[str, ...]:
    found = column_warnings(values, columns)
    width = values.shape[1]
    if columns is None and width > 2 and (values[0] == np.arange(width)).all():
        line = f"row 1 is 0 to {width - 1} and was read as numbers; rename them if they are names"
        return (line, *found)
    if columns is not None and width > 1 and _counts_up(list(columns)):
        return (f"row 1, which ends in {columns[-1]}, was read as the names of columns", *found)
    return found


def is_number(cell: str) -> bool:
    """Whether a cell reads as a number (nan and inf included, as they do for `float`)."""
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell


def is_missing(cell: str) -> bool:
    """Whether a cell stands for a missing value."""
    return cell.strip().casefold() in MISSING
