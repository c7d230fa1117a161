"""The rows of comma and tab separated text, one by one, also gzipped."""

import csv
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from gparticles.errors import InputError
from gparticles.tables.table import refusal

Record = tuple[int, list[str]]
"""A row's number, as an editor counts lines, and its cells."""

SEPARATORS = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "bars", " ": "blanks"}
"""What may stand between cells, and what messages call it."""


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
        raise _not_text(path) from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        if not _begins_with(path, b"\x1f\x8b"):
            mend = f"let its name end in {path.suffixes[-2]}" if path.suffixes[1:] else "rename it"
            raise refusal(path, "is not gzipped, as its name says", mend) from error
        raise refusal(path, f"is damaged ({error})", "make it again") from error
    except OSError as error:
        raise refusal(path, f"cannot be read ({error.strerror})", "check the file") from error


def _not_text(path: Path) -> InputError:
    if _begins_with(path, b"\x1f\x8b") and path.suffix != ".gz":
        return refusal(path, "is gzipped", f"let its name end in {path.suffix}.gz")
    if _begins_with(path, b"PK\x03\x04"):
        return refusal(path, "is a workbook or a zip", "export the sheet as csv, or unpack it")
    return refusal(path, "is not UTF-8 text", "save it as UTF-8")


def _bad_quotes(path: Path, kind: str, error: csv.Error, line: int) -> InputError:
    own = "," if kind.startswith("csv") else "\t"
    with _open_text(path, kind) as stream:
        first = stream.readline()
    for other, what in SEPARATORS.items():
        if other in first.strip() and own not in first:
            return refusal(
                path, f"seems to be separated by {what}", f"save it with {SEPARATORS[own]}"
            )
    mend = "mend its quotes, or shorten a cell that is too long"
    return refusal(path, f"row {line}: {error}", mend)


def _nul(path: Path, line: int) -> InputError:
    with path.open("rb") as stream:
        head = stream.read(64)
    # UTF-16 of plain letters is also UTF-8
    if path.suffix != ".gz" and (not any(head[1::2]) or not any(head[::2])):
        return _not_text(path)
    return refusal(path, f"row {line} holds a NUL character", "remove it")


def _begins_with(path: Path, mark: bytes) -> bool:
    with path.open("rb") as stream:
        return stream.read(len(mark)) == mark


def records(path: Path, kind: str) -> Iterator[tuple[int, list[str]]]:
    """The rows of a comma or tab separated file that are not empty, with their lines' numbers.

    Raises:
        InputError: a file that cannot be read, is damaged or not UTF-8, quotes that do not match,
            and an empty row between others.
    """
    delimiter = "," if kind.startswith("csv") else "\t"
    with _reading(path), _open_text(path, kind) as stream:
        reader = csv.reader(stream, delimiter=delimiter, strict=True)
        first, last, separated = 0, 0, False
        while True:
            try:
                row = next(reader, None)
            except csv.Error as error:
                raise _bad_quotes(path, kind, error, reader.line_num) from error
            text = "" if row is None else "".join(row)
            if "\0" in text:
                raise _nul(path, reader.line_num)
            if first and (text.strip() or (row is None and separated)):
                which = f"row {first} is" if first == last else f"rows {first} to {last} are"
                raise refusal(path, f"{which} empty", "fill it in or remove it")
            if row is None:
                return
            if text.strip():
                yield reader.line_num, row
                continue
            first, last = first or reader.line_num, reader.line_num
            # lines without anything at the end are no rows
            separated = separated or len(row) > 1 or row == [""]
