"""How far generated points are from held-out ones, beside the floors that make it readable.

A distance alone says little: at these sample sizes two clouds of one distribution are far apart
too. So it comes with ``fresh``, the distance of such a pair, which no method can beat on average,
and with ``resampled``, that of the training points drawn anew, which any method should beat.
"""

from typing import Any

import numpy as np

MAX_POINTS = 2000


def subsample(points: np.ndarray, count: int, *, seed: int = 0) -> np.ndarray:
    """At most ``count`` of the rows, without repetition, in their order."""
    if len(points) <= count:
        return points
    chosen = np.random.default_rng(seed).choice(len(points), count, replace=False)
    return points[np.sort(chosen)]


def resampled(points: np.ndarray, count: int, *, seed: int = 0) -> np.ndarray:
    """``count`` of the rows, drawn with repetition."""
    return points[np.random.default_rng(seed).integers(len(points), size=count)]


def w2(x: np.ndarray, y: np.ndarray, *, max_points: int = MAX_POINTS, seed: int = 0) -> float:
    """The exact 2-Wasserstein distance of two clouds with equal weights.

    The square root of min over plans of sum_ij plan_ij |x_i - y_j|^2, by the network simplex of
    POT on a float64 cost. A cloud larger than ``max_points`` is subsampled.

    Args:
        x, y: shapes (m, *event) and (n, *event), data units.
        max_points: of each cloud; the time grows with its cube.
        seed: of the subsamples.

    Returns:
        The distance, data units.

    >>> w2(np.zeros((3, 2)), np.ones((5, 2)) * [3.0, 4.0])
    5.0
    """
    # POT takes a second to import
    import ot

    a, b = (_rows(points, max_points, seed) for points in (x, y))
    # without the common centre, whose square would drown the distances of far-away data
    centre = a.mean(axis=0)
    a, b = a - centre, b - centre
    largest = max(np.abs(a).max(), np.abs(b).max())
    if largest == 0:
        return 0.0
    cost = ot.dist(a / largest, b / largest)
    squared: Any = ot.emd2([], [], np.maximum(cost, 0), numItermax=10_000_000)
    return float(largest * np.sqrt(max(float(squared), 0.0)))


def w2_beside_floors(
    particles: np.ndarray,
    held_out: np.ndarray,
    *,
    target: np.ndarray,
    fresh: np.ndarray | None = None,
    max_points: int = MAX_POINTS,
    seed: int = 0,
) -> dict[str, Any]:
    """W2 from particles to held-out points, with its floors.

    Args:
        particles: shape (m, *event), data units.
        held_out: points of the target's distribution that the flow has not seen.
        target: the points it was fitted to, resampled to the particles' number for one floor.
        fresh: more unseen points, for the other floor; None where there are none.
        max_points: of each cloud; larger ones are subsampled, and the result says so.
        seed: of subsampling and resampling.

    Returns:
        ``value``, ``resampled``, ``fresh`` where it is known, ``unit``, ``points`` (how many of
        each cloud were compared) and a ``note``.
    """
    count = min(len(particles), max_points)
    against = subsample(held_out, max_points, seed=seed)
    again = resampled(target, count, seed=seed)
    found: dict[str, Any] = {
        "value": w2(particles, against, max_points=max_points, seed=seed),
        "resampled": w2(again, against, max_points=max_points, seed=seed),
    }
    if fresh is not None:
        found["fresh"] = w2(fresh, against, max_points=max_points, seed=seed)
    capped = max(len(particles), len(held_out)) > max_points
    note = f"; clouds are subsampled to {max_points} points" if capped else ""
    return {
        **found,
        "unit": "data units",
        "points": [count, len(against)],
        "note": f"exact, particles to held-out points{note}",
    }


def _rows(points: np.ndarray, max_points: int, seed: int) -> np.ndarray:
    chosen = subsample(np.asarray(points), max_points, seed=seed)
    return chosen.reshape(len(chosen), -1).astype(np.float64)
