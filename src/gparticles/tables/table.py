"""What every reader returns and every writer takes: rows of numbers and what came with them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gparticles.errors import InputError, printable

MISSING = frozenset(
    {"", "na", "n/a", "#n/a", "<na>", "nan", "nat", "null", "none", "missing", "?", "-", "."}
)
"""Text that stands for a missing value, in lower case."""

MISSING_MEND = "fill it in, or remove the row or the column"

_DECIMAL = re.compile(r"[+-]?(\d*|\d{1,3}([.,]\d{3})+)[.,]\d+([eE][+-]?\d+)?")
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
        labels: n classes, or None: text letter for letter, or whole numbers that came as such.
        label_name: the labels' column (or array, in an npz).
        kind: "csv", "tsv", "csv.gz", "tsv.gz", "npy", "npz", "parquet" or "images".
        header: whether the first row of the file holds names.
        warnings: what the user should know, a line each.
        name: what messages call this table: the path as given.
        id_position: where the identifiers stand among all columns; None: in a frame's index.
        label_position: where the labels stand among all columns; None: last.
        value_name: the array in an npz that holds the values.
        whole_names: those of the columns' names that are whole numbers in the frame they came from.
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
    whole_names: tuple[str, ...] = ()

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.values)


def refusal(where: object, problem: str, mend: str) -> InputError:
    """The error to raise: one line, whatever line breaks names and cells contain."""
    return InputError(printable(" ".join(f"{where}: {problem}; {mend}".splitlines())))


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
    label_gaps: bool = False,
    warnings: tuple[str, ...] = (),
    start: int = 0,
) -> Table:
    """A checked `Table` of an array that somebody else made.

    Args:
        values: shape (n, d), (n, h, w) or (n, h, w, c), numbers; integers become float64.
        name: what messages call it.
        kind: the kind of file that it goes out as.
        labels: shape (n,), whole numbers or text, or None.
        ids: shape (n,), made strings, or None.
        value_name: the name of the values in an npz.
        label_name: the name of the labels in an npz.
        label_gaps: labels may be missing; such become "".
        warnings: lines to pass on.
        start: how many rows came before these, for messages.

    Raises:
        InputError: objects, text or complex numbers; a wrong rank; fewer than two rows; a missing
            or infinite value (row and column counted from 1); labels or ids of another length; a
            missing label.

    >>> from_array([[1, 2], [3, 4]]).values.dtype
    dtype('float64')
    """
    array = _numbers(values, name)
    check_rows(len(array), name)
    check_finite(array, name=name, lines=range(start + 1, start + len(array) + 1))
    if labels is not None:
        label_name = label_name or "labels"
        place = name, label_name
        labels = _labels_of_array(labels, count=len(array), place=place, gaps=label_gaps)
    if ids is not None:
        ids = [str(i) for i in np.asarray(ids).tolist()]
        if len(ids) != len(array):
            problem = f"{len(array)} rows but {len(ids)} identifiers"
            raise refusal(name, problem, "give one for each")
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
    if count < 2:
        problem = "holds only one row" if count else "holds no rows"
        raise refusal(name, problem, "give at least two")


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
    raise refusal(name, f"row {line}, {place}: {problem}", MISSING_MEND)


def position(wanted: str | None, names: Sequence[str], *, where: object, what: str) -> int | None:
    """Where the column of this name is, or None where none is wanted."""
    if wanted is None:
        return None
    if wanted not in names:
        raise refusal(where, f"no {what} column {quoted(wanted)}", f"choose one of {listed(names)}")
    return names.index(wanted)


def made_up_ids(n: int, *, start: int = 0) -> list[str]:
    """Identifiers for n new rows, after so many others.

    >>> made_up_ids(2)
    ['generated-00001', 'generated-00002']
    """
    return [f"generated-{i:05d}" for i in range(start + 1, start + n + 1)]


def extra_columns(
    like: Table, width: int, *, ids: Any, labels: Any
) -> list[tuple[int, str, list[Any]]]:
    """Place, name and cells of the columns that are not numbers, in the order to insert them."""
    extras = []
    if ids is not None:
        name = "id" if like.id_name is None else like.id_name
        extras.append((like.id_position or 0, name, list(ids)))
    if labels is not None:
        last = width + len(extras)
        at = last if like.label_position is None else like.label_position
        extras.append((at, like.label_name or "label", np.asarray(labels).tolist()))
    return sorted(extras, key=lambda extra: extra[0])


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
    named = source.columns is not None and target.columns is not None
    # a frame may have the columns 0, 1, ... of the other in another order
    whole = source.whole_names or target.whole_names
    if named or (whole and set(_names(source)) == set(_names(target))):
        _check_same_names(source, target)
    elif len(ours) == len(theirs) == 1 and ours != theirs:
        problem = f"{ours[0]} and {theirs[0]} columns of numbers"
        raise refusal(pair, problem, "give both the same columns")
    if ours != theirs:
        raise refusal(pair, f"rows of shape {ours} and {theirs}", "give both the same shape")


def _names(table: Table) -> tuple[str, ...]:
    return table.columns or tuple(map(str, range(table.values.shape[-1])))


def _check_same_names(source: Table, target: Table) -> None:
    ours, theirs = _names(source), _names(target)
    for one, other in ((source, target), (target, source)):
        names = set(_names(one))
        lacking = [name for name in _names(other) if name not in names]
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
    "per class; gpa trajectory: --fates) or identifiers (--id-column), turn it into numbers, or "
    "remove it"
)


def column_warnings(values: np.ndarray, columns: Sequence[str] | None = None) -> tuple[str, ...]:
    """Lines that name the columns which look like categories, and those which count the rows.

    A column looks categorical when it has at least 50 rows and between 2 and 10 distinct values,
    all whole numbers; one that counts would be averaged like a measurement. Images have neither.
    """
    if values.ndim != 2 or len(values) < _ENOUGH_ROWS:
        return ()
    names = columns or range(1, values.shape[1] + 1)
    categories = [names[i] for i, column in enumerate(values.T) if _looks_categorical(column)]
    # the first rows settle most columns without a copy of them all
    likely = (np.diff(values[:_ENOUGH_ROWS], axis=0) == 1).all(axis=0)
    likely &= values[0] == np.rint(values[0])
    counting = [i for i in np.flatnonzero(likely).tolist() if (np.diff(values[:, i]) == 1).all()]
    verb = "columns {} look" if len(categories) > 1 else "column {} looks"
    lines = [
        f"{verb.format(listed(categories))} categorical (few distinct whole numbers): distances "
        "here are Euclidean, so new rows get values in between"
    ] * bool(categories)
    lines += [
        f"column {quoted(names[i]) if columns else i + 1} counts the rows: if it identifies them, "
        "name it with --id-column, or it is moved like a measurement"
        for i in counting
    ]
    return tuple(lines)


def _looks_categorical(column: np.ndarray) -> bool:
    # the first rows settle most columns without a sort of the whole
    for part in (column[:_ENOUGH_ROWS], column):
        if not (part == np.rint(part)).all() or len(np.unique(part)) > _FEW_VALUES:
            return False
    return bool((column != column[0]).any())


def _numbers(values: Any, name: str) -> np.ndarray:
    if np.ma.isMaskedArray(values) and values.dtype.kind in "biuf":
        values = np.ma.filled(values.astype(np.float64), np.nan)
    try:
        array = np.asarray(values)
    except ValueError as error:  # rows of different length
        raise refusal(name, "rows of different length", "give a rectangular array") from error
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


def _labels_of_array(labels: Any, *, count: int, place: tuple[str, str], gaps: bool) -> np.ndarray:
    if np.ma.isMaskedArray(labels):
        labels = np.ma.filled(labels.astype(object), None)
    array = np.asarray(labels)
    if array.shape != (count,):
        problem = f"{count} rows but labels of shape {array.shape}"
        raise refusal(place[0], problem, "give one label for each row")
    if array.dtype.kind == "f" and not np.isnan(array).any():
        if not is_whole(array):
            problem = f"labels are {array.dtype}"
            raise refusal(place[0], problem, "give whole numbers or strings")
        return array.astype(np.int64)
    if array.dtype.kind in "biu":
        return array
    if array.dtype.kind not in "fUO":
        raise refusal(place[0], f"labels are {array.dtype}", "give whole numbers or strings")
    return labels_of_cells(array.tolist(), place=place, gaps=gaps)


def is_whole(numbers: np.ndarray) -> bool:
    """Whether all are whole numbers that int64 holds."""
    return bool((np.abs(numbers) < 2**53).all() and (numbers == np.rint(numbers)).all())


def labels_of_cells(
    cells: Sequence[Any],
    *,
    place: tuple[str, str],
    lines: Sequence[int] | None = None,
    gaps: bool = False,
) -> np.ndarray:
    """Labels as text, letter for letter: what differs as text is another class.

    Args:
        cells: text, or whatever a frame holds.
        place: names of the table and of the column, for messages.
        lines: the rows' numbers in the file.
        gaps: labels may be missing: text that says so stays as it is, all else becomes "".

    Raises:
        InputError: a missing label, unless `gaps`: None, NaN, NaT, NA, or text of `MISSING`; text
            that ends in a NUL, which arrays of text drop.
    """
    texts = [
        "" if is_missing(cell) and not isinstance(cell, str) else _text(cell) for cell in cells
    ]
    for row, text in enumerate(texts):
        lacking = not gaps and is_missing(text)
        if lacking or text.endswith("\0"):
            line = row + 1 if lines is None else lines[row]
            where = f"row {line}, column {quoted(place[1])}"
            problem = "missing value" if lacking else "ends in a NUL"
            raise refusal(place[0], f"{where}: {problem}", MISSING_MEND)
    return np.array(texts, dtype=np.str_)


def _text(cell: Any) -> str:
    if is_missing(cell) and not isinstance(cell, str):
        return ""
    # whole numbers beside missing ones are floats in a frame, and old files keep text as bytes
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return cell.decode("utf-8", "backslashreplace") if isinstance(cell, bytes) else printable(cell)


def is_number(cell: str) -> bool:
    """Whether a cell reads as a number (nan and inf included, as they do for `float`)."""
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell


def are_decimals(cells: Sequence[str]) -> bool:
    """Whether text is a column of numbers with decimals, by point or by comma, and no names.

    >>> are_decimals(["1,25", "-3", "1.500,75"]), are_decimals(["12", "13"])
    (True, False)
    """
    decimals = [_DECIMAL.fullmatch(cell.strip()) for cell in cells]
    return any(decimals) and all(
        decimal or is_number(cell) for cell, decimal in zip(cells, decimals, strict=True)
    )


def is_missing(cell: Any) -> bool:
    """Whether a cell is none, or is text that stands for a missing value.

    >>> [is_missing(cell) for cell in ("a", " NA", None, float("nan"), 0)]
    [False, True, True, True, False]
    """
    if isinstance(cell, str):
        return cell.strip().casefold() in MISSING
    if cell is None or type(cell).__name__ in ("NAType", "NaTType"):
        return True
    # NaN alone differs from itself
    return isinstance(cell, float | np.generic) and bool(cell != cell)


def without_missing(labels: np.ndarray) -> np.ndarray:
    """Labels as text, "" where a cell stands for a missing value, shape (n,).

    >>> without_missing(np.array(["a", "NA", "7"])).tolist()
    ['a', '', '7']
    """
    return np.array(["" if is_missing(cell) else _text(cell) for cell in labels.tolist()])
