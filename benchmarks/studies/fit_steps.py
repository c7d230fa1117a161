"""Fit steps per move, at an equal number of moves and at equal cost."""

import itertools
from functools import partial
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from small_tasks import TASKS, TITLES, on_both, surely
from study import Found, Study

from gparticles.plots.style import tidy

COUNTS = (1, 2, 3, 5, 10, 30)
MOVES, COST = 1000, 3000


def measure(seed: int, *, fit_steps: int, moves: int) -> Found:
    """Both tasks, with the default step size."""
    first = (fit_steps, moves) == (COUNTS[0], MOVES)
    return on_both(seed, floors=first, fit_steps=fit_steps, steps=moves)


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


def values(r: Any) -> dict[str, Any]:
    """Means of every number; and which differ from the default three beyond the seeds' chance."""
    means: dict[str, str] = {}
    differing: dict[str, list[str]] = {"better": [], "worse": []}
    for kind in moves_for(1):
        rows = {k: name_of(k, moves_for(k)[kind]) for k in COUNTS}
        for task in TASKS:
            means[f"{kind}, {task}"] = ", ".join(
                r.text(r.of(row, f"{task}_w2")) for row in rows.values()
            )
        for k, task in itertools.product(COUNTS, TASKS):
            pair = (r.values(rows[which], f"{task}_w2") for which in (k, 3))
            if difference := surely(*pair):
                word = "better" if difference < 0 else "worse"
                differing[word].append(f"{k} at {kind} on the {TITLES[task]}")
    said = {word: "; ".join(rows) or "none" for word, rows in differing.items()}
    return {"counts": ", ".join(map(str, COUNTS)), "means": means} | said


EXPERIMENT = Study(
    {
        # three steps a move are both
        name_of(k, moves): partial(measure, fit_steps=k, moves=moves)
        for kind in moves_for(1)
        for k in COUNTS
        for moves in [moves_for(k)[kind]]
    },
    draw,
)
