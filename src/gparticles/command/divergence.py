"""``gpa divergence``: how far the points of one file are from those of another, with a proof."""

from pathlib import Path
from typing import Annotated, Any

import typer

from gparticles.command import console
from gparticles.errors import InputError
from gparticles.outputs import check_free

PICTURES = (".png", ".pdf", ".svg")


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
    ] = 1e-3,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    many: Annotated[
        bool, typer.Option("--sweep", help="For many L: a table and a picture.")
    ] = False,
    sweep_from: Annotated[float | None, typer.Option(help="The first L of the sweep.")] = None,
    sweep_to: Annotated[float | None, typer.Option(help="Its last L.")] = None,
    sweep_points: Annotated[int | None, typer.Option(min=2, max=10_000, help="How many.")] = None,
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
    from gparticles.checks import check_number
    from gparticles.command import measuring
    from gparticles.divergence import parse_f
    from gparticles.tables.two_samples import read_two_samples

    grid = measuring.Grid(sweep_from, sweep_to, sweep_points)
    picture = Path("divergence.png") if out is None else out
    if many:
        if lipschitz is not None:
            raise InputError("--lipschitz and --sweep: give one of them")
        _check_picture(picture, force=force)
    else:
        _check_no_sweep((*grid, out, force or None))
    parse_f(f)
    # before the files are read, whose warnings would stand before the one line
    check_number(tolerance, "tolerance")
    if lipschitz is not None:
        check_number(lipschitz, "lipschitz")
    measuring.check_range(grid)
    columns = {"id_column": id_column, "label_column": label_column}
    clouds = read_two_samples((a, b), weights_column=weights_column, **columns)
    for warning in clouds.warnings:
        console.say(warning)
    task = measuring.Task(clouds, f, tolerance, as_json)
    if many:
        lines = measuring.sweep_lines(task, grid, picture)
    else:
        lines = measuring.lines(task, 1.0 if lipschitz is None else lipschitz)
    for line in lines:
        console.result(line)


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("divergence")(divergence_)


def _check_no_sweep(values: tuple[Any, ...]) -> None:
    names = ("--sweep-from", "--sweep-to", "--sweep-points", "--out", "--force")
    for name, value in zip(names, values, strict=True):
        if value is not None:
            raise InputError(f"{name} is for a sweep; give --sweep too, or leave it out")


def _check_picture(path: Path, *, force: bool) -> None:
    if path.suffix.lower() not in PICTURES:
        raise InputError(f"{path}: no kind of picture; let it end in {', '.join(PICTURES)}")
    check_free(path, force=force, mend="give another name with --out")
    if not path.absolute().parent.is_dir():
        raise InputError(f"{path}: there is no such folder; make it, or give another with --out")
