"""Rows that a stored flow moves or makes, a block at a time, in the memory of a block."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from gparticles.errors import InputError
from gparticles.experiment.folder import RunFolder
from gparticles.experiment.latent_runs import new_points
from gparticles.experiment.provenance import SourceLaw, stream
from gparticles.flow import Flow
from gparticles.latent import LatentFlow
from gparticles.tables import check_same_columns, load, made_up_ids
from gparticles.tables.cohorts import with_genes
from gparticles.tables.streams import ROWS, is_streamed, read_blocks, written
from gparticles.tables.table import Table, without_missing

Watch = Callable[[int], Any]


@dataclass(frozen=True)
class Moving:
    """A run's flow, as it takes later rows.

    Attributes:
        folder: of the run.
        flow: its flow.
        law: of the points that it began from.
    """

    folder: RunFolder
    flow: Flow | LatentFlow
    law: SourceLaw

    @property
    def form(self) -> Table:
        """The rows that the run was fitted to, without the rows."""
        return self.law.like

    @property
    def labelled(self) -> bool:
        return self.flow.classes is not None

    def blocks(self, path: Path, columns: dict[str, Any]) -> Iterator[Table]:
        """The rows of a file; of a kind that is read as a whole, all of them."""
        if is_streamed(path):
            return read_blocks(path, **columns)
        return iter([load(path, **columns)])

    def begun(self, path: Path, columns: dict[str, Any]) -> Iterator[Table]:
        """The same, with labels by which the first rows were only judged, if they are there."""
        if not isinstance(self.flow, LatentFlow):
            return self.blocks(path, columns)
        columns = {**columns, "label_gaps": True}
        if columns["label_column"] is None and self.form.label_name is not None:
            named = self.blocks(path, {**columns, "label_column": self.form.label_name})
            with suppress(InputError):
                return itertools.chain([next(named)], named)
        return self.blocks(path, columns)

    def moved(self, points: Table, path: Path) -> tuple[Table, np.ndarray]:
        """A block of rows, in the run's columns, and where they go.

        Raises:
            InputError: other columns than the flow's, or labels it does not know.
        """
        latent = isinstance(self.flow, LatentFlow)
        if latent and self.form.columns is not None and points.columns is not None:
            # of thousands of genes, later files have other ones and another order
            points = with_genes(points, self.form.columns)
        check_same_columns(points, replace(self.form, name=f"the run in {self.folder}"))
        if self.labelled and points.labels is None:
            raise InputError(
                f"{path}: has no labels, which this flow needs; name their column with "
                "--label-column"
            )
        labels = points.labels if self.labelled else None
        if latent and labels is not None:
            labels = without_missing(labels)
        with self.folder.reading():
            return points, self.flow(points.values, labels=labels)


def transform_rows(
    moving: Moving, path: Path, out: Path, *, columns: dict[str, Any], watch: Watch
) -> Path:
    """Carries a file's rows along a flow; see ``gparticles.experiment.runs.transform``.

    Args:
        moving: the flow.
        path, out: from where to where.
        columns: ``id_column`` and ``label_column`` of that file.
        watch: called with the number of rows that were written so far.
    """
    if moving.labelled and columns["label_column"] is None and moving.form.columns is not None:
        columns = {**columns, "label_column": moving.form.label_name}
    blocks = (moving.moved(block, path) for block in moving.begun(path, columns))
    first = next(blocks)
    done = 0
    with written(out, first[0]) as (place, write):
        for points, values in itertools.chain([first], blocks):
            write(values, points.ids, points.labels)
            watch(done := done + len(points))
    return place


def sample_rows(
    moving: Moving, n: int, out: Path, *, seed: int | None, append: bool, watch: Watch
) -> tuple[Path, int]:
    """Draws rows anew and carries them along; see ``gparticles.experiment.runs.sample``.

    Blocks are drawn by seeds of their own, so rows depend on the seed and their number alone.

    Returns:
        The path that was written, and the seed.
    """
    with written(out, moving.form) as (place, write):
        count = 0
        for before in _rows_before(moving, out) if append else ():
            write(before.values, before.ids, before.labels)
            count += len(before)
        seed = count if seed is None else seed
        for part, start in enumerate(range(0, n, ROWS)):
            rows = min(ROWS, n - start)
            with moving.folder.reading():
                own = stream(seed, "sample", part)
                values, labels = new_points(moving.flow, moving.law, rows, seed=own)
            first = count + start
            ids = None if moving.form.ids is None else made_up_ids(rows, start=first)
            write(values, ids, labels)
            watch(start + rows)
    return place, seed


def _rows_before(moving: Moving, out: Path) -> Iterator[Table]:
    """What a file of rows like the run's holds already."""
    form = moving.form
    if form.kind == "images" or out.is_dir():
        raise InputError(f"{out}: images are not appended to; give another folder")
    labels = form.label_name if moving.labelled else None
    names = {"id_column": form.id_name, "label_column": labels}
    for before in moving.blocks(out, names if form.columns is not None else {}):
        check_same_columns(before, replace(form, name="the run"))
        if moving.labelled and before.labels is None:
            raise InputError(f"{out}: has no labels, which this run's rows have; give another file")
        yield before
