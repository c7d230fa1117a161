"""Which pairs are near: psi_j + L |x_i - y_j| within a width of the row's least.

Large clouds of few dimensions are cut into tiles, and what two tiles' boxes prove too far is never
looked at; the rest is measured in float64. Small ones are measured whole in float32, with room for
what that rounds, and so are those of many dimensions, where boxes prove nothing.
"""

import math
from collections.abc import Iterator
from dataclasses import replace

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from scipy import sparse

from gparticles import compiled
from gparticles.divergence.ground import BLOCK_ENTRIES, FUSED_DIMENSIONS, Ground, distances
from gparticles.divergence.sinkhorn import block_costs, bucket
from gparticles.divergence.tiles import Tiles

# up to so many pairs all of them are measured
TILED_ENTRIES = 2**26
# rows from which the number of pairs is estimated
SAMPLED = 256
FLOAT32 = float(np.finfo(np.float32).eps)
# more than float64 rounds in a bound between boxes, as a share of what is added there
MARGIN = 1e-12

# rows, columns and costs of pairs in the order of these rows, and how many each row has
Found = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def near_pairs(ground: Ground, psi: np.ndarray, width: float) -> sparse.csr_matrix:
    """C of the near pairs, nats, float64; of a column without any, of one of its best rows.

    Args:
        psi: shape (n,), nats.
        width: nats, at least ``least_width``.
    """
    parts = zip(*_found(ground, psi, width), strict=True)
    order, column, cost, counts = (np.concatenate(part) for part in parts)
    ends = np.cumsum(counts)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    alone = np.flatnonzero(np.bincount(column, minlength=len(psi)) == 0)
    if len(alone):
        # no row chooses it, and without a row its psi would not be bounded
        least = np.minimum.reduceat(cost + psi[column], ends - counts)
        row = _best_rows(ground, least[place], alone)
        cost = np.insert(cost, ends[place[row]], exact_costs(ground, row, alone))
        column = np.insert(column, ends[place[row]], alone.astype(np.int32))
        ends = ends + np.cumsum(np.bincount(place[row], minlength=len(order)))
    found = sparse.csr_matrix((cost, column, np.concatenate([[0], ends])), shape=ground.shape)
    return found if (np.diff(order) == 1).all() else found[place]


