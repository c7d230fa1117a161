"""Loading and saving what users have: tables, arrays, parquet files and folders of images.

A kind of file is a line in `_READERS`, `_WRITERS` and `SUFFIXES`; all else here is common to them.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from gparticles.errors import printable
from gparticles.outputs import whole
from gparticles.tables.arrays import read_npy, read_npz, write_npy, write_npz
from gparticles.tables.delimited import read_delimited
from gparticles.tables.frames import parts_of, read_parquet, write_parquet
from gparticles.tables.image_folders import read_images, write_images
from gparticles.tables.table import Table, made_up_ids, refusal
from gparticles.tables.writing import write_delimited

SUFFIXES = {
    ".csv.gz": "csv.gz",
    ".tsv.gz": "tsv.gz",
    ".csv": "csv",
    ".tsv": "tsv",
    ".npy": "npy",
    ".npz": "npz",
    ".parquet": "parquet",
    ".zip": "images",
}
"""The kind of file for each ending of a name; folders hold images, or the parts of a parquet."""

TEXT_KINDS = ("csv", "tsv", "csv.gz", "tsv.gz")

_READERS: dict[str, Callable[..., Table]] = {
    **{kind: partial(read_delimited, kind=kind) for kind in TEXT_KINDS},
    "npy": read_npy,
    "npz": read_npz,
    "parquet": read_parquet,
    "images": read_images,
}

_WRITERS: dict[str, Callable[..., None]] = {
    **{kind: partial(write_delimited, kind=kind) for kind in TEXT_KINDS},
    "npy": write_npy,
    "npz": write_npz,
    "parquet": write_parquet,
    "images": write_images,
}

_HINTS = {
    ".txt": "save it with commas as .csv, or with tabs as .tsv",
    ".dat": "save it with commas as .csv, or with tabs as .tsv",
    ".xls": "export the sheet as csv",
    ".xlsx": "export the sheet as csv",
    ".ods": "export the sheet as csv",
    ".h5ad": "use gpa integrate",
    ".h5": "save the matrix as npy",
    ".mat": "save the matrix as npy",
    ".pkl": "save the matrix as npy; pickles are never read",
    ".pickle": "save the matrix as npy; pickles are never read",
    ".joblib": "save the matrix as npy; pickles are never read",
    ".pt": "save the matrix as npy; pickles are never read",
    ".png": "put the images into a folder and give that",
    ".jpg": "put the images into a folder and give that",
    ".jpeg": "put the images into a folder and give that",
    ".tar": "make a zip of the images",
    ".gz": "name it .csv.gz or .tsv.gz",
}


def load(
    path: str | Path,
    *,
    id_column: str | None = None,
    label_column: str | None = None,
    label_gaps: bool = False,
) -> Table:
    """Read a user's file; its name's ending says what it is.

    Args:
        path: .csv, .tsv (also .gz), .npy, .npz, .parquet or a folder of its parts, a folder of
            images or a .zip of them.
        id_column: the column of identifiers by its header, or by its number from 1 where there is
            no header (in an npz: the array). None: found as the reader of that kind says.
        label_column: the column (in an npz: the array) of class labels, likewise.
        label_gaps: labels may be missing, but for images; ``table.without_missing`` says which are.

    Returns:
        The table: numbers, names, identifiers, labels and warnings.

    Raises:
        InputError: no such file, an unknown kind, or contents that cannot be used; one line with
            file, row, column and the mend.
    """
    path = Path(path)
    if not path.exists():
        raise refusal(path, "there is no such file", "check the path")
    kind = kind_of(path)
    columns: dict[str, Any] = {"id_column": id_column, "label_column": label_column}
    if label_gaps and kind not in ("npy", "images"):
        columns["label_gaps"] = True
    table = _READERS[kind](path, **columns)
    return replace(
        table, name=printable(table.name), warnings=tuple(map(printable, table.warnings))
    )


def kind_of(path: str | Path) -> str:
    """The kind that the ending of this name stands for, or that a folder is of by its files.

    Raises:
        InputError: an ending that is not known.

    >>> kind_of("samples.csv.gz")
    'csv.gz'
    """
    if Path(path).is_dir():
        return "parquet" if parts_of(Path(path)) else "images"
    suffix = _known_suffix(Path(path))
    if suffix is None:
        ending = Path(path).suffix.lower()
        problem = f"files of kind {ending!r} are not read" if ending else "has no ending"
        mend = _HINTS.get(ending, f"use one of {', '.join(SUFFIXES)} or a folder of images")
        raise refusal(path, problem, mend)
    return SUFFIXES[suffix]


def save(
    values: Any,
    path: str | Path,
    *,
    like: Table,
    ids: Sequence[str] | None = None,
    labels: Any = None,
) -> Path:
    """Write rows as the kind of file that `like` was read from, whole or not at all.

    The kind is that of the path's ending where it has a known one, else that of `like`, whose
    ending is then added. An existing file is replaced, an existing folder that is not empty is not.

    Args:
        values: shape (n, d), or that of `like` per row; images may come flattened.
        path: where to; for images a new folder, or a .zip.
        like: the table whose header, names and order of columns, dtype and array names are kept.
        ids: n identifiers; where None and `like` has some, generated-00001 and so on are made up.
        labels: n labels, or None to write none.

    Returns:
        The path that was written.

    Raises:
        InputError: values that do not fit `like` or the kind of file, values that are not finite,
            a path that cannot be written.
    """
    path, kind = destination(Path(path), like.kind)
    table = rows_like(np.asarray(values), like, ids=ids, labels=labels)
    table = replace(table, values=cast(table.values, like.values.dtype, kind))
    check_shape(table.values, kind, path)
    if kind == "images" and path.is_dir() and any(path.iterdir()):
        raise refusal(path, "exists and is not empty", "give another name")
    with whole(path) as temporary:
        _WRITERS[kind](temporary, table)
    return path


def _known_suffix(path: Path) -> str | None:
    name = path.name.lower()
    return next((suffix for suffix in SUFFIXES if name.endswith(suffix)), None)


def destination(path: Path, usual: str) -> tuple[Path, str]:
    """Where a file goes, and its kind: that of the path's ending, or the usual one.

    Raises:
        InputError: an ending that is not written.
    """
    if (suffix := _known_suffix(path)) is not None:
        return path, SUFFIXES[suffix]
    if path.suffix.lower() in _HINTS:
        mend = f"use one of {', '.join(SUFFIXES)}"
        raise refusal(path, f"files of kind {path.suffix!r} are not written", mend)
    if usual != "images":
        path = path.with_name(f"{path.name}.{usual}")
    return path, usual


def rows_like(values: np.ndarray, like: Table, *, ids: Any, labels: Any) -> Table:
    """The table of values, identifiers and labels, checked against the one they are like."""
    shape = like.values.shape[1:]
    if values.ndim == 0 or values.size != len(values) * int(np.prod(shape)):
        problem = f"have shape {values.shape} where {like.name} has rows of shape {shape}"
        raise refusal("the values", problem, "give rows of that shape")
    if ids is None and like.ids is not None:
        ids = made_up_ids(len(values))
    rows = values.reshape(len(values), *shape)
    if not np.isfinite(rows).all():
        raise refusal("the values", "are not all finite", "stop the flow earlier")
    labels = None if labels is None else np.asarray(labels)
    for what, entries in (("identifiers", ids), ("labels", labels)):
        if entries is not None and len(entries) != len(rows):
            problem = f"are {len(rows)} rows but there are {len(entries)} {what}"
            raise refusal("the values", problem, "give one for each")
    ids = None if ids is None else [printable(i) for i in ids]
    return replace(like, values=rows, ids=ids, labels=labels)


def cast(rows: np.ndarray, dtype: np.dtype, kind: str) -> np.ndarray:
    """The values as this kind of file holds them."""
    if kind in TEXT_KINDS and rows.dtype.kind == "f":
        # 0.1 in float32 should not read 0.10000000149
        return rows
    with np.errstate(over="ignore"):
        cast = rows.astype(dtype)
    return cast if np.isfinite(cast).all() else rows  # rather than overflow float16


def check_shape(values: np.ndarray, kind: str, path: Path) -> None:
    """Refuses rows that this kind of file has no room for."""
    flat = values.ndim == 2
    if kind == "images" and (flat or (values.ndim == 4 and values.shape[-1] not in (1, 3))):
        problem = f"rows of shape {values.shape[1:]} are no images"
        raise refusal(path, problem, "give another ending, such as .npy")
    if kind not in ("images", "npy", "npz") and not flat:
        problem = f"rows of shape {values.shape[1:]} are images"
        raise refusal(path, problem, "give another ending, such as .npy or .zip")
