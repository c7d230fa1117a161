"""``gpa divergence``: how far the points of one file are from those of another, with a proof."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer

from gparticles.checks import check_number
from gparticles.command import console
from gparticles.divergence import parse_f
from gparticles.divergence.certified import DEFAULT_TOLERANCE, Certificate, divergence
from gparticles.divergence.sweep import POINTS, Sweep, default_grid, sweep
from gparticles.errors import InputError
from gparticles.outputs import check_free, whole
from gparticles.tables.two_samples import Clouds, read_clouds

PICTURES = (".png", ".pdf", ".svg")


class _Task(NamedTuple):
    """What is measured, and for which L."""

    clouds: Clouds
    f: str
    tolerance: float
    as_json: bool


class _Grid(NamedTuple):
    """As given: ends and number of the values of L."""

    first: float | None
    last: float | None
    points: int | None


def divergence_(
    a: Annotated[Path, typer.Argument(metavar="A", help="The points of P.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="The points of Q.")],
    *,
    f: Annotated[
        str, typer.Option(help="kl, reverse-kl, alpha:NUMBER, js, hellinger or w1.")
    ] = "kl",
    lipschitz: Annotated[
        float | None, typer.Option(help="L, nats per data unit; 1 by default.")
    ] = None,
    tolerance: Annotated[
        float, typer.Option(help="The gap to reach, as a share of the value.")
    ] = DEFAULT_TOLERANCE,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    many: Annotated[
        bool, typer.Option("--sweep", help="For many L: a table and a picture.")
    ] = False,
    sweep_from: Annotated[float | None, typer.Option(help="The first L of the sweep.")] = None,
    sweep_to: Annotated[float | None, typer.Option(help="Its last L.")] = None,
    sweep_points: Annotated[int | None, typer.Option(min=2, help="How many.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The sweep's picture; divergence.png.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace the picture if it exists.")
    ] = False,
    id_column: Annotated[
        str | None, typer.Option(metavar="NAME", help="The column of identifiers, left out.")
    ] = None,
    label_column: Annotated[
        str | None, typer.Option(metavar="NAME", help="The column of classes, left out.")
    ] = None,
    weights_column: Annotated[
        str | None, typer.Option(metavar="NAME", help="The column of weights, in A, B or both.")
    ] = None,
) -> None:
    """Measure D_f^L(A|B) between the points of two files: a lower and an upper bound, in nats.

    Exact on the points given; nothing is fitted, sampled or rescaled. L is the largest slope of
    the function that tells A from B: D/L is W1 for small L, and D is D_f for large L.
    """
    grid = _Grid(sweep_from, sweep_to, sweep_points)
    picture = Path("divergence.png") if out is None else out
    if many:
        if lipschitz is not None:
            raise InputError("--lipschitz and --sweep: give one of them")
        _check_picture(picture, force=force)
    else:
        _check_no_sweep(grid, out, force=force)
    parse_f(f)
    # before the files are read, whose warnings would stand before the one line
    check_number(tolerance, "tolerance")
    if lipschitz is not None:
        check_number(lipschitz, "lipschitz")
    _check_range(grid)
    clouds = read_clouds(
        (a, b), id_column=id_column, label_column=label_column, weights_column=weights_column
    )
    for warning in clouds.warnings:
        console.tell(warning)
    task = _Task(clouds, f, tolerance, as_json)
    if many:
        lines = _sweep_lines(task, grid, picture)
    else:
        lines = _lines(task, 1.0 if lipschitz is None else lipschitz)
    for line in lines:
        console.show(line)


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("divergence")(divergence_)


def _check_range(grid: _Grid) -> None:
    first = 1e-300 if grid.first is None else grid.first
    last = 1e300 if grid.last is None else grid.last
    # written so that NaN is refused too
    if not 0 < first < last < float("inf"):
        raise InputError(
            f"the sweep goes from L = {first:g} to {last:g}; "
            "give --sweep-from above 0 and below --sweep-to"
        )


def _check_no_sweep(grid: _Grid, out: Path | None, *, force: bool) -> None:
    names = ("--sweep-from", "--sweep-to", "--sweep-points", "--out", "--force")
    for name, value in zip(names, (*grid, out, force or None), strict=True):
        if value is not None:
            raise InputError(f"{name} is for a sweep; give --sweep too, or leave it out")


def _check_picture(path: Path, *, force: bool) -> None:
    if path.suffix.lower() not in PICTURES:
        raise InputError(f"{path}: no kind of picture; let it end in {', '.join(PICTURES)}")
    check_free(path, force=force, mend="give another name with --out")
    if not path.absolute().parent.is_dir():
        raise InputError(f"{path}: there is no such folder; make it, or give another with --out")


def _lines(task: _Task, lipschitz: float) -> Iterator[str]:
    start = time.perf_counter()
    p, q, weights = task.clouds.p, task.clouds.q, task.clouds.weights
    found = divergence(
        p, q, f=parse_f(task.f), lipschitz=lipschitz, tolerance=task.tolerance, **weights
    )
    seconds = time.perf_counter() - start
    if task.as_json:
        record = {
            "f": task.f,
            "lipschitz": found.lipschitz,
            "lower": float(found.lower),
            "upper": float(found.upper),
            "gap": float(found.gap),
            "converged": bool(found.converged),
            "points": [len(p), len(q)],
            "seconds": round(seconds, 3),
        }
        yield json.dumps(record)
        return
    slope = found.lipschitz
    yield f"D is between {found.lower:.7g} and {found.upper:.7g} nats"
    yield f"gap {found.gap:.2g}: {_ending(found)}"
    yield f"f = {task.f}, L = {slope:g} nats per data unit; the columns are taken as they are"
    yield f"Wasserstein-1 distance: at least {found.lower / slope:.5g} data units (D / L)"
    yield f"{_sizes(task)}, {seconds:.2f} s"


def _ending(found: Certificate) -> str:
    if not found.converged:
        return f"not converged to {found.tolerance:g}, but the bounds hold"
    if found.gap > found.tolerance:
        return "the bounds are within a millionth of L times the clouds' diameter"
    return f"converged to {found.tolerance:g}"


def _sizes(task: _Task) -> str:
    p, q = task.clouds.p, task.clouds.q
    shape = " x ".join(map(str, p.shape[1:]))
    what = "column" if p.shape[1:] == (1,) else "columns" if p.ndim == 2 else "pixels"
    return f"{len(p)} points in {task.clouds.names[0]}, {len(q)} in {task.clouds.names[1]}, " + (
        f"{shape} {what}"
    )


def _sweep_lines(task: _Task, grid: _Grid, picture: Path) -> Iterator[str]:
    start = time.perf_counter()
    p, q, weights = task.clouds.p, task.clouds.q, task.clouds.weights
    found = sweep(
        p,
        q,
        f=parse_f(task.f),
        lipschitz=_values(task, grid),
        tolerance=task.tolerance,
        **weights,
    )
    seconds = time.perf_counter() - start
    _draw(found, picture)
    if task.as_json:
        columns = {k: _plain(v) for k, v in found.as_dict().items()}
        more = {"points": [len(p), len(q)], "seconds": round(seconds, 3), "plot": str(picture)}
        yield json.dumps({"f": task.f, **columns, **more})
        return
    yield from _table(found)
    yield ""
    yield f"W1 = {found.w1:.5g} data units: D / L tends to it as L falls"
    if np.isfinite(found.d_f):
        yield f"D_f = {found.d_f:.5g} nats: D tends to it as L grows"
    else:
        yield "D_f is infinite: D has no limit as L grows"
    yield f"f = {task.f}; {_sizes(task)}, {seconds:.2f} s"
    yield f"plot: {picture}"


def _values(task: _Task, grid: _Grid) -> np.ndarray | None:
    """The values of L, or None where nothing about them was given."""
    if grid == _Grid(None, None, None):
        return None
    clouds = task.clouds
    w1 = divergence(
        clouds.p, clouds.q, f=parse_f("w1"), tolerance=task.tolerance, **clouds.weights
    ).upper
    own = default_grid(clouds.p, clouds.q, w1, weights=(clouds.p_weights, clouds.q_weights))
    first = float(own[0]) if grid.first is None else grid.first
    last = float(own[-1]) if grid.last is None else grid.last
    _check_range(_Grid(first, last, grid.points))
    return np.geomspace(first, last, grid.points or POINTS)


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else value


def _table(found: Sweep) -> Iterator[str]:
    yield f"{'L':>10}  {'D, nats':>10}  {'D / L':>10}  {'gap':>8}"
    values = found.divergence
    for k, slope in enumerate(found.lipschitz):
        width = found.upper[k] - found.lower[k]
        gap = width / found.upper[k] if found.upper[k] > 0 else 0.0
        note = "" if found.converged[k] else "  not converged"
        yield f"{slope:10.4g}  {values[k]:10.5g}  {values[k] / slope:10.5g}  {gap:8.1e}{note}"


def _draw(found: Sweep, path: Path) -> None:
    # a second to import
    from matplotlib.figure import Figure

    from gparticles.plots import divergence_sweep

    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    divergence_sweep(figure.add_subplot(), found.as_dict())
    with whole(path) as temporary:
        figure.savefig(temporary, dpi=150)
