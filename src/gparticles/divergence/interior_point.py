"""The exact value to many digits: a primal-dual interior-point method in float64.

    min over pi > 0 of <C, pi> + sum_j q_j f(r_j / q_j),   row sums p, r the column sums

Optimality: s_ij = C_ij + psi_j - phi_i >= 0, pi_ij s_ij = 0 and r_j = q_j f*'(f'(1) + psi_j). The
central path replaces the 0 by mu w_ij, w_ij = p_i (q_j + 1/n) / 2, so that points of small weight
are as well centred as others. The steps are Mehrotra's predictor and corrector (1992, SIAM J.
Optim. 2(4)); eliminating all but psi leaves one symmetric n x n system, an M-matrix, a step.
"""

import math
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from threadpoolctl import ThreadpoolController

from gparticles.divergence.f_divergences import AbstractF
from gparticles.divergence.ground import Ground

STEPS = 80
# the first duality gap, as a share of the median slack
START = 0.3
# costs beyond which matrix products are shared among threads
THREADED_ENTRIES = 2**18
# of f where it is flat: what keeps its inverse finite
LEAST_CURVATURE = 1e-30
TINY = float(np.finfo(np.float64).tiny)


class Iterate(NamedTuple):
    """psi (n,), phi (m,), slacks s and plan pi (m, n): positive, nats and mass."""

    psi: np.ndarray
    phi: np.ndarray
    slacks: np.ndarray
    plan: np.ndarray


class _Problem(NamedTuple):
    f: AbstractF
    costs: np.ndarray
    p: np.ndarray
    q: np.ndarray
    centring: np.ndarray
    room: float
    is_linear: bool
    is_steep: bool


def iterates(f: AbstractF, ground: Ground, psi: np.ndarray) -> Iterator[Iterate]:
    """Points ever nearer to the optimum, until rounding ends the progress.

    Args:
        psi: where to start, shape (n,), nats, balanced.
    """
    n = len(ground.q)
    problem = _Problem(
        f,
        ground.costs(),
        ground.p,
        ground.q,
        ground.p[:, None] * (ground.q + 1 / n) / 2,
        f.domain - f.slope_at_one,
        _has_flat_conjugate(f),
        _has_steep_conjugate(f),
    )
    at = _start(problem, psi)
    for _ in range(STEPS):
        yield at
        with np.errstate(all="ignore"), few_threads(problem.costs.size):
            try:
                at = _advance(problem, at)
            except LinAlgError:
                return
        if not all(np.isfinite(part).all() for part in at):
            return
    yield at


@lru_cache
def _thread_pools() -> ThreadpoolController:
    return ThreadpoolController()


def few_threads(entries: int) -> AbstractContextManager:
    """One thread for small matrices: more wait for each other longer than they work."""
    if entries > THREADED_ENTRIES:
        return nullcontext()
    return _thread_pools().limit(limits=1, user_api="blas")


def _has_flat_conjugate(f: AbstractF) -> bool:
    """Whether f*' vanishes somewhere, so that its logarithm cannot be linearised."""
    with np.errstate(divide="ignore"):
        return bool(np.isfinite(f.derivative(np.zeros(1))[0]))


def _has_steep_conjugate(f: AbstractF) -> bool:
    """Whether f*' leaves zero with an infinite slope, so that f' is linearised in its place."""
    with np.errstate(divide="ignore"):
        return bool(f.curvature(np.zeros(1))[0] == 0)


def _start(problem: _Problem, psi: np.ndarray) -> Iterate:
    """The point of given psi whose rows are central: sum_j mu w_ij / s_ij = p_i."""
    sums = problem.costs + psi
    least = sums.min(axis=1)
    above = sums - least[:, None]
    # far from the optimum on purpose: a path begun too near its end is soon off centre
    mu = START * float(np.median(above)) or START
    wanted = mu * problem.centring / problem.p[:, None]
    distance = wanted[np.arange(len(least)), sums.argmin(axis=1)]
    for _ in range(30):
        slacks = above + distance[:, None]
        mass = (wanted / slacks).sum(axis=1)
        slope = (wanted / slacks**2).sum(axis=1)
        # Newton on 1 / mass, which is nearly linear and concave: monotone from the left
        distance = distance + (1 - 1 / mass) * mass**2 / slope
    slacks = above + distance[:, None]
    plan = mu * problem.centring / slacks
    return Iterate(psi, least - distance, slacks, plan)


