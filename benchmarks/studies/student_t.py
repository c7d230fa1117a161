"""Student-t with half a degree of freedom, under three f and in three units: what collapses?"""

from functools import partial
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from study import REFERENCE, Study
from tail_runs import fresh, tail_run

from gparticles.plots.style import PARTICLES, TARGET, tidy

RECIPE = "student-t"
LONG = ("steps=5000", "step_size=0.1", "fit_steps=5")
UNITS = {
    "reference's settings": (*REFERENCE, "learning_rate=1e-2", *LONG),
    "raw units, default potential": ("scale=1.0", *LONG),
    "logarithms": (),
}
FS = {"KL": "kl", "alpha 2": "alpha:2", "alpha 10": "alpha:10"}
FRESH = "target: fresh points"


def name_of(units: str, f: str) -> str:
    """A row's name."""
    return f"{units}: {f}"


def draw(shown: dict[str, list[Any]]) -> Figure:
    """Particles of the first seed on the targets, coordinates by their logarithms beyond 1."""
    page = Figure(figsize=(12.5, 12.5), layout="constrained")
    for k, (row, found) in enumerate((r, s[0]) for r, s in shown.items() if r != FRESH):
        axes = page.add_subplot(len(UNITS), len(FS), k + 1)
        axes.scatter(*found.target.T, s=9, c=TARGET, linewidths=0, alpha=0.6, label="target")
        axes.scatter(*found.particles.T, s=9, c=PARTICLES, linewidths=0, label="particles")
        reach = 1.5 * float(np.abs(found.target).max())
        axes.set(xscale="symlog", yscale="symlog", xlim=(-reach, reach), ylim=(-reach, reach))
        axes.set_title(row, fontsize=11)
        ticks = [-1e8, -1e4, 0, 1e4, 1e8]
        axes.set(xticks=[t for t in ticks if abs(t) < reach])
        axes.set(yticks=[t for t in ticks if abs(t) < reach])
        tidy(axes)
        if k == 0:
            axes.legend(frameon=False, loc="upper left")
    return page


def values(r: Any) -> dict[str, Any]:
    theirs, raw, ours = UNITS

    def three(score: str, units: str) -> str:
        kl, two, ten = (r.text(r.of(name_of(units, f), score)) for f in FS)
        return f"{kl} with KL, {two} with alpha 2, {ten} with alpha 10"

    failed = [v for units in UNITS for f in FS for v in r.values(name_of(units, f), "failed")]
    return {
        "failures": int(sum(failed)),
        "runs": len(failed),
        "beyond_theirs": three("beyond", theirs),
        "beyond_ours": three("beyond", ours),
        "radius_theirs": three("log_radius", theirs),
        "radius_raw": three("log_radius", raw),
        "radius_ours": three("log_radius", ours),
        "commands": r.typed(UNITS, RECIPE),
    }


ROWS = {
    name_of(units, f): partial(tail_run, RECIPE, (*overrides, f"f={name}"))
    for units, overrides in UNITS.items()
    for f, name in FS.items()
} | {FRESH: partial(fresh, RECIPE)}
EXPERIMENT = Study(ROWS, draw)
