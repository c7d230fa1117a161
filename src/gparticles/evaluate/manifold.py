"""Precision, recall, density and coverage: balls around points that reach their k-th neighbour."""

from typing import Any, NamedTuple

import numpy as np

from gparticles.evaluate.distances import Matrices, matrices

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
    return manifold_of(matrices(generated, real), k=k)


def manifold_of(squared: Matrices, *, k: int = NEIGHBOURS) -> Manifold:
    """`manifold` from squared distances; x is generated and y is real."""
    theirs, ours = (squared_radii(within, k=k) for within in (squared.yy, squared.xx))
    inside_real = squared.xy <= theirs
    inside_generated = squared.xy <= ours[:, None]
    used = min(k, len(squared.yy) - 1)
    return Manifold(
        precision=float(inside_real.any(axis=1).mean()),
        recall=float(inside_generated.any(axis=0).mean()),
        density=float(inside_real.sum(axis=1).mean()) / used,
        coverage=float(inside_real.any(axis=0).mean()),
    )


def squared_radii(within: np.ndarray, *, k: int) -> np.ndarray:
    """Each point's squared distance to its k-th neighbour, shape (n,), from squares (n, n)."""
    # the point itself, at distance 0, takes the first place
    place = min(k, len(within) - 1)
    return np.partition(within, place, axis=1)[:, place]


def expected_coverage(generated: int, real: int, *, k: int = NEIGHBOURS) -> float:
    """The mean coverage where both clouds are samples of one continuous distribution.

    Seen from a real point, the order of all others is random; it is not covered if the k nearest
    are all real: 1 - prod_(i < k) (n - 1 - i) / (n - 1 + m - i) (Naeem et al. 2020, lemma 2).

    >>> round(expected_coverage(10_000, 10_000), 2)
    0.97
    """
    i = np.arange(min(k, real - 1))
    return float(1 - np.prod((real - 1 - i) / (real - 1 + generated - i)))
