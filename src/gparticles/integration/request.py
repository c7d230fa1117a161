"""What ``gpa integrate`` was asked for, and what it made."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gparticles.errors import InputError
from gparticles.flow import Store
from gparticles.integration.batches import Batches
from gparticles.integration.judging import Parts, split
from gparticles.integration.summary import Finished

HELD_OUT = 0.2

_SHOWN = ("reference", "labels", "balance", "judge_by", "latent_dim", "steps", "seed", "held_out")


@dataclass(frozen=True, kw_only=True)
class Request:
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
        settings = {"steps": self.steps, "seed": self.seed}
        return {**settings, "callbacks": self.callbacks, "store": store}

    def shown(self) -> dict[str, Any]:
        """What a reader should know of it."""
        settings = {name: getattr(self, name) for name in _SHOWN}
        if self.reference is None:
            settings["reference"] = "none (pooled)"
        return settings


class Notes:
    """What the user should know: told at once, and kept for the report."""

    def __init__(self, say: Callable[[str], None]):
        self.say = say
        self.lines: list[str] = []

    def add(self, *lines: str) -> None:
        """One note for each line."""
        for line in lines:
            self.lines.append(line)
            self.say(line)


def held_out(batches: Batches, request: Request, notes: Notes) -> Parts | None:
    """Indices to fit and to hold out; None where this is not wanted or batches are too small.

    Raises:
        InputError: a share was asked for that batches are too small for.
    """
    share = HELD_OUT if request.held_out is None else request.held_out
    if share == 0:
        return None
    try:
        return split(batches, share, seed=request.seed)
    except InputError as error:
        if request.held_out is not None:
            raise
        notes.add(f"nothing was held out: {str(error).split(';')[0]}")
        return None


@dataclass(frozen=True, kw_only=True)
class Done:
    """The files that were made, the report's folder, and the batches whose flows are kept.

    ``flows`` has the name of each one's folder in ``flows/`` beside the report.
    """

    files: list[Path]
    report: Path
    finished: Finished
    flows: dict[str, str]
