"""What ``gpa divergence`` computes and prints: bounds for one L, or a table for many."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gparticles.divergence import parse_f
from gparticles.divergence.certified import Certificate, divergence
from gparticles.divergence.sweep import POINTS, Sweep, default_grid, sweep
from gparticles.errors import InputError
from gparticles.outputs import whole
from gparticles.tables.two_samples import TwoSamples


class Task(NamedTuple):
    """What is measured, and for which L."""

    clouds: TwoSamples
    f: str
    tolerance: float
    as_json: bool


class Grid(NamedTuple):
    """As given: ends and number of the values of L."""

    first: float | None
    last: float | None
    points: int | None


def check_range(grid: Grid) -> None:
    first = 1e-300 if grid.first is None else grid.first
    last = 1e300 if grid.last is None else grid.last
    # written so that NaN is refused too
    if not 0 < first < last < float("inf"):
        raise InputError(
            f"the sweep goes from L = {first:g} to {last:g}; "
            "give --sweep-from above 0 and below --sweep-to"
        )


def lines(task: Task, lipschitz: float) -> Iterator[str]:
    """What is printed for one L."""
    start = time.perf_counter()
    p, q, weights = task.clouds.p, task.clouds.q, task.clouds.weights
    certificate = divergence(
        p, q, f=parse_f(task.f), lipschitz=lipschitz, tolerance=task.tolerance, **weights
    )
    seconds = time.perf_counter() - start
    if task.as_json:
        record = {
            "f": task.f,
            "lipschitz": certificate.lipschitz,
            "lower": float(certificate.lower),
            "upper": float(certificate.upper),
            "gap": float(certificate.gap),
            "converged": bool(certificate.converged),
            "points": [len(p), len(q)],
            "seconds": round(seconds, 3),
        }
        yield json.dumps(record)
        return
    slope = certificate.lipschitz
    yield f"D is between {certificate.lower:.7g} and {certificate.upper:.7g} nats"
    yield f"gap {certificate.gap:.2g}: {_ending(certificate)}"
    yield f"f = {task.f}, L = {slope:g} nats per data unit; the columns are taken as they are"
    yield f"Wasserstein-1 distance: at least {certificate.lower / slope:.5g} data units (D / L)"
    yield f"{_sizes(task)}, {seconds:.2f} s"


def _ending(certificate: Certificate) -> str:
    if not certificate.converged:
        return f"not converged to {certificate.tolerance:g}, but the bounds hold"
    if certificate.gap > certificate.tolerance:
        return "the bounds are within a millionth of L times the clouds' diameter"
    return f"converged to {certificate.tolerance:g}"


def _sizes(task: Task) -> str:
    p, q = task.clouds.p, task.clouds.q
    shape = " x ".join(map(str, p.shape[1:]))
    what = "column" if p.shape[1:] == (1,) else "columns" if p.ndim == 2 else "pixels"
    return f"{len(p)} points in {task.clouds.names[0]}, {len(q)} in {task.clouds.names[1]}, " + (
        f"{shape} {what}"
    )


def sweep_lines(task: Task, grid: Grid, picture: Path) -> Iterator[str]:
    """What is printed for many L; draws the picture too."""
    start = time.perf_counter()
    p, q, weights = task.clouds.p, task.clouds.q, task.clouds.weights
    swept = sweep(
        p,
        q,
        f=parse_f(task.f),
        lipschitz=_values(task, grid),
        tolerance=task.tolerance,
        **weights,
    )
    seconds = time.perf_counter() - start
    _draw(swept, picture)
    if task.as_json:
        columns = {k: _plain(v) for k, v in swept.as_dict().items()}
        more = {"points": [len(p), len(q)], "seconds": round(seconds, 3), "plot": str(picture)}
        yield json.dumps({"f": task.f, **columns, **more})
        return
    yield from _table(swept)
    yield ""
    yield f"W1 = {swept.w1:.5g} data units: D / L tends to it as L falls"
    if np.isfinite(swept.d_f):
        yield f"D_f = {swept.d_f:.5g} nats: D tends to it as L grows"
    else:
        yield "D_f is infinite: D has no limit as L grows"
    yield f"f = {task.f}; {_sizes(task)}, {seconds:.2f} s"
    yield f"plot: {picture}"


def _values(task: Task, grid: Grid) -> np.ndarray | None:
    """The values of L, or None where nothing about them was given."""
    if grid == Grid(None, None, None):
        return None
    clouds = task.clouds
    w1 = divergence(
        clouds.p, clouds.q, f=parse_f("w1"), tolerance=task.tolerance, **clouds.weights
    ).upper
    own = default_grid(clouds.p, clouds.q, w1, weights=(clouds.p_weights, clouds.q_weights))
    first = float(own[0]) if grid.first is None else grid.first
    last = float(own[-1]) if grid.last is None else grid.last
    check_range(Grid(first, last, grid.points))
    return np.geomspace(first, last, grid.points or POINTS)


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else value


def _table(swept: Sweep) -> Iterator[str]:
    yield f"{'L':>10}  {'D, nats':>10}  {'D / L':>10}  {'gap':>8}"
    values = swept.divergence
    for k, slope in enumerate(swept.lipschitz):
        width = swept.upper[k] - swept.lower[k]
        gap = width / swept.upper[k] if swept.upper[k] > 0 else 0.0
        note = "" if swept.converged[k] else "  not converged"
        yield f"{slope:10.4g}  {values[k]:10.5g}  {values[k] / slope:10.5g}  {gap:8.1e}{note}"


def _draw(swept: Sweep, path: Path) -> None:
    # a second to import
    from matplotlib.figure import Figure

    from gparticles.plots import divergence_sweep

    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    divergence_sweep(figure.add_subplot(), swept.as_dict())
    with whole(path) as temporary:
        figure.savefig(temporary, dpi=150)
