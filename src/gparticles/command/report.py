"""``gpa report``: the page of a finished run, written anew."""

from pathlib import Path
from typing import Annotated

import typer

from gparticles.command import console


def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of a finished run.")],
) -> None:
    """Write report.html: particles over time, metrics and settings in one file for a browser."""
    from gparticles.experiment.folder import RunFolder
    from gparticles.experiment.pictures import report_again

    console.result(f"report: {report_again(RunFolder(folder))}")


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(report)
