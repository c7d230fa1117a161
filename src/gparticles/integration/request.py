"""What ``gpa integrate`` was asked for, and what it made."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gparticles.errors import InputError
from gparticles.flow import Store
from gparticles.integration.batches import Batches, Move
from gparticles.integration.judging import Judgement, MakeEmbed, judge_kept_out, split
from gparticles.integration.summary import Finished

HELD_OUT = 0.2

_SHOWN = ("reference", "labels", "balance", "judge_by", "latent_dim", "steps", "seed", "held_out")


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of the command; those that one kind of input does not have are None.

    Without a reference, batches move onto the pool of all.
    """

    reference: str | None = None
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
        # nothing is drawn of the particles on their way
        store = Store(frames=2)
        given = {"steps": self.steps, "seed": self.seed}
        return {**given, "callbacks": self.callbacks, "store": store}

    def shown(self) -> dict[str, Any]:
        """What a reader should know of it."""
        shown = {name: getattr(self, name) for name in _SHOWN}
        return shown if self.reference is not None else {**shown, "reference": "none (pooled)"}


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
    """The files that were made, the report's folder, and the batches whose flows are kept.

    ``flows`` has the name of each one's folder in ``flows/`` beside the report.
    """

    files: list[Path]
    report: Path
    finished: Finished
    flows: dict[str, str]
