"""What every reader returns and every writer takes: rows of numbers and what came with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gparticles.checks import plain_array
from gparticles.errors import InputError

MISSING = frozenset(
    {"", "na", "n/a", "#n/a", "<na>", "nan", "nat", "null", "none", "missing", "?", "-", "."}
)

_FEW_VALUES = 10
_ENOUGH_ROWS = 50


@dataclass(frozen=True, eq=False, kw_only=True)
class Table:
    """Rows of numbers with their names, as read from a file, a frame or an array.

    Attributes:
        values: shape (n, d), or images (n, h, w) or (n, h, w, c); float16, 32 or 64. Pixels of
            image files are in [0, 1], everything else is in the units it came in.
        columns: d names, or None where there are none (arrays, files without a header).
        ids: n identifiers of the rows, or None.
        id_name: the identifiers' column; "" where its header is empty or it is a frame's index.
        labels: n classes, integers or strings, or None.
        label_name: the labels' column (or array, in an npz).
        kind: "csv", "tsv", "csv.gz", "tsv.gz", "npy", "npz", "parquet" or "images".
        header: whether the first row of the file holds names.
        warnings: what the user should know, a line each.
        name: what messages call this table: the path as given.
        id_position: where the identifiers stand among all columns; None: in a frame's index.
        label_position: where the labels stand among all columns; None: last.
        value_name: the array in an npz that holds the values.
    """

    values: np.ndarray
    columns: tuple[str, ...] | None = None
    ids: list[str] | None = None
    id_name: str | None = None
    labels: np.ndarray | None = None
    label_name: str | None = None
    kind: str = "npy"
    header: bool = False
    warnings: tuple[str, ...] = ()
    name: str = "the array"
    id_position: int | None = 0
    label_position: int | None = None
    value_name: str = "X"

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.values)


def refusal(where: object, problem: str, mend: str) -> InputError:
    """The error to raise: one line, whatever line breaks names and cells contain."""
    return InputError(" ".join(f"{where}: {problem}; {mend}".splitlines()))


def quoted(text: object) -> str:
    """A cell or a name for a message, shortened."""
    text = str(text)
    return f'"{text[:40]}..."' if len(text) > 40 else f'"{text}"'


def listed(names: Sequence[object]) -> str:
    """The first few names for a message."""
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(quoted(name) for name in names[:5]) + more


def from_array(
    values: Any,
    *,
    name: str = "the array",
    kind: str = "npy",
    labels: Any = None,
    ids: Any = None,
    value_name: str = "X",
    label_name: str | None = None,
    warnings: tuple[str, ...] = (),
) -> Table:
    """A checked `Table` of an array that somebody else made.

    Args:
        values: shape (n, d), (n, h, w) or (n, h, w, c), numbers; integers become float64.
        name: what messages call it.
        kind: the kind of file that it goes out as.
        labels: shape (n,), integers or strings, or None.
        ids: shape (n,), made strings, or None.
        value_name: the name of the values in an npz.
        label_name: the name of the labels in an npz.
        warnings: lines to pass on.

    Raises:
        InputError: objects, text or complex numbers; a wrong rank; fewer than two rows; a missing
            or infinite value (row and column counted from 1); labels or ids of another length.

    >>> from_array([[1, 2], [3, 4]]).values.dtype
    dtype('float64')
    """
    array = _numbers(values, name)
    check_rows(len(array), name)
    check_finite(array, name=name)
    if labels is not None:
        labels = _as_labels(labels, count=len(array), name=name)
        label_name = label_name or "labels"
    if ids is not None:
        ids = [str(i) for i in np.asarray(ids).tolist()]
        if len(ids) != len(array):
            raise refusal(
                name, f"{len(array)} rows but {len(ids)} identifiers", "give one for each"
            )
    return Table(
        values=array,
        ids=ids,
        id_name=None if ids is None else "id",
        labels=labels,
        label_name=label_name,
        kind=kind,
        name=name,
        value_name=value_name,
        warnings=warnings + column_warnings(array),
    )


def check_rows(count: int, name: str) -> None:
    """Refuse fewer than two rows: they say nothing about a distribution."""
    if count == 0:
        raise refusal(name, "holds no rows", "give at least two")
    if count == 1:
        raise refusal(name, "holds only one row", "give at least two")


def check_finite(
    values: np.ndarray,
    *,
    name: str,
    columns: Sequence[str] | None = None,
    lines: Sequence[int] | None = None,
) -> None:
    """Refuse a missing or infinite value; `lines` are the rows' numbers in the file."""
    finite = np.isfinite(values)
    if finite.all():
        return
    row, *at = np.unravel_index(int(np.argmin(finite)), values.shape)
    line = int(row) + 1 if lines is None else lines[int(row)]
    if len(at) == 1:
        place = f"column {quoted(columns[int(at[0])]) if columns else int(at[0]) + 1}"
    else:
        place = f"pixel ({', '.join(str(int(i) + 1) for i in at)})"
    problem = "missing value" if np.isnan(values[(row, *at)]) else "infinite value"
    raise refusal(name, f"row {line}, {place}: {problem}", "fill it in or remove the row")


def check_same_columns(source: Table, target: Table) -> None:
    """Refuse tables whose rows do not mean the same thing.

    Args:
        source: a table.
        target: another; names are compared where both have them.

    Raises:
        InputError: rows of different shape, or different names, or the same in another order.
    """
    ours, theirs = source.values.shape[1:], target.values.shape[1:]
    pair = f"{source.name} and {target.name}"
    if source.columns is not None and target.columns is not None:
        _check_same_names(source, target)
    elif len(ours) == len(theirs) == 1 and ours != theirs:
        problem = f"{ours[0]} and {theirs[0]} columns of numbers"
        raise refusal(pair, problem, "give both the same columns")
    if ours != theirs:
        raise refusal(pair, f"rows of shape {ours} and {theirs}", "give both the same shape")


