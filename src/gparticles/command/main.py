"""The command ``gpa``."""

import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

import gparticles
from gparticles.command import (
    about,
    augment,
    console,
    divergence,
    evaluate,
    integrate,
    programs,
    report,
    trajectory,
)
from gparticles.command.options import (
    MOST,
    MOST_SEED,
    IdColumn,
    LabelColumn,
    Seed,
    Settings,
    Validation,
)
from gparticles.command.watching import remember, watched
from gparticles.errors import InputError
from gparticles.outputs import check_free

app = typer.Typer(
    name="gpa",
    help="Move samples of one distribution onto another.",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Out = Annotated[Path, typer.Option("--out", "-o", help="The file to write.")]
Force = Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")]
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The folder of a finished run.")]


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit status: 0, 2 for what the user can mend, 130, or 1."""
    typed = remember(sys.argv[1:] if argv is None else argv)
    try:
        with console.warnings_told():
            if argv is None and programs.are_needed(typed):
                console.note(programs.keep_programs())
            status = app(typed or ["--help"], prog_name="gpa", standalone_mode=False)
    except (Exception, KeyboardInterrupt) as error:
        failed = console.status_of(error)
        if failed == console.INTERRUPTED and argv is None:
            console.leave(failed)
        return failed
    return status if isinstance(status, int) else console.OK


def _version(*, wanted: bool) -> bool:
    if wanted:
        console.result(f"gparticles {gparticles.__version__}")
        raise typer.Exit
    return wanted


@app.callback()
def _common(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


@app.command()
def recipes() -> None:
    """List the experiments, one line each."""
    from gparticles.experiment.packaged import courses, packaged

    named = packaged() | {name: keys["description"] for name, keys in courses().items()}
    width = max(map(len, named))
    for name, description in named.items():
        console.result(f"{name:{width}}  {description}")


def _recipes(incomplete: str) -> list[str]:
    """Those that begin like this, for the shell's completion."""
    from gparticles.experiment.packaged import courses, packaged

    return [name for name in (*packaged(), *courses()) if name.startswith(incomplete)]


@app.command()
def run(
    recipe: Annotated[
        str | None,
        typer.Argument(
            metavar="[RECIPE | my.toml]",
            help="See gpa recipes.",
            autocompletion=_recipes,
        ),
    ] = None,
    *,
    source: Annotated[
        str | None, typer.Option(help="The points that move: a file, or a dataset's name.")
    ] = None,
    target: Annotated[
        str | None, typer.Option(help="The points they move to: a file, or a dataset's name.")
    ] = None,
    n: Annotated[
        int | None, typer.Option("-n", min=1, max=MOST, help="How many particles to make.")
    ] = None,
    noise: Annotated[
        str | None,
        typer.Option(
            help="Without a source: gaussian (default), uniform, logistic or projected-logistic."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The run folder; runs/NAME by default.")
    ] = None,
    seed: Seed = None,
    validation: Validation = None,
    set_: Settings = None,
    id_column: IdColumn = None,
    label_column: LabelColumn = None,
    task: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN", help="Say what the new rows of a table teach of it; see --validation."
        ),
    ] = None,
    closeness: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="New rows of a table: 0 is new, 1 near the learnt ones."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue an unfinished run.")] = False,
    devices: Annotated[
        str | None, typer.Option(help="Over how many devices particles are split, or: all.")
    ] = None,
    coordinator: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Of several processes: where the first one is."),
    ] = None,
    processes: Annotated[int | None, typer.Option(min=1, help="How many there are.")] = None,
    process: Annotated[int | None, typer.Option(min=0, help="Which one this is, from 0.")] = None,
) -> int:
    """Carry out a recipe, or move a source onto a target, and write a run folder."""
    options = dict(locals())
    from gparticles.experiment.packaged import courses
    from gparticles.experiment.recipes import check, with_overrides

    if recipe in courses():
        trajectory.run_recipe(recipe, options)
        return console.OK
    written = _recipe(recipe, source=source, target=target, noise=noise)
    keys = {"n": n, "seed": seed, "validation": validation}
    keys |= {"task": task, "closeness": closeness}
    keys["devices"] = int(devices) if devices is not None and devices.isdigit() else devices
    for role in ("source", "target"):
        if isinstance(written.keys.get(role), dict) and "file" in written.keys[role]:
            columns = {"id_column": id_column, "label_column": label_column}
            written.keys[role] |= {k: v for k, v in columns.items() if v is not None}
    written.keys.update({k: v for k, v in keys.items() if v is not None})
    config = check(with_overrides(written, set_ or []))
    folder = Path("runs") / written.name if out is None else out
    with _together(coordinator, processes, process, devices=config.devices):
        result = _run(config, folder, resume=resume)
    if not result.metrics:
        # of several processes the first one tells
        return console.OK
    for line in console.summary(result, folder):
        console.result(line)
    if result.flow.outcome.startswith("failed"):
        console.say(f"{result.flow.outcome} ({folder} holds what was computed before)")
        return console.USERS
    return console.OK


