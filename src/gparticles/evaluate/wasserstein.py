"""Optimal transport between two clouds of equal weights: exact, sliced and entropic."""

import math
from typing import Any, NamedTuple

import numpy as np

from gparticles.evaluate.pairwise import rows, squared_distances, subsample

MAX_POINTS = 2000
PROJECTIONS = 100

_NORMAL_95 = 1.959964
_ROUNDS = 500
# the sums of the plan's columns may miss their weights by this share
_TOLERANCE = 1e-4
_ABSORB_EVERY = 20


class Interval(NamedTuple):
    """A number and the 95 % confidence interval around it.

    Attributes:
        value: the estimate.
        low, high: ends of the interval, in the value's units.
    """

    value: float
    low: float
    high: float


def w1(x: Any, y: Any, *, max_points: int = MAX_POINTS, seed: int = 0) -> Interval:
    """The exact 1-Wasserstein distance of two clouds, with a confidence interval.

    min over plans of sum_ij plan_ij |x_i - y_j|; everything else as for `w2`.
    """
    return _wasserstein(x, y, power=1, max_points=max_points, seed=seed)


def w2(x: Any, y: Any, *, max_points: int = MAX_POINTS, seed: int = 0) -> Interval:
    """The exact 2-Wasserstein distance of two clouds, with a confidence interval.

    The square root of min over plans of sum_ij plan_ij |x_i - y_j|^2, by the network simplex of
    POT on a float64 cost. A cloud larger than ``max_points`` is subsampled.

    Bias: upward, by about the distance of two fresh samples of these sizes (of order n^(-1/d)),
    so that only values of equal sizes compare. The interval is for the mean over samples of these
    sizes, with the optimal potentials u, v: variance of the p-th power is Var(u) / m + Var(v) / n
    (del Barrio and Loubes, Annals of Probability 47(2), 2019, theorem 4.1, for p = 2).

    Args:
        x, y: shapes (m, *event) and (n, *event), data units.
        max_points: of each cloud; the time grows with its cube.
        seed: of the subsamples.

    Returns:
        The distance and its interval, data units.

    >>> w2(np.zeros((3, 2)), np.ones((5, 2)) * [3.0, 4.0]).value
    5.0
    """
    return _wasserstein(x, y, power=2, max_points=max_points, seed=seed)


def _wasserstein(x: Any, y: Any, *, power: int, max_points: int, seed: int) -> Interval:
    a, b = (subsample(rows(points), max_points, seed=seed) for points in (x, y))
    # without the common centre, whose square would drown the distances of far-away data
    centre = a.mean(axis=0)
    a, b = a - centre, b - centre
    largest = max(np.abs(a).max(), np.abs(b).max())
    if largest == 0:
        return Interval(0.0, 0.0, 0.0)
    ends = exact(squared_distances(a / largest, b / largest), power=power)
    return Interval(*(largest * float(end) for end in ends))


def exact(squared: np.ndarray, *, power: int, repeats: np.ndarray | None = None) -> Interval:
    """`w1` or `w2` from squared distances, shape (m, n), whose unit should be near 1.

    ``repeats`` is how many points each row stands for, shape (m,).
    """
    # POT takes a second to import
    import ot

    cost = np.sqrt(squared) if power == 1 else squared
    count = np.ones(len(cost)) if repeats is None else repeats
    mass = count / count.sum()
    solved: Any = ot.emd2(mass, [], cost, numItermax=10_000_000, log=True)
    total, u, v = max(float(solved[0]), 0.0), solved[1]["u"], solved[1]["v"]
    spread = np.average((u - np.average(u, weights=mass)) ** 2, weights=mass)
    variance = float(spread / count.sum() + np.var(v) / len(v))
    margin = _NORMAL_95 * math.sqrt(variance)
    low, high = max(total - margin, 0.0), total + margin
    return Interval(*(end ** (1 / power) for end in (total, low, high)))


def sliced_w2(x: Any, y: Any, *, projections: int = PROJECTIONS, seed: int = 0) -> float:
    """The root mean square, over random directions t, of W2 between x.t and y.t.

    Rabin et al. 2011, by POT. Bias: upward, of order n^(-1/2) whatever the dimension; its size is
    about W2 / sqrt(d).

    Args:
        x, y: shapes (m, *event) and (n, *event), data units.
        projections: how many directions.
        seed: of the directions.

    Returns:
        The distance, data units.
    """
    import ot

    a, b = rows(x), rows(y)
    if len(a) != len(b):
        sliced: Any = ot.sliced_wasserstein_distance(a, b, n_projections=projections, seed=seed)
        return float(sliced)
    # of equal numbers the plan along a line pairs what is sorted
    directions = ot.sliced.get_random_projections(a.shape[1], projections, seed)
    first, second = (np.sort(directions.T @ cloud.T, axis=1) for cloud in (a, b))
    return math.sqrt(float(((first - second) ** 2).mean()))


def sinkhorn_divergence(x: Any, y: Any, *, epsilon: float) -> float:
    """The debiased entropic transport cost between two clouds.

    S = OT(x, y) - OT(x, x) / 2 - OT(y, y) / 2 with OT the minimum over plans of
    sum_ij plan_ij |x_i - y_j|^2 + epsilon KL(plan | product of the weights) (Feydy et al. 2019,
    eq. 3, where the cost has a factor 1/2). It tends to W2^2 as epsilon falls.

    Bias: upward, smaller than that of W2^2 and smaller the larger epsilon.

    Args:
        x, y: shapes (m, *event) and (n, *event), data units.
        epsilon: of the entropy, squared data units.

    Returns:
        S, squared data units; not negative but for rounding.

    >>> round(sinkhorn_divergence(np.zeros((3, 2)), np.ones((5, 2)) * [3.0, 4.0], epsilon=1.0), 3)
    25.0
    """
    a, b = rows(x), rows(y)
    return (
        entropic_cost(squared_distances(a, b), epsilon)
        - entropic_cost(squared_distances(a, a), epsilon) / 2
        - entropic_cost(squared_distances(b, b), epsilon) / 2
    )


def entropic_cost(cost: np.ndarray, epsilon: float) -> float:
    """OT of `sinkhorn_divergence` from costs, shape (m, n): the dual value at Sinkhorn's end.

    Scalings are moved into the potentials every so many rounds (Schmitzer 2019), and the first
    potentials are c-transforms, so that every row and column of the kernel has an entry of 1 and
    far outliers cannot make it vanish.
    """
    m, n = cost.shape
    f = cost.min(axis=1)
    g = (cost - f[:, None]).min(axis=0)
    for _ in range(_ROUNDS // _ABSORB_EVERY):
        kernel = np.exp((f[:, None] + g - cost) / epsilon)
        u, v, missed = np.ones(m), np.ones(n), 0.0
        for _ in range(_ABSORB_EVERY):
            u = n / (kernel @ v)
            columns = u @ kernel / m
            missed = float(np.abs(v * columns - 1).mean())
            v = 1 / columns
        f, g = f + epsilon * np.log(u), g + epsilon * np.log(v)
        if missed < _TOLERANCE:
            break
    return float(f.mean() + g.mean())
