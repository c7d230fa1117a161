"""What ``gpa integrate`` was asked for, and what it made."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gparticles.errors import InputError
from gparticles.interfaces.integration import (
    Batches,
    Judgement,
    MakeEmbed,
    Move,
    judge_kept_out,
    split,
)
from gparticles.interfaces.integration_report import Finished

HELD_OUT = 0.2

_SHOWN = ("reference", "labels", "balance", "judge_by", "latent_dim", "steps", "seed", "held_out")


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of the command; those that one kind of input does not have are None."""

    reference: str
    labels: str | None = None
    balance: str | None = None
    judge_by: str | None = None
    latent_dim: int = 50
    steps: int | None = None
    seed: int = 0
    held_out: float | None = None
    force: bool = False
    command: str = "gpa integrate"
    callbacks: Sequence[Any] = ()
    transpose: bool = False
    id_column: str | None = None
    batch_key: str | None = None
    basis: str | None = None
    adjusted_basis: str = "X_gpa"
    layer: str | None = None

    @property
    def flow_settings(self) -> dict[str, Any]:
        """As keywords of ``transport``."""
        return {"steps": self.steps, "seed": self.seed, "callbacks": self.callbacks}

    def shown(self) -> dict[str, Any]:
        """What a reader should know of it."""
        return {name: getattr(self, name) for name in _SHOWN}


def held_out_judgement(
    batches: Batches,
    move: Move,
    embed: MakeEmbed,
    *,
    options: Options,
    say: Callable[[str], None],
) -> Judgement | None:
    """By samples kept from a second fit; None where this is not wanted or batches are too small.

    Raises:
        InputError: a share was asked for that batches are too small for.
    """
    share = HELD_OUT if options.held_out is None else options.held_out
    if share == 0:
        return None
    try:
        split(batches, share, seed=options.seed)
    except InputError as error:
        if options.held_out is not None:
            raise
        say(f"nothing was held out: {str(error).split(';')[0]}")
        return None
    return judge_kept_out(batches, move, embed, share=share, seed=options.seed)


@dataclass(frozen=True, kw_only=True)
class Done:
    """The files that were made, the report's folder, and the batches whose flows are kept."""

    files: list[Path]
    report: Path
    finished: Finished
    flows: list[str] = field(default_factory=list)
