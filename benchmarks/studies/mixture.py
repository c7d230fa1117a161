"""Four Gaussians under several Lipschitz bounds, and under none."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from study import REFERENCE, experiment

# data units: the clouds are a few across
RAN_AWAY = 100.0
BOUNDS = ("1", "10", "100", "inf")


def modes(points: np.ndarray) -> dict[str, float]:
    """How the four modes are met.

    Share within three standard deviations of a centre, where a two-dimensional Gaussian has
    1 - exp(-9/2) = 0.989 of its mass; and the largest difference of a mode's share from 1/4.
    """
    centres = np.array([(a, b) for a in (-2.0, 2.0) for b in (-2.0, 2.0)])
    distance = np.linalg.norm(points[:, None] - centres, axis=2)
    shares = np.bincount(distance.argmin(axis=1), minlength=4) / len(points)
    return {
        "at_modes": float((distance.min(axis=1) < 3 * 0.5).mean()),
        "worst_share": float(np.abs(shares - 0.25).max()),
    }


def lipschitz_variants() -> dict[str, Sequence[str]]:
    """The mixture with four L, from a source in its middle and from one far away."""
    far = ("source.mean=10.0", "source.std=0.5")
    near = {f"L = {L}": (f"lipschitz={L}",) for L in BOUNDS}
    distant = {f"L = {L}, source far away": (f"lipschitz={L}", *far) for L in BOUNDS}
    theirs = (*far, *REFERENCE, "steps=500", "step_size=0.5")
    alike = {
        f"L = {L}, far away, reference's settings": (f"lipschitz={L}", *theirs)
        for L in ("1", "inf")
    }
    return near | distant | alike


def values(r: Any) -> dict[str, Any]:
    far = r.values("L = inf, source far away", "w2")
    near = [r.of(f"L = {L}", "w2") for L in BOUNDS]
    return {
        "lost": sum(w2 > RAN_AWAY for w2 in far),
        "runs": len(far),
        "top": max(r.values("L = inf, source far away", "top_speed")),
        "least": min(near),
        "most": max(near),
    }


EXPERIMENT = experiment(
    "mixture", lipschitz_variants(), metrics=("w2", "energy", "copy_rate"), also=modes
)
