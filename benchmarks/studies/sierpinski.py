"""The Sierpinski carpet: particles in its holes."""

import numpy as np
from pages import Page, Results, percent
from study import REFERENCE, Experiment

from gparticles.data import in_sierpinski_holes


def holes(points: np.ndarray) -> dict[str, float]:
    """Shares in holes of the carpet (those of its first two levels, and all) and off its square."""
    inside = np.all((points[:, :2] >= 0) & (points[:, :2] <= 10), axis=1)
    return {
        "in_large_holes": float(in_sierpinski_holes(points, level=2).mean()),
        "in_holes": float(in_sierpinski_holes(points).mean()),
        "off_square": float(1 - inside.mean()),
    }


def finding(r: Results) -> str:
    ours, tight, theirs = "recipe", "tight potential", "reference's settings"
    rows = (ours, tight, theirs, "source", "smoothed", "fresh")
    large = {row: percent(r.mean(row, "in_large_holes")) for row in rows}
    return f"""In the holes of the first two levels are {large[ours]} of the recipe's particles,
        {large[tight]} with the tight potential and {large[theirs]} with the reference's settings;
        {large["source"]} where they start, {large["fresh"]} of fresh points. Training points with
        the likeliest noise have {large["smoothed"]}: the recipe is below that in
        {r.wins(ours, "smoothed", "in_large_holes")} seeds, the tight potential in
        {r.wins(tight, "smoothed", "in_large_holes")}."""


EXPERIMENT = Experiment(
    "sierpinski",
    {
        "recipe": (),
        "tight potential": ("potential.preset=tight", "potential.width=32"),
        "reference's settings": (
            *REFERENCE,
            "integrator=heun",
            "step_size=0.2",
            "steps=5000",
            "batch_size=200",
        ),
    },
    metrics=("w2", "copy_rate", "nearest_ratio"),
    also=holes,
)
PAGE = Page(
    "Sierpinski carpet: are the holes empty?",
    "4096 particles from a Gaussian learn the Sierpinski carpet from 4096 points, one in each "
    "square of level 4 (arXiv 2210.17230).",
    "The carpet has side 10, particles start from N(0, 9 I). A uniform square would have "
    "21.0 % of its points in the holes of the first two levels and 37.6 % in all.",
    ("in_large_holes", "in_holes", "off_square", "w2", "nearest_ratio", "seconds"),
    finding,
)
