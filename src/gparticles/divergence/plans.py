"""Feasible plans between two clouds: what makes an upper bound, and how it pulls at the points."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gparticles.divergence.ground import FUSED_DIMENSIONS, Ground, distances


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
    def pull(self) -> np.ndarray:
        """sum_j pi_ij (x_i - y_j) / |x_i - y_j| / p_i, shape (m, d)."""


@dataclass(frozen=True, eq=False)
class DensePlan(AbstractPlan):
    """A plan stored whole, shape (m, n); its rows are scaled to have sums p."""

    ground: Ground
    plan: np.ndarray

    def totals(self, factors: np.ndarray) -> Totals:
        weighted = self.matrix() * factors
        cost = float(np.vdot(weighted, self.ground.costs()))
        return Totals(weighted.sum(axis=1), weighted.sum(axis=0), cost)

    def pull(self) -> np.ndarray:
        shares = self.matrix() / self.ground.p[:, None]
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
            block = self._call(_soft_totals, x, p, factors)
            rows.append(np.asarray(block[0]))
            columns += np.asarray(block[1])
            cost += float(block[2])
        return Totals(np.concatenate(rows), columns, cost)

    def matrix(self) -> np.ndarray:
        shares = soft_shares(self.ground.costs(), self.ground.q, self.psi, self.smoothing)
        return self.ground.p[:, None] * shares

    def pull(self) -> np.ndarray:
        return np.concatenate([np.asarray(self._call(_soft_pull, x)) for x, _ in self._blocks()])

    def _blocks(self) -> list[tuple[np.ndarray, np.ndarray]]:
        return [(self.ground.x[rows], self.ground.p[rows]) for rows in self.ground.blocks()]

    def _call(self, function: Any, *rows: np.ndarray) -> Any:
        ground = self.ground
        given = (ground.y, ground.q, self.psi, ground.slope, self.smoothing, *rows)
        if ground.is_small:
            return function(*given)
        with jax.enable_x64(True):
            return jax.device_get(_COMPILED[function](*(jnp.asarray(a) for a in given)))


def soft_shares(costs: Any, q: Any, psi: Any, smoothing: Any) -> Any:
    """Rows that sum to one: softmax of log q - (psi + costs) / smoothing; NumPy or JAX."""
    xp = jnp if isinstance(costs, jax.Array) else np
    sums = costs + psi
    weights = q * xp.exp((sums.min(axis=1, keepdims=True) - sums) / smoothing)
    return weights / weights.sum(axis=1, keepdims=True)


def _soft_totals(
    y: Any, q: Any, psi: Any, slope: Any, smoothing: Any, x: Any, p: Any, factors: Any
) -> Any:
    costs = slope * distances(x, y)
    plan = p[:, None] * soft_shares(costs, q, psi, smoothing) * factors
    return plan.sum(axis=1), plan.sum(axis=0), (plan * costs).sum()


def _soft_pull(y: Any, q: Any, psi: Any, slope: Any, smoothing: Any, x: Any) -> Any:
    return _pull(x, y, soft_shares(slope * distances(x, y), q, psi, smoothing))


def _pull(x: Any, y: Any, shares: Any) -> Any:
    xp = jnp if isinstance(shares, jax.Array) else np
    away = distances(x, y)
    # a particle that sits on a target is not pulled to it
    weights = xp.where(away > 0, shares / xp.where(away > 0, away, 1), 0)
    return weighted_differences(x, y, weights)


def weighted_differences(x: Any, y: Any, weights: Any) -> Any:
    """sum_j w_ij (x_i - y_j), shape (k, d), one coordinate after the other.

    Products with the matrix of weights would cancel where a large one belongs to a near pair.
    """
    xp = jnp if isinstance(weights, jax.Array) else np
    if isinstance(weights, jax.Array) and x.shape[1] > FUSED_DIMENSIONS:

        def one(coordinates: Any) -> Any:
            return (weights * (coordinates[0][:, None] - coordinates[1])).sum(axis=1)

        return jax.lax.map(one, (x.T, y.T)).T
    columns = [(weights * (x[:, k, None] - y[None, :, k])).sum(axis=1) for k in range(x.shape[1])]
    return xp.stack(columns, axis=1)


_COMPILED = {_soft_totals: jax.jit(_soft_totals), _soft_pull: jax.jit(_soft_pull)}
