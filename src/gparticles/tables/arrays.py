"""NumPy's own files, npy and npz, and SciPy's sparse matrices in npz; never pickles."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
import scipy.sparse

from gparticles.errors import InputError
from gparticles.tables.table import Table, from_array, listed, refusal

_VALUES = ("X", "values", "data")
_LABELS = ("labels", "y")

MAX_ENTRIES = 2**28
"""Entries of a sparse matrix that is made dense: 2 GiB in float64."""


def read_npy(path: Path, *, id_column: str | None = None, label_column: str | None = None) -> Table:
    """Read one array, shape (n, d), (n, h, w) or (n, h, w, c).

    Raises:
        InputError: a damaged file, a pickle, objects, or what `from_array` refuses; and any name
            of a column, since an npy has none.
    """
    _check_unnamed(path, id_column, label_column)
    return from_array(_load(path, magic=b"\x93NUMPY"), name=str(path), kind="npy")


def read_npz(
    path: Path,
    *,
    id_column: str | None = None,
    label_column: str | None = None,
    label_gaps: bool = False,
) -> Table:
    """Read the array called X, values or data, or the only one with rows of numbers.

    What ``scipy.sparse.save_npz`` wrote, of whatever kind, is read as the dense matrix.

    The arguments are those of `load`; identifiers are by default the array `ids`, and labels
    `labels` or `y`, where there is one.

    Raises:
        InputError: a damaged file, objects, no such array, several that could be meant, a sparse
            matrix of more than `MAX_ENTRIES`, or what `from_array` refuses.
    """
    arrays = _load(path, magic=b"PK")
    if {"format", "shape", "data"} <= set(arrays):
        arrays = {"X": _dense(path, arrays["shape"])}
    label_name = _pick(arrays, label_column, usual=_LABELS, path=path)
    id_name = _pick(arrays, id_column, usual=("ids",), path=path)
    value_name = _values_name(arrays, path, others=(label_name, id_name))
    unused = [name for name in arrays if name not in (value_name, label_name, id_name)]
    return from_array(
        arrays[value_name],
        name=str(path),
        kind="npz",
        labels=None if label_name is None else arrays[label_name],
        ids=None if id_name is None else arrays[id_name],
        value_name=value_name,
        label_name=label_name,
        label_gaps=label_gaps,
        warnings=(f"not read from {path}: {listed(unused)}",) if unused else (),
    )


def _dense(path: Path, shape: Any) -> np.ndarray:
    """The entries of a sparse matrix, those that are not stored being 0."""
    sizes = [int(size) for size in np.ravel(shape)]
    if len(sizes) != 2 or min(sizes) < 0:
        raise refusal(path, f"has shape {tuple(sizes)}", "give a matrix of rows and columns")
    if sizes[0] * sizes[1] > MAX_ENTRIES:
        problem = (
            f"is a sparse matrix of {sizes[0]} x {sizes[1]}, too many entries to be made dense"
        )
        mend = f"keep fewer columns: at most {MAX_ENTRIES} entries, or their principal components"
        raise refusal(path, problem, mend)
    try:
        matrix = scipy.sparse.load_npz(path)
        if matrix.format in ("csr", "csc", "bsr"):
            matrix.check_format(full_check=True)  # or indices may point outside of the memory
        return matrix.toarray()
    except Exception as error:  # its checks raise many kinds for a broken file
        raise refusal(path, f"is damaged ({error})", "save it again with scipy") from error


def write_npy(path: Path, table: Table) -> None:
    """Write the values; an npy has no room for identifiers and labels."""
    with path.open("wb") as stream:
        np.save(stream, table.values, allow_pickle=False)


def write_npz(path: Path, table: Table) -> None:
    """Write the values under the name they came with, and labels and identifiers beside them."""
    arrays: dict[str, Any] = {table.value_name: table.values}
    if table.labels is not None:
        arrays[table.label_name or "labels"] = table.labels
    if table.ids is not None:
        arrays["ids"] = np.array(table.ids, dtype=np.str_)
    with path.open("wb") as stream:
        np.savez(stream, **arrays)


def _check_begin(stream: IO[bytes], path: Path, magic: bytes) -> None:
    # numpy would take anything else for a pickle, and say so where a file is broken
    if stream.read(len(magic)) != magic:
        problem = f"is not an {path.suffix.lower()[1:]} file (damaged, or a pickle)"
        raise refusal(path, problem, "save it again with numpy")
    stream.seek(0)


def npy_blocks(
    path: Path, rows: int, *, id_column: str | None = None, label_column: str | None = None
) -> Iterator[Table]:
    """Read an array ``rows`` rows at a time, mapped into memory; else as ``read_npy``."""
    _check_unnamed(path, id_column, label_column)
    count = len(_load(path, magic=b"\x93NUMPY", mapped=True))
    starts = range(0, max(count - 1, 1), rows)
    for start in starts:
        # a last row alone goes with those before it
        end = count if start == starts[-1] else start + rows
        # mapped anew for every block, or what was read before would count as this process's memory
        array = _load(path, magic=b"\x93NUMPY", mapped=True)
        yield from_array(np.asarray(array[start:end]), name=str(path), kind="npy", start=start)


class NpyFile:
    """An array in a file, of which single rows are read.

    Attributes:
        count, width: of its rows, and of the numbers in one.

    Raises:
        InputError: a damaged file, one that is stored column by column, or no rows of numbers.
    """

    def __init__(self, path: Path):
        self.path = path
        array = _load(path, magic=b"\x93NUMPY", mapped=True)
        from_array(np.asarray(array[:2]), name=str(path))
        if not array.flags.c_contiguous:
            mend = "save np.ascontiguousarray of it"
            raise refusal(path, "is stored column by column, so rows cannot be read", mend)
        self.count, self.event, self.dtype = len(array), array.shape[1:], array.dtype
        self.width, self.offset = math.prod(self.event), array.offset

    def rows(self, numbers: np.ndarray) -> np.ndarray:
        """These rows in their order, shape (k, *event).

        Raises:
            InputError: the file has become shorter.
        """
        read = np.empty((len(numbers), *self.event), self.dtype)
        size = self.width * self.dtype.itemsize
        # not mapped into memory, where every row would bring its neighbours and keep them
        with self.path.open("rb", buffering=0) as stream:
            for at in np.argsort(numbers).tolist():
                stream.seek(self.offset + int(numbers[at]) * size)
                if stream.readinto(read[at].data.cast("B")) != size:
                    raise refusal(self.path, "changed while it was read", "run it again")
        return from_array(read, name=str(self.path)).values


def _check_unnamed(path: Path, id_column: str | None, label_column: str | None) -> None:
    if id_column is not None or label_column is not None:
        raise refusal(path, "an npy has no named columns", "give labels and ids in an npz")


def _load(path: Path, *, magic: bytes, mapped: bool = False) -> Any:
    try:
        with path.open("rb") as stream:
            _check_begin(stream, path, magic)
            if mapped:
                return np.load(path, mmap_mode="r", allow_pickle=False)
            loaded = np.load(stream, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                return loaded
            return {name: loaded[name] for name in loaded.files}
    except InputError:
        raise
    except OSError as error:
        problem = f"cannot be read ({error.strerror or error})"
        raise refusal(path, problem, "check the file") from error
    except Exception as error:  # numpy's parsers raise many kinds for a broken file
        if "allow_pickle" in str(error):
            mend = "save arrays of numbers or strings; pickles are never read"
            raise refusal(path, "holds Python objects", mend) from error
        raise refusal(path, f"is damaged ({error})", "save it again") from error


def _values_name(arrays: dict[str, Any], path: Path, *, others: tuple[str | None, ...]) -> str:
    """The array that is meant: X, else one of the usual names, else the only one with rows."""
    names = [name for name in arrays if name not in others]
    named = [name for name in _VALUES if name in names]
    # of a single array with any name, `from_array` says what is wrong with it
    rows = [name for name in names if getattr(arrays[name], "ndim", 0) >= 2]
    for meant in ([name for name in named if name in rows], rows, named):
        if len(meant) == 1 or "X" in meant:
            return "X" if "X" in meant else meant[0]
        if meant:
            mend = "call the one that is meant X"
            raise refusal(path, f"holds several arrays: {listed(meant)}", mend)
    mend = "give an array of shape (rows, columns), called X"
    raise refusal(path, "holds no array of rows", mend)


def _pick(
    arrays: dict[str, Any], wanted: str | None, *, usual: tuple[str, ...], path: Path
) -> str | None:
    if wanted is None:
        return next((name for name in usual if name in arrays), None)
    if wanted not in arrays:
        mend = f"choose one of {listed(list(arrays))}"
        raise refusal(path, f"has no array called {wanted!r}", mend)
    return wanted
