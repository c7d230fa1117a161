"""pandas DataFrames in and out, and parquet files through them.

pandas is imported only where a DataFrame or a parquet file is at hand.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from importlib import import_module
from numbers import Real
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np

from gparticles.errors import printable
from gparticles.tables.table import (
    MISSING_MEND,
    TEXT_MEND,
    Table,
    are_decimals,
    check_finite,
    check_rows,
    column_warnings,
    extra_columns,
    is_missing,
    is_number,
    is_whole,
    labels_of_cells,
    listed,
    position,
    quoted,
    refusal,
)

# bytes of a column that are read at a time, since row groups may be large
BUFFER = 2**20
# what writers call the folder of rows that have no value
_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"


def is_frame(value: Any) -> bool:
    """Whether this is a pandas DataFrame, told without importing pandas."""
    return type(value).__module__.startswith("pandas") and type(value).__name__ == "DataFrame"


def check_is_frame(value: Any) -> None:
    """Refuses what is no pandas DataFrame.

    Raises:
        InputError: with the mend.
    """
    if is_frame(value):
        return
    if type(value).__module__.startswith("dask"):
        mend = "give frame.compute(), or a part of it that memory holds"
        raise refusal("the table", "is one of Dask, of which all rows are needed at once", mend)
    raise refusal("the table", f"is a {type(value).__name__}", "give a pandas DataFrame")


def from_frame(
    frame: Any,
    *,
    id_column: str | None = None,
    label_column: str | None = None,
    label_gaps: bool = False,
    name: str = "the frame",
    start: int = 0,
) -> Table:
    """The table of a DataFrame.

    The identifiers are `id_column`, else the first column where it is text and all different,
    else the index where it is not the default one.

    Args:
        frame: a pandas DataFrame of numbers.
        id_column: the column of identifiers.
        label_column: the column of labels, integers or text.
        label_gaps: labels may be missing; such become "".
        name: what messages call it.
        start: how many rows came before these, for messages.

    Returns:
        The table; values of the columns' common float dtype, float64 where they are integers.

    Raises:
        InputError: not a DataFrame, a column that is not numbers, missing or infinite values (rows
            counted from 1), repeated names, an unknown column, fewer than two rows.
    """
    if not is_frame(frame):
        raise refusal(name, f"is a {type(frame).__name__}", "give a pandas DataFrame")
    names = [printable(column) for column in frame.columns]
    whole = tuple(str(c) for c in frame.columns if isinstance(c, int | np.integer))
    _check_unique(names, name)
    label_at = position(label_column, names, where=name, what="label")
    id_at = position(id_column, names, where=name, what="identifier")
    if id_column is None and label_at != 0 and len(names) > 1 and _identifies(frame.iloc[:, 0]):
        id_at = 0
    at = [i for i in range(len(names)) if i not in (id_at, label_at)]
    if not at:
        raise refusal(name, "has no column of numbers left", "give at least one")
    check_rows(len(frame), name)
    values = numbers_of(frame, at, name=name, start=start)
    header = type(frame.columns).__name__ != "RangeIndex" or [*frame.columns] != [
        *range(len(names))
    ]
    columns = tuple(names[i] for i in at) if header else None
    lines = range(start + 1, start + len(frame) + 1)
    check_finite(values, name=name, columns=columns, lines=lines)
    ids, id_name = _identifiers(frame, id_at)
    return Table(
        values=values,
        columns=columns,
        ids=ids,
        id_name=id_name,
        labels=None if label_at is None else _labels(frame, label_at, name=name, gaps=label_gaps),
        label_name=None if label_at is None else names[label_at],
        kind="parquet",
        header=header,
        warnings=column_warnings(values, columns),
        name=name,
        id_position=id_at,
        label_position=label_at,
        whole_names=whole if header else (),
    )


def to_frame(values: np.ndarray, like: Table, *, ids: Any = None, labels: Any = None) -> Any:
    """A DataFrame of new values with the columns of the table that they are like.

    Args:
        values: shape (n, d).
        like: the table whose column names, place of identifiers and of labels are taken.
        ids: n identifiers, or None for none; they become the index where `like` has them there.
        labels: n labels, or None for none.

    Raises:
        InputError: values of another width than `like`.
    """
    pandas: Any = import_module("pandas")
    values = np.asarray(values)
    columns = None if like.columns is None else list(like.columns)
    if values.ndim != 2 or (columns and values.shape[1] != len(columns)):
        mend = f"give shape (n, {len(columns) if columns else 'd'})"
        raise refusal("the values", f"have shape {values.shape}", mend)
    frame = pandas.DataFrame(values, columns=columns)
    if ids is not None and like.id_position is None:
        frame.index = pandas.Index(list(ids), name=like.id_name or None)
        ids = None
    for at, name, cells in extra_columns(like, values.shape[1], ids=ids, labels=labels):
        frame.insert(at, name, cells)
    if like.whole_names:
        names = [int(name) if name in like.whole_names else name for name in frame.columns]
        frame.columns = names
    return frame


def read_parquet(
    path: Path,
    *,
    id_column: str | None = None,
    label_column: str | None = None,
    label_gaps: bool = False,
) -> Table:
    """Read a parquet file, or a folder of its parts, as `from_frame` reads the frame.

    Rows are counted from 1, those of a folder in the order of its files' names, which may lie in
    folders called `column=value`.

    Raises:
        InputError: pyarrow is not installed, a damaged file, or what `from_frame`
            refuses.
    """
    frame = read_parquet_frame(path, label_column=label_column)
    columns: dict[str, Any] = {"id_column": id_column, "label_column": label_column}
    return from_frame(frame, **columns, label_gaps=label_gaps, name=str(path))


def read_parquet_frame(path: Path, *, label_column: str | None = None) -> Any:
    """The DataFrame of a parquet file, or of a folder of its parts.

    Args:
        path: of the file.
        label_column: a folder's, which stays text.

    Raises:
        InputError: pyarrow is not installed, or a damaged file.
    """
    arrow()
    try:
        table = _joined(path, label_column) if path.is_dir() else _read_part(path)
        table.validate(full=True)  # else broken text shows only where it is used
        # whole numbers beside missing ones, which are floats otherwise and lose digits
        frame = table.to_pandas(integer_object_nulls=True)
    except Exception as error:  # its parser raises many kinds for a broken file
        reason = str(error).split(". ")[0] or type(error).__name__
        raise refusal(path, f"is damaged ({reason})", "make it again") from error
    return frame


def parquet_blocks(
    path: Path,
    rows: int,
    *,
    id_column: str | None = None,
    label_column: str | None = None,
    label_gaps: bool = False,
) -> Iterator[Table]:
    """Read a parquet file, or a folder of its parts, ``rows`` rows at a time.

    The arguments are those of ``read_parquet``; which column holds identifiers is decided by the
    first rows.
    """
    start = 0
    for frame in frame_blocks(path, rows, label_column=label_column):
        columns: dict[str, Any] = {"id_column": id_column, "label_column": label_column}
        read = from_frame(frame, **columns, label_gaps=label_gaps, name=str(path), start=start)
        if start == 0 and read.id_position is not None:
            id_column = read.id_name
        start += len(read)
        yield read


def frame_blocks(path: Path, rows: int, *, label_column: str | None = None) -> Iterator[Any]:
    """The DataFrames of a parquet file, or of a folder of its parts, ``rows`` rows at a time.

    The last one has what is left, and one more than ``rows`` rather than 1.
    """
    pyarrow = arrow()
    held: list[Any] = []
    count = 0
    for batch in _batches(path, rows, label_column):
        held.append(batch)
        count += len(batch)
        # two rows are kept back, since one alone is no table
        while sum(map(len, held)) > rows + 1:
            joined = pyarrow.concat_tables(held, promote_options="permissive")
            yield joined.slice(0, rows).to_pandas(integer_object_nulls=True)
            held = [joined.slice(rows)]
    if held:
        joined = pyarrow.concat_tables(held, promote_options="permissive")
        yield joined.to_pandas(integer_object_nulls=True)
    elif count == 0:
        check_rows(0, str(path))


@contextmanager
def parquet_writer(path: Path, *, index: bool) -> Iterator[Callable[[Any], None]]:
    """Lends what writes frames one after the other, all of them with the kinds of the first.

    Args:
        path: of the file.
        index: whether names of rows are kept.
    """
    pyarrow, writer = arrow(), None

    def write(frame: Any) -> None:
        nonlocal writer
        # parquet has no other names
        named = frame.set_axis([str(name) for name in frame.columns], axis=1)
        rows = pyarrow.Table.from_pandas(named, preserve_index=None if index else False)
        if writer is None:
            writer = pyarrow.parquet.ParquetWriter(stream, _with_kinds(pyarrow, rows.schema))
        writer.write_table(rows.cast(writer.schema))

    # of a stream, since pyarrow takes no name that is not UTF-8
    with path.open("wb") as stream:
        yield write
        if writer is not None:
            writer.close()


def _with_kinds(pyarrow: Any, schema: Any) -> Any:
    """A schema in which a column that is empty in the first rows may hold text in later ones."""
    for at, field in enumerate(schema):
        if pyarrow.types.is_null(field.type):
            schema = schema.set(at, field.with_type(pyarrow.string()))
    return schema


def _batches(path: Path, rows: int, label_column: str | None) -> Iterator[Any]:
    """The rows of a file or of a folder's parts, at most so many at a time."""
    pyarrow = arrow()
    folder = path if path.is_dir() else None
    with damage_told(path):
        for file in [path] if folder is None else parts_of(folder):
            with file.open("rb") as stream:
                for batch in opened(stream).iter_batches(batch_size=rows):
                    table = pyarrow.Table.from_batches([batch])
                    table.validate(full=True)
                    yield (
                        table
                        if folder is None
                        else with_folders(table, file.relative_to(folder), label_column)
                    )


