"""Rows of mixed columns to points in which a flow works, and back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gparticles.tables.columns import (
    AbstractColumn,
    Boolean,
    Categorical,
    Constant,
    Identifier,
    Inflated,
    Label,
    Number,
    Ordinal,
    Time,
)
from gparticles.tables.frames import check_is_frame
from gparticles.tables.gaps import GaussianFill, gaussian_fill
from gparticles.tables.recognition import Range, recognise
from gparticles.tables.relations import Coded, Grouped, Sum, functions_among, told
from gparticles.tables.scores import Grid, Scores
from gparticles.tables.storage import Storage, cells_of
from gparticles.tables.stored import unpacked
from gparticles.tables.table import check_rows, listed, refusal


@dataclass(frozen=True, eq=False)
class TableCodec:
    """An invertible map between the rows of a DataFrame and points, shape (n, k).

    Numbers become normal scores, categories coordinates that are 1 or 0, and a column in which
    cells are missing gets one more coordinate that says where; columns that are missing together
    share it. ``decode(encode(frame))`` is the frame, and whatever is decoded has the frame's
    dtypes, its categories, and the columns' grids and ranges.

    Attributes:
        columns: in the frame's order.
        flags: for each coordinate of gaps, the positions of the columns that it is for.
        fill: draws coordinates that are open: of missing cells, and of numbers at an inflated end.
        impute: whether missing cells are decoded as the cells that were drawn for them.
        notes: what the user should know, a line each.
    """

    columns: tuple[AbstractColumn, ...]
    flags: tuple[tuple[int, ...], ...]
    fill: GaussianFill
    impute: bool = False
    notes: tuple[str, ...] = field(default=())

    @classmethod
    def fit(
        cls,
        frame: Any,
        *,
        columns: Mapping[Any, Any] | None = None,
        ranges: Mapping[Any, Range] | None = None,
        impute: bool = False,
    ) -> "TableCodec":
        """The codec of a table.

        Args:
            frame: a pandas DataFrame.
            columns: what columns are, where it is not as their cells look: by name "continuous",
                "integer", "ordinal" (or the list of its levels), "categorical", "boolean", "date",
                "identifier", "constant", "label" (a class with a potential of its own) or "drop".
            ranges: (low, high) of columns of numbers, None for an end without a bound.
            impute: no cell of what is decoded is missing.

        Raises:
            InputError: a table that cannot be used, in one line with the mend.
        """
        check_is_frame(frame)
        check_rows(len(frame), "the table")
        known, notes = recognise(frame, columns, ranges)
        functions = functions_among(
            known,
            {column.name: cells_of(frame[column.name], name=str(column.name)) for column in known},
            kept=[*(columns or ()), *(ranges or ())],
        )
        known = [functions.get(column.name, column) for column in known]
        notes += told(functions)
        gaps = [frame[column.name].isna().to_numpy(bool) for column in known]
        patterns = {mask.tobytes(): mask for mask in gaps if mask.any()}
        flags = tuple(
            tuple(k for k, mask in enumerate(gaps) if mask.tobytes() == pattern)
            for pattern in patterns
        )
        empty = GaussianFill(np.zeros(0), np.zeros((0, 0)))
        codec = cls(tuple(known), flags, empty, impute, tuple(notes))
        points, _ = codec._with_gaps(frame, np.random.default_rng(0))
        return cls(codec.columns, flags, gaussian_fill(points), impute, codec.notes)

    @property
    def coordinates(self) -> tuple[str, ...]:
        """A name for each coordinate of a point."""
        names = [name for column in self.columns for name in column.coordinates]
        if self.impute:
            return tuple(names)
        shared = [" and ".join(str(self.columns[k].name) for k in at) for at in self.flags]
        return (*names, *(f"{name} missing" for name in shared))

    @property
    def kinds(self) -> dict[Any, str]:
        """What each column is, in words."""
        return {column.name: column.describe() for column in self.columns}

    def encode(self, frame: Any, *, seed: int = 0) -> np.ndarray:
        """Points of rows, shape (n, k), float64.

        Args:
            frame: with the columns of the one that was fitted, in any order.
            seed: of the scores of equal values and of missing cells.

        Raises:
            InputError: other columns, a category that was never seen, or a missing cell in a
                column that had none.
        """
        generator = np.random.default_rng(seed)
        points, missing = self._with_gaps(self._checked(frame), generator)
        points = self.fill.fill(points, generator)
        if self.impute or not self.flags:
            return points
        return np.hstack([points, np.stack([missing[at[0]] for at in self.flags], axis=1)])

    @property
    def label(self) -> Label | None:
        """The column of classes, or None."""
        return next((column for column in self.columns if isinstance(column, Label)), None)

    def labels(self, frame: Any) -> np.ndarray | None:
        """The classes of rows as text, shape (n,); None where there are none.

        Raises:
            InputError: a class that was never seen.
        """
        if self.label is None:
            return None
        cells, _ = cells_of(frame[self.label.name], name=str(self.label.name))
        return np.array(self.label.levels, np.str_)[self.label.codes(cells)]

    def decode(self, points: np.ndarray, labels: np.ndarray | None = None) -> Any:
        """The rows that points stand for, whatever the points are: a DataFrame.

        Args:
            points: shape (n, k).
            labels: of the rows, shape (n,), where the codec has a column of classes.
        """
        import pandas

        points = np.asarray(points, np.float64)
        n = len(points)
        missing = np.zeros((len(self.columns), n), bool)
        for flag, at in enumerate(() if self.impute else self.flags):
            missing[list(at)] = points[:, flag - len(self.flags)] > 0.5
        cells = self._cells(points, labels)
        frame = pandas.concat(
            [
                column.storage.series(cells[column.name], missing[k])
                for k, column in enumerate(self.columns)
            ],
            axis=1,
        )
        frame.columns = pandas.Index([column.name for column in self.columns])
        return frame

    def settled(self, points: np.ndarray) -> np.ndarray:
        """The points of the rows that points stand for: whole categories, values of the grid."""
        return self.encode(self.decode(points))

    def readable(self, points: np.ndarray) -> np.ndarray:
        """Points as numbers that a reader knows: columns in their own units, and 1 or 0."""
        blocks, start = [], 0
        for column in self.columns:
            width = len(column.coordinates)
            blocks.append(column.readable(points[:, start : start + width]))
            start += width
        return np.hstack([*blocks, (points[:, start:] > 0.5).astype(np.float64)])

    def numbered(self, frame: Any, *, start: int = 0) -> Any:
        """The rows with identifiers in their order, as if so many rows came before."""
        for column in self.columns:
            if isinstance(column, Identifier):
                cells = column.named(len(frame), start=start)
                frame[column.name] = column.storage.series(cells, np.zeros(len(cells), bool))
        return frame

    def named_as(self, frame: Any, others: Any) -> Any:
        """The rows with the identifiers of others."""
        for column in self.columns:
            if isinstance(column, Identifier):
                frame[column.name] = others[column.name].array
        return frame

    def _cells(self, points: np.ndarray, labels: np.ndarray | None) -> dict[Any, np.ndarray]:
        """The cells of every column; those that are computed after those that they need."""
        cells: dict[Any, np.ndarray] = {}
        if self.label is not None:
            # of no rows that a flow made, any class
            known = [str(level) for level in self.label.levels]
            texts = [known[0]] * len(points) if labels is None else labels.tolist()
            cells[self.label.name] = self.label.cells([known.index(text) for text in texts])
        start = 0
        for column in self.columns:
            width = len(column.coordinates)
            if not column.computed_from:
                cells[column.name] = column.decode(points[:, start : start + width], cells)
            start += width
        for column in self.columns:
            if column.computed_from:
                cells[column.name] = column.decode(points[:, :0], cells)
        return cells

    def _with_gaps(
        self, frame: Any, generator: np.random.Generator
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        """Coordinates with NaN where cells are missing, and the columns' masks of these."""
        blocks, masks = [], []
        for column in self.columns:
            cells, missing = cells_of(frame[column.name], name=str(column.name))
            block = np.full((len(frame), len(column.coordinates)), np.nan)
            block[~missing] = column.encode(cells[~missing], generator)
            blocks.append(block)
            masks.append(missing)
        return np.hstack(blocks), masks

    def _checked(self, frame: Any) -> Any:
        check_is_frame(frame)
        absent = [column.name for column in self.columns if column.name not in frame.columns]
        if absent:
            raise refusal("the table", f"has no column {listed(absent)}", "give the fitted columns")
        flagged = {k for at in self.flags for k in at}
        for k, column in enumerate(self.columns):
            if k not in flagged and frame[column.name].isna().any():
                problem = "has a missing value, and had none in the rows that were fitted"
                mend = "fill it in, or fit with such rows"
                raise refusal(f"column {str(column.name)!r}", problem, mend)
        return frame

    @classmethod
    def from_record(cls, record: Any, arrays: Mapping[str, np.ndarray]) -> "TableCodec":
        """The codec that was ``packed``, of JSON and arrays.

        Raises:
            InputError: it is damaged.
        """
        try:
            codec = unpacked(record, arrays, _KINDS)
            codec.decode(np.zeros((2, len(codec.coordinates))))
        except Exception as error:  # whatever a damaged record leads to
            raise refusal("the codec", f"is damaged ({error!r})", "fit it again") from None
        return codec


_KINDS = {
    kind.__name__: kind
    for kind in (
        *(Boolean, Categorical, Coded, Constant, GaussianFill, Grid, Grouped, Identifier),
        *(Inflated, Label, Number, Ordinal, Scores, Storage, Sum, TableCodec, Time),
    )
}
