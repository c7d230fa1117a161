"""A tight potential against smooth ones: what measures best, and what generates best."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from small_tasks import PARTICLES_OF, judge, redrawn, roll
from study import Found, Study

import gparticles as gpa
from gparticles.flow.settings import default_potential
from gparticles.plots.style import tidy
from gparticles.potential import AbstractPotential

FRAMES = 21
Make = Callable[[int], AbstractPotential]
POTENTIALS: dict[str, Make] = {
    "default (AOL, smooth)": lambda seed: default_potential((3,), 1.0, None, seed),
    "smooth (Frobenius)": lambda seed: gpa.smooth_mlp(3, width=32, seed=seed),
    "tight, width 32": lambda seed: gpa.tight_mlp(3, width=32, seed=seed),
    "tight, width 64": lambda seed: gpa.tight_mlp(3, width=64, seed=seed),
}


def measure(seed: int, *, make: Make) -> Found:
    """One run on the Swiss roll; certified divergences at its frames."""
    task = roll(seed, PARTICLES_OF["roll"])
    store = gpa.Store(potentials=False, frames=FRAMES)
    began = time.perf_counter()
    flow = gpa.transport(task.source, task.target, potential=make(seed), store=store, seed=seed)
    seconds = time.perf_counter() - began
    certified = np.array(
        [
            gpa.divergence(frame, task.target, lipschitz=flow.lipschitz).lower
            for frame in flow.trajectory
        ]
    )
    own = flow.history["divergence"]
    steps = flow.trajectory_steps
    scores = judge(flow.particles, task) | {
        # the first fit goes on until it has settled, later ones follow
        "share": own[0] / certified[0],
        "share_later": own[steps[1]] / certified[1],
        "certified_end": certified[-1],
        "mean_speed": flow.history["mean_speed"][0],
        "seconds": seconds,
    }
    fresh = judge(task.fresh, task)
    fresh["certified_end"] = gpa.divergence(task.fresh, task.target, lipschitz=flow.lipschitz).lower
    floors = {"fresh": fresh, "resampled": judge(redrawn(task, seed), task)}
    return Found(scores, (steps, certified, own[np.minimum(steps, len(own) - 1)]), floors)


def draw(shown: dict[str, list[tuple[np.ndarray, ...]]]) -> Figure:
    """The certified divergence and the network's own, along the run."""
    page = Figure(figsize=(9, 3.8), layout="constrained")
    for axes, which in zip(page.subplots(1, 2, sharey=True), (1, 2), strict=True):
        for name, found in shown.items():
            axes.plot(found[0][0], np.maximum(found[0][which], 1e-3), marker=".", label=name)
        axes.set(yscale="log", xlabel="steps")
        tidy(axes, grid=True)
    page.axes[0].set(title="certified divergence of the particles", ylabel="nats")
    page.axes[1].set_title("what the network sees of it")
    page.axes[1].legend(frameon=False, fontsize=9)
    return page


def values(r: Any) -> dict[str, Any]:
    default, _, tight, _ = POTENTIALS
    # the fastest seed, since others used the machine and the first one compiles
    return {"slower": min(r.values(tight, "seconds")) / min(r.values(default, "seconds"))}


EXPERIMENT = Study({name: partial(measure, make=make) for name, make in POTENTIALS.items()}, draw)
