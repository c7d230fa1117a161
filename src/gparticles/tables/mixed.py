"""Files of mixed columns as DataFrames, and DataFrames as such files again."""

import csv
import re
from collections import Counter
from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gparticles.errors import printable
from gparticles.outputs import whole
from gparticles.tables.delimited import (
    Cells,
    cell_blocks,
    looks_like_a_number,
    text_among_numbers,
)
from gparticles.tables.files import TEXT_KINDS, destination, kind_of
from gparticles.tables.frames import frame_blocks, parquet_writer, read_parquet_frame
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
    return next(read_frames(path, None, id_column=id_column))


def read_frames(
    path: str | Path,
    rows: int | None,
    *,
    id_column: str | None = None,
    texts: Container[str] = (),
) -> Iterator[tuple[Any, Form]]:
    """The same, so many rows at a time; None for all at once.

    Args:
        path, id_column: as for ``read_frame``.
        rows: of a frame.
        texts: names of columns that are text whatever their cells look like.
    """
    path = Path(path)
    if not path.exists():
        raise refusal(path, "there is no such file", "check the path")
    kind = kind_of(path)
    if kind == "parquet":
        for frame in [read_parquet_frame(path)] if rows is None else frame_blocks(path, rows):
            if id_column is not None and id_column not in frame.columns:
                problem = f"no identifier column {quoted(id_column)}"
                raise refusal(path, problem, "name one that it has")
            gaps = ("",) * frame.shape[1]
            yield frame, Form(kind, header=True, gaps=gaps, id_column=id_column)
        return
    if kind not in TEXT_KINDS:
        raise refusal(path, "holds no table of mixed columns", f"use one of {', '.join(KINDS)}")
    for cells in cell_blocks(path, rows, kind=kind, id_column=id_column):
        yield _frame(cells, path, kind, texts)


def _frame(cells: Cells, path: Path, kind: str, texts: Container[str]) -> tuple[Any, Form]:
    import pandas

    columns = list(zip(*cells.rows, strict=True))
    names = [printable(name) for name in cells.names or map(str, range(1, len(columns) + 1))]
    series = [
        _series(column, str(path), name, cells.lines, text=at == cells.id_at or name in texts)
        for at, (name, column) in enumerate(zip(names, columns, strict=True))
    ]
    frame = pandas.concat(series, axis=1)
    frame.columns = names
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
    with written_frames(path, form) as (place, write):
        write(frame)
    return place


@contextmanager
def written_frames(
    path: str | Path, form: Form | None = None
) -> Iterator[tuple[Path, Callable[[Any], None]]]:
    """Lends where a file will be, and what adds a frame's rows to it; it is there once all are.

    The arguments and what is raised are those of ``save_frame``.

    Yields:
        The path, and ``write(frame)``.
    """
    form = form or Form("csv", header=True, gaps=())
    path, kind = destination(Path(path), form.kind)
    if kind not in KINDS:
        raise refusal(path, "holds no mixed columns", f"use one of {', '.join(KINDS)}")
    with whole(path) as temporary, _writer(temporary, form, kind) as write:
        yield path, write


def _writer(path: Path, form: Form, kind: str) -> AbstractContextManager[Callable[[Any], None]]:
    parquet = kind == "parquet"
    return parquet_writer(path, index=False) if parquet else _text_writer(path, form, kind)


@contextmanager
def _text_writer(path: Path, form: Form, kind: str) -> Iterator[Callable[[Any], None]]:
    with create_text(path, kind) as stream:
        delimiter = "," if kind.startswith("csv") else "\t"
        writer = csv.writer(stream, delimiter=delimiter, lineterminator="\n")
        named = not form.header

        def write(frame: Any) -> None:
            nonlocal named
            if not named:
                writer.writerow(frame.columns)
            named = True
            gaps = form.gaps if len(form.gaps) == frame.shape[1] else ("",) * frame.shape[1]
            columns = [_texts(frame.iloc[:, k], gap) for k, gap in enumerate(gaps)]
            writer.writerows(zip(*columns, strict=True))

        yield write


def _texts(series: Any, gap: str) -> list[str]:
    pairs = zip(series.tolist(), series.isna(), strict=True)
    return [gap if lacking else _text(cell) for cell, lacking in pairs]


def _text(cell: Any) -> str:
    # the shortest text that reads back as the same number
    return repr(cell) if isinstance(cell, float) else str(cell)
