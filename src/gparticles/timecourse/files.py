"""``gpa trajectory``: a file or a recipe in, a folder out."""

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from gparticles.data import COURSES, hsmm
from gparticles.errors import InputError
from gparticles.outputs import check_free, staged
from gparticles.tables import Table, load, save
from gparticles.tables.table import check_same_columns, listed
from gparticles.timecourse.annotated import column_of, entry_of, integrate_times
from gparticles.timecourse.clock import read_times
from gparticles.timecourse.course import Trajectory, trajectory
from gparticles.timecourse.curves import Columns, Curves, curves, moved
from gparticles.timecourse.judging import LeftOut, Projection, leave_out, principal
from gparticles.timecourse.page import write_page

LATENT_DIM, SHOWN = 30, 6
FRAMES = 9


@dataclass(frozen=True, kw_only=True)
class Cells:
    """What came in.

    Attributes:
        values: shape (n, p).
        names: of the p columns.
        times: one for each cell, as they came.
        ids: of the cells.
        labels: late classes of the cells, or None.
        points: what the course is made in, shape (n, d); the values, where None.
        loadings: of the columns on the points, shape (p, d), or None where points are the values.
        kind: of the file that particles go out as.
        adata: what an h5ad held, or None.
    """

    values: np.ndarray
    names: tuple[str, ...]
    times: Any
    ids: list[str]
    labels: Any = None
    points: np.ndarray | None = None
    loadings: np.ndarray | None = None
    kind: str = "csv"
    adata: Any = None
    keys: dict[str, Any] = field(default_factory=dict)


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
) -> Cells:
    """Reads tables whose rows are cells, one after the other.

    Args:
        paths: csv, tsv or parquet, with the same columns.
        time_column: with each cell's time: numbers or text.
        fates: a column with late classes; times must then be numbers.
        id_column: of identifiers.

    Raises:
        InputError: no such column, columns that differ, a missing time, or what
            ``gparticles.tables.load`` refuses.
    """
    label_column = time_column if fates is None else fates
    columns = {"id_column": id_column, "label_column": label_column, "label_gaps": True}
    tables = [load(path, **columns) for path in paths]
    for table in tables:
        if table.values.ndim != 2:
            raise InputError(f"{table.name}: holds images; give one row of numbers for each cell")
        check_same_columns(tables[0], table)
    first = tables[0]
    values = np.concatenate([table.values for table in tables])
    names = first.columns or tuple(f"column {k + 1}" for k in range(values.shape[1]))
    times = [label for table in tables for label in np.asarray(table.labels).tolist()]
    labels = None
    if fates is not None:
        if time_column not in names:
            raise InputError(
                f"{first.name}: has no column {time_column!r} of numbers, but {listed(names)}; "
                "name the column of times"
            )
        at = names.index(time_column)
        labels, times = np.array(times, object), values[:, at]
        values, names = np.delete(values, at, axis=1), (*names[:at], *names[at + 1 :])
    given = [name for table in tables for name in table.ids or ()]
    ids = given if len(given) == len(values) else [str(k + 1) for k in range(len(values))]
    return Cells(values=values, names=names, times=times, ids=ids, labels=labels, kind=first.kind)


def cells_of_adata(
    adata: Any, time_column: str, *, fates: str | None = None, basis: str = "X_pca"
) -> Cells:
    """The cells of an ``anndata.AnnData``; genes where ``varm["PCs"]`` belongs to the basis."""
    points = entry_of(adata, "obsm", basis)
    times = column_of(adata, time_column, "--time-column")
    values, names, loadings = (
        points,
        tuple(f"{basis} {k + 1}" for k in range(points.shape[1])),
        None,
    )
    if adata.X is not None and "PCs" in adata.varm and adata.varm["PCs"].shape[1] == len(names):
        held = adata.X.toarray() if hasattr(adata.X, "toarray") else adata.X
        values, names = np.asarray(held, np.float64), tuple(map(str, adata.var_names))
        loadings = np.asarray(adata.varm["PCs"], np.float64)
    return Cells(
        values=values,
        names=names,
        times=times,
        ids=list(map(str, adata.obs_names)),
        labels=None if fates is None else column_of(adata, fates, "--fates"),
        points=points,
        loadings=loadings,
        adata=adata,
        keys={"key": time_column, "basis": basis, "fates_key": fates},
    )


def cells_of_recipe(keys: dict[str, Any], *, seed: int) -> Cells:
    """The cells of a packaged course."""
    if "study" in keys:
        study = hsmm()
        named = np.array([gene not in ("", "nan") for gene in study.genes])
        spread = np.where(named, study.values.var(axis=0), -1.0)
        kept = np.sort(np.argsort(spread)[::-1][: keys["genes"]])
        return Cells(
            values=study.values[:, kept],
            names=tuple(study.genes[k] for k in kept),
            times=np.char.add(study.attributes["hours"], "h"),
            ids=list(study.samples),
        )
    shape = {k: v for k, v in keys.items() if k not in ("description", "sampler", "n", "times")}
    sampler = COURSES[keys["sampler"]]
    course = sampler(keys["n"], times=keys["times"], seed=seed, **shape)
    return Cells(
        values=course.points,
        names=tuple(f"column {k + 1}" for k in range(course.points.shape[1])),
        times=np.array([f"{time:g}h" for time in course.times]),
        ids=[str(k + 1) for k in range(len(course.points))],
        labels=np.where(course.fates == 1, "up", "down"),
    )


