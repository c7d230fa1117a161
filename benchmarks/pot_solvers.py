"""POT's two solvers of the semi-relaxed problem, run until our bounds certify a gap.

KL and L = 1: min over plans with row sums p of <C, plan> + KL(column sums | q), C_ij = |x_i - y_j|.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import ot
from clouds import Clouds
from common import seconds_of
from internals import TINY, Bounds

GAP = 1e-3
EXACT_SEARCH = "exact search"
GROWTH = 1.25
BISECTIONS = 30


@dataclass(frozen=True)
class Problem:
    """Two clouds of equal weights and their cost matrix."""

    clouds: Clouds
    bounds: Bounds
    cost: np.ndarray
    seconds_of_cost: float

    @property
    def weights(self) -> tuple[np.ndarray, np.ndarray]:
        m, n = self.cost.shape
        return np.full(m, 1 / m), np.full(n, 1 / n)

    def gap(self, plan: np.ndarray, potentials: Sequence[np.ndarray] = ()) -> float:
        """What our bounds prove with a rival's plan and potentials on the target."""
        return self.bounds.gap(plan, potentials)


class Reached(NamedTuple):
    """What a rival came to: seconds, the certified gap, iterations, and with which setting."""

    seconds: float
    gap: float
    iterations: int
    setting: str


def problem_of(clouds: Clouds) -> Problem:
    """The problem, its cost matrix timed."""
    # the first call of all also imports
    ot.dist(*(cloud[:2] for cloud in clouds), metric="euclidean")
    seconds, cost = seconds_of(lambda: ot.dist(*clouds, metric="euclidean"))
    return Problem(clouds, Bounds(clouds, cost), cost, seconds)


# --- conditional gradient ---


def log_ratio(plan: np.ndarray) -> np.ndarray:
    """log r_j / q_j of the column sums, with q_j = 1/n: the slope of the relative entropy."""
    columns = plan.sum(axis=0)
    return np.log(np.maximum(columns * len(columns), TINY))


def relative_entropy(plan: np.ndarray) -> float:
    """KL(column sums | q)."""
    return float(plan.sum(axis=0) @ log_ratio(plan))


def exact_search(problem: Problem) -> Callable[..., tuple]:
    """The minimum along the direction by bisection of the slope, without the objective."""

    def search(_: Any, plan: np.ndarray, direction: np.ndarray, *__: Any, **___: Any) -> tuple:
        linear = np.vdot(problem.cost, direction)
        columns, change = plan.sum(axis=0), direction.sum(axis=0)
        low, high = 0.0, 1.0
        for _ in range(BISECTIONS):
            middle = (low + high) / 2
            ratio = (columns + middle * change) * len(columns)
            if linear + change @ np.log(np.maximum(ratio, TINY)) > 0:
                high = middle
            else:
                low = middle
        # with the stops off, only the step matters
        return (low + high) / 2, 1, 0.0

    return search


def frank(problem: Problem, kind: str, cap: float) -> Reached:
    """Conditional gradient until the gap or the cap, in blocks."""
    a, b = problem.weights
    plan, seconds, done, block, gap = np.outer(a, b), problem.seconds_of_cost, 0, 20, np.inf
    search = exact_search(problem) if kind == EXACT_SEARCH else None
    while gap > GAP and seconds < cap:
        call = partial(
            ot.optim.semirelaxed_cg,
            *(a, b, problem.cost, 1.0, relative_entropy, lambda plan: log_ratio(plan)[None]),
            G0=plan,
            line_search=search,
            numItermax=block,
            stopThr=-1,
            stopThr2=-1,
        )
        took, plan = seconds_of(call)
        seconds, done = seconds + took, done + block
        gap = min(gap, problem.gap(plan))
        block = max(20, int((GROWTH - 1) * done))
    return Reached(seconds, gap, done, kind)


# --- Sinkhorn ---