def opened(stream: Any) -> Any:
    """A parquet file whose row groups are read when their rows are asked for."""
    # by default pyarrow reads all groups ahead, and keeps them
    return arrow().parquet.ParquetFile(stream, buffer_size=BUFFER, pre_buffer=False)


@contextmanager
def damage_told(path: Path) -> Iterator[None]:
    """Turns what pyarrow raises while a file is read into one line."""
    try:
        yield
    except (OSError, arrow().ArrowException) as error:
        reason = str(error).split(". ")[0] or type(error).__name__
        raise refusal(path, f"is damaged ({reason})", "make it again") from error


def parts_of(folder: Path) -> list[Path]:
    """The parquet files of a folder that is one table; writers begin other files with _ or a dot.

    >>> parts_of(Path("no-such-folder"))
    []
    """
    return sorted(
        file
        for file in folder.rglob("*.parquet")
        if file.is_file()
        and not any(part.startswith(("_", ".")) for part in file.relative_to(folder).parts)
    )


def _read_part(file: Path) -> Any:
    import pyarrow.parquet

    with file.open("rb") as stream:  # of a stream, for the same reason
        return pyarrow.parquet.read_table(stream)


def _joined(folder: Path, label_column: str | None) -> Any:
    """All parts, with what the names of their folders say as columns."""
    import pyarrow

    tables = []
    for file in parts_of(folder):
        table = with_folders(_read_part(file), file.relative_to(folder), label_column)
        tables.append(table)
    return pyarrow.concat_tables(tables, promote_options="permissive")


