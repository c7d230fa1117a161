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
from gparticles.tables.files import (
    TEXT_KINDS,
    cast,
    check_shape,
    destination,
    kind_of,
    rows_like,
    save,
)
from gparticles.tables.frames import parquet_blocks, parquet_writer, to_frame
from gparticles.tables.table import Table
from gparticles.tables.writing import delimited_writer

# a whole number of a flow's own blocks, so that rows come out as if all had been moved at once
ROWS = 2**17
KINDS = (*TEXT_KINDS, "npy", "parquet")
"""The kinds of file that are read and written in blocks; others are read as a whole."""

Write = Callable[..., None]


def is_streamed(path: Path) -> bool:
    """Whether the file there is of a kind that is read in blocks."""
    return path.exists() and kind_of(path) in KINDS


def is_streamed_kind(path: Path, like: Table) -> bool:
    """Whether a file of this name is written in blocks."""
    return destination(path, like.kind)[1] in KINDS


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

    A kind that is not among ``KINDS`` is written of all rows at once, which are held until then.

    Args:
        path: where to; its ending says the kind, that of ``like`` where it has none.
        like: as for ``save``.

    Yields:
        The path, and ``write(values, ids=None, labels=None)``.

    Raises:
        InputError: as for ``save``.
    """
    path, kind = destination(path, like.kind)
    if kind not in KINDS:
        held: list[Table] = []
        yield (
            path,
            lambda values, ids=None, labels=None: held.append(
                rows_like(np.asarray(values), like, ids=ids, labels=labels)
            ),
        )
        values, ids, labels = joined(held)
        save(values, path, like=like, ids=ids, labels=labels)
        return
    with whole(path) as temporary, _WRITERS.get(kind, delimited_writer)(temporary, kind) as add:

        def write(values: Any, ids: Any = None, labels: Any = None) -> None:
            table = rows_like(np.asarray(values), like, ids=ids, labels=labels)
            check_shape(table.values, kind, path)
            add(replace(table, values=cast(table.values, like.values.dtype, kind)))

        yield path, write


def joined(tables: list[Table]) -> tuple[np.ndarray, list[str] | None, np.ndarray | None]:
    """The values, identifiers and labels of all of them."""
    ids = [i for table in tables for i in table.ids or ()]
    labels = [table.labels for table in tables if table.labels is not None]
    values = np.concatenate([table.values for table in tables])
    return values, ids or None, np.concatenate(labels) if labels else None


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
    with parquet_writer(path, index=True) as write:
        yield lambda table: write(to_frame(table.values, table, ids=table.ids, labels=table.labels))


_WRITERS: dict[str, Any] = {"npy": _npy_writer, "parquet": _parquet_writer}
