"""Writing comma and tab separated text, also gzipped."""

import csv
import gzip
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np

from gparticles.tables.table import Table, extra_columns


def write_delimited(path: Path, table: Table, *, kind: str) -> None:
    """Write a table with the header and the order of columns that it came with."""
    with delimited_writer(path, kind) as write:
        write(table)


@contextmanager
def delimited_writer(path: Path, kind: str) -> Iterator[Callable[[Table], None]]:
    """Lends what writes tables one after the other, the names of the first before them."""
    with create_text(path, kind) as stream:
        delimiter = "," if kind.startswith("csv") else "\t"
        writer = csv.writer(stream, delimiter=delimiter, lineterminator="\n")
        named = False

        def write(table: Table) -> None:
            nonlocal named
            extras = extra_columns(table, table.values.shape[1], ids=table.ids, labels=table.labels)
            if table.header and table.columns is not None and not named:
                names = list(table.columns)
                for at, name, _ in extras:
                    names.insert(at, name)
                writer.writerow(names)
            named = True
            for start in range(0, len(table), 4096):
                writer.writerows(_rows(table.values[start : start + 4096], extras, start))

        yield write


def _rows(values: np.ndarray, extras: list[tuple[int, str, list]], start: int) -> list[list]:
    # the shortest text that reads back as the same number: Python's for float64, numpy's for less
    rows = values.tolist() if values.dtype == np.float64 else values.astype(np.str_).tolist()
    for at, _, cells in extras:
        for row, cell in zip(rows, cells[start : start + len(rows)], strict=True):
            row.insert(at, cell)
    return rows


@contextmanager
def create_text(path: Path, kind: str) -> Iterator[IO[str]]:
    """A new file of text, gzipped where its kind says so."""
    if not kind.endswith(".gz"):
        with path.open("w", encoding="utf-8", newline="") as stream:
            yield stream
        return
    # neither a file name nor a time inside, so that equal tables give equal files
    with (
        path.open("wb") as raw,
        gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed,
        io.TextIOWrapper(packed, encoding="utf-8", newline="") as stream,
    ):
        yield stream