def with_folders(table: Any, file: Path, label_column: str | None) -> Any:
    """A part with what the names of its folders say as columns."""
    import pyarrow

    for part in file.parts[:-1]:
        name, equals, text = part.partition("=")
        value: Any = None if text == _NO_VALUE else unquote(text)
        if value is not None and name != label_column and is_number(value):
            value = float(value)
        if equals:
            table = table.append_column(name, pyarrow.array([value] * len(table)))
    return table


def write_parquet(path: Path, table: Table) -> None:
    """Write a table as `to_frame` makes it."""
    frame = to_frame(table.values, table, ids=table.ids, labels=table.labels)
    frame.columns = [str(column) for column in frame.columns]  # parquet has no other names
    try:
        # of bytes, since pyarrow takes no name that is not UTF-8
        path.write_bytes(frame.to_parquet(engine="pyarrow"))
    except ImportError as error:
        raise _not_installed() from error


def arrow() -> Any:
    """The package pyarrow.

    Raises:
        InputError: it is not installed.
    """
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise _not_installed() from error
    return pyarrow


def _not_installed() -> Exception:
    mend = "run pip install 'gparticles[parquet]'"
    return refusal("parquet", "needs pyarrow, which is not installed", mend)


def _check_unique(names: list[str], where: str) -> None:
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise refusal(where, f"several columns are called {listed(repeated)}", "rename them")


