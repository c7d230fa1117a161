"""One number for how good a way is: near to held-out rows, and not too near to learnt ones."""

from typing import Any, NamedTuple

import numpy as np

from gparticles.evaluate.distances import energy_distance
from gparticles.evaluate.fidelity import told_apart
from gparticles.evaluate.memorisation import memorisation
from gparticles.evaluate.pairwise import subset

# what an energy distance of one spread counts beside an area under the curve of one
ENERGY_COUNTS = 3.0
# fresh rows are as near to learnt ones as held-out ones are, at 1; what lies outside counts
NEAR, FAR = 0.8, 1.1
# a larger share of copies rules a way out
MOST_COPIES = 0.01
# new rows for each held-out row that a forest tells apart
_ROWS_EACH, _TREES = 4, 30


class WayScore(NamedTuple):
    """How good a way is, means over held-out parts.

    Attributes:
        told_apart: area under the ROC curve of a forest that tells new rows from held-out ones.
        energy: energy distance to held-out rows, in units of the columns' spreads.
        nearest: median distance to the nearest learnt row, over that of held-out rows.
        copies: share of new rows at a learnt one.
    """

    told_apart: float
    energy: float
    nearest: float
    copies: float

    @property
    def loss(self) -> float:
        """told_apart + 3 energy + how far nearest is from 0.8 to 1.1; infinite with copies.

        That is, where more than 1 % of the rows are copies.
        """
        if self.copies > MOST_COPIES:
            return float("inf")
        astray = max(NEAR - self.nearest, self.nearest - FAR, 0.0)
        return self.told_apart + ENERGY_COUNTS * self.energy + astray

    def to_dict(self) -> dict[str, Any]:
        loss = round(self.loss, 6) if np.isfinite(self.loss) else None
        return {name: round(value, 6) for name, value in self._asdict().items()} | {"loss": loss}


def score(new: np.ndarray, learnt: np.ndarray, held_out: np.ndarray, *, seed: int = 0) -> WayScore:
    """The score of new points, all of shape (.., k), in units of the learnt points' spreads."""
    middle, spread = learnt.mean(axis=0), learnt.std(axis=0)
    units = np.where(spread > 0, spread, 1.0)
    new, learnt, held_out = ((points - middle) / units for points in (new, learnt, held_out))
    some = new[subset(len(new), _ROWS_EACH * len(held_out), seed=seed)]
    near = memorisation(new, learnt, held_out)
    return WayScore(
        told_apart=told_apart(some, held_out, trees=_TREES, seed=seed),
        energy=energy_distance(new, held_out),
        nearest=near.nearest_ratio,
        copies=near.copy_rate,
    )


def mean_score(scores: list[WayScore]) -> WayScore:
    return WayScore(*np.mean(scores, axis=0).tolist())
