"""Diversity: how many particles it takes until they are no copies of the training points."""

import time
from functools import cache, partial
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from measure import Found, Measurement
from pages import Page, Results, figure, percent

import gparticles as gpa
from gparticles.evaluate.memorisation import memorisation
from gparticles.plots.style import GREY, tidy

from .small_tasks import TARGETS, Task, distance, judge, roll

# the tight potential with the largest ratio takes a minute for every seed
RATIOS = {"default": (1, 3, 5, 25), "tight": (1, 3, 5)}
MOST = RATIOS["default"][-1]
STEPS, EARLY, EVERY = 5000, 1000, 500
# of the median distance of a fresh point to its nearest target
NEAR = 0.1


@cache
def run(seed: int, potential: str, ratio: int) -> tuple[Task, gpa.Flow, float]:
    """The long run, whose first part is the short one."""
    task = roll(seed, ratio * TARGETS)
    phi = gpa.tight_mlp(3, width=32, seed=seed) if potential == "tight" else None
    store = gpa.Store(potentials=False, frames=STEPS // EVERY + 1)
    began = time.perf_counter()
    flow = gpa.transport(
        task.source, task.target, potential=phi, steps=STEPS, store=store, seed=seed
    )
    return task, flow, time.perf_counter() - began


def measure(seed: int, *, potential: str, ratio: int, steps: int) -> Found:
    """Scores after so many steps; for the picture, nearness at every frame."""
    task, flow, seconds = run(seed, potential, ratio)
    frames = dict(zip(flow.trajectory_steps.tolist(), flow.trajectory, strict=True))
    scores = {
        **judge(frames[steps], task),
        "near_copies": near_copies(frames[steps], task),
        "fresh_w2": distance(task.fresh, task),
        "seconds": seconds * steps / STEPS,
    }
    near = [
        memorisation(cloud, task.target, task.held_out).nearest_ratio for cloud in frames.values()
    ]
    fresh = {**judge(task.fresh, task), "near_copies": near_copies(task.fresh, task)}
    return Found(scores, (list(frames), near), {"fresh": fresh})


def near_copies(points: np.ndarray, task: Task) -> float:
    """Share nearer to a target than a tenth of the median distance of fresh points."""
    from scipy.spatial import cKDTree

    tree = cKDTree(task.target)
    usual = np.median(tree.query(task.held_out)[0])
    return float(np.mean(tree.query(points)[0] < NEAR * usual))


def name_of(potential: str, ratio: int, steps: int) -> str:
    return f"{potential}, {ratio} per target, {steps} steps"


def draw(shown: dict[str, list[Any]]) -> Figure:
    """Nearness over steps, a panel for each potential, a curve for each ratio."""
    page = Figure(figsize=(9, 3.8), layout="constrained")
    for axes, potential in zip(page.subplots(1, 2, sharey=True), RATIOS, strict=True):
        for ratio in RATIOS[potential]:
            steps, near = shown[name_of(potential, ratio, STEPS)][0]
            # the source is far from all targets
            axes.plot(steps[1:], near[1:], marker=".", label=f"{ratio} per target")
        axes.axhline(1, c=GREY, ls="--", lw=0.8)
        axes.set(title=f"{potential} potential", xlabel="steps", ylim=(0, 1.2))
        tidy(axes, grid=True)
    first = page.axes[0]
    first.set_ylabel("distance to the nearest training point\nover that of fresh points")
    first.legend(frameon=False, fontsize=9)
    return page


def finding(r: Results) -> str:
    def values(potential: str, steps: int, score: str) -> list[float]:
        return [r.mean(name_of(potential, ratio, steps), score) for ratio in RATIOS[potential]]

    near = {
        (p, s): " to ".join(figure(pick(values(p, s, "nearest_ratio"))) for pick in (min, max))
        for p in RATIOS
        for s in (EARLY, STEPS)
    }
    beside = {
        (p, s): percent(max(values(p, s, "near_copies"))) for p in RATIOS for s in (EARLY, STEPS)
    }
    copies = max(v for row in r.rows for v in r.values(row, "copy_rate"))
    w2 = {s: figure(r.mean(name_of("default", MOST, s), "w2")) for s in (EARLY, STEPS)}
    cover = {s: figure(r.mean(name_of("default", MOST, s), "coverage")) for s in (EARLY, STEPS)}
    return f"""In the strict sense hardly any particle is a copy, at one per point as at {MOST};
        but how near they come is not a matter of numbers: **the ratio hardly matters, the time
        does.** With every number of particles they come as near to the training points in the
        same time: their median distance is {near["default", EARLY]} of that of fresh points after
        {EARLY} steps with the
        default potential and {near["default", STEPS]} after {STEPS} (tight: {near["tight", EARLY]}
        and {near["tight", STEPS]}). So no ratio keeps them away; what does
        is to stop the flow. The network, which is the same for any number of particles, either
        tells the training points apart or does not. Copies in that strict sense are
        at most {percent(copies)} of a run's particles; nearer to a point than a tenth of the usual
        distance are at most {beside["default", EARLY]} after {EARLY} steps and
        {beside["default", STEPS]} after {STEPS} (tight: {beside["tight", EARLY]} and
        {beside["tight", STEPS]}). More particles cover more, and the longer run takes some of
        that away again: {cover[EARLY]} and {cover[STEPS]} with {MOST} per point. It does not
        improve W2 to held-out points either ({w2[EARLY]} and {w2[STEPS]})."""


EXPERIMENT = Measurement(
    {
        name_of(potential, ratio, steps): partial(
            measure, potential=potential, ratio=ratio, steps=steps
        )
        for potential in RATIOS
        for steps in (EARLY, STEPS)
        for ratio in RATIOS[potential]
    },
    draw,
)
PAGE = Page(
    "Diversity: how many particles for each training point",
    "With more particles than training points the particles cannot all become copies, and the "
    "flow generates new ones (README of the published code, which takes 5000 particles for 200 "
    "points and 600 for 200; arXiv 2210.17230).",
    f"{TARGETS} points of the Swiss roll and 1, 3, 5 or (default potential only) 25 times as many "
    f"particles from N(0, 9 I); one run of {STEPS} steps each, looked at after {EARLY} of them as "
    "well. All else is default; tight is `tight_mlp` of width 32.",
    ("nearest_ratio", "copy_rate", "near_copies", "coverage", "w2", "fresh_w2", "seconds"),
    finding,
    legends={
        "near_copies": (
            "near copies",
            f"share of particles nearer to a training point than {NEAR} of the median distance of "
            "held-out points",
        ),
        "fresh_w2": ("W2 of fresh points", "as many as there are particles"),
    },
    options="--seeds 0 1 2 3 4",
    picture="Nearness over steps; the first seed",
)
