"""``gpa augment``: more rows from few, and whether a generative model gains by them."""

from pathlib import Path
from typing import Annotated

import typer

from gparticles.command import console
from gparticles.command.options import MOST, IdColumn, LabelColumn, Seed, Settings, Validation
from gparticles.command.watching import watched


def augment(
    *,
    target: Annotated[
        str,
        typer.Option(
            metavar="FILE | RECIPE",
            help="The few rows or images: a file, a folder, a dataset, a recipe.",
        ),
    ],
    n: Annotated[
        int | None,
        typer.Option(
            "-n", min=1, max=MOST, help="How many rows to add; the recipe's number, or 5000."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="The folder; runs/NAME-augmented by default."),
    ] = None,
    seed: Seed = None,
    validation: Validation = None,
    gan_steps: Annotated[
        int | None, typer.Option(min=1, max=MOST, help="Steps of each GAN's generator.")
    ] = None,
    set_: Settings = None,
    id_column: IdColumn = None,
    label_column: LabelColumn = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue an unfinished one.")] = False,
) -> int:
    """Add rows that the flow makes to the few there are, and measure whether a GAN learns more.

    augmented.* holds both, in the kind of file that came in. Three GANs are trained on the few rows
    and three on all; metrics.json says how near to held-out rows each came.
    """
    from gparticles.augment.augmentation import GanOptions, augment, recipe_of
    from gparticles.experiment.recipes import check, with_overrides

    columns = {"id_column": id_column, "label_column": label_column}
    recipe = recipe_of(target, {k: v for k, v in columns.items() if v is not None})
    keys = {"n": n, "seed": seed, "validation": validation}
    recipe.keys.update({k: v for k, v in keys.items() if v is not None})
    config = check(with_overrides(recipe, set_ or []))
    folder = Path("runs") / f"{recipe.name}-augmented" if out is None else out
    options = GanOptions() if gan_steps is None else GanOptions(steps=gan_steps)
    made = watched(
        folder,
        lambda callbacks: augment(
            config, folder, options, resume=resume, callbacks=callbacks, say=console.say
        ),
    )
    for line in made.lines():
        console.result(line)
    return console.OK


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(augment)
