"""The pairs that a plan of small smoothing uses, and Sinkhorn's iteration on these alone.

exp(-(psi_j + C_ij - phi_i) / e) is nothing but for a few j of every row i once e is small. Those
within ``WIDTH`` smoothings of the row's least are found in one pass over all pairs, in float32 with
room for its rounding; their costs are then kept in float64. So the least of every row is among
them, which proves a lower bound, and a plan on them is a plan, which proves an upper one: no other
pass over all pairs is needed. Schmitzer (2019, SIAM J. Sci. Comput. 41(3)) truncates kernels so.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from scipy import sparse

from gparticles import compiled
from gparticles.divergence.abstract_f import AbstractF
from gparticles.divergence.ground import FUSED_DIMENSIONS, Ground
from gparticles.divergence.plans import AbstractPlan, Totals
from gparticles.divergence.sinkhorn import block_costs, bucket, updated

# a row's pairs reach so many smoothings above its least: beyond, kernels are below 5e-5
WIDTH = 10.0
# pairs that are kept at most: 12 bytes each, and as many again in the kernels of an iteration
MOST_PAIRS = 2**24
# rows from which the number of pairs is estimated
SAMPLED = 256
# iterations between two looks at what changes, and the most on one set of pairs
BLOCK, MOST_BLOCKS = 25, 16
# steps are lengthened once they are short; see ``sinkhorn.RELAXATION``
RELAXATION = 1.8
# what the kernel's columns may be multiplied by, as a logarithm
MOST_CHANGE = 60.0
# a change of the kernel's columns, as a logarithm, that leaves the pairs what they are, and the
# share of the mass that may see more of it
SETTLED, FAR, UNSETTLED = 2.0, 5.0, 1e-3
FLOAT32 = float(np.finfo(np.float32).eps)


@dataclass(frozen=True, eq=False)
class Pairs:
    """Every pair within ``width`` of its row's least psi_j + C_ij, and one for every column.

    Attributes:
        ground: the clouds.
        psi: shape (n,), nats.
        width: nats.
    """

    ground: Ground
    psi: np.ndarray
    width: float

    @cached_property
    def costs(self) -> sparse.csr_matrix:
        """C of the pairs, nats, float64."""
        return _costs_of(self)

    @cached_property
    def rows(self) -> np.ndarray:
        """The row of every pair."""
        rows = np.arange(len(self.ground.p), dtype=np.int32)
        return np.repeat(rows, np.diff(self.costs.indptr))

    @property
    def count(self) -> int:
        return len(self.costs.data)

    def released(self) -> "Pairs":
        """The same, found anew when they are asked for."""
        return replace(self)

    def least(self, psi: np.ndarray) -> np.ndarray:
        """min_j (psi_j + C_ij) over the pairs, shape (m,): over all j for the psi they are of."""
        sums = self.costs.data + psi[self.costs.indices]
        return np.minimum.reduceat(sums, self.costs.indptr[:-1])

    def shares(self, psi: np.ndarray, smoothing: float) -> tuple[np.ndarray, np.ndarray]:
        """Of every pair its share of the row, over q_j; and the soft least of the rows, nats."""
        sums = self.costs.data + psi[self.costs.indices]
        least = np.minimum.reduceat(sums, self.costs.indptr[:-1])
        weights = np.exp((least[self.rows] - sums) / smoothing)
        totals = self.with_values(weights) @ self.ground.q
        return weights / totals[self.rows], least - smoothing * np.log(totals)

    def with_values(self, values: np.ndarray) -> sparse.csr_matrix:
        """A matrix of these pairs and other values."""
        costs = self.costs
        return sparse.csr_matrix((values, costs.indices, costs.indptr), shape=costs.shape)


@dataclass(frozen=True, eq=False)
class PairsPlan(AbstractPlan):
    """``SoftPlan`` on some pairs: nothing goes elsewhere, and rows have sums p all the same."""

    pairs: Pairs
    psi: np.ndarray
    smoothing: float

    def totals(self, factors: np.ndarray) -> Totals:
        plan = self._plan(factors)
        cost = float(plan.data @ self.pairs.costs.data)
        m, n = self.pairs.ground.shape
        return Totals(plan @ np.ones(n), plan.T @ np.ones(m), cost)

    def matrix(self) -> np.ndarray:
        return self._plan(np.ones(len(self.psi))).toarray()

    def pull(self, factors: np.ndarray) -> np.ndarray:
        ground, rows, columns = self.pairs.ground, self.pairs.rows, self.pairs.costs.indices
        away = self.pairs.costs.data / ground.slope
        shares = np.asarray(self._plan(factors).data, np.float64) / ground.p[rows]
        weights = np.where(away > 0, shares / np.where(away > 0, away, 1), 0)
        differences = [weights * (x[rows] - y[columns]) for x, y in _coordinates(ground)]
        return np.stack([np.bincount(rows, part, len(ground.p)) for part in differences], axis=1)

    def released(self) -> "PairsPlan":
        return replace(self, pairs=self.pairs.released())

    def _plan(self, factors: np.ndarray) -> sparse.csr_matrix:
        ground, columns = self.pairs.ground, self.pairs.costs.indices
        shares, _ = self.pairs.shares(self.psi, self.smoothing)
        return self.pairs.with_values(
            shares * ground.p[self.pairs.rows] * (ground.q * factors)[columns]
        )


def width_of(ground: Ground, psi: np.ndarray, smoothing: float) -> float:
    """The width of ``Pairs`` for a smoothing: not below what float32 cannot tell apart."""
    return max(WIDTH * smoothing, 2 * _rounding(ground, psi))


def estimated_pairs(ground: Ground, psi: np.ndarray, smoothing: float) -> float:
    """About how many pairs there are, from some of the rows."""
    rows = slice(None, None, max(1, len(ground.p) // SAMPLED))
    some = replace(ground, x=ground.x[rows], p=ground.p[rows])
    width = width_of(ground, psi, smoothing)
    return (
        sum(int(np.count_nonzero(near)) for near in _near_blocks(some, psi, width))
        * len(ground.p)
        / len(some.p)
    )


def _rounding(ground: Ground, psi: np.ndarray) -> float:
    """At most how much psi_j + C_ij in float32 is off, nats."""
    d = ground.x.shape[1]
    # coordinates are at most 1: distances at most 2 sqrt(d)
    relative = (d + 8) * FLOAT32
    if d <= FUSED_DIMENSIONS:
        of_distances = 2 * math.sqrt(d) * (relative + 2 * FLOAT32)
    else:
        # squares as sums of products: what cancels between near points is at most this
        largest = max(float((a**2).sum(axis=1).max()) for a in (ground.x, ground.y))
        of_distances = math.sqrt(4 * largest * relative) + relative * 2 * math.sqrt(largest)
    return ground.slope * of_distances + 4 * FLOAT32 * float(np.abs(psi).max() + ground.slope)


def _coordinates(ground: Ground) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """x and y, one coordinate after the other."""
    return zip(np.ascontiguousarray(ground.x.T), np.ascontiguousarray(ground.y.T), strict=True)


def _exact(ground: Ground, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """C of some pairs, from the differences of coordinates in float64."""
    squares = np.zeros(len(rows))
    for x, y in _coordinates(ground):
        squares += (x[rows] - y[columns]) ** 2
    return ground.slope * np.sqrt(squares)


def _costs_of(pairs: Pairs) -> sparse.csr_matrix:
    ground, (m, n) = pairs.ground, pairs.ground.shape
    columns, counts, data = [], [], []
    begin = 0
    for near in _near_blocks(ground, pairs.psi, pairs.width):
        flat = np.flatnonzero(near)
        row = flat // n
        column = (flat - row * n).astype(np.int32)
        columns.append(column)
        counts.append(np.bincount(row, minlength=len(near)))
        data.append(_exact(ground, begin + row, column))
        begin += len(near)
    column, cost = np.concatenate(columns), np.concatenate(data)
    ends = np.cumsum(np.concatenate(counts))
    # a column that is no row's choice still has a best row, without which psi there is not bounded
    alone = np.flatnonzero(np.bincount(column, minlength=n) == 0)
    if len(alone):
        least = np.minimum.reduceat(cost + pairs.psi[column], ends - np.concatenate(counts))
        row = _best_rows(ground, least, alone)
        cost = np.insert(cost, ends[row], _exact(ground, row, alone))
        column = np.insert(column, ends[row], alone.astype(np.int32))
        ends = ends + np.cumsum(np.bincount(row, minlength=m))
    return sparse.csr_matrix((cost, column, np.concatenate([[0], ends])), shape=(m, n))


def _near_blocks(ground: Ground, psi: np.ndarray, width: float) -> Iterator[np.ndarray]:
    """Of every block of rows which pairs are near, shape (rows, n)."""
    numbers = (ground.y, ground.slope, psi, width)
    y, slope, psi32, width32 = (jnp.asarray(a, jnp.float32) for a in numbers)
    for rows in ground.blocks():
        filled, count = _filled(ground.x, rows)
        yield np.asarray(_near(filled, y, slope, psi32, width32))[:count]


def _filled(x: np.ndarray, rows: slice) -> tuple[Array, int]:
    """A block of rows in float32, the last one filled up to the shape of the others."""
    block = x[rows]
    height = min(len(x), rows.stop - rows.start)
    extra = np.repeat(block[:1], height - len(block), axis=0)
    return jnp.asarray(np.concatenate([block, extra]), jnp.float32), len(block)


def _best_rows(ground: Ground, least: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """argmax_i (least_i - C_ij) of some columns, up to rounding."""
    y, slope = jnp.asarray(ground.y[columns], jnp.float32), jnp.asarray(ground.slope, jnp.float32)
    # as many shapes as there are sizes of a cloud
    y = jnp.pad(y, ((0, bucket(len(columns)) - len(columns)), (0, 0)))
    highest, best = np.full(len(columns), -np.inf), np.zeros(len(columns), np.int64)
    for rows in ground.blocks():
        filled, count = _filled(ground.x, rows)
        own = jnp.pad(jnp.asarray(least[rows], jnp.float32), (0, len(filled) - count), mode="edge")
        reach, row = (np.asarray(a)[: len(columns)] for a in _reach(filled, y, slope, own))
        better = reach > highest
        highest[better], best[better] = reach[better], (rows.start + row)[better]
    return np.minimum(best, len(least) - 1)


@compiled.jit
def _near(x: Array, y: Array, slope: Array, psi: Array, width: Array) -> Array:
    sums = block_costs(x, y, slope) + psi[None]
    return sums <= jnp.min(sums, axis=1, keepdims=True) + width


@compiled.jit
def _reach(x: Array, y: Array, slope: Array, least: Array) -> tuple[Array, Array]:
    reach = least[:, None] - block_costs(x, y, slope)
    return jnp.max(reach, axis=0), jnp.argmax(reach, axis=0)


def iterated(
    f: AbstractF, pairs: Pairs, psi: np.ndarray, smoothing: float, *, enough: float
) -> tuple[np.ndarray, bool]:
    """psi after as many iterations as it takes, and whether the pairs are still those that matter.

    Args:
        psi: shape (n,), nats.
        smoothing: nats, at most that of the pairs.
        enough: the share of the mass that one more iteration may still move.
    """
    ground = pairs.ground
    p, q = ground.p.astype(np.float32), ground.q.astype(np.float32)
    kernel = pairs.with_values(pairs.shares(psi, smoothing)[0].astype(np.float32))
    across = kernel.T.tocsr()
    start, smoothing32 = jnp.asarray(psi, jnp.float32), jnp.asarray(smoothing, jnp.float32)
    change = mass = np.zeros(len(psi), np.float32)
    tiny = np.finfo(np.float32).tiny
    for number in range(BLOCK * MOST_BLOCKS):
        rows = np.maximum(kernel @ (q * np.exp(change)), tiny)
        arriving = across @ (p / rows)
        step = np.asarray(_step(f, jnp.asarray(arriving), start, smoothing32)) - change
        longest = float(np.abs(step).max())
        change = change + np.float32(RELAXATION if longest < 1 else 1.0) * step
        change = np.clip(change, -MOST_CHANGE, MOST_CHANGE)
        # where the kernel's columns are much different by now, other pairs would matter
        mass = q * arriving * np.exp(change)
        if float(mass[np.abs(change) > FAR].sum()) > UNSETTLED:
            break
        if number % BLOCK == BLOCK - 1 and float(q @ np.abs(np.expm1(step))) <= enough:
            break
    unsettled = float(mass[np.abs(change) > SETTLED].sum())
    return psi - smoothing * change.astype(np.float64), unsettled <= UNSETTLED


@compiled.jit
def _step(f: AbstractF, arriving: Array, psi: Array, e: Array) -> Array:
    return (psi - updated(f, arriving, psi, e)) / e
