"""``gpa trajectory``: snapshots in time to one velocity field, with a report."""

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from gparticles.command import console
from gparticles.command.options import MOST, MOST_SEED, IdColumn
from gparticles.errors import InputError


def trajectory(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILES | RECIPE",
            help="csv, tsv, parquet or one h5ad, with a row for each cell; or time-course, hsmm.",
        ),
    ],
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder to write.")],
    time_column: Annotated[
        str | None, typer.Option(metavar="NAME", help="The column of times: 12, 12h, day 2, dates.")
    ] = None,
    at: Annotated[
        str | None, typer.Option(metavar="TIMES", help="When particles are written, as in 6,18,36.")
    ] = None,
    leave_out: Annotated[
        str | None,
        typer.Option(
            metavar="TIMES", help="Test by these times, as in 24; every inner one by default; none."
        ),
    ] = None,
    fates: Annotated[
        str | None, typer.Option(metavar="NAME", help="The column of classes of the last snapshot.")
    ] = None,
    genes: Annotated[
        str | None, typer.Option(metavar="NAMES", help="Columns whose curves are drawn, as in A,B.")
    ] = None,
    basis: Annotated[
        str | None, typer.Option(metavar="KEY", help="h5ad: what to use of obsm; X_pca by default.")
    ] = None,
    latent_dim: Annotated[
        int, typer.Option(min=1, max=MOST, help="Principal components, of more columns than these.")
    ] = 30,
    seed: Annotated[int, typer.Option(min=0, max=MOST_SEED, help="Of everything random.")] = 0,
    id_column: IdColumn = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what exists.")] = False,
) -> None:
    """Turn snapshots in time into one velocity field, and carry cells along it.

    The folder gets particles at the asked-for times, cells.csv with growth and fates, the stored
    trajectory, metrics.json with the left-out test, and report.html.
    """
    options = dict(locals())
    command = _command(options)
    asked = {
        "at": _times(at, "--at") or (),
        "left": () if leave_out == "none" else _times(leave_out, "--leave-out"),
        "genes": [] if genes is None else [name.strip() for name in genes.split(",")],
        "seed": seed,
        "force": force,
        "command": command,
    }
    columns = {"time_column": time_column, "fates": fates, "id_column": id_column, "basis": basis}
    for line in _carried_out(files, out, asked | {"latent_dim": latent_dim}, columns):
        console.result(line)


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(trajectory)


def run_recipe(name: str, out: Path, *, seed: int | None) -> None:
    """What ``gpa run`` does with a recipe that is a course."""
    trajectory([name], out=out, seed=seed or 0)


def _times(text: str | None, option: str) -> list[float] | None:
    if text is None:
        return None
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"{option} {text}: give numbers with commas, as in 6,18,36") from None


def _carried_out(
    files: list[str], out: Path, asked: dict[str, Any], columns: dict[str, Any]
) -> Iterator[str]:
    from gparticles.experiment.packaged import courses
    from gparticles.experiment.pictures import versions
    from gparticles.timecourse.files import Request, carry_out, cells_of_recipe

    known = courses()
    if len(files) == 1 and files[0] in known:
        keys = known[files[0]]
        asked["latent_dim"] = keys.get("latent_dim", asked["latent_dim"])
        cells = cells_of_recipe(
            {k: v for k, v in keys.items() if k != "latent_dim"}, seed=asked["seed"]
        )
    else:
        cells = _cells([Path(file) for file in files], columns)
    done = carry_out(cells, out, Request(**asked, versions=versions()), say=console.say)
    return summary(done, out)


def _cells(paths: list[Path], columns: dict[str, Any]) -> Any:
    from gparticles.timecourse.files import cells_of_adata, read_cells

    name, fates = columns["time_column"], columns["fates"]
    if name is None:
        raise InputError("--time-column: is missing; name the column that says when")
    if any(path.suffix.lower() == ".h5ad" for path in paths):
        if len(paths) > 1:
            raise InputError("give one .h5ad, or csv, tsv or parquet with the same columns")
        from gparticles.integration.h5ad import read_h5ad

        basis = columns["basis"] or "X_pca"
        return cells_of_adata(read_h5ad(paths[0]), name, fates=fates, basis=basis)
    if columns["basis"] is not None:
        raise InputError("--basis: means nothing for csv, tsv and parquet; leave it out")
    return read_cells(paths, name, fates=fates, id_column=columns["id_column"])


def _command(options: dict[str, Any]) -> str:
    """The command line again, without what is as by default."""
    defaults = {"latent_dim": 30, "seed": 0}
    words = ["gpa", "trajectory", *options.pop("files")]
    for name, value in options.items():
        if value is None or value is False or defaults.get(name) == value:
            continue
        words.append(f"--{name.replace('_', '-')}")
        words += [] if value is True else [str(value)]
    return shlex.join(words)


def summary(done: Any, out: Path) -> Iterator[str]:
    """What was made, how good it is, and where it lies."""
    yield f"{done.course}"
    for result in done.left_out:
        ours, theirs, halves = (
            result.w2[name] for name in ("flow", "exact transport", "its halves")
        )
        yield (
            f"left out {result.time:g}: W2 {ours:.3g}; exact transport {theirs:.3g}, "
            f"the snapshot's halves {halves:.3g}"
        )
    yield f"written: {', '.join(map(str, done.files))}"
    yield f"report:  {out / 'report.html'} (open it in a browser)"
