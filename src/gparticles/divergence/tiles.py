"""Points in groups of neighbours, whose boxes say how far apart two groups are at least."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# points of a tile at most
TILE = 128


@dataclass(frozen=True)
class Tiles:
    """Points in groups of neighbours, each in a box from low to high, shapes (tiles, d)."""

    members: Sequence[np.ndarray]
    low: np.ndarray
    high: np.ndarray

    def away(self, points: np.ndarray) -> np.ndarray:
        """How far all of these are from a tile's points at least: the gap between boxes."""
        apart = np.maximum(self.low - points.max(axis=0), points.min(axis=0) - self.high)
        return np.linalg.norm(np.maximum(apart, 0), axis=1)


def tiles_of(points: np.ndarray) -> Tiles:
    """Cut at medians across the longest side, until few points are left in each."""
    whole, members = [np.arange(len(points))], []
    while whole:
        part = whole.pop()
        if len(part) <= TILE:
            members.append(part)
            continue
        longest = np.ptp(points[part], axis=0).argmax()
        order = np.argpartition(points[part, longest], len(part) // 2)
        whole += np.split(part[order], [len(part) // 2])
    boxes = [[op(points[part], axis=0) for part in members] for op in (np.min, np.max)]
    return Tiles(members, *(np.stack(side) for side in boxes))