def _check_same_names(source: Table, target: Table) -> None:
    ours, theirs = source.columns or (), target.columns or ()
    for one, other in ((source, target), (target, source)):
        names = set(one.columns or ())
        lacking = [name for name in other.columns or () if name not in names]
        if lacking:
            problem = f"no column {listed(lacking)}, which {other.name} has"
            raise refusal(one.name, problem, "give both the same columns")
    for at, (our, their) in enumerate(zip(ours, theirs, strict=True), start=1):
        if our != their:
            problem = f"number column {at} is {quoted(our)} and {quoted(their)}"
            raise refusal(f"{source.name} and {target.name}", problem, "give both the same order")


# of text where numbers should be; what judges batches is a label to `gpa integrate` only
TEXT_MEND = (
    "name the column as labels (--label-column; gpa integrate: --judge-by, or --labels for a flow "
    "per class) or identifiers (--id-column), turn it into numbers, or remove it"
)


def column_warnings(values: np.ndarray, columns: Sequence[str] | None = None) -> tuple[str, ...]:
    """Lines that name columns which look like categories, and columns which look like names."""
    return (*categorical_warnings(values, columns), *_identifier_warnings(values, columns))


def _identifier_warnings(values: np.ndarray, columns: Sequence[str] | None) -> tuple[str, ...]:
    """A column that counts up is no measurement, but would be averaged like one."""
    if values.ndim != 2 or len(values) < _ENOUGH_ROWS:
        return ()
    # the first rows settle most columns without a copy of them all
    likely = np.flatnonzero((np.diff(values[:_ENOUGH_ROWS], axis=0) == 1).all(axis=0)).tolist()
    whole = [i for i in likely if values[0, i] == np.rint(values[0, i])]
    found = [i for i in whole if (np.diff(values[:, i]) == 1).all()]
    return tuple(
        f"column {quoted(columns[i]) if columns else i + 1} counts the rows: if it "
        "identifies them, name it with --id-column, or it is moved like a measurement"
        for i in found
    )


def categorical_warnings(
    values: np.ndarray, columns: Sequence[str] | None = None
) -> tuple[str, ...]:
    """One line that names the columns which look like categories, or nothing.

    A column looks categorical when it has at least 50 rows and between 2 and 10 distinct values,
    all whole numbers. Images are not looked at.
    """
    if values.ndim != 2 or len(values) < _ENOUGH_ROWS:
        return ()
    found = [i for i, column in enumerate(values.T) if _looks_categorical(column)]
    if not found:
        return ()
    what = "column" if len(found) == 1 else "columns"
    verb = "looks" if len(found) == 1 else "look"
    names = listed([columns[i] if columns else i + 1 for i in found])
    return (
        f"{what} {names} {verb} categorical (few distinct whole numbers): distances here are "
        "Euclidean, so new rows get values in between",
    )


def _looks_categorical(column: np.ndarray) -> bool:
    # the first rows settle most columns without a sort of the whole
    for part in (column[:_ENOUGH_ROWS], column):
        if not (part == np.rint(part)).all() or len(np.unique(part)) > _FEW_VALUES:
            return False
    return bool((column != column[0]).any())


def _numbers(values: Any, name: str) -> np.ndarray:
    array = plain_array(values, name)
    if array.dtype.kind == "O":
        raise refusal(name, "holds Python objects", "save an array of numbers")
    if array.dtype.kind not in "biuf":
        raise refusal(name, f"holds {array.dtype}, not numbers", "save an array of numbers")
    if array.ndim not in (2, 3, 4):
        mend = "reshape it to (rows, columns), or (rows, height, width) for images"
        raise refusal(name, f"has shape {array.shape}", mend)
    if array.size == 0 and len(array) > 0:
        raise refusal(name, f"has shape {array.shape}", "give rows of at least one number")
    if array.dtype in (np.float16, np.float32, np.float64):
        return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))
    return array.astype(np.float64)


def _as_labels(labels: Any, *, count: int, name: str) -> np.ndarray:
    array = plain_array(labels, f"labels of {name}")
    if array.shape != (count,):
        problem = f"{count} rows but labels of shape {array.shape}"
        raise refusal(name, problem, "give one label for each row")
    if array.dtype.kind == "f" and np.isfinite(array).all() and (array == np.rint(array)).all():
        array = array.astype(np.int64)
    if array.dtype.kind not in "biuU":
        raise refusal(name, f"labels are {array.dtype}", "give whole numbers or strings")
    return array.astype(np.int64) if array.dtype.kind == "b" else array


def without_missing(labels: np.ndarray) -> np.ndarray:
    """Labels as text, "" where a cell stands for a missing value, shape (n,).

    >>> without_missing(np.array(["a", "NA", "7"])).tolist()
    ['a', '', '7']
    """
    return np.array(["" if str(x).strip().casefold() in MISSING else str(x) for x in labels])


def labels_of_text(cells: Sequence[str]) -> np.ndarray:
    """Integers where every cell is one, else strings."""
    try:
        return np.array([int(cell) for cell in cells], dtype=np.int64)
    except (ValueError, OverflowError):
        return np.array(cells, dtype=np.str_)
