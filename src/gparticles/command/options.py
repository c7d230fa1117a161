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
# as in ``experiment/config.py``, which takes long to load
MOST, MOST_SEED = 2**31 - 1, 2**62

Seed = Annotated[int | None, typer.Option(min=0, max=MOST_SEED, help="Of everything random.")]
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
