"""The Sierpinski carpet: particles in its holes."""

from typing import Any

import numpy as np
from study import REFERENCE, experiment

from gparticles.data import in_sierpinski_holes

OURS, DEFAULT, THEIRS = "recipe", "default potential", "reference's settings"


def holes(points: np.ndarray) -> dict[str, float]:
    """Shares in holes of the carpet (those of its first two levels, and all) and off its square."""
    inside = np.all((points[:, :2] >= 0) & (points[:, :2] <= 10), axis=1)
    return {
        "in_large_holes": float(in_sierpinski_holes(points, level=2).mean()),
        "in_holes": float(in_sierpinski_holes(points).mean()),
        "off_square": float(1 - inside.mean()),
    }


def values(r: Any) -> dict[str, Any]:
    # of other programs
    beside = {row: r.of(row, "in_large_holes") for row in r.rows if row not in r.record["rows"]}
    return {"theirs": "".join(f", {r.text(v, '%')} of those of {row}" for row, v in beside.items())}


VARIANTS = {
    OURS: (),
    DEFAULT: ("potential.preset=default", "potential.width=32", "fit_steps=3", "steps=1000"),
    THEIRS: (
        *REFERENCE,
        "potential.width=32",
        "fit_steps=3",
        "integrator=heun",
        "step_size=0.2",
        "steps=5000",
        "batch_size=200",
    ),
}
METRICS = ("w2", "copy_rate", "nearest_ratio")
EXPERIMENT = experiment("sierpinski", VARIANTS, METRICS, also=holes)
