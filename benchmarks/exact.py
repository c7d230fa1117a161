"""The exact divergence of two samples for KL, by POT, with a certificate of its own.

For KL the divergence is a semi-relaxed transport problem,

    min over plans with row sums p of  <C, plan> + KL(column sums | q),    C_ij = L |x_i - y_j|,

which POT's conditional gradient solves. Any plan gives an upper bound, and any psi on the target a
lower one, sum_i p_i min_j (psi_j + C_ij) - log sum_j q_j e^psi_j. Nothing here uses gparticles,
so that the value is an independent one.
"""

from typing import Any, NamedTuple

import numpy as np
from ot.optim import semirelaxed_cg
from scipy.special import logsumexp

BLOCK = 200
BISECTIONS = 40
TINY = 1e-300


class Exact(NamedTuple):
    """Bounds of the divergence, nats."""

    lower: float
    upper: float

    @property
    def gap(self) -> float:
        """The distance of the bounds as a share of the upper one."""
        return (self.upper - self.lower) / self.upper


def exact_kl(
    p: np.ndarray,
    q: np.ndarray,
    *,
    lipschitz: float = 1.0,
    tolerance: float = 3e-4,
    iterations: int = 4000,
) -> Exact:
    """D_KL^L of two clouds of equal weights, in float64, until the bounds are close.

    Args:
        p, q: the points, shapes (m, d) and (n, d).
        lipschitz: L, nats per data unit.
        tolerance: the gap to stop at.
        iterations: at most so many.
    """
    p, q = np.asarray(p, np.float64), np.asarray(q, np.float64)
    cost = lipschitz * np.linalg.norm(p[:, None] - q[None], axis=-1)
    plan = np.full(cost.shape, 1 / cost.size)
    lower, upper = -np.inf, np.inf
    for _ in range(iterations // BLOCK):
        plan = _improve(cost, plan)
        lower, upper = max(lower, _lower(cost, plan)), min(upper, _value(cost, plan))
        if (upper - lower) / upper <= tolerance:
            break
    return Exact(lower, upper)


def _log_ratio(plan: np.ndarray) -> np.ndarray:
    """log r_j / q_j of the column sums, with q_j = 1/n: the slope of the relative entropy."""
    columns = plan.sum(axis=0)
    return np.log(np.maximum(columns * len(columns), TINY))


def _value(cost: np.ndarray, plan: np.ndarray) -> float:
    """The primal objective: an upper bound."""
    return float(np.sum(cost * plan) + plan.sum(axis=0) @ _log_ratio(plan))


def _lower(cost: np.ndarray, plan: np.ndarray) -> float:
    """The dual objective of the plan's own psi, after a c-transform to and fro."""
    phi = np.min(_log_ratio(plan) + cost, axis=1)
    # the lowest psi with the same phi: it cannot but raise the bound
    psi = np.max(phi[:, None] - cost, axis=0)
    return float(phi.mean() - logsumexp(psi) + np.log(len(psi)))


def _improve(cost: np.ndarray, plan: np.ndarray) -> np.ndarray:
    """A block of POT's iterations from a plan on."""

    def search(_: Any, plan: np.ndarray, direction: np.ndarray, *__: Any, **___: Any) -> tuple:
        # POT's own search evaluates the objective; with the stops off, only the step matters
        return _best_step(cost, plan, direction), 1, 0.0

    return semirelaxed_cg(
        np.full(len(cost), 1 / len(cost)),
        np.full(cost.shape[1], 1 / cost.shape[1]),
        cost,
        1.0,
        lambda _: 0.0,
        lambda plan: _log_ratio(plan)[None],
        G0=plan,
        line_search=search,
        numItermax=BLOCK,
        stopThr=-1,
        stopThr2=-1,
    )


def _best_step(cost: np.ndarray, plan: np.ndarray, direction: np.ndarray) -> float:
    """The exact minimum along the direction, by bisection of the slope."""
    linear = np.sum(cost * direction)
    columns, change = plan.sum(axis=0), direction.sum(axis=0)
    low, high = 0.0, 1.0
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        ratio = (columns + middle * change) * len(columns)
        if linear + change @ np.log(np.maximum(ratio, TINY)) > 0:
            high = middle
        else:
            low = middle
    return (low + high) / 2
