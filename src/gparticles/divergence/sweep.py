"""The divergence for many L, between the distances that it turns into: W1 and D_f."""

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from gparticles.checks import check_finite, check_number, check_points
from gparticles.divergence.certified import DEFAULT_TOLERANCE, divergence
from gparticles.divergence.f_divergences import KL, AbstractF, Wasserstein1
from gparticles.divergence.ground import Weights, check_clouds, distances
from gparticles.errors import InputError

POINTS = 15
# L W1 at the first value of the default grid, and L times the distance of neighbours at the last
FIRST, LAST = 0.01, 100.0
# rows whose neighbours are looked for
LOOKED_AT = 200
# more than a product and a quotient can round
ROUNDING = 8 * float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False)
class Sweep:
    """D_f^L(P|Q) for ascending L; all arrays have one length.

    Attributes:
        lipschitz: L, nats per data unit.
        lower, upper: bounds of D, nats.
        converged: whether they are as near as the tolerance asks.
        w1: the Wasserstein-1 distance, data units, between its bounds; D <= L w1.
        d_f: D_f(P|Q), nats; infinite where P has mass outside Q's points. D <= d_f.
    """

    f: AbstractF
    lipschitz: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    converged: np.ndarray
    w1: float
    d_f: float

    @property
    def divergence(self) -> np.ndarray:
        """The middle of the bounds, nats."""
        return (self.lower + self.upper) / 2

    def as_dict(self) -> dict[str, Any]:
        """For plots and JSON; ``d_f`` is None where it is infinite."""
        return {
            "lipschitz": self.lipschitz,
            "divergence": self.divergence,
            "divergence_over_lipschitz": self.divergence / self.lipschitz,
            "lower": self.lower,
            "upper": self.upper,
            "converged": self.converged,
            "w1": self.w1,
            "d_f": self.d_f if math.isfinite(self.d_f) else None,
        }


def sweep(
    p: ArrayLike,
    q: ArrayLike,
    *,
    f: AbstractF | None = None,
    lipschitz: ArrayLike | None = None,
    p_weights: ArrayLike | None = None,
    q_weights: ArrayLike | None = None,
    tolerance: float = DEFAULT_TOLERANCE,
) -> Sweep:
    """The certified divergence for many L.

    D/L tends to W1 as L tends to 0, and D to D_f as L tends to infinity (Birrell et al. 2022,
    J. Mach. Learn. Res. 23(39)). D does not fall and D/L does not rise with L, so that every
    value also bounds the others; the bounds returned use that.

    Args:
        p, q, f, p_weights, q_weights, tolerance: as for ``gpa.divergence``.
        lipschitz: values of L, or None for ``default_grid``.

    Raises:
        InputError: as ``gpa.divergence``, and no or wrong values of L.

    >>> curve = sweep([[0.0]], [[3.0]], lipschitz=[1.0, 2.0])
    >>> curve.upper.tolist(), curve.w1, curve.d_f
    ([3.0, 6.0], 3.0, inf)
    """
    f = KL() if f is None else f
    weights: dict[str, Any] = {"p_weights": p_weights, "q_weights": q_weights}
    with warnings.catch_warnings():
        # one warning below, and not for every L
        warnings.filterwarnings("ignore", message="the gap reached is")
        w1 = divergence(p, q, f=Wasserstein1(), tolerance=tolerance, **weights)
        slopes = (
            default_grid(p, q, w1.upper, weights=(p_weights, q_weights))
            if lipschitz is None
            else _checked(lipschitz)
        )
        certificates = [
            divergence(p, q, f=f, lipschitz=float(slope), tolerance=tolerance, **weights)
            for slope in slopes
        ]
    lower, upper = _tightened(
        slopes, *(np.array([getattr(c, side) for c in certificates]) for side in ("lower", "upper"))
    )
    near = upper - lower <= tolerance * upper
    converged = near | np.array([c.converged for c in certificates])
    if not converged.all():
        warnings.warn(
            f"the tolerance {tolerance:g} is not reached for {np.sum(~converged)} of "
            f"{len(slopes)} values of L: their bounds hold, but are farther apart",
            stacklevel=2,
        )
    return Sweep(
        f=f,
        lipschitz=slopes,
        lower=lower,
        upper=upper,
        converged=converged,
        w1=(w1.lower + w1.upper) / 2,
        d_f=f_divergence(p, q, f=f, **weights),
    )


