"""``gpa evaluate``: a finished run's particles against points that it has not seen."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from gparticles.command import console

_COLUMNS = ("value", "fresh", "resampled", "smoothed")


def evaluate(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of a finished run.")],
    *,
    held_out: Annotated[
        Path, typer.Option(metavar="FILE", help="Points of the target that the run has not seen.")
    ],
    target: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The target's file; what config.toml names by default."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object instead of a table.")
    ] = False,
    id_column: Annotated[
        str | None, typer.Option(metavar="NAME", help="The file's column of identifiers.")
    ] = None,
    label_column: Annotated[
        str | None, typer.Option(metavar="NAME", help="The file's column of classes.")
    ] = None,
) -> None:
    """Judge a run by points it has not seen, beside floors; the run's folder is left as it is.

    value: the particles. fresh: other unseen points. resampled: the training points drawn again.
    smoothed: these with noise. All are compared to the held-out points.
    """
    from gparticles.experiment.evaluation import evaluate_run
    from gparticles.experiment.folder import RunFolder

    metrics = evaluate_run(
        RunFolder(folder),
        held_out,
        target=target,
        id_column=id_column,
        label_column=label_column,
        say=console.say,
    )
    for line in [json.dumps(metrics, indent=1)] if as_json else table(metrics):
        console.result(line)


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(evaluate)


def table(metrics: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Rows of numbers, and then a sentence on each."""
    header = ("", *_COLUMNS, "unit")
    rows = [
        (name, *(_number(entry.get(column)) for column in _COLUMNS), entry["unit"])
        for name, entry in metrics.items()
    ]
    widths = [max(len(row[k]) for row in (header, *rows)) for k in range(len(header))]
    for row in (header, *rows):
        cells = [cell.rjust(width) for cell, width in zip(row[1:-1], widths[1:-1], strict=True)]
        yield "  ".join([row[0].ljust(widths[0]), *cells, row[-1]]).rstrip()
    yield ""
    for name, entry in metrics.items():
        yield f"{name}: {entry['sentence']}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
