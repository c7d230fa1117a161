"""Targets whose files are larger than memory: which they are, and what cannot be done with them."""

from pathlib import Path

import numpy as np

from gparticles.errors import InputError
from gparticles.experiment.config import Config, File
from gparticles.experiment.provenance import stream
from gparticles.tables.files import TEXT_KINDS, kind_of
from gparticles.tables.large import FileRows, memory_needed

# MiB of a target's numbers, as float64, up to which its file is read as a whole
BUDGET = 1024.0
# rows that no fit sees: half of them are held out, half are fresh points beside those
ASIDE = 4000


def drawn_rows(config: Config) -> FileRows | None:
    """The rows of the target's file, where they are to be drawn and not to be held.

    Raises:
        InputError: a file that cannot be drawn from, or settings that need all rows at once.
    """
    target = config.target
    if not isinstance(target, File) or not Path(target.file).exists():
        return None
    budget = BUDGET if config.target_budget is None else config.target_budget
    needed = memory_needed(Path(target.file)) / 2**20
    if needed <= budget:
        return None
    name = shorter(target.file)
    if kind_of(name) in TEXT_KINDS:
        raise InputError(
            f"{name}: about {needed:,.0f} MiB of numbers, more than target_budget = {budget:g}; "
            "convert it to parquet, whose rows can be drawn, or --set target_budget to more"
        )
    for key, asked in _need_all(config).items():
        if asked:
            raise InputError(
                f"{key}: needs all rows of {name} at once, which are {needed:,.0f} MiB; leave it "
                f"out, give fewer rows, or --set target_budget={np.ceil(needed):.0f}"
            )
    return FileRows(
        name, id_column=target.id_column, aside=ASIDE, seed=stream(config.seed, "target")
    )


def _need_all(config: Config) -> dict[str, bool]:
    """Which keys are set that rows drawn from a file cannot do with."""
    assert isinstance(config.target, File)
    return {
        "label_column": config.target.label_column is not None,
        "conditional": bool(config.conditional),
        "latent": config.latent is not None,
        "columns": config.columns is not None,
        "impute": config.impute is not None,
        'scale = "scores"': config.scale == "scores",
        "task": config.task is not None,
        "closeness": config.closeness is not None,
    }


def shorter(path: str) -> Path:
    """Messages name files as a user in this folder would."""
    full = Path(path)
    return full.relative_to(Path.cwd()) if full.is_relative_to(Path.cwd()) else full
