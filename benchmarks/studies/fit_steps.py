"""Fit steps per move, at an equal number of moves and at equal cost."""

import time
from functools import partial

import numpy as np
from matplotlib.figure import Figure
from measure import Found, Measurement
from pages import Page, Results, figure

import gparticles as gpa
from gparticles.plots.style import tidy

from .small_tasks import PARTICLES_OF, TASKS, TITLES, distance, redrawn, surely

COUNTS = (1, 2, 3, 5, 10, 30)
MOVES, COST = 1000, 3000


def measure(seed: int, *, fit_steps: int, moves: int) -> Found:
    """Both tasks, with the default step size."""
    scores: dict[str, float] = {"seconds": 0.0}
    floors: dict[str, dict[str, float]] = {"fresh": {}, "resampled": {}}
    for name, task_of in TASKS.items():
        task = task_of(seed, PARTICLES_OF[name])
        began = time.perf_counter()
        flow = gpa.transport(
            task.source,
            task.target,
            fit_steps=fit_steps,
            steps=moves,
            store=gpa.Store(potentials=False),
            seed=seed,
        )
        scores["seconds"] += time.perf_counter() - began
        scores[f"{name}_w2"] = distance(flow.particles, task)
        if (fit_steps, moves) == (COUNTS[0], MOVES):
            floors["fresh"][f"{name}_w2"] = distance(task.fresh, task)
            floors["resampled"][f"{name}_w2"] = distance(redrawn(task, seed), task)
    return Found(scores, scores, floors)


def moves_for(fit_steps: int) -> dict[str, int]:
    """How many moves a run has, by what is held equal."""
    return {"equal moves": MOVES, "equal cost": COST // fit_steps}


def name_of(fit_steps: int, moves: int) -> str:
    return f"{fit_steps} a move, {moves} moves"


def draw(shown: dict[str, list[dict[str, float]]]) -> Figure:
    """W2 over fit steps, a panel for each task, mean and standard deviation over seeds."""
    page = Figure(figsize=(9, 3.8), layout="constrained")
    for axes, task in zip(page.subplots(1, 2), TASKS, strict=True):
        for kind in moves_for(1):
            rows = [shown[name_of(k, moves_for(k)[kind])] for k in COUNTS]
            values = np.array([[scores[f"{task}_w2"] for scores in row] for row in rows])
            spread = values.std(axis=1, ddof=1) if values.shape[1] > 1 else None
            axes.errorbar(COUNTS, values.mean(axis=1), yerr=spread, marker=".", label=kind)
        axes.set(title=TITLES[task], xlabel="fit steps a move", xscale="log")
        axes.set_xticks(COUNTS, [str(k) for k in COUNTS])
        axes.minorticks_off()
        tidy(axes, grid=True)
    page.axes[0].set_ylabel("W2 to held-out points")
    page.axes[0].legend(frameon=False, fontsize=9)
    return page


def finding(r: Results) -> str:
    def means(kind: str, task: str) -> str:
        rows = [name_of(k, moves_for(k)[kind]) for k in COUNTS]
        return ", ".join(figure(r.mean(row, f"{task}_w2")) for row in rows)

    counts = ", ".join(map(str, COUNTS))
    usual, most = (r.mean(name_of(k, MOVES), "seconds") for k in (3, COUNTS[-1]))
    few = name_of(COUNTS[-1], moves_for(COUNTS[-1])["equal cost"])
    return f"""Three is as good as any: **two to ten make no difference, one is too few for so many
        moves, and more only cost.** With {counts} fit steps a move W2 is
        {means("equal moves", "roll")} on the Swiss roll and {means("equal moves", "grid")} on the
        mixture after {MOVES} moves; the last takes {most / usual:.0f} times as long as three. At
        equal cost it is {means("equal cost", "roll")} and {means("equal cost", "grid")}; the
        particles of "{few}" have not arrived on the roll. {conclusion(r)}"""


def conclusion(r: Results) -> str:
    """Which numbers differ from the default three beyond the seeds' chance."""
    found: dict[str, list[str]] = {"better": [], "worse": []}
    for kind in moves_for(1):
        usual = name_of(3, moves_for(3)[kind])
        for k in COUNTS:
            for task in TASKS:
                values = r.values(name_of(k, moves_for(k)[kind]), f"{task}_w2")
                difference = surely(values, r.values(usual, f"{task}_w2"))
                if difference:
                    word = "better" if difference < 0 else "worse"
                    found[word].append(f"{k} at {kind} on the {TITLES[task]}")
    said = {word: "; ".join(rows) or "none" for word, rows in found.items()}
    return f"""Better than three, by more than the 95 % interval of the paired differences over
        seeds: {said["better"]}. Worse: {said["worse"]}."""


EXPERIMENT = Measurement(
    {
        # three steps a move are both
        name_of(k, moves): partial(measure, fit_steps=k, moves=moves)
        for kind in moves_for(1)
        for k in COUNTS
        for moves in [moves_for(k)[kind]]
    },
    draw,
)
PAGE = Page(
    "Fit steps per move",
    "The potential is fitted by a few optimiser steps before each move: three in the published "
    "code's small examples, five for images and heavy tails.",
    f"{MOVES} moves, and as many as {COST} fit steps allow; the first fit of a run is not counted. "
    "Swiss roll, 1000 particles, and mixture of four Gaussians, 400 particles, 200 training points "
    "each; all else default.",
    ("roll_w2", "grid_w2", "seconds"),
    finding,
    legends={
        "roll_w2": ("W2, Swiss roll", "exact, to held-out points, data units"),
        "grid_w2": ("W2, mixture", "the same"),
    },
    options="--seeds 0 1 2 3 4",
    picture="W2 over fit steps, mean and standard deviation over seeds",
)
