"""How a column is kept in a DataFrame, so that what comes out has the dtype that went in.

pandas is imported only where a frame is at hand.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from gparticles.tables.table import refusal


@dataclass(frozen=True)
class Storage:
    """A column's dtype.

    Attributes:
        dtype: pandas's name of it.
        levels: of a pandas categorical, its categories in their order.
        level_dtype: of these.
        ordered: whether they are.
        gap: what stands for a missing value in a column of objects: "None" or "nan".
        whole: of objects that are whole numbers.
    """

    dtype: str
    levels: tuple[Any, ...] | None = None
    level_dtype: str = ""
    ordered: bool = False
    gap: str = "nan"
    whole: bool = False

    @property
    def is_text(self) -> bool:
        """Whether cells are Python's text, or an object that is no number."""
        if self.levels is not None:
            return all(isinstance(level, str) for level in self.levels)
        return self.dtype in ("object", "str", "string") and not self.whole

    @property
    def limits(self) -> tuple[float, float]:
        """The least and the largest number that the dtype holds, as far as float64 counts."""
        name = self.dtype.lower().split("[")[0]
        if not name.startswith(("int", "uint")):
            return -np.inf, np.inf
        ends = np.iinfo(np.dtype(name))
        return max(float(ends.min), -(2.0**53)), min(float(ends.max), 2.0**53)

    def stamp(self, value: Any, *, place: str) -> int:
        """A date or a time, which may be text, as the whole number that this dtype holds.

        Raises:
            InputError: it is none.
        """
        import pandas

        try:
            series = pandas.Series([value]).astype(self.dtype)
        except (ValueError, TypeError):
            series = pandas.Series([None], dtype=self.dtype)
        if series.isna().any():
            mend = "write it as 2024-01-31, 2024-01-31 14:05 or, of a span, 3 days"
            raise refusal(place, f"{value!r} is no date or time", mend)
        return int(cells_of(series, name=place)[0][0])

    def series(self, values: np.ndarray, missing: np.ndarray) -> Any:
        """A pandas Series of values, shape (n,), with nothing where they are missing."""
        import pandas

        if self.levels is not None:
            kept = pandas.CategoricalDtype(
                pandas.Index(list(self.levels), dtype=self.level_dtype), ordered=self.ordered
            )
            cells = [None if gap else v for v, gap in zip(values.tolist(), missing, strict=True)]
            return pandas.Series(cells, dtype=object).astype(kept)
        dtype = pandas.api.types.pandas_dtype(self.dtype)
        if dtype.kind in "mM" and not hasattr(dtype, "pyarrow_dtype"):
            return _times(pandas, values, missing, dtype)
        if self.whole:
            values = np.array([int(v) for v in values.tolist()], object)
        if not missing.any():
            return pandas.Series(_cast(values, dtype), dtype=dtype)
        cells = values.astype(object)
        cells[missing] = None if self.gap == "None" else _gap(pandas, dtype)
        return pandas.Series(cells, dtype=dtype)


def _times(pandas: Any, stamps: np.ndarray, missing: np.ndarray, dtype: Any) -> Any:
    stamps = stamps.astype(np.int64).view(f"{dtype.kind}8[{_unit(dtype)}]").copy()
    stamps[missing] = np.array("NaT", stamps.dtype)
    series = pandas.Series(stamps)
    zone = getattr(dtype, "tz", None)
    return series if zone is None else series.dt.tz_localize("UTC").dt.tz_convert(zone)


def _unit(dtype: Any) -> str:
    return dtype.unit if hasattr(dtype, "unit") else np.datetime_data(dtype)[0]


def _cast(values: np.ndarray, dtype: Any) -> np.ndarray:
    kind = getattr(dtype, "kind", "O")
    return np.rint(values).astype(np.int64) if kind in "iu" and values.dtype.kind == "f" else values


def _gap(pandas: Any, dtype: Any) -> Any:
    return np.nan if dtype.kind in "Of" and isinstance(dtype, np.dtype) else pandas.NA


def storage_of(series: Any) -> Storage:
    """How a column is kept."""
    dtype = series.dtype
    if type(dtype).__name__ == "CategoricalDtype":
        levels = tuple(_plain(level) for level in dtype.categories.tolist())
        return Storage("category", levels, str(dtype.categories.dtype), bool(dtype.ordered))
    cells = series.tolist() if _is_plain(dtype) else []
    present = [cell for cell in cells if cell == cell and cell is not None]
    return Storage(
        str(dtype),
        gap="None" if None in cells else "nan",
        whole=bool(present) and all(type(cell) is int for cell in present),
    )


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def cells_of(series: Any, *, name: str) -> tuple[np.ndarray, np.ndarray]:
    """A column's cells as floats, whole numbers of time, or objects; and which are missing.

    Raises:
        InputError: a kind of cell that no column here is made of.
    """
    missing = series.isna().to_numpy(dtype=bool)
    dtype = series.dtype
    if type(dtype).__name__ == "CategoricalDtype" or _is_plain(dtype) or _is_text(dtype):
        cells = np.empty(len(series), object)
        cells[:] = [_plain(cell) for cell in series.tolist()]
        return _one_kind(cells, missing, name), missing
    kind = getattr(dtype, "kind", "O")
    if kind in "mM":
        return series.to_numpy(dtype=f"{kind}8[{_unit(dtype)}]").view(np.int64), missing
    if kind == "b":
        cells = np.empty(len(series), object)
        cells[:] = [None if gap else bool(c) for c, gap in zip(series, missing, strict=True)]
        return cells, missing
    if kind not in "iuf" or type(dtype).__name__ in ("SparseDtype", "PeriodDtype"):
        mend = (
            "make it numbers, text, categories or dates (pandas.to_datetime, to_timestamp), "
            "or drop it"
        )
        raise refusal(f"column {name!r}", f"is of kind {dtype}", mend)
    return series.to_numpy(dtype=np.float64, na_value=np.nan), missing


def _is_plain(dtype: Any) -> bool:
    """Whether cells are Python's objects."""
    return isinstance(dtype, np.dtype) and dtype.kind == "O"


def _is_text(dtype: Any) -> bool:
    return type(dtype).__name__ in ("StringDtype", "ArrowDtype") and dtype.kind in "OU"


def _one_kind(cells: np.ndarray, missing: np.ndarray, name: str) -> np.ndarray:
    """Objects that are all numbers as floats; anything but text, numbers and truth is refused."""
    kinds = {type(cell) for cell in cells[~missing]}
    odd = [kind.__name__ for kind in kinds if not issubclass(kind, (str, bool, int, float))]
    if odd:
        mend = "make it numbers, text or dates (as pandas.to_datetime does), or drop it"
        raise refusal(f"column {name!r}", f"holds cells of kind {min(odd)}", mend)
    return cells
