"""The row groups of parquet files, in which their rows are read."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gparticles.errors import printable
from gparticles.tables.frames import (
    arrow,
    damage_told,
    numbers_of,
    opened,
    parts_of,
    with_folders,
)
from gparticles.tables.table import check_rows


class RowGroup(NamedTuple):
    """Rows of a parquet that are read together: the file, which of its groups, how many rows."""

    file: Path
    number: int
    rows: int


def row_groups(path: Path) -> tuple[list[RowGroup], int]:
    """The row groups of a parquet file or of a folder's parts, and how many columns there are.

    Raises:
        InputError: a damaged file, or no rows.
    """
    groups, width = [], 0
    with damage_told(path):
        for file in parts_of(path) if path.is_dir() else [path]:
            with file.open("rb") as stream:
                metadata = opened(stream).metadata
            width = metadata.num_columns
            counts = [metadata.row_group(at).num_rows for at in range(metadata.num_row_groups)]
            groups += [RowGroup(file, at, count) for at, count in enumerate(counts) if count]
    check_rows(sum(group.rows for group in groups), str(path))
    return groups, width


def group_blocks(
    path: Path, group: RowGroup, rows: int, *, id_column: str | None = None
) -> Iterator[np.ndarray]:
    """The numbers of a row group, ``rows`` rows at a time.

    Args:
        path: the file, or the folder, that the group is of.
        group: from ``row_groups``.
        rows: of a block.
        id_column: is left out.
    """
    pyarrow = arrow()
    folder = path if path.is_dir() else None
    with damage_told(path), group.file.open("rb") as stream:
        for batch in opened(stream).iter_batches(batch_size=rows, row_groups=[group.number]):
            table = pyarrow.Table.from_batches([batch])
            if folder is not None:
                table = with_folders(table, group.file.relative_to(folder), None)
            frame = table.to_pandas(integer_object_nulls=True)
            at = [i for i, name in enumerate(frame.columns) if printable(name) != id_column]
            yield numbers_of(frame, at, name=str(path), start=0)
