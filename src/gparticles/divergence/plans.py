"""Feasible plans between two clouds: what makes an upper bound, and how it pulls at the points."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from gparticles import compiled
from gparticles.divergence.abstract_f import library
from gparticles.divergence.ground import FUSED_DIMENSIONS, Arrays, Ground, Number, distances

Result = TypeVar("Result")


class Totals(NamedTuple):
    """Sums of a plan whose columns were multiplied by factors: (m,), (n,), and its cost, nats."""

    rows: np.ndarray
    columns: np.ndarray
    cost: float


class AbstractPlan(ABC):
    """A plan pi >= 0 with row sums p, known through its rows divided by p."""

    @abstractmethod
    def totals(self, factors: np.ndarray) -> Totals:
        """Row sums, column sums and cost of pi_ij factors_j."""

    @abstractmethod
    def matrix(self) -> np.ndarray:
        """The plan whole, shape (m, n); for small clouds."""

    @abstractmethod
    def pull(self, factors: np.ndarray) -> np.ndarray:
        """sum_j pi_ij factors_j (x_i - y_j) / |x_i - y_j| / p_i, shape (m, d)."""

    def released(self) -> "AbstractPlan":
        """The same plan, without what can be computed anew."""
        return self


@dataclass(frozen=True, eq=False)
class DensePlan(AbstractPlan):
    """A plan stored whole, shape (m, n); its rows are scaled to have sums p."""

    ground: Ground
    plan: np.ndarray

    def totals(self, factors: np.ndarray) -> Totals:
        weighted = self.matrix() * factors
        cost = float(np.vdot(weighted, self.ground.costs()))
        return Totals(weighted.sum(axis=1), weighted.sum(axis=0), cost)

    def pull(self, factors: np.ndarray) -> np.ndarray:
        shares = self.matrix() * factors / self.ground.p[:, None]
        return _pull(self.ground.x, self.ground.y, shares)

    def matrix(self) -> np.ndarray:
        return self.plan * (self.ground.p / self.plan.sum(axis=1))[:, None]


@dataclass(frozen=True, eq=False)
class SoftPlan(AbstractPlan):
    """pi_ij proportional in j to q_j exp(-(psi_j + L |x_i - y_j|) / smoothing), with row sums p.

    Nothing is stored but psi, shape (n,): blocks of rows are computed anew where they are needed.
    """

    ground: Ground
    psi: np.ndarray
    smoothing: float

    def totals(self, factors: np.ndarray) -> Totals:
        rows, columns, cost = [], np.zeros(len(self.psi)), 0.0
        for x, p in self._blocks():
            block = self._call(_soft_totals, factors, x, p)
            rows.append(np.asarray(block[0])[: len(x)])
            columns += np.asarray(block[1])
            cost += float(block[2])
        return Totals(np.concatenate(rows), columns, cost)

    def matrix(self) -> np.ndarray:
        shares = soft_shares(self.ground.costs(), self.ground.q, self.psi, self.smoothing)
        return self.ground.p[:, None] * shares

    def pull(self, factors: np.ndarray) -> np.ndarray:
        blocks = [(x, self._call(_soft_pull, factors, x)) for x, _ in self._blocks()]
        return np.concatenate([np.asarray(block)[: len(x)] for x, block in blocks])

    def _blocks(self) -> list[tuple[np.ndarray, np.ndarray]]:
        return [(self.ground.x[rows], self.ground.p[rows]) for rows in self.ground.blocks()]

    def _call(
        self, function: Callable[..., Result], factors: np.ndarray, x: np.ndarray, *p: np.ndarray
    ) -> Result:
        ground = self.ground
        whole = (ground.y, ground.q, self.psi, ground.slope, self.smoothing)
        if ground.is_small:
            return function(*whole, x, *p, factors)
        with jax.enable_x64(True):
            # what rows are filled up with has no weight
            rows = ground.placed(x), *(ground.placed(a, weights=True) for a in p)
            arguments = (*map(jnp.asarray, whole), *rows, jnp.asarray(factors))
            return jax.device_get(_COMPILED[function](*arguments))


@dataclass(frozen=True, eq=False)
class MatchedPlan(AbstractPlan):
    """A plan whose columns are scaled down by factors, and a product of what rows and columns lack.

    Altschuler, Weed and Rigollet (2017, NeurIPS, algorithm 2): its column sums are exact too.
    """

    ground: Ground
    plan: AbstractPlan
    factors: np.ndarray
    rows: np.ndarray
    columns: np.ndarray

    def totals(self, factors: np.ndarray) -> Totals:
        kept, added = self.plan.totals(self.factors * factors), self._product.totals(factors)
        mass = self._mass
        return Totals(
            kept.rows + mass * added.rows,
            kept.columns + mass * added.columns,
            kept.cost + mass * added.cost,
        )

    def matrix(self) -> np.ndarray:
        return self.plan.matrix() * self.factors + self._mass * self._product.matrix()

    def pull(self, factors: np.ndarray) -> np.ndarray:
        share = (self.rows / self.ground.p)[:, None]
        return self.plan.pull(self.factors * factors) + share * self._product.pull(factors)

    def released(self) -> "MatchedPlan":
        return replace(self, plan=self.plan.released())

    @property
    def _mass(self) -> float:
        return float(self.columns.sum())

    @property
    def _product(self) -> SoftPlan:
        # infinitely smoothed: every row is shared out as the missing columns are
        p, q = self.rows / self._mass, self.columns / self._mass
        return SoftPlan(replace(self.ground, p=p, q=q), np.zeros(len(q)), math.inf)


def soft_shares(costs: Arrays, q: Arrays, psi: Arrays, smoothing: Number) -> Arrays:
    """Rows that sum to one: softmax of log q - (psi + costs) / smoothing; NumPy or JAX.

    Args:
        costs: shape (k, n), nats.
        q, psi: weights and potentials of the targets, shape (n,).
        smoothing: nats.
    """
    xp = library(costs)
    sums = costs + psi[None, :]
    weights = q[None, :] * xp.exp((sums.min(axis=1, keepdims=True) - sums) / smoothing)
    return weights / weights.sum(axis=1, keepdims=True)


def _soft_totals(
    y: Arrays,
    q: Arrays,
    psi: Arrays,
    slope: Number,
    smoothing: Number,
    x: Arrays,
    p: Arrays,
    factors: Arrays,
) -> tuple[Arrays, Arrays, Arrays]:
    xp, costs = library(p), slope * distances(x, y)
    plan = p[:, None] * soft_shares(costs, q, psi, smoothing) * factors[None, :]
    return xp.sum(plan, axis=1), xp.sum(plan, axis=0), xp.sum(plan * costs)


def _soft_pull(
    y: Arrays, q: Arrays, psi: Arrays, slope: Number, smoothing: Number, x: Arrays, factors: Arrays
) -> Arrays:
    costs = library(x).multiply(slope, distances(x, y))
    shares = soft_shares(costs, q, psi, smoothing)
    return _pull(x, y, shares * factors[None, :])


def _pull(x: Arrays, y: Arrays, shares: Arrays) -> Arrays:
    xp = library(shares)
    away = distances(x, y)
    # a particle that sits on a target is not pulled to it
    weights = xp.where(away > 0, shares / xp.where(away > 0, away, 1), 0)
    return weighted_differences(x, y, weights)


def weighted_differences(x: Arrays, y: Arrays, weights: Arrays) -> Arrays:
    """sum_j w_ij (x_i - y_j), shape (k, d), one coordinate after the other.

    Products with the matrix of weights would cancel where a large one belongs to a near pair.

    Args:
        x, y: shapes (k, d) and (n, d).
        weights: shape (k, n).
    """
    xp = library(weights)
    if xp is jnp and x.shape[1] > FUSED_DIMENSIONS:

        def one(coordinates: tuple[jax.Array, jax.Array]) -> jax.Array:
            return (weights * (coordinates[0][:, None] - coordinates[1][None, :])).sum(axis=1)

        return jax.lax.map(one, (x.T, y.T)).T
    columns = [(weights * (x[:, k, None] - y[None, :, k])).sum(axis=1) for k in range(x.shape[1])]
    return xp.stack(columns, axis=1)


_COMPILED = {
    _soft_totals: compiled.jit(_soft_totals, static_argnames=()),
    _soft_pull: compiled.jit(_soft_pull, static_argnames=()),
}