def f_divergence(
    p: ArrayLike,
    q: ArrayLike,
    *,
    f: AbstractF,
    p_weights: ArrayLike | None = None,
    q_weights: ArrayLike | None = None,
) -> float:
    """D_f(P|Q) = sum_j q_j f(p_j / q_j) over the distinct points of Q, nats.

    Infinite where P has mass on points that are none of Q's. Points are the same where all their
    coordinates are equal.

    >>> f_divergence([[0.0], [0.0], [1.0]], [[0.0], [1.0]], f=Wasserstein1())
    inf
    >>> f_divergence([[1.0], [0.0]], [[0.0], [1.0]], f=Wasserstein1())
    0.0
    """
    ground, rows, columns = check_clouds(p, q, 1.0, (p_weights, q_weights))
    pooled = np.concatenate([_flat(p, "p")[rows], _flat(q, "q")[columns]])
    # + 0.0 makes one zero of the two
    atoms, at = np.unique(pooled + 0.0, axis=0, return_inverse=True)
    at = at.reshape(-1)
    first, second = (
        np.bincount(part, weights=mass, minlength=len(atoms))
        for part, mass in ((at[: len(rows)], ground.p), (at[len(rows) :], ground.q))
    )
    if (first[second == 0] > 0).any():
        return math.inf
    ratio = first[second > 0] / second[second > 0]
    # sums of equal weights in another order
    ratio = np.where(np.abs(ratio - 1) <= 1e-12, 1.0, ratio)
    return max(0.0, float(second[second > 0] @ f(ratio)))


def default_grid(
    p: ArrayLike, q: ArrayLike, w1: float, *, weights: Weights = (None, None)
) -> np.ndarray:
    """Values of L, evenly spaced on a log scale, from where D is L W1 to where it is D_f.

    The last is a hundred nats over the distance from points of P to the nearest other point of Q:
    beyond it the potential can take any values on the points.

    Args:
        w1: the Wasserstein-1 distance, data units.
        weights: of p and of q; points of weight 0 do not count.
    """
    ground, _, _ = check_clouds(p, q, 1.0, weights)
    some = ground.x[:: max(1, len(ground.x) // LOOKED_AT)]
    between = distances(some, ground.y) * ground.unit
    nearest = np.where(between > 0, between, np.inf).min(axis=1)
    nearest = nearest[np.isfinite(nearest)]
    near = float(np.median(nearest)) if len(nearest) else 1.0
    return np.geomspace(FIRST / max(w1, near), LAST / near, POINTS)


def _checked(lipschitz: ArrayLike) -> np.ndarray:
    try:
        slopes = np.asarray(lipschitz, np.float64)
    except (TypeError, ValueError):
        raise InputError("lipschitz: give an array of numbers above 0") from None
    if slopes.ndim != 1 or len(slopes) == 0:
        raise InputError(f"lipschitz has shape {slopes.shape}: give a list of at least one L")
    check_finite(slopes, "lipschitz")
    check_number(float(slopes.min()), "lipschitz")
    return np.sort(slopes)


def _tightened(
    slopes: np.ndarray, lower: np.ndarray, upper: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Bounds of D(L) from those at all L: D does not fall, and D/L does not rise."""
    lower = np.maximum.accumulate(lower)
    upper = np.minimum.accumulate(upper[::-1])[::-1]
    below = np.maximum.accumulate((lower / slopes)[::-1])[::-1] * slopes
    above = np.minimum.accumulate(upper / slopes) * slopes
    return np.maximum(lower, below * (1 - ROUNDING)), np.minimum(upper, above * (1 + ROUNDING))


def _flat(points: ArrayLike, name: str) -> np.ndarray:
    array = check_points(points, name)
    return array.reshape(len(array), -1).astype(np.float64)