def _identifies(column: Any) -> bool:
    cells = column.tolist()
    text = all(isinstance(cell, str) for cell in cells)
    return text and len(set(cells)) == len(cells) and not are_decimals(cells)


def _identifiers(frame: Any, id_at: int | None) -> tuple[list[str] | None, str | None]:
    if id_at is not None:
        cells = frame.iloc[:, id_at].tolist()
        return ["" if is_missing(i) else str(i) for i in cells], str(frame.columns[id_at])
    if type(frame.index).__name__ == "RangeIndex":
        return None, None
    name = frame.index.name
    return [str(i) for i in frame.index.tolist()], "" if name is None else str(name)


def _labels(frame: Any, at: int, *, name: str, gaps: bool) -> np.ndarray:
    column = frame.iloc[:, at]
    lacking = column.isna().to_numpy()
    # of a categorical column, the kind of its categories
    dtype = getattr(column.dtype, "categories", column).dtype
    if dtype.kind in "biuf" and not lacking.any():
        numbers = column.to_numpy(dtype=getattr(dtype, "numpy_dtype", dtype))
        if dtype.kind != "f":
            return numbers
        if is_whole(numbers):
            return numbers.astype(np.int64)
    # dates alone where no time of day is given
    cells = (column.astype(str) if dtype.kind == "M" else column).tolist()
    cells = [None if empty else cell for empty, cell in zip(lacking, cells, strict=True)]
    return labels_of_cells(cells, place=(name, str(frame.columns[at])), gaps=gaps)


def numbers_of(frame: Any, at: list[int], *, name: str, start: int) -> np.ndarray:
    """The columns at these places as one array; ``start`` rows came before, for messages."""
    dtypes = set(frame.dtypes.iloc[at])
    plain = all(isinstance(d, np.dtype) and d.kind in "biuf" for d in dtypes)
    small = all(d in (np.float16, np.float32) for d in dtypes)
    dtype = np.result_type(*dtypes) if small else np.dtype(np.float64)
    if plain:
        return np.ascontiguousarray(frame.iloc[:, at].to_numpy(dtype=dtype))
    values = np.empty((len(frame), len(at)), dtype=dtype)
    for k, i in enumerate(at):
        place = f"column {quoted(frame.columns[i])}"
        values[:, k] = _column(frame.iloc[:, i], place=place, at=name, start=start)
    return values


def _column(column: Any, *, place: str, at: str, start: int) -> np.ndarray:
    if getattr(column.dtype, "kind", "O") in "biuf":  # pandas's nullable numbers among them
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    missing = column.isna().tolist()
    cells = zip(column.tolist(), missing, strict=True)
    for row, (cell, lacking) in enumerate(cells, start=start + 1):
        if lacking:
            raise refusal(at, f"row {row}, {place}: missing value", MISSING_MEND)
        if not isinstance(cell, Real | Decimal):
            problem = f"row {row}, {place}: {quoted(cell)} among numbers"
            raise refusal(at, problem, TEXT_MEND)
        try:
            float(cell)
        except OverflowError:
            raise refusal(at, f"row {row}, {place}: too large", "use other units") from None
    return column.to_numpy(dtype=np.float64)
