"""Studies whose rows are measured by a function of their own, and are no variants of a recipe."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from common import machine, write_json
from matplotlib.figure import Figure
from study import FOLDER, PICTURES, show


class Found(NamedTuple):
    """What one row gave with one seed.

    Attributes:
        scores: numbers for the table.
        shown: what the picture needs of it.
        floors: scores of what stands beside the row, by the names of ``pages.ROLES``.
    """

    scores: Mapping[str, float]
    shown: Any = None
    floors: Mapping[str, Mapping[str, float]] = {}


@dataclass(frozen=True)
class Measurement:
    """Rows, each a function of the seed, and a picture.

    Attributes:
        rows: a name for each and what measures it.
        draw: makes the picture from ``shown`` of every row, by its name, seed by seed.
        given: what the page has to know beside the rows.
    """

    rows: Mapping[str, Callable[[int], Found]]
    draw: Callable[[dict[str, list[Any]]], Figure]
    given: Mapping[str, Any] = field(default_factory=dict)

    def carry_out(self, name: str, seeds: Sequence[int]) -> None:
        """Every row with every seed: measure, draw, show and keep."""
        before, began = machine(), time.perf_counter()
        kept: dict[str, list[Any]] = {}
        shown: dict[str, list[Any]] = {}
        for row, measure in self.rows.items():
            for seed in seeds:
                found = measure(seed)
                scores = {key: float(value) for key, value in found.scores.items()}
                entry = {"seed": seed, "scores": scores, "floors": found.floors}
                kept.setdefault(row, []).append(entry)
                shown.setdefault(row, []).append(found.shown)
        PICTURES.mkdir(parents=True, exist_ok=True)
        page = self.draw(shown)
        page.savefig(PICTURES / f"{name}.png", dpi=70, metadata={"Software": None})
        show(name, kept)
        took = time.perf_counter() - began
        about = {"machine": before, "seeds": list(seeds), "took": took, **self.given}
        write_json(FOLDER / f"{name}.json", about | {"rows": kept})
