"""Options that several commands take, in the same words, and what they do with them alike."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from gparticles.errors import InputError

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


def check_meaning(options: Mapping[str, Any], names: Sequence[str], *, kind: str) -> None:
    """Refuses options of these names that were given, since they mean nothing for such input."""
    for name in names:
        if options[name] is not None and options[name] is not False:
            word = name.strip("_").replace("_", "-")
            dashes = "-" if len(word) == 1 else "--"
            raise InputError(f"{dashes}{word}: means nothing for {kind}; leave it out")


def command_line(
    words: Sequence[str], options: Mapping[str, Any], *, defaults: Mapping[str, Any]
) -> str:
    """The command line again, without what is as by default."""
    line = ["gpa", *words]
    for name, value in options.items():
        if value is None or value is False or defaults.get(name) == value:
            continue
        line.append(f"--{name.replace('_', '-')}")
        line += [] if value is True else [str(value)]
    return shlex.join(line)
