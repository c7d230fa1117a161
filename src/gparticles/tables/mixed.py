"""Files of mixed columns as DataFrames, and DataFrames as such files again."""

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gparticles.errors import printable
from gparticles.outputs import whole
from gparticles.tables.delimited import (
    Cells,
    looks_like_a_number,
    read_cells,
    text_among_numbers,
)
from gparticles.tables.files import TEXT_KINDS, destination, kind_of
from gparticles.tables.frames import read_parquet_frame
from gparticles.tables.table import is_missing, is_number, quoted, refusal
from gparticles.tables.writing import create_text

_WHOLE = re.compile(r"[+-]?(0|[1-9]\d{0,14})")
# the share of numbers from which on a column's texts are mistakes
_MOSTLY = 0.5

KINDS = (*TEXT_KINDS, "parquet")
"""The kinds of file that hold frames."""


@dataclass(frozen=True)
class Form:
    """How a frame was kept in its file.

    Attributes:
        kind: of the file, one of ``KINDS``.
        header: whether it names the columns.
        gaps: by the columns' positions, the text that stands for a missing value.
        id_column: the column of identifiers, or None.
    """

    kind: str
    header: bool
    gaps: tuple[str, ...]
    id_column: Any = None


def read_frame(path: str | Path, *, id_column: str | None = None) -> tuple[Any, Form]:
    """A file's rows as a DataFrame of numbers, truths, dates and text, letter for letter.

    In text, a column whose cells are all numbers is one of numbers; a cell of ``MISSING`` is
    missing.

    Args:
        path: .csv, .tsv (also .gz), .parquet or a folder of its parts.
        id_column: the column of identifiers by its header, or by its number from 1.

    Raises:
        InputError: no such file, or contents that are no table.
    """
    path = Path(path)
    if not path.exists():
        raise refusal(path, "there is no such file", "check the path")
    kind = kind_of(path)
    if kind == "parquet":
        frame = read_parquet_frame(path)
        if id_column is not None and id_column not in frame.columns:
            raise refusal(path, f"no identifier column {quoted(id_column)}", "name one that it has")
        return frame, Form(kind, header=True, gaps=("",) * frame.shape[1], id_column=id_column)
    if kind not in TEXT_KINDS:
        raise refusal(path, "holds no table of mixed columns", f"use one of {', '.join(KINDS)}")
    cells = read_cells(path, kind=kind, id_column=id_column)
    return _frame(cells, path, kind)


def _frame(cells: Cells, path: Path, kind: str) -> tuple[Any, Form]:
    import pandas

    columns = list(zip(*cells.rows, strict=True))
    names = cells.names or [str(k + 1) for k in range(len(columns))]
    series = [
        _series(column, str(path), name, cells.lines, text=at == cells.id_at)
        for at, (name, column) in enumerate(zip(names, columns, strict=True))
    ]
    frame = pandas.concat(series, axis=1)
    frame.columns = [printable(name) for name in names]
    gaps = tuple(_gap(column) for column in columns)
    id_column = None if cells.id_at is None else frame.columns[cells.id_at]
    return frame, Form(kind, header=cells.names is not None, gaps=gaps, id_column=id_column)


def _series(
    cells: Sequence[str], path: str, name: str, lines: Sequence[int], *, text: bool = False
) -> Any:
    """A column: numbers where all cells are, else text."""
    import pandas

    missing = np.array([is_missing(cell) for cell in cells])
    present = [cell for cell, gap in zip(cells, missing, strict=True) if not gap]
    numbers = [is_number(cell) for cell in present]
    if present and all(_WHOLE.fullmatch(cell.strip()) for cell in present) and not text:
        values = [None if gap else int(c) for c, gap in zip(cells, missing, strict=True)]
        return pandas.Series(values, dtype="Int64" if missing.any() else "int64")
    # 007 is a name
    named = any(re.match(r"\s*[+-]?0\d", cell) for cell in present)
    if present and all(numbers) and not named and not text:
        values = [np.nan if gap else float(c) for c, gap in zip(cells, missing, strict=True)]
        return pandas.Series(values, dtype="float64")
    odd = [not number for number in numbers]
    wrong = [looks_like_a_number(cell) for cell in present]
    mistaken = sum(numbers) + sum(wrong) > _MOSTLY * len(present) and any(odd)
    if mistaken and not named and not text:
        row = next(k for k, cell in enumerate(cells) if not missing[k] and not is_number(cell))
        place = f"row {lines[row]}, column {quoted(name)}"
        raise text_among_numbers(cells[row], path, place)
    values = [None if gap else cell for cell, gap in zip(cells, missing, strict=True)]
    return pandas.Series(values, dtype=object)


def _gap(cells: Sequence[str]) -> str:
    """The text that most missing cells are."""
    words = Counter(cell for cell in cells if is_missing(cell))
    return words.most_common(1)[0][0] if words else ""


def save_frame(frame: Any, path: str | Path, form: Form | None = None) -> Path:
    """Writes a frame as the kind of file that the path's ending says, or its form does.

    Args:
        frame: to write.
        path: where to.
        form: of the file that the rows are like; without one, a csv with a header.

    Returns:
        The path that was written.

    Raises:
        InputError: a path that cannot be written, or another kind of file.
    """
    form = form or Form("csv", header=True, gaps=())
    path, kind = destination(Path(path), form.kind)
    if kind not in KINDS:
        raise refusal(path, "holds no mixed columns", f"use one of {', '.join(KINDS)}")
    with whole(path) as temporary:
        if kind == "parquet":
            named = frame.set_axis([str(name) for name in frame.columns], axis=1)
            temporary.write_bytes(named.to_parquet(engine="pyarrow", index=False))
        else:
            _write_text(temporary, frame, form, kind)
    return path


def _write_text(path: Path, frame: Any, form: Form, kind: str) -> None:
    with create_text(path, kind) as stream:
        writer = csv.writer(
            stream, delimiter="," if kind.startswith("csv") else "\t", lineterminator="\n"
        )
        if form.header:
            writer.writerow(frame.columns)
        gaps = form.gaps if len(form.gaps) == frame.shape[1] else ("",) * frame.shape[1]
        columns = [
            [gap if lacking else _text(cell) for cell, lacking in zip(cells, none, strict=True)]
            for cells, none, gap in (
                (frame.iloc[:, k].tolist(), frame.iloc[:, k].isna(), gap)
                for k, gap in enumerate(gaps)
            )
        ]
        writer.writerows(zip(*columns, strict=True))


def _text(cell: Any) -> str:
    # the shortest text that reads back as the same number
    return repr(cell) if isinstance(cell, float) else str(cell)
