"""What the page says of a table: how its rows were made, beside what, and how they look."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from gparticles.report.words import number


class WayRow(NamedTuple):
    """A way to new rows and its scores, as text."""

    name: str
    scores: tuple[tuple[str, str], ...]
    chosen: bool
    simple: bool


class TablePicture(NamedTuple):
    """A PNG and its caption."""

    data: str
    caption: str


@dataclass(frozen=True)
class TableSection:
    """The section of a table.

    Attributes:
        sentences: what was chosen, and whether it is worth it.
        ways: what was chosen from, the best first.
        pictures: PNG files with their captions.
    """

    sentences: tuple[str, ...]
    ways: tuple[WayRow, ...]
    pictures: tuple[TablePicture, ...]


SCORES = {
    "loss": "score",
    "told_apart": "told from real",
    "energy": "energy distance",
    "nearest": "nearest",
    "copies": "copies",
}
"""Headings of the scores of ways."""


def table_section(
    choice: Mapping[str, Any] | None,
    sentences: Sequence[str] = (),
    pictures: Mapping[Path, str] | None = None,
) -> TableSection:
    """The section of what was kept of a run.

    Args:
        choice: as ``WayChoice.to_dict`` gives it, or None where nothing was chosen.
        sentences: of the verdict.
        pictures: captions by files.
    """
    shown = tuple(
        TablePicture(base64.b64encode(path.read_bytes()).decode(), caption)
        for path, caption in (pictures or {}).items()
    )
    said = tuple(sentences) if choice is None else (str(choice["sentence"]), *sentences)
    return TableSection(said, () if choice is None else _ways(choice), shown)


def _ways(choice: Mapping[str, Any]) -> tuple[WayRow, ...]:
    """Ways and simple ways, the best score first; those without one copy too much."""
    rows = [
        (scores, WayRow(name, _cells(scores), name == choice["way"], simple))
        for simple, key in ((False, "scores"), (True, "simple"))
        for name, scores in choice[key].items()
    ]
    far = float("inf")
    ordered = sorted(rows, key=lambda row: far if row[0]["loss"] is None else row[0]["loss"])
    return tuple(row for _, row in ordered)


def _cells(scores: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    texts = {heading: number(scores.get(name)) for name, heading in SCORES.items()}
    return tuple((heading, text or "too many copies") for heading, text in texts.items())