def _together(
    coordinator: str | None, processes: int | None, process: int | None, *, devices: Any
) -> AbstractContextManager[Any]:
    """Makes this one of several processes, where it is: under a launcher, or by what was given."""
    if devices is None and coordinator is None and processes is None and process is None:
        return nullcontext()
    from gparticles.hosts import joined

    return joined(coordinator, processes, process)


def _recipe(name: str | None, *, source: str | None, target: str | None, noise: str | None) -> Any:
    """The recipe with the clouds of the command line in the place of its own."""
    from gparticles.experiment.recipes import Recipe, cloud_given, read_recipe

    if source is not None and noise is not None:
        raise InputError("--source and --noise: give one of them")
    if name is None and target is None:
        raise InputError(
            "nothing to run; name a recipe (gpa recipes lists them), or give --target FILE"
        )
    if name is None:
        stem = Path(str(target)).name.split(".")[0]
        recipe = Recipe(stem or "run", "the command line", {}, Path.cwd())
    else:
        recipe = read_recipe(name)
    keys = dict(recipe.keys)
    given = {"source": source, "target": target}
    for role, text in given.items():
        if text is not None:
            keys[role] = cloud_given(text, role)
    if noise is not None:
        keys["source"] = {"noise": noise}
    elif target is not None and source is None and "noise" not in _section(keys.get("source")):
        # the recipe's source was meant for its own target
        keys["source"] = {"noise": "gaussian"}
    if source is not None and "file" in keys["source"]:
        keys.pop("n", None)
    return replace(recipe, keys=keys)


def _section(value: Any) -> dict[str, Any]:
    from gparticles.experiment.config import cloud_of_text

    return cloud_of_text(value, "source") if isinstance(value, str) else value or {}


def _run(config: Any, folder: Path, *, resume: bool) -> Any:
    from gparticles.experiment.runs import run as carry_out

    return watched(
        folder,
        lambda callbacks: carry_out(
            config, folder, resume=resume, callbacks=callbacks, say=console.say
        ),
    )


@app.command()
def transform(
    folder: Folder,
    points: Annotated[
        Path, typer.Argument(help="The points to move; for many files, 'parts/*.parquet'.")
    ],
    *,
    out: Out,
    id_column: IdColumn = None,
    label_column: LabelColumn = None,
    force: Force = False,
    dask: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Move many files on this Dask scheduler; or: local."),
    ] = None,
) -> None:
    """Move new points along a stored flow."""
    from gparticles.experiment import runs
    from gparticles.experiment.folder import RunFolder

    check_free(out, force=force)
    columns: Any = {"id_column": id_column, "label_column": label_column}
    if dask is not None or any(letter in str(points) for letter in "*?["):
        from gparticles.experiment.on_cluster import LOCAL, files_of, transform_files

        files = files_of(str(points))
        with console.row_count(len(files), what="files") as watch:
            settings: Any = {"address": dask or LOCAL, "watch": watch}
            path = transform_files(RunFolder(folder), files, out, **settings, **columns)
    elif points.suffix.lower() == ".h5ad":
        # it loads the judgement of batches
        from gparticles.integration.later_samples import transform_h5ad

        path = transform_h5ad(RunFolder(folder), points, out, label_column=label_column)
    else:
        with console.row_count() as watch:
            path = runs.transform(RunFolder(folder), points, out, watch=watch, **columns)
    console.result(f"moved points: {path}")


@app.command()
def sample(
    folder: Folder,
    *,
    out: Out,
    n: Annotated[int, typer.Option("-n", min=1, max=MOST, help="How many.")],
    seed: Annotated[
        int | None, typer.Option(min=0, max=MOST_SEED, help="Of the draw; 0 by default.")
    ] = None,
    force: Force = False,
    append: Annotated[
        bool,
        typer.Option("--append", help="Keep the file's rows, all in memory, and number on."),
    ] = False,
    where: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN=VALUE", help="Only rows that are so; also >= and <=."),
    ] = None,
    balance: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="As many rows of each category of this column."),
    ] = None,
) -> None:
    """Make more particles: draw from the run's source and move them along its flow.

    The same seed makes the same particles. With --append it is by default the number of rows that
    are there, so that every call adds others.
    """
    from gparticles.experiment import runs
    from gparticles.experiment.folder import RunFolder

    if append and force:
        raise InputError("--append and --force: give one of them")
    if append and not out.is_file():
        raise InputError(f"{out}: there is no such file to append to; leave --append out")
    check_free(out, force=force or append, mend="give another name, --append to add rows")
    settings = {"seed": seed, "append": append, "where": where or (), "balance": balance}
    with console.row_count(n) as watch:
        made = runs.sample(RunFolder(folder), n, out, watch=watch, **settings)
    console.result(f"{n} new particles: {made.path}")
    if made.acceptance < 1:
        console.result(f"{made.acceptance:.1%} of the rows that were drawn for them are kept")
    if seed is None:
        console.result(
            f"seed {made.seed}: the same call makes the same again, another --seed others"
        )


about.register(app)
augment.register(app)
divergence.register(app)
evaluate.register(app)
integrate.register(app)
report.register(app)
trajectory.register(app)

if __name__ == "__main__":
    sys.exit(main())
