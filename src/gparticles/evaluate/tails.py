"""Heavy tails: how the norms of two clouds agree far from the centre.

The measures are those that arXiv 2608.11544 names: the L1 error of the complementary distribution
function (CCDF) of the norm, the log error at high quantiles, and Hill's index. What is computed is
what the docstrings say; whether that paper cuts off, bins or averages in the same way has not
been checked, so figures need not compare with its tables.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gparticles.checks import plain_array
from gparticles.evaluate.pairwise import rows

LEVELS = (0.9, 0.95, 0.99, 0.999)
HILL_SHARE = 0.05
# a quantile with fewer points beyond it in either cloud is left out
_ENOUGH_BEYOND = 10
# of (99 % - median) over (75 % - median) of the norm: 4.0 for |N(0, 1)|, less in more dimensions,
# 5.6 for an exponential law, 7.7 for |Student-t(3)|, 44 for |Cauchy|
_HEAVY = 6.0
_ENOUGH_ROWS = 100


def norms(points: Any, centre: Any = 0.0) -> np.ndarray:
    """|x - centre| of every row, shape (n,), data units."""
    flat = rows(points)
    return np.linalg.norm(flat - np.ravel(np.asarray(centre, np.float64)), axis=1)


def ccdf_error(x: Any, y: Any) -> float:
    """The L1 distance of the CCDFs of two samples of norms.

    The integral over r >= 0 of |P(X > r) - P(Y > r)| dr for the two empirical laws: exact, with no
    bins and no upper limit, and so the W1 distance of the norms.

    Bias: upward, of order n^(-1/2) where the variance is finite; without a finite mean it does not
    settle as n grows, and only equal numbers compare.

    Args:
        x, y: norms, shapes (m,) and (n,), data units.

    Returns:
        Data units.
    """
    from scipy.stats import wasserstein_distance

    return float(wasserstein_distance(plain_array(x, "x"), plain_array(y, "y")))


def tail_log_error(x: Any, y: Any, *, levels: Sequence[float] = LEVELS) -> float:
    """The mean, over high levels p, of |ln q_x(p) - ln q_y(p)|, q the quantile of the norm.

    Bias: upward, of order (n (1 - p))^(-1/2). A level beyond which either cloud has fewer
    than 10 points is left out.

    Args:
        x, y: norms, shapes (m,) and (n,), positive at these levels.
        levels: between 0 and 1.

    Returns:
        A difference of natural logarithms: 0.1 is about 10 %; nan where no level is left.
    """
    fewest = min(len(x), len(y))
    kept = [p for p in levels if (1 - p) * fewest >= _ENOUGH_BEYOND - 1e-9]
    if not kept:
        return math.nan
    high = np.quantile(x, kept), np.quantile(y, kept)
    if min(float(q.min()) for q in high) <= 0:
        return math.nan
    return float(np.abs(np.log(high[0]) - np.log(high[1])).mean())


def hill_index(x: Any, *, share: float = HILL_SHARE) -> float:
    """Hill's estimate of the tail index a in P(X > r) ~ r^(-a).

    The inverse of mean_(i <= k) ln x_(i) / x_(k+1), with x_(1) >= x_(2) >= ... and k the given
    share of the points, at least 10 (Hill 1975). Student's t with a degrees of freedom has index
    a; moments of order a and above are infinite.

    Bias: of the distance of the tail from a pure power law at this k, mostly downward for
    Student's t; standard error about a / k^(1/2). For light tails it is finite and means little.

    Args:
        x: norms, shape (n,).
        share: of the points that make the tail.

    Returns:
        The index, without unit; inf where the tail is constant, nan with too few points.
    """
    ordered = np.sort(plain_array(x, "x").astype(np.float64))[::-1]
    k = max(round(share * len(ordered)), _ENOUGH_BEYOND)
    if k + 1 > len(ordered) or ordered[k] <= 0:
        return math.nan
    mean = float(np.log(ordered[:k] / ordered[k]).mean())
    return 1 / mean if mean > 0 else math.inf


def looks_heavy(x: Any) -> bool:
    """Whether a sample of norms calls for measures of its tail.

    At least 100 points, and the range from the median to the 99 % quantile more than 6 times that
    from the median to the upper quartile.
    """
    if len(x) < _ENOUGH_ROWS:
        return False
    middle, upper, far = np.quantile(x, [0.5, 0.75, 0.99])
    return bool(far - middle > _HEAVY * (upper - middle))
