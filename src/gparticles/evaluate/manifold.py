"""Precision, recall, density and coverage: balls around points that reach their k-th neighbour."""

from typing import Any, NamedTuple

import numpy as np

from gparticles.evaluate.distances import matrices

NEIGHBOURS = 5


class Manifold(NamedTuple):
    """What balls around generated and real points say about each other.

    Attributes:
        precision: share of generated points inside a ball of a real one, 0 to 1.
        recall: share of real points inside a ball of a generated one, 0 to 1.
        density: mean number of real balls around a generated point over k, at least 0.
        coverage: share of real points whose ball holds a generated one, 0 to 1.
    """

    precision: float
    recall: float
    density: float
    coverage: float


def manifold(generated: Any, real: Any, *, k: int = NEIGHBOURS) -> Manifold:
    """Precision and recall, density and coverage.

    A point's ball reaches to its k-th nearest neighbour in its own cloud. Precision and recall:
    Kynkaanniemi et al. 2019, eq. 2 and 3 (there k = 3); density and coverage: Naeem et al. 2020,
    eq. 4 and 5 (there k = 5).

    Bias: precision and recall stay below 1 for equal distributions and are raised by single
    outliers with large balls; density is 1 for them on average; coverage is `expected_coverage`.
    A generated point that is repeated more than k times has an empty ball, so recall punishes
    repetition.

    Args:
        generated, real: shapes (m, *event) and (n, *event), data units; a cloud of k rows or
            fewer uses the farthest of its neighbours.
        k: which neighbour.

    Returns:
        Four numbers without unit.
    """
    between, ours, theirs = matrices(generated, real)
    return manifold_of(between, squared_radii(ours, k=k), squared_radii(theirs, k=k), k=k)


def manifold_of(
    between: np.ndarray, ours: np.ndarray, theirs: np.ndarray, *, k: int = NEIGHBOURS
) -> Manifold:
    """`manifold` from squared distances, shape (m, n), and squared radii, shapes (m,) and (n,)."""
    inside_real = between <= theirs
    inside_generated = between <= ours[:, None]
    used = min(k, len(theirs) - 1)
    return Manifold(
        precision=float(inside_real.any(axis=1).mean()),
        recall=float(inside_generated.any(axis=0).mean()),
        density=float(inside_real.sum(axis=1).mean()) / used,
        coverage=float(inside_real.any(axis=0).mean()),
    )


def squared_radii(within: np.ndarray, *, k: int = NEIGHBOURS) -> np.ndarray:
    """Each point's squared distance to its k-th neighbour, shape (n,), from squares (n, n)."""
    # the point itself, at distance 0, takes the first place
    place = min(k, len(within) - 1)
    # row by row, since rows stay in the processor's cache
    return np.array([np.partition(row, place)[place] for row in within])


def expected_coverage(generated: int, real: int, *, k: int = NEIGHBOURS) -> float:
    """The mean coverage where both clouds are samples of one continuous distribution.

    Seen from a real point, the order of all others is random; it is not covered if the k nearest
    are all real: 1 - prod_(i < k) (n - 1 - i) / (n - 1 + m - i) (Naeem et al. 2020, lemma 2).

    >>> round(expected_coverage(10_000, 10_000), 2)
    0.97
    """
    i = np.arange(min(k, real - 1))
    return float(1 - np.prod((real - 1 - i) / (real - 1 + generated - i)))
