"""Rows of mixed columns that a stored flow makes or moves, a block at a time."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gparticles.experiment.folder import RunFolder
from gparticles.experiment.provenance import SourceLaw, stream
from gparticles.experiment.streams import Watch
from gparticles.flow import Flow
from gparticles.synthesizer import TableUnits
from gparticles.tables.conditions import (
    Selected,
    conditions_of_words,
    labels_asked,
    levels_of,
    select,
)
from gparticles.tables.mixed import read_frame, read_frames, save_frame, written_frames
from gparticles.tables.streams import ROWS
from gparticles.tables.table import refusal


@dataclass(frozen=True)
class MovingRows:
    """A run's flow, as it makes and takes rows of mixed columns.

    Attributes:
        folder: of the run.
        flow: its flow.
        units: of the rows.
    """

    folder: RunFolder
    flow: Flow
    units: TableUnits

    @property
    def texts(self) -> frozenset[str]:
        """Names of the columns whose cells are text, also where they look like numbers."""
        return frozenset(
            str(column.name) for column in self.units.codec.columns if column.storage.is_text
        )

    def moved(self, rows: Any, *, part: int) -> Any:
        """Where a block of rows goes."""
        codec = self.units.codec
        with self.folder.reading():
            # equal values and gaps are told apart at random
            white, labels = self.units.encode(rows, seed=part), codec.labels(rows)
            ended = self.units.decode(self.flow(white, labels), labels, seed=part)
            return codec.named_as(ended, rows)


def transform_rows(
    moving: MovingRows, path: str | Path, out: Path, *, id_column: str | None, watch: Watch
) -> Path:
    """Carries a file's rows along a flow; see ``gparticles.experiment.runs.transform``."""
    blocks = read_frames(path, ROWS, id_column=id_column, texts=moving.texts)
    rows, form = next(blocks)
    first, done = moving.moved(rows, part=0), 0
    later = (moving.moved(frame, part=part) for part, (frame, _) in enumerate(blocks, start=1))
    with written_frames(out, form) as (place, write):
        for frame in itertools.chain([first], later):
            write(frame)
            watch(done := done + len(frame))
    return place


def sample_rows(
    units: TableUnits,
    flow: Flow,
    law: SourceLaw,
    *,
    n: int,
    seed: int,
    part: int = 0,
    start: int = 0,
    where: Sequence[str] = (),
    balance: str | None = None,
) -> Selected:
    """n new rows of which the conditions hold.

    Args:
        units: of the run.
        flow: its flow.
        law: of its source.
        n: how many.
        seed: of the draw.
        part: of a draw in several parts.
        start: how many rows the parts before have.
        where: conditions such as ``species=Adelie``.
        balance: a column of which all levels come equally often.

    Raises:
        InputError: no such column, or hardly any row is so.
    """
    conditions = conditions_of_words(units.codec, where)
    levels = None if balance is None else levels_of(units.codec, balance)
    asked = replace(law, labels=labels_asked(units.codec, law.labels, conditions, levels))

    def rows(count: int, call: int) -> Any:
        own = stream(seed, "sample", part) + call
        values, labels = asked.draw(count, seed=own)
        return units.decode(flow(values, labels), labels, seed=own)

    return select(rows, n, conditions=conditions, balance=levels, start=start)


@dataclass(frozen=True)
class Request:
    """Which new rows are asked for: how many, by which seed, and what holds for all of them."""

    n: int
    seed: int | None = None
    where: Sequence[str] = ()
    balance: str | None = None


@dataclass(frozen=True)
class Sampled:
    """New rows in a file: where, by which seed, and which share of those drawn they are."""

    path: Path
    seed: int
    acceptance: float = 1.0


def sample_file(
    moving: MovingRows, law: SourceLaw, out: Path, *, request: Request, append: bool, watch: Watch
) -> Sampled:
    """New rows in a file; see ``gparticles.experiment.runs.sample``.

    Blocks are drawn by seeds of their own, so rows depend on the seed and their number alone.
    """
    before, form = read_frame(out) if append else (None, moving.units.form)
    count = 0 if before is None else len(before)
    seed = count if request.seed is None else request.seed
    drawn = 0.0

    def blocks() -> Iterator[Any]:
        nonlocal drawn
        for part, start in enumerate(range(0, request.n, ROWS)):
            with moving.folder.reading():
                selected = sample_rows(
                    moving.units,
                    moving.flow,
                    law,
                    n=min(ROWS, request.n - start),
                    seed=seed,
                    part=part,
                    start=start,
                    where=request.where,
                    balance=request.balance,
                )
            rows = moving.units.codec.numbered(selected.frame, start=count + start)
            drawn += len(rows) / selected.acceptance
            watch(start + len(rows))
            yield rows

    if before is not None:
        place = save_frame(appended(before, blocks(), out), out, form)
    else:
        every = blocks()
        # what is refused is refused before there is a file
        first = next(every)
        with written_frames(out, form) as (place, write):
            for rows in itertools.chain([first], every):
                write(rows)
    return Sampled(place, seed, request.n / drawn)


def appended(before: Any, blocks: Iterator[Any], path: Path) -> Any:
    """The rows of a file and new ones after them, of the same columns.

    Raises:
        InputError: the file has others.
    """
    import pandas

    rows = list(blocks)
    if list(before.columns) != list(rows[0].columns):
        raise refusal(path, "has other columns than the run's rows", "give another file")
    return pandas.concat([frame.astype(object) for frame in (before, *rows)], ignore_index=True)