def _advance(problem: _Problem, at: Iterate) -> Iterate:
    curvature, missing = _link(problem, at)
    rows_missing = problem.p - at.plan.sum(axis=1)
    residual = problem.costs + at.psi - at.phi[:, None] - at.slacks
    ratio = at.plan / at.slacks
    row_ratio = ratio.sum(axis=1)
    factor = _factor(ratio, row_ratio, curvature)

    def solve(wanted: np.ndarray) -> Iterate:
        # wanted is the change of the plan were psi and phi to stay
        left = rows_missing - wanted.sum(axis=1)
        right = wanted.sum(axis=0) + (left / row_ratio) @ ratio - missing
        psi = cho_solve(factor, right, check_finite=False)
        if not curvature.any():
            # constants change nothing: left in, rounding would make one that drowns the digits
            psi = psi - problem.q @ psi
        phi = (left + ratio @ psi) / row_ratio
        change = psi - phi[:, None]
        return Iterate(psi, phi, change + residual, wanted - ratio * change)

    gap = float(np.vdot(at.plan, at.slacks))
    predictor = solve(-at.plan - ratio * residual)
    tried = _moved(at, predictor, _lengths(problem, at, predictor, 1.0))
    predicted = float(np.vdot(tried.plan, tried.slacks))
    # the gap must not vanish before the columns are met: centring would be lost for good
    target = max((predicted / gap) ** 3 * gap, min(gap, _unmet(problem, at)))
    second = predictor.slacks * predictor.plan
    step = solve((target * problem.centring - second) / at.slacks - at.plan - ratio * residual)
    return _moved(at, step, _lengths(problem, at, step, _share(problem, at, gap)))


def _unmet(problem: _Problem, at: Iterate) -> float:
    """What the columns add to the gap at most: sum_j q_j (x_j - f*'(psi_j)) (f'(x_j) - psi_j).

    In nats; x is the mass there over q; psi and f' are counted from f'(1). Both factors vanish
    together, so the product keeps its digits, which Young's f(x) + f*(psi) - x psi would not.
    """
    ratio = at.plan.sum(axis=0) / problem.q
    of_mass = ratio - problem.f.excess_derivative(at.psi)
    of_slope = problem.f.derivative(ratio) - problem.f.slope_at_one - at.psi
    return float(problem.q @ np.abs(of_mass * of_slope))


def _share(problem: _Problem, at: Iterate, gap: float) -> float:
    """Of the way to the boundary: nearly all of it once the gap is small."""
    cost = max(float(np.vdot(at.plan, problem.costs)), TINY)
    return 1 - min(0.1, max(1e-3, gap / cost))


def _moved(at: Iterate, step: Iterate, lengths: tuple[float, float]) -> Iterate:
    dual, primal = lengths
    return Iterate(
        at.psi + dual * step.psi,
        at.phi + dual * step.phi,
        at.slacks + dual * step.slacks,
        at.plan + primal * step.plan,
    )


def _link(problem: _Problem, at: Iterate) -> tuple[np.ndarray, np.ndarray]:
    """How the mass that psi asks for grows with psi, and how much of it is not there yet."""
    there = at.plan.sum(axis=0)
    if problem.is_steep:
        ratio = there / problem.q
        growth = problem.q / np.maximum(problem.f.curvature(ratio), LEAST_CURVATURE)
        return growth, growth * (at.psi - problem.f.derivative(ratio) + problem.f.slope_at_one)
    asked = problem.q * problem.f.excess_derivative(at.psi)
    curvature = problem.q * problem.f.excess_curvature(at.psi)
    if problem.is_linear:
        return curvature, asked - there
    return there * curvature / asked, there * np.log(asked / there)


def _factor(
    ratio: np.ndarray, row_ratio: np.ndarray, curvature: np.ndarray
) -> tuple[np.ndarray, bool]:
    """Cholesky of diag(column sums + curvature) - ratio^T diag(1 / row sums) ratio."""
    matrix = -(ratio / row_ratio[:, None]).T @ ratio
    np.fill_diagonal(matrix, 0.0)
    # the diagonal from the other entries: so the row sums are the curvature to the last digit
    diagonal = -matrix.sum(axis=0)
    for power in range(-15, -5, 2):
        np.fill_diagonal(matrix, diagonal * (1 + 10.0**power) + curvature + TINY)
        try:
            factor, lower = cho_factor(matrix, lower=True, check_finite=False)
            return factor, bool(lower)
        except LinAlgError:
            continue
    raise LinAlgError("singular")


def _lengths(problem: _Problem, at: Iterate, step: Iterate, share: float) -> tuple[float, float]:
    """The longest steps of at most 1, of the dual and of the plan, short of every boundary."""
    dual = _way(at.slacks, -step.slacks)
    if math.isfinite(problem.room):
        dual = min(dual, _way(problem.room - at.psi, step.psi))
    return min(1.0, share * dual), min(1.0, share * _way(at.plan, -step.plan))


def _way(room: np.ndarray, speed: np.ndarray) -> float:
    towards = speed > 0
    if not towards.any():
        return math.inf
    return float(np.min(room[towards] / speed[towards]))
