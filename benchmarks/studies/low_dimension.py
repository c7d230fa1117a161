"""The small examples: a far Gaussian, a law with heavy tails, an attractor, point masses."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from scipy.linalg import sqrtm
from study import Found, Study, picture, run_one

SPACING = 4.0
AT = 0.1
FAR = 30.0
TIGHT = "points, tight potential"


def from_standard(points: np.ndarray) -> dict[str, float]:
    """W2 in closed form between N(mean, covariance) of the points and N(0, I)."""
    points = np.asarray(points, np.float64)
    covariance = np.cov(points.T, ddof=0)
    root = np.real(sqrtm(covariance))
    apart = np.sum(points.mean(axis=0) ** 2) + np.trace(covariance + np.eye(2) - 2 * root)
    return {"own": float(np.sqrt(max(apart, 0.0)))}


def at_points(points: np.ndarray) -> dict[str, float]:
    """The share of particles within AT of one of the nine points."""
    nearest = SPACING * np.clip(np.round(np.asarray(points, np.float64) / SPACING), -1, 1)
    return {"own": float((np.linalg.norm(points - nearest, axis=1) < AT).mean())}


def beyond(points: np.ndarray) -> dict[str, float]:
    """The share of points with |x| + |y| above FAR."""
    return {"own": float((np.abs(points).sum(axis=1) > FAR).mean())}


def right_lobe(points: np.ndarray) -> dict[str, float]:
    """The share of points on the right wing of the attractor, a half by symmetry."""
    return {"own": float((points[:, 0] > 0).mean())}


Own = Callable[[np.ndarray], dict[str, float]]
ROWS: dict[str, tuple[str, Sequence[str], Own]] = {
    "gaussian": ("gaussian", (), from_standard),
    "stretched-exponential": ("stretched-exponential", (), beyond),
    "lorenz": ("lorenz", (), right_lobe),
    "points": ("points", (), at_points),
    TIGHT: ("points", ("potential.preset=tight", "potential.width=32"), at_points),
}


def measure(seed: int, *, recipe: str, overrides: Sequence[str], also: Own) -> Found:
    """The recipe, judged by W2 and by what is known of its target."""
    metrics = ("w2", "nearest_ratio", "coverage")
    found = run_one(recipe, overrides, seed, metrics=metrics, also=also)
    beside = {
        f"{score}_{role}": found.floors[role][score]
        for role in ("fresh", "resampled")
        for score in ("w2", "own")
        if found.floors[role].get(score) is not None
    }
    # nearness has no meaning where held-out points are training points
    known = {name: value for name, value in found.scores.items() if value is not None}
    return Found(known | beside, found.shown)


EXPERIMENT = Study(
    {
        name: partial(measure, recipe=recipe, overrides=overrides, also=also)
        for name, (recipe, overrides, also) in ROWS.items()
    },
    picture,
)
