"""True bounds of the divergence on samples: from any potential below, from any plan above.

    sup_psi  sum_i p_i min_j (psi_j + C_ij) - inf_nu {nu + sum_j q_j f*(psi_j - nu)}
    min_pi   <C, pi> + sum_j q_j f(r_j / q_j),    row sums p, column sums r

Both are computed in float64, and what rounding can have done to them is taken off or added.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq

from gparticles.divergence.f_divergences import AbstractF
from gparticles.divergence.ground import Ground
from gparticles.divergence.plans import AbstractPlan, MatchedPlan, Totals

ROUNDING = float(np.finfo(np.float64).eps)
# the share of the independent plan that is mixed in where f(0) is infinite and a column is empty
MIXED_SHARE = 1e-9


class Lower(NamedTuple):
    """A lower bound, nats, with the potential that proves it: psi on the targets, nu = -f'(1)."""

    value: float
    psi: np.ndarray


class Upper(NamedTuple):
    """An upper bound, nats, with the column sums over q of the plan that proves it, shape (n,)."""

    value: float
    ratio: np.ndarray
    plan: AbstractPlan


def balanced(f: AbstractF, psi: np.ndarray, q: np.ndarray) -> np.ndarray:
    """psi less the shift at which sum_j q_j f*'(f'(1) + psi_j) = 1, in float64.

    Args:
        psi: shape (n,), nats.
        q: weights, positive and summing to one, shape (n,).
    """
    if f.fixes_marginal:
        return psi - q @ psi
    top = int(np.argmax(psi))
    gaps = psi[top] - psi
    most = float(f.derivative(1 / q[top]) - f.slope_at_one)
    high = min(float(gaps.max()), most)

    def log_mass(t: float) -> float:
        return math.log(min(float(q @ f.excess_derivative(t - gaps)), 1e300))

    if log_mass(high) <= 0:
        return high - gaps
    if log_mass(0.0) >= 0:
        return -gaps
    return brentq(log_mass, 0.0, high, xtol=1e-300) - gaps


def lower_bound(
    f: AbstractF,
    ground: Ground,
    psi: np.ndarray,
    *,
    least: Callable[[np.ndarray], np.ndarray] | None = None,
) -> Lower:
    """The dual value of min_j (psi_j + L |x - y_j|), less what rounding may have added.

    Args:
        psi: any finite numbers, shape (n,), nats. Not below zero, which every divergence reaches.
        least: that transform at the points of P, where there is a shorter way than over all pairs.
    """
    psi = balanced(f, np.asarray(psi, np.float64), ground.q)
    phi = (ground.c_transform if least is None else least)(psi)
    conjugate = f.excess_conjugate(psi)
    value = float(ground.p @ phi - ground.q @ conjugate)
    sizes = float(ground.p @ np.abs(phi) + ground.q @ np.abs(conjugate) + np.abs(psi).max())
    proven = value - _rounding(ground, sizes)
    return Lower(proven if proven > 0 else 0.0, psi)


def upper_bound(f: AbstractF, ground: Ground, plan: AbstractPlan) -> Upper:
    """<C, pi> + sum_j q_j f(r_j / q_j), plus what rounding may have taken away.

    Where f fixes the marginal, the plan is first brought to column sums q (Altschuler, Weed and
    Rigollet 2017, NeurIPS, algorithm 2): columns too heavy are scaled down, and what is missing is
    added as a product.
    """
    whole = plan.totals(np.ones(len(ground.q)))
    if f.fixes_marginal:
        cost, plan = _matched(ground, plan, whole)
        return Upper(cost + _rounding(ground, cost), np.ones(len(ground.q)), plan)
    ratio = whole.columns / ground.q
    cost = whole.cost
    if not np.isfinite(f(ratio)).all():
        ratio = (1 - MIXED_SHARE) * ratio + MIXED_SHARE
        cost = (1 - MIXED_SHARE) * cost + MIXED_SHARE * ground.product_cost(ground.p, ground.q)
    penalty, sizes = _penalty(f, ratio)
    value = float(cost + ground.q @ penalty)
    return Upper(value + _rounding(ground, cost + float(ground.q @ sizes)), ratio, plan)


def _penalty(f: AbstractF, ratio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """f less its tangent at 1, and what a relative error of one in the ratio would do to it.

    The tangent sums to zero, since row sums p make the ratio's mean one; without it the terms are
    positive and nothing cancels.
    """
    tangent = f.slope_at_one * (ratio - 1)
    positive = np.maximum(ratio, np.finfo(float).tiny)
    change = np.abs((f.derivative(positive) - f.slope_at_one) * positive)
    return np.maximum(f(ratio) - tangent, 0), np.abs(f(ratio)) + np.abs(tangent) + change


def _matched(ground: Ground, plan: AbstractPlan, whole: Totals) -> tuple[float, AbstractPlan]:
    factors = np.minimum(1.0, ground.q / np.maximum(whole.columns, np.finfo(float).tiny))
    kept = plan.totals(factors)
    rows = np.maximum(ground.p - kept.rows, 0)
    columns = np.maximum(ground.q - kept.columns, 0)
    mass = columns.sum()
    if not mass > 0:
        return kept.cost, plan
    cost = kept.cost + ground.product_cost(rows, columns) / mass
    return cost, MatchedPlan(ground, plan, factors, rows, columns)


def _rounding(ground: Ground, sizes: float) -> float:
    """A bound of the rounding in sums of m + n terms and in distances of d coordinates."""
    m, n = ground.shape
    d = ground.x.shape[1]
    return ROUNDING * ((m + n + d + 16) * sizes + 8 * math.sqrt(d) * ground.slope)
