"""Integrators and step sizes at equal cost."""

import itertools
import statistics
from functools import partial
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from small_tasks import TASKS, TITLES, on_both, surely
from study import Found, Study

from gparticles.flow import parse_integrator
from gparticles.plots.style import GREY, PARTICLES, tidy

# potential fits of a run, each of three optimiser steps
FITS = 1000
# fits per step, once there is a history
COSTS = {"euler": 1, "heun": 2, "rk4": 4, **{f"ab{order}": 1 for order in (2, 3, 4, 5)}, "abm2": 2}
# working units squared per nat for one fit: a step is as long as its fits together, so that runs
# of one pace end at one time
PACES = (0.25, 0.5)
EULERS = (*PACES, 1.0)
USUAL = 0.5


def measure(seed: int, *, integrator: str, pace: float) -> Found:
    """Both tasks, with as many steps as there are fits for."""
    cost, first = COSTS[integrator], (integrator, pace) == ("euler", PACES[0])
    rule = {"integrator": parse_integrator(integrator), "step_size": pace * cost}
    return on_both(seed, floors=first, steps=FITS // cost, **rule)


def name_of(integrator: str, pace: float) -> str:
    return f"{integrator}, step {pace * COSTS[integrator]:g}"


def draw(shown: dict[str, list[dict[str, float]]]) -> Figure:
    """W2 of every row, its mean and every seed, a panel for each task."""
    page = Figure(figsize=(10, 7), layout="constrained")
    for axes, task in zip(page.subplots(1, 2, sharey=True), TASKS, strict=True):
        for place, found in enumerate(shown.values()):
            values = [scores[f"{task}_w2"] for scores in found]
            axes.plot(values, [place] * len(values), "|", c=GREY)
            axes.plot(statistics.fmean(values), place, "o", c=PARTICLES)
        axes.axvline(np.mean([s[f"{task}_w2"] for s in shown[name_of("euler", USUAL)]]), c=GREY)
        axes.set(title=TITLES[task], xlabel="W2 to held-out points")
        tidy(axes, grid=True)
    page.axes[0].set_yticks(range(len(shown)), list(shown))
    page.axes[0].invert_yaxis()
    return page


def verdicts(r: Any) -> dict[str, list[str]]:
    """Rows that are better or worse than Euler at the same pace beyond the seeds' chance."""
    found: dict[str, list[str]] = {"better": [], "worse": []}
    pairs = {name_of(i, p): name_of("euler", p) for p in PACES for i in COSTS}
    for (row, euler), task in itertools.product(pairs.items(), TASKS):
        difference = surely(r.values(row, f"{task}_w2"), r.values(euler, f"{task}_w2"))
        if difference:
            kind = "better" if difference < 0 else "worse"
            found[kind].append(f"{row} ({TITLES[task]}, by {abs(difference):.2f})")
    return found


def values(r: Any) -> dict[str, Any]:
    differing = verdicts(r)
    named = f" ({'; '.join(differing['better'])})" if differing["better"] else ""
    rivals = (len(r.rows) - len(EULERS)) * len(TASKS)
    w2 = {task: [r.of(row, f"{task}_w2") for row in r.rows] for task in TASKS}
    euler = {
        task: ", ".join(r.text(r.of(name_of("euler", p), f"{task}_w2")) for p in EULERS)
        for task in TASKS
    }
    return {
        "rivals": rivals,
        "better": f"{len(differing['better'])}{named}",
        "worse": len(differing["worse"]),
        "chance": 0.025 * rivals,
        "least": {task: min(each) for task, each in w2.items()},
        "most": {task: max(each) for task, each in w2.items()},
        "eulers": ", ".join(f"{p:g}" for p in EULERS),
        "euler": euler,
        "broken": sum(r.of(row, "failed") > 0 for row in r.rows),
    }


EXPERIMENT = Study(
    {
        name_of(i, p): partial(measure, integrator=i, pace=p)
        for p in EULERS
        for i in COSTS
        if p in PACES or i == "euler"
    },
    draw,
)
