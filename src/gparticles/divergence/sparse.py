"""The pairs that a plan of small smoothing uses, and Sinkhorn's iteration on these alone.

exp(-(psi_j + C_ij - phi_i) / e) is nothing but for a few j of every row i once e is small: those
within ``WIDTH`` smoothings of the row's least (``nearest``), whose costs are kept in float64. The
least of every row is among them, which proves a lower bound, and a plan on them is a plan, which
proves an upper one: no other pass over all pairs is needed. Schmitzer (2019, SIAM J.
Sci. Comput. 41(3)) truncates kernels so.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from scipy import sparse

from gparticles import compiled
from gparticles.divergence.abstract_f import AbstractF
from gparticles.divergence.ground import Ground
from gparticles.divergence.nearest import least_width, near_pairs
from gparticles.divergence.plans import AbstractPlan, Totals
from gparticles.divergence.sinkhorn import updated

# a row's pairs reach so many smoothings above its least: beyond, kernels are below 5e-5
WIDTH = 10.0
# pairs that are kept at most: 12 bytes each, and as many again in the kernels of an iteration
MOST_PAIRS = 2**24
# iterations between two looks at what changes, and the most on one set of pairs
BLOCK, MOST_BLOCKS = 25, 8
# steps are lengthened once they are short; see ``sinkhorn.RELAXATION``
RELAXATION = 1.8
# what the kernel's columns may be multiplied by, as a logarithm
MOST_CHANGE = 60.0
# a change of the kernel's columns, as a logarithm, that leaves the pairs what they are, and one
# after which they must be found anew; and the share of the mass that may see more of it
SETTLED, SETTLED_SHARE = 2.0, 1e-2
FAR, FAR_SHARE = 5.0, 1e-3


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
        return near_pairs(self.ground, self.psi, self.width)

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
        ground, rows, columns = self.pairs.ground, self.pairs.rows, self.pairs.costs.indices
        masses = self._masses(factors)
        of_rows = np.bincount(rows, masses, len(ground.p))
        of_columns = np.bincount(columns, masses, len(ground.q))
        return Totals(of_rows, of_columns, float(masses @ self.pairs.costs.data))

    def matrix(self) -> np.ndarray:
        return self.pairs.with_values(self._masses(np.ones(len(self.psi)))).toarray()

    def pull(self, factors: np.ndarray) -> np.ndarray:
        ground, rows, columns = self.pairs.ground, self.pairs.rows, self.pairs.costs.indices
        away = np.asarray(self.pairs.costs.data, np.float64) / ground.slope
        shares = self._masses(factors) / ground.p[rows]
        weights = np.where(away > 0, shares / np.where(away > 0, away, 1), 0)
        coordinates = zip(ground.x.T, ground.y.T, strict=True)
        differences = [weights * (x[rows] - y[columns]) for x, y in coordinates]
        return np.stack([np.bincount(rows, part, len(ground.p)) for part in differences], axis=1)

    def released(self) -> "PairsPlan":
        return replace(self, pairs=self.pairs.released())

    def _masses(self, factors: np.ndarray) -> np.ndarray:
        ground = self.pairs.ground
        shares, _ = self.pairs.shares(self.psi, self.smoothing)
        masses = shares * (ground.q * factors)[self.pairs.costs.indices]
        return masses * ground.p[self.pairs.rows]


def width_of(ground: Ground, psi: np.ndarray, smoothing: float) -> float:
    """The width of ``Pairs`` for a smoothing, nats: not below what rounding asks for."""
    return max(WIDTH * smoothing, least_width(ground, psi))


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
        if float(mass[np.abs(change) > FAR].sum()) > FAR_SHARE:
            break
        if number % BLOCK == BLOCK - 1 and float(q @ np.abs(np.expm1(step))) <= enough:
            break
    unsettled = float(mass[np.abs(change) > SETTLED].sum())
    return psi - smoothing * change.astype(np.float64), unsettled <= SETTLED_SHARE


@compiled.jit
def _step(f: AbstractF, arriving: Array, psi: Array, e: Array) -> Array:
    return (psi - updated(f, arriving, psi, e)) / e