def estimated_pairs(ground: Ground, psi: np.ndarray, width: float) -> float:
    """About how many pairs are near, from some of the rows."""
    rows = slice(None, None, max(1, len(ground.p) // SAMPLED))
    some = replace(ground, x=ground.x[rows], p=ground.p[rows])
    near = sum(len(cost) for _, _, cost, _ in _found(some, psi, width))
    return near * len(ground.p) / len(some.p)


def least_width(ground: Ground, psi: np.ndarray) -> float:
    """The width below which rounding could hide a row's least, nats."""
    d, sides = ground.x.shape[1], (ground.x, ground.y)
    if _in_tiles(ground):
        return 0.0
    longest = 2 * max(float(np.linalg.norm(points, axis=1).max()) for points in sides)
    relative = (d + 8) * FLOAT32
    # squares as sums of products: what cancels between near points is at most this
    cancelled = math.sqrt(relative) if d > FUSED_DIMENSIONS else 2 * math.sqrt(d) * FLOAT32
    of_costs = ground.slope * longest * (relative + cancelled)
    of_sums = 4 * FLOAT32 * (float(np.abs(psi).max()) + ground.slope)
    return 2 * (of_costs + of_sums)


def exact_costs(ground: Ground, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """C of some pairs, from the differences of coordinates in float64."""
    squares = np.zeros(len(rows))
    for x, y in zip(ground.x.T, ground.y.T, strict=True):
        squares += (np.ascontiguousarray(x)[rows] - np.ascontiguousarray(y)[columns]) ** 2
    return ground.slope * np.sqrt(squares)


def _found(ground: Ground, psi: np.ndarray, width: float) -> Iterator[Found]:
    return (_by_tiles if _in_tiles(ground) else _by_blocks)(ground, psi, width)


def _in_tiles(ground: Ground) -> bool:
    many = len(ground.x) * len(ground.y) > TILED_ENTRIES
    return many and ground.x.shape[1] <= FUSED_DIMENSIONS


class _Heights:
    """A number at every point of a cloud in tiles: near others are those of least height + C."""

    def __init__(self, points: np.ndarray, tiles: Tiles, heights: np.ndarray, slope: float):
        self.points, self.tiles, self.heights, self.slope = points, tiles, heights, slope
        self.lowest = np.array([part[heights[part].argmin()] for part in tiles.members])

    def sums(self, others: np.ndarray, points: np.ndarray) -> np.ndarray:
        """height + C of some of the points, from each of the others; shape (others, points)."""
        return self.slope * distances(others, self.points[points]) + self.heights[points]

    def within(self, others: np.ndarray, width: float) -> np.ndarray:
        """The points that may be within a width of the least of any of the others."""
        # no least is above the least over the tiles' lowest points
        most = self.sums(others, self.lowest).min(axis=1).max()
        bound = self.heights[self.lowest] + self.slope * self.tiles.away(others)
        kept = bound <= most + width + MARGIN * (abs(most) + self.slope)
        return np.concatenate([part for part, k in zip(self.tiles.members, kept, strict=True) if k])


def _by_tiles(ground: Ground, psi: np.ndarray, width: float) -> Iterator[Found]:
    heights = _Heights(ground.y, ground.tiles[1], psi, ground.slope)
    for rows in ground.tiles[0].members:
        columns = heights.within(ground.x[rows], width)
        for part in _parts(rows, len(columns)):
            costs = ground.slope * distances(ground.x[part], ground.y[columns])
            sums = costs + psi[columns]
            near = sums <= sums.min(axis=1, keepdims=True) + width
            flat = np.flatnonzero(near)
            column = columns[flat % len(columns)].astype(np.int32)
            yield part, column, costs.ravel()[flat], np.count_nonzero(near, axis=1)


def _parts(points: np.ndarray, others: int) -> list[np.ndarray]:
    return np.array_split(points, -(-len(points) * others // BLOCK_ENTRIES))


def _by_blocks(ground: Ground, psi: np.ndarray, width: float) -> Iterator[Found]:
    numbers = (ground.y, ground.slope, psi, width)
    y, slope, psi32, width32 = (jnp.asarray(a, jnp.float32) for a in numbers)
    for rows in ground.blocks():
        filled, order = _filled(ground, rows)
        near = np.asarray(_near(filled, y, slope, psi32, width32))[: len(order)]
        flat = np.flatnonzero(near)
        row = flat // len(psi)
        column = (flat - row * len(psi)).astype(np.int32)
        cost = exact_costs(ground, rows.start + row, column)
        yield order, column, cost, np.count_nonzero(near, axis=1)


def _filled(ground: Ground, rows: slice) -> tuple[Array, np.ndarray]:
    """A block of rows in float32, the last one filled up to the shape of the others; which."""
    order = np.arange(len(ground.x))[rows]
    height = min(len(ground.x), rows.stop - rows.start)
    filled = np.pad(ground.x[rows], ((0, height - len(order)), (0, 0)), mode="edge")
    return ground.placed(filled.astype(np.float32)), order


@compiled.jit
def _near(x: Array, y: Array, slope: Array, psi: Array, width: Array) -> Array:
    sums = block_costs(x, y, slope) + psi[None]
    return sums <= jnp.min(sums, axis=1, keepdims=True) + width


def _best_rows(ground: Ground, least: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """argmax_i (least_i - C_ij) of some columns, up to rounding."""
    if _in_tiles(ground):
        return _best_by_tiles(ground, least, columns)
    y, slope = jnp.asarray(ground.y[columns], jnp.float32), jnp.asarray(ground.slope, jnp.float32)
    # as many shapes as there are sizes of a cloud
    y = jnp.pad(y, ((0, bucket(len(columns)) - len(columns)), (0, 0)))
    highest, best = np.full(len(columns), -np.inf), np.zeros(len(columns), np.int64)
    for rows in ground.blocks():
        filled, order = _filled(ground, rows)
        own = np.pad(least[rows], (0, len(filled) - len(order)), mode="edge")
        reached = _reach(filled, y, slope, ground.placed(own.astype(np.float32)))
        reach, row = (np.asarray(a)[: len(columns)] for a in reached)
        better = reach > highest
        highest[better], best[better] = reach[better], (rows.start + row)[better]
    return np.minimum(best, len(least) - 1)


@compiled.jit
def _reach(x: Array, y: Array, slope: Array, least: Array) -> tuple[Array, Array]:
    reach = least[:, None] - block_costs(x, y, slope)
    return jnp.max(reach, axis=0), jnp.argmax(reach, axis=0)


def _best_by_tiles(ground: Ground, least: np.ndarray, columns: np.ndarray) -> np.ndarray:
    heights = _Heights(ground.x, ground.tiles[0], -least, ground.slope)
    wanted = np.zeros(len(ground.y), bool)
    wanted[columns] = True
    best = np.zeros(len(ground.y), np.int64)
    for group in ground.tiles[1].members:
        some = group[wanted[group]]
        if len(some):
            rows = heights.within(ground.y[some], 0.0)
            for part in _parts(some, len(rows)):
                best[part] = rows[heights.sums(ground.y[part], rows).argmin(axis=1)]
    return best[columns]
