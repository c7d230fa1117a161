"""``gpa trajectory``: a file or a recipe in, a folder out."""

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from gparticles.checks import dense
from gparticles.data import COURSES, hsmm
from gparticles.errors import InputError
from gparticles.experiment.course_report import write_page
from gparticles.outputs import check_free, staged
from gparticles.tables import Table, from_frame, load, save
from gparticles.tables.files import TEXT_KINDS, kind_of
from gparticles.tables.mixed import KINDS, read_frame
from gparticles.tables.separated import records
from gparticles.tables.table import check_same_columns, listed, quoted, refusal
from gparticles.timecourse import (
    Trajectory,
    integrate_times,
    leave_out,
    read_times,
    trajectory,
)
from gparticles.timecourse.annotated import column_of, entry_of
from gparticles.timecourse.course import late_classes
from gparticles.timecourse.curves import Columns, curves, moved
from gparticles.timecourse.judging import LeftOut, Projection, principal

LATENT_DIM, SHOWN = 30, 6
FRAMES = 9


@dataclass(frozen=True, kw_only=True)
class CellTable:
    """What came in.

    Attributes:
        values: shape (n, p), which may be sparse.
        names: of the p columns.
        times: one for each cell, as they came.
        ids: of the cells.
        labels: late classes of the cells, or None.
        points: what the course is made in, shape (n, d); the values, where None.
        loadings: of the columns on the points, shape (p, d), or None where points are the values.
        kind: of the file that particles go out as.
        adata: what an h5ad held, or None.
        keys: of ``gparticles.integrate_times``, for an h5ad.
        notes: what the user should know.
    """

    values: Any
    names: tuple[str, ...]
    times: Any
    ids: list[str]
    labels: Any = None
    points: np.ndarray | None = None
    loadings: np.ndarray | None = None
    kind: str = "csv"
    adata: Any = None
    keys: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def columns(self, chosen: Sequence[int] | slice = slice(None)) -> Columns:
        """Some of the columns; all by default."""
        loadings = np.eye(len(self.names)) if self.loadings is None else self.loadings
        names = np.array(self.names, object)[chosen]
        values = np.asarray(dense(self.values[:, chosen]), np.float64)
        return Columns(tuple(names), values, loadings[chosen])

    @property
    def written(self) -> Columns:
        """What particles are written in: all columns of a table, and the basis of an h5ad."""
        if self.adata is None or self.points is None:
            return self.columns()
        width = self.points.shape[1]
        return Columns(_of_basis(self.keys["basis"], width), self.points, np.eye(width))


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is asked for.

    Attributes:
        at: times at which particles are written; evenly over the course, where empty.
        left: times to leave out; every inner one where None, none where empty.
        latent_dim: principal components where there are more columns.
        genes: columns whose curves are drawn; those that change most, where empty.
        seed: of everything random.
        force: replace what exists.
        command: what repeats it.
        versions: of the software.
    """

    at: Sequence[float] = ()
    left: Sequence[float] | None = None
    latent_dim: int = LATENT_DIM
    genes: Sequence[str] = ()
    seed: int = 0
    force: bool = False
    command: str = ""
    versions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Done:
    """What was made."""

    course: Trajectory
    left_out: list[LeftOut]
    files: list[Path]


def read_cells(
    paths: Sequence[Path],
    time_column: str,
    *,
    fates: str | None = None,
    id_column: str | None = None,
) -> CellTable:
    """Reads tables whose rows are cells, one after the other.

    Args:
        paths: csv, tsv or parquet, with the same columns.
        time_column: with each cell's time: numbers, text or dates.
        fates: a column with late classes.
        id_column: of identifiers.

    Raises:
        InputError: no such column, columns that differ, a missing time, or what
            ``gparticles.tables.load`` refuses.
    """
    parts = [_read(path, time_column, fates=fates, id_column=id_column) for path in paths]
    tables = [table for table, _ in parts]
    for table in tables:
        check_same_columns(tables[0], table)
    first = tables[0]
    values = np.concatenate([table.values for table in tables])
    known = [name for table in tables for name in table.ids or ()]
    labels = [np.asarray(table.labels) for table in tables]
    return CellTable(
        values=values,
        names=first.columns or tuple(f"column {k + 1}" for k in range(values.shape[1])),
        times=np.concatenate([times for _, times in parts]),
        ids=known if len(known) == len(values) else [str(k + 1) for k in range(len(values))],
        labels=None if fates is None else np.concatenate(labels),
        kind=first.kind,
        notes=tuple(f"{table.name}: {line}" for table in tables for line in table.warnings),
    )


def _read(
    path: Path, time_column: str, *, fates: str | None, id_column: str | None
) -> tuple[Table, np.ndarray]:
    """A table of numbers, and the times of its rows."""
    kind = kind_of(path)
    if kind not in KINDS:
        raise refusal(path, "holds no column of times", f"use one of {', '.join(KINDS)}, or h5ad")
    if fates is None and kind in TEXT_KINDS:
        _, names = next(records(path, kind), (0, [time_column]))
        # without a header, columns are named by their numbers
        if not time_column.isdigit():
            _check_time_column(time_column, names, path)
        # numbers as they are read, which takes less memory than a frame of text
        table = load(path, id_column=id_column, label_column=time_column)
        return table, np.asarray(table.labels)
    frame, form = read_frame(path, id_column=id_column)
    _check_time_column(time_column, list(frame.columns), path)
    times = frame.pop(time_column).to_numpy()
    columns = {"id_column": form.id_column, "label_column": fates}
    table = from_frame(frame, **columns, label_gaps=True, name=str(path))
    return replace(table, kind=form.kind), times


def _check_time_column(name: str, names: Sequence[str], path: Path) -> None:
    if name not in names:
        mend = f"give --time-column one of {listed(names)}"
        raise refusal(path, f"no time column {quoted(name)}", mend)


def cells_of_adata(
    adata: Any, time_column: str, *, fates: str | None = None, basis: str = "X_pca"
) -> CellTable:
    """The cells of an ``anndata.AnnData``; genes where ``varm["PCs"]`` belongs to the basis."""
    points = entry_of(adata, "obsm", basis)
    values, names, loadings = points, _of_basis(basis, points.shape[1]), None
    if adata.X is not None and "PCs" in adata.varm and adata.varm["PCs"].shape[1] == len(names):
        values, names = adata.X, tuple(map(str, adata.var_names))
        loadings = np.asarray(adata.varm["PCs"], np.float64)
    return CellTable(
        values=values,
        names=names,
        times=column_of(adata, time_column, "--time-column"),
        ids=list(map(str, adata.obs_names)),
        labels=None if fates is None else column_of(adata, fates, "--fates"),
        points=points,
        loadings=loadings,
        adata=adata,
        keys={"key": time_column, "basis": basis, "fates_key": fates},
    )


def _of_basis(basis: str, width: int) -> tuple[str, ...]:
    return tuple(f"{basis} {k + 1}" for k in range(width))


def cells_of_recipe(keys: dict[str, Any], *, seed: int) -> CellTable:
    """The cells of a packaged course."""
    if "study" in keys:
        return _of_study(keys["genes"])
    shape = {k: v for k, v in keys.items() if k not in ("description", "sampler", "n", "times")}
    sampler = COURSES[keys["sampler"]]
    course = sampler(keys["n"], times=keys["times"], seed=seed, **shape)
    return CellTable(
        values=course.points,
        names=tuple(f"column {k + 1}" for k in range(course.points.shape[1])),
        times=np.array([f"{time:g}h" for time in course.times]),
        ids=[str(k + 1) for k in range(len(course.points))],
        labels=np.where(course.fates == 1, "up", "down"),
    )


def _of_study(count: int) -> CellTable:
    """Myoblasts by their most variable genes, of which several may have one name."""
    study = hsmm()
    spread = study.values.var(axis=0)
    chosen: dict[str, int] = {}
    for k in np.argsort(-spread, kind="stable"):
        if study.genes[k] not in ("", "nan") and len(chosen) < count:
            chosen.setdefault(study.genes[k], int(k))
    kept = sorted(chosen.values())
    return CellTable(
        values=study.values[:, kept],
        names=tuple(study.genes[k] for k in kept),
        times=np.char.add(study.attributes["hours"], "h"),
        ids=list(study.samples),
    )


def carry_out(cells: CellTable, out: Path, request: Request, *, say: Callable[[str], None]) -> Done:
    """Makes the course, tests it, and writes a folder.

    Args:
        cells: what came in.
        out: the folder.
        request: what is asked for.
        say: called with what the user should know.

    Raises:
        InputError: anything that the user can mend, before anything is written.
    """
    check_free(out, force=request.force)
    clock, _ = read_times(cells.times, len(cells.ids))
    at = _asked(clock, request.at)
    means = _means(cells, clock)
    chosen = _chosen(cells.names, request.genes, means)
    if cells.labels is not None:
        late_classes(cells.labels, clock == clock.max())
    for note in cells.notes:
        say(note)
    cells, project = _in_components(cells, request, say)
    results = _left_out(cells, clock, request, project=project)
    course = _course(cells, request.seed)
    curve = curves(course, cells.columns(chosen))
    with staged(out) as stage:
        files = [_particles(stage, cells, course, at), _cells(stage, cells, course)]
        if cells.adata is not None:
            cells.adata.write_h5ad(stage / "course.h5ad")
            files.append(stage / "course.h5ad")
        course.save(stage / "trajectory")
        files.append(_metrics(stage, course, results))
        drawn = (curve, means[:, chosen])
        write_page(stage, course, drawn, results, columns=len(cells.names), request=request)
    return Done(course=course, left_out=results, files=[out / file.name for file in files])


def _asked(clock: np.ndarray, at: Sequence[float]) -> np.ndarray:
    first, last = clock.min(), clock.max()
    wrong = [time for time in at if not first <= time <= last]
    if wrong:
        raise InputError(
            f"--at {wrong[0]:g}: outside of the snapshots' times; give times of {first:g} to "
            f"{last:g}, beyond which no data tell anything"
        )
    return np.asarray(at, float) if len(at) else np.linspace(first, last, FRAMES)


def _means(cells: CellTable, clock: np.ndarray) -> np.ndarray:
    """Of every column in each snapshot, shape (times, p)."""
    parts = (cells.values[clock == time].mean(axis=0) for time in np.unique(clock))
    return np.stack([np.asarray(part, np.float64).ravel() for part in parts])


def _chosen(names: Sequence[str], genes: Sequence[str], means: np.ndarray) -> list[int]:
    """The columns that are drawn: those asked for, or those whose mean changes most."""
    lacking = [gene for gene in genes if gene not in names]
    if lacking:
        raise InputError(f"--genes: no column {lacking[0]!r}; name some of {listed(names)}")
    if genes:
        return [names.index(gene) for gene in genes]
    extent = means.max(axis=0) - means.min(axis=0)
    return np.argsort(-extent, kind="stable")[:SHOWN].tolist()


def _in_components(
    cells: CellTable, request: Request, say: Callable[[str], None]
) -> tuple[CellTable, Projection | None]:
    if cells.points is not None or cells.values.shape[1] <= request.latent_dim:
        return cells, None
    project = principal(cells.values, request.latent_dim)
    count = project.loadings.shape[1]
    say(f"note: the course is made in {count} principal components of {len(cells.names)} columns")
    return replace(cells, points=project(cells.values), loadings=project.loadings), project


def _left_out(
    cells: CellTable, clock: np.ndarray, request: Request, *, project: Projection | None
) -> list[LeftOut]:
    few = request.left is None and len(np.unique(clock)) < 3
    if few or request.left == ():
        return []
    # each test makes components of its own, of the other snapshots
    points = cells.values if cells.points is None or project is not None else cells.points
    dim = None if project is None else request.latent_dim
    return leave_out(points, cells.times, left=request.left, latent_dim=dim, seed=request.seed)


def _course(cells: CellTable, seed: int) -> Trajectory:
    if cells.adata is not None:
        return integrate_times(cells.adata, **cells.keys, seed=seed)
    points = cells.values if cells.points is None else cells.points
    return trajectory(points, cells.times, seed=seed)


def _particles(stage: Path, cells: CellTable, course: Trajectory, at: np.ndarray) -> Path:
    """The cells of the first snapshot at the times asked for."""
    first, every = course.snapshots[0], cells.written
    places = moved(course, first.points, (first.time, at))
    change = (places - first.points) @ every.loadings.T
    values = (every.values[first.rows] + change).reshape(-1, len(every.names))
    times = np.repeat(at, len(first.rows))[:, None]
    form = Table(
        values=np.zeros((0, 1 + len(every.names)), np.float64),
        columns=("time", *every.names),
        ids=[],
        id_name="cell",
        kind=cells.kind,
        header=True,
    )
    ids = [cells.ids[row] for _ in at for row in first.rows]
    path = stage / f"particles.{form.kind}"
    return save(np.concatenate([times, values], axis=1), path, like=form, ids=ids)


def _cells(stage: Path, cells: CellTable, course: Trajectory) -> Path:
    """One row for each cell that came in: time, growth, eta / q and fates."""
    columns: dict[str, np.ndarray] = {"growth": course.growth, "eta_over_q": course.density_ratio}
    if cells.labels is not None:
        fates = course.fates(cells.labels)
        columns |= {
            f"fate {name}": fates.probabilities[:, k] for k, name in enumerate(fates.classes)
        }
    times = np.empty(len(cells.ids))
    for snapshot in course.snapshots:
        times[snapshot.rows] = snapshot.time
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["cell", "time", *columns])
    for k, name in enumerate(cells.ids):
        numbers = [values[k] for values in columns.values()]
        row = ["" if np.isnan(number) else f"{number:.6g}" for number in numbers]
        writer.writerow([name, f"{times[k]:g}", *row])
    path = stage / "cells.csv"
    path.write_text(text.getvalue(), encoding="utf-8")
    return path


def _metrics(stage: Path, course: Trajectory, results: list[LeftOut]) -> Path:
    record = {
        "times": course.times.tolist(),
        "unit": course.unit,
        "unexplained": course.unexplained,
        "divergence": [leg.divergence.tolist() for leg in course.legs],
        "left_out": [result._asdict() for result in results],
        "settings": course.settings,
    }
    path = stage / "metrics.json"
    path.write_text(json.dumps(record, indent=1), encoding="utf-8")
    return path
