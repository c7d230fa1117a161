"""Tables that are larger than memory, read and written a number of rows at a time.

What is written is what ``save`` would write of all rows at once, whatever the blocks.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gparticles.outputs import whole
from gparticles.tables.arrays import npy_blocks
from gparticles.tables.delimited import delimited_blocks
from gparticles.tables.files import TEXT_KINDS, cast, destination, kind_of, rows_like
from gparticles.tables.frames import parquet_blocks, to_frame
from gparticles.tables.table import Table, refusal
from gparticles.tables.writing import delimited_writer

# a whole number of a flow's own blocks, so that rows come out as if all had been moved at once
ROWS = 2**17
KINDS = (*TEXT_KINDS, "npy", "parquet")
"""The kinds of file that are read and written in blocks; others are read as a whole."""

Write = Callable[..., None]


def is_streamed(path: Path) -> bool:
    """Whether the file there is of a kind that is read in blocks."""
    return path.exists() and kind_of(path) in KINDS


def read_blocks(path: Path, *, rows: int = ROWS, **columns: Any) -> Iterator[Table]:
    """The tables of a file's rows, ``rows`` at a time.

    Args:
        path: csv, tsv (also gzipped), npy, parquet or a folder of its parts.
        rows: of a table; the last one has what is left, and one more than ``rows`` rather than 1.
        columns: ``id_column``, ``label_column`` and ``label_gaps``, as for ``load``.

    Raises:
        InputError: what ``load`` refuses, when it is reached.
    """
    kind = kind_of(path)
    if kind in TEXT_KINDS:
        yield from delimited_blocks(path, rows, kind=kind, **columns)
    elif kind == "npy":
        columns.pop("label_gaps", None)
        yield from npy_blocks(path, rows, **columns)
    else:
        yield from parquet_blocks(path, rows, **columns)


@contextmanager
def written(path: Path, like: Table) -> Iterator[tuple[Path, Write]]:
    """Lends where the file will be, and what adds rows to it; it is there once all rows are.

    Args:
        path: where to; its ending says the kind, that of ``like`` where it has none.
        like: as for ``save``.

    Yields:
        The path, and ``write(values, ids=None, labels=None)``.

    Raises:
        InputError: as for ``save``; and a kind that is not written in blocks.
    """
    path, kind = destination(path, like.kind)
    if kind not in KINDS:
        raise refusal(path, "is of a kind that holds all rows at once", f"use {', '.join(KINDS)}")
    with whole(path) as temporary, _WRITERS.get(kind, _text_writer)(temporary, kind) as add:

        def write(values: Any, ids: Any = None, labels: Any = None) -> None:
            table = rows_like(np.asarray(values), like, ids=ids, labels=labels)
            add(replace(table, values=cast(table.values, like.values.dtype, kind)))

        yield path, write


@contextmanager
def _text_writer(path: Path, kind: str) -> Iterator[Callable[[Table], None]]:
    with delimited_writer(path, kind) as write:
        yield write


@contextmanager
def _npy_writer(path: Path, _: str) -> Iterator[Callable[[Table], None]]:
    with path.open("wb") as stream:
        count, form = 0, None

        def header(shape: tuple[int, ...], dtype: np.dtype) -> None:
            descr = np.lib.format.dtype_to_descr(dtype)
            described = {"descr": descr, "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(stream, described)

        def write(table: Table) -> None:
            nonlocal count, form
            if form is None:
                form = (table.values.shape[1:], table.values.dtype)
                header((0, *form[0]), form[1])
            stream.write(np.ascontiguousarray(table.values.astype(form[1])).tobytes())
            count += len(table)

        yield write
        # headers are as long for any number of rows
        stream.seek(0)
        shape, dtype = form or ((0,), np.dtype(np.float64))
        header((count, *shape), dtype)


@contextmanager
def _parquet_writer(path: Path, _: str) -> Iterator[Callable[[Table], None]]:
    import pyarrow
    import pyarrow.parquet

    writer: Any = None

    def write(table: Table) -> None:
        nonlocal writer
        frame = to_frame(table.values, table, ids=table.ids, labels=table.labels)
        frame.columns = [str(column) for column in frame.columns]
        rows = pyarrow.Table.from_pandas(frame)
        if writer is None:
            writer = pyarrow.parquet.ParquetWriter(stream, rows.schema)
        writer.write_table(rows.cast(writer.schema))

    # of a stream, since pyarrow takes no name that is not UTF-8
    with path.open("wb") as stream:
        yield write
        if writer is not None:
            writer.close()


_WRITERS: dict[str, Any] = {"npy": _npy_writer, "parquet": _parquet_writer}