def carry_out(
    cells: Cells, out: Path, request: Request, *, say: Callable[[str], None], **settings: Any
) -> Done:
    """Makes the course, tests it, and writes a folder.

    Args:
        cells: what came in.
        out: the folder.
        request: what is asked for.
        say: called with what the user should know.
        settings: as for ``gparticles.trajectory``.

    Raises:
        InputError: anything that the user can mend, before anything is written.
    """
    check_free(out, force=request.force)
    moments = np.unique(read_times(cells.times, len(cells.ids))[0])
    at = _asked(moments, request.at)
    _check_left(moments, request.left)
    settings |= {"seed": request.seed}
    cells, project = _in_components(cells, request, say)
    points = cells.values if cells.points is None else cells.points
    if cells.adata is None:
        course = trajectory(points, cells.times, **settings)
    else:
        course = integrate_times(cells.adata, **cells.keys, **settings)
    results = _left_out(cells, course, request, project=project)
    curve = _curves(cells, course, request.genes)
    with staged(out) as stage:
        files = [_particles(stage, cells, course, at), _cells(stage, cells, course)]
        if cells.adata is not None:
            cells.adata.write_h5ad(stage / "course.h5ad")
            files.append(stage / "course.h5ad")
        course.save(stage / "trajectory")
        files.append(_metrics(stage, course, results))
        write_page(stage, course, curve, results, cells=cells, request=request)
    return Done(course=course, left_out=results, files=[out / file.name for file in files])


def _in_components(
    cells: Cells, request: Request, say: Callable[[str], None]
) -> tuple[Cells, Projection | None]:
    if cells.points is not None or cells.values.shape[1] <= request.latent_dim:
        return cells, None
    project = principal(cells.values, request.latent_dim)
    count = project.loadings.shape[1]
    say(f"note: the course is made in {count} principal components of {len(cells.names)} columns")
    return replace(cells, points=project(cells.values), loadings=project.loadings), project


def _asked(moments: np.ndarray, at: Sequence[float]) -> np.ndarray:
    first, last = moments[[0, -1]]
    wrong = [time for time in at if not first <= time <= last]
    if wrong:
        raise InputError(
            f"--at {wrong[0]:g}: outside of the snapshots' times, {first:g} to {last:g}; what lies "
            "beyond them no data support"
        )
    return np.asarray(at, float) if len(at) else np.linspace(first, last, FRAMES)


def _check_left(moments: np.ndarray, left: Sequence[float] | None) -> None:
    wrong = [time for time in left or () if time not in moments[1:-1]]
    if wrong:
        inner = ", ".join(f"{time:g}" for time in moments[1:-1])
        mend = f"choose of {inner}" if inner else "leaving one out needs three times"
        raise InputError(f"--leave-out {wrong[0]:g}: is no inner time; {mend}")


def _left_out(
    cells: Cells, course: Trajectory, request: Request, *, project: Projection | None
) -> list[LeftOut]:
    if len(course.times) < 3 or request.left == ():
        return []
    points = cells.values if cells.points is None or project is not None else cells.points
    kept = {name: course.settings[name] for name in ("lipschitz", "smoothing", "steps", "seed")}
    dim = None if project is None else request.latent_dim
    return leave_out(points, cells.times, left=request.left, latent_dim=dim, **kept)


def _columns(cells: Cells) -> Columns:
    loadings = np.eye(len(cells.names)) if cells.loadings is None else cells.loadings
    return Columns(cells.names, np.asarray(cells.values, np.float64), loadings)


def _curves(cells: Cells, course: Trajectory, genes: Sequence[str]) -> Curves:
    every = _columns(cells)
    lacking = [gene for gene in genes if gene not in cells.names]
    if lacking:
        raise InputError(f"--genes: no column {lacking[0]!r}, but {listed(cells.names)}")
    chosen = [cells.names.index(gene) for gene in genes]
    if not chosen:
        means = np.stack([every.values[s.rows].mean(axis=0) for s in course.snapshots])
        spread = means.max(axis=0) - means.min(axis=0)
        chosen = np.argsort(-spread, kind="stable")[:SHOWN].tolist()
    part = Columns(
        tuple(cells.names[k] for k in chosen), every.values[:, chosen], every.loadings[chosen]
    )
    return curves(course, part)


def _particles(stage: Path, cells: Cells, course: Trajectory, at: np.ndarray) -> Path:
    """The cells of the first snapshot at the times asked for, all columns."""
    first, every = course.snapshots[0], _columns(cells)
    places = moved(course, first.points, (first.time, at))
    change = (places - first.points) @ every.loadings.T
    values = (every.values[first.rows] + change).reshape(-1, len(cells.names))
    times = np.repeat(at, len(first.rows))[:, None]
    form = Table(
        values=np.zeros((0, 1 + len(cells.names)), np.float64),
        columns=("time", *cells.names),
        ids=[],
        id_name="cell",
        kind=cells.kind if cells.kind in ("csv", "tsv", "parquet") else "csv",
        header=True,
    )
    ids = [cells.ids[row] for _ in at for row in first.rows]
    path = stage / f"particles.{form.kind}"
    return save(np.concatenate([times, values], axis=1), path, like=form, ids=ids)


def _cells(stage: Path, cells: Cells, course: Trajectory) -> Path:
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
