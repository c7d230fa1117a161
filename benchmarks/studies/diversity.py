"""Diversity: how many particles it takes until they are no copies of the training points."""

import time
from functools import cache, partial
from typing import Any

from matplotlib.figure import Figure
from small_tasks import TARGETS, Task, distance, judge, roll
from study import Found, Study, near_copies

import gparticles as gpa
from gparticles.evaluate.memorisation import memorisation
from gparticles.plots.style import GREY, tidy

# the tight potential with the largest ratio takes a minute for every seed
RATIOS = {"default": (1, 3, 5, 25), "tight": (1, 3, 5)}
MOST = RATIOS["default"][-1]
STEPS, EARLY, EVERY = 5000, 1000, 500


@cache
def long_run(seed: int, potential: str, ratio: int) -> tuple[Task, gpa.Flow, float]:
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
    task, flow, seconds = long_run(seed, potential, ratio)
    frames = dict(zip(flow.trajectory_steps.tolist(), flow.trajectory, strict=True))
    scores = {
        **judge(frames[steps], task),
        "near_copies": near_copies(frames[steps], task.target, task.held_out),
        "fresh_w2": distance(task.fresh, task),
        "seconds": seconds * steps / STEPS,
    }
    near = [
        memorisation(cloud, task.target, task.held_out).nearest_ratio for cloud in frames.values()
    ]
    fresh = {
        **judge(task.fresh, task),
        "near_copies": near_copies(task.fresh, task.target, task.held_out),
    }
    return Found(scores, (list(frames), near), {"fresh": fresh})


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


def values(r: Any) -> dict[str, Any]:
    def every(potential: str, steps: int, score: str) -> list[float]:
        return [r.of(name_of(potential, ratio, steps), score) for ratio in RATIOS[potential]]

    near, beside = {}, {}
    for potential in RATIOS:
        for when, steps in (("early", EARLY), ("late", STEPS)):
            ratios = every(potential, steps, "nearest_ratio")
            near[f"{potential}, {when}"] = f"{r.text(min(ratios))} to {r.text(max(ratios))}"
            beside[f"{potential}, {when}"] = max(every(potential, steps, "near_copies"))
    copies = max(v for row in r.rows for v in r.values(row, "copy_rate"))
    return {"near": near, "beside": beside, "copies": copies}


EXPERIMENT = Study(
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
