"""``gpa trajectory``: snapshots in time to one velocity field, with a report."""

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from gparticles.command import console
from gparticles.command.options import MOST, MOST_SEED, IdColumn, check_meaning, command_line
from gparticles.errors import InputError

# what means something for one kind of input
_OF_TABLES, _OF_H5AD = ("id_column", "latent_dim"), ("basis",)
_COLUMNS = ("time_column", "fates", "id_column", "basis")


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
        int | None,
        typer.Option(
            min=1, max=MOST, help="Principal components, of more columns than these; 30 by default."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=MOST_SEED, help="Of everything random.")] = 0,
    id_column: IdColumn = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what exists.")] = False,
) -> None:
    """Turn snapshots in time into one velocity field, and carry cells along it.

    The folder gets particles at the asked-for times, cells.csv with growth and fates, the stored
    trajectory, metrics.json with the left-out test, and report.html.
    """
    options = dict(locals())
    words = ["trajectory", *options.pop("files")]
    asked = {
        "at": _times(at, "--at") or (),
        "left": () if leave_out == "none" else _times(leave_out, "--leave-out"),
        "genes": [] if genes is None else [name.strip() for name in genes.split(",")],
        "seed": seed,
        "force": force,
        "command": command_line(words, options, defaults={"seed": 0}),
    }
    for line in _carried_out(files, out, asked, options):
        console.result(line)


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(trajectory)


def run_recipe(name: str, options: dict[str, Any]) -> None:
    """What ``gpa run`` does with a recipe that is a course.

    Raises:
        InputError: options of ``gpa run`` that a course does not have, or a folder that exists.
    """
    others = [option for option in options if option not in ("recipe", "out", "seed")]
    check_meaning(options, others, kind=f"{name}, snapshots in time")
    out = options["out"] or Path("runs") / name
    if out.exists():
        again = shlex.join(["gpa", "trajectory", name, "--out", str(out), "--force"])
        raise InputError(f"{out}: exists; give another --out, or replace it by: {again}")
    trajectory([name], out=out, seed=options["seed"] or 0)


def _times(text: str | None, option: str) -> list[float] | None:
    if text is None:
        return None
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"{option} {text}: give numbers with commas, as in 6,18,36") from None


def _carried_out(
    files: list[str], out: Path, asked: dict[str, Any], options: dict[str, Any]
) -> Iterator[str]:
    from gparticles.experiment.packaged import courses

    keys = courses().get(files[0], {}) if len(files) == 1 else {}
    own_dim = keys.pop("latent_dim", None)
    latent_dim = options["latent_dim"] or own_dim
    if keys:
        check_meaning(options, _COLUMNS, kind=f"the recipe {files[0]}")
    else:
        _check_files([Path(file) for file in files], options)
    # JAX takes a second to load, and what is wrong with the options is told at once
    from gparticles.experiment.course_runs import Request, carry_out, cells_of_recipe
    from gparticles.experiment.pictures import versions

    if latent_dim is not None:
        asked["latent_dim"] = latent_dim
    if keys:
        cells = cells_of_recipe(keys, seed=asked["seed"])
    else:
        cells = _cells([Path(file) for file in files], options)
    done = carry_out(cells, out, Request(**asked, versions=versions()), say=console.say)
    return summary(done, out)


def _check_files(paths: list[Path], options: dict[str, Any]) -> None:
    for path in paths:
        if not path.exists():
            raise InputError(
                f"{path}: there is no such file; check the path, or name a recipe of gpa recipes"
            )
    if options["time_column"] is None:
        raise InputError("--time-column: is missing; name the column that says when")
    if not any(map(_is_h5ad, paths)):
        check_meaning(options, _OF_H5AD, kind="csv, tsv and parquet")
        return
    if len(paths) > 1:
        raise InputError("give one .h5ad, or csv, tsv or parquet with the same columns")
    check_meaning(options, _OF_TABLES, kind="an .h5ad")


def _is_h5ad(path: Path) -> bool:
    return path.suffix.lower() == ".h5ad"


def _cells(paths: list[Path], options: dict[str, Any]) -> Any:
    from gparticles.experiment.course_runs import cells_of_adata, read_cells

    name, fates = options["time_column"], options["fates"]
    if not _is_h5ad(paths[0]):
        return read_cells(paths, name, fates=fates, id_column=options["id_column"])
    from gparticles.integration.h5ad import read_h5ad

    basis = options["basis"] or "X_pca"
    return cells_of_adata(read_h5ad(paths[0]), name, fates=fates, basis=basis)


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
