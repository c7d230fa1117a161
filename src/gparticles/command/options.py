"""Options that several commands take, in the same words."""

from typing import Annotated

import typer

IdColumn = Annotated[
    str | None, typer.Option(metavar="NAME", help="The column of identifiers, kept as it is.")
]
LabelColumn = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="The column of classes; particles move within theirs."),
]
Seed = Annotated[int | None, typer.Option(min=0, help="Of everything random.")]
Validation = Annotated[
    float | None,
    typer.Option(
        metavar="SHARE",
        help="Keep this share of the target's rows from the fit, and judge the result by them.",
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Any key of a recipe, such as steps=500."),
]