@dataclass(frozen=True)
class Schedule:
    """Regularisations in turn; the last one runs for as long as it takes."""

    last: float
    factor: float = 0.0
    each: int = 0
    method: str = "sinkhorn"
    dtype: str = "float64"

    def stages(self) -> list[float]:
        """The regularisations before the last one."""
        if not self.factor:
            return []
        found = [1.0]
        while found[-1] / self.factor > self.last * 1.01:
            found.append(found[-1] / self.factor)
        return found

    def __str__(self) -> str:
        path = f"from 1 by {self.factor:g}, {self.each} each, " if self.factor else ""
        return f"{self.method}, {path}reg {self.last:g}, {self.dtype}"


class Scaled(NamedTuple):
    """A Sinkhorn state: the plan, log u and log v at a regularisation."""

    plan: np.ndarray
    log_u: np.ndarray
    log_v: np.ndarray
    reg: float


def sinkhorn_call(
    arrays: tuple[np.ndarray, ...],
    schedule: Schedule,
    start: Scaled | None,
    *,
    reg: float,
    iterations: int,
) -> Scaled:
    """So many iterations at one regularisation from a state on."""
    warm = None
    if start is not None:
        # the potentials reg log u are what stays
        warm = tuple(part * (start.reg / reg) for part in (start.log_u, start.log_v))
    # a stabilisation that sets in early stalls far from the optimum
    other = {"tau": 1e50} if schedule.method == "sinkhorn_stabilized" else {}
    plan, log = ot.unbalanced.sinkhorn_unbalanced(
        *arrays,
        reg,
        (float("inf"), 1.0),
        method=schedule.method,
        warmstart=warm,
        numItermax=iterations,
        stopThr=0,
        log=True,
        **other,
    )
    return Scaled(plan, log["logu"], log["logv"], reg)


def arrays_of(problem: Problem, schedule: Schedule) -> tuple[np.ndarray, ...]:
    """Weights and costs as the schedule wants them."""
    lowered = problem.cost - problem.cost.min(axis=1, keepdims=True)
    return tuple(part.astype(schedule.dtype) for part in (*problem.weights, lowered))


def sinkhorn_run(problem: Problem, schedule: Schedule, iterations: int) -> Scaled:
    """All stages and so many iterations of the last, as a user would run them."""
    arrays, state = arrays_of(problem, schedule), None
    for reg in schedule.stages():
        state = sinkhorn_call(arrays, schedule, state, reg=reg, iterations=schedule.each)
    return sinkhorn_call(arrays, schedule, state, reg=schedule.last, iterations=iterations)


def gap_of(problem: Problem, state: Scaled) -> float:
    """The certified gap of a state; infinite where it broke down."""
    return problem.gap(state.plan, [-state.reg * np.asarray(state.log_v, np.float64)])


def iterations_needed(problem: Problem, schedule: Schedule, cap: float) -> tuple[int, float]:
    """How many iterations of the last stage reach the gap within the cap; the best gap seen."""
    arrays = arrays_of(problem, schedule)
    seconds, state = seconds_of(lambda: sinkhorn_run(problem, schedule, 5))
    done, best, stale = 5, gap_of(problem, state), 0
    while best > GAP and seconds < cap and stale < 5 and np.isfinite(best):
        block = max(5, int((GROWTH - 1) * done))
        call = partial(sinkhorn_call, arrays, schedule, state, reg=schedule.last, iterations=block)
        took, state = seconds_of(call)
        seconds, done = seconds + took, done + block
        gap = gap_of(problem, state)
        stale = 0 if gap < 0.98 * best else stale + 1
        best = min(best, gap)
    return done, best


def sinkhorn(problem: Problem, schedule: Schedule, cap: float) -> Reached:
    """The timed run of just as many iterations as are needed."""
    iterations, best = iterations_needed(problem, schedule, cap)
    if best > GAP:
        return Reached(float("inf"), best, iterations, str(schedule))
    runs = [seconds_of(lambda: sinkhorn_run(problem, schedule, iterations)) for _ in range(2)]
    seconds = min(run[0] for run in runs) + problem.seconds_of_cost
    return Reached(seconds, gap_of(problem, runs[0][1]), iterations, str(schedule))
