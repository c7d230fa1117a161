"""Integrators and step sizes at equal cost."""

import statistics
import time
from functools import partial

import numpy as np
from matplotlib.figure import Figure
from measure import Found, Measurement
from pages import Page, Results, figure

import gparticles as gpa
from gparticles.flow import parse_integrator
from gparticles.plots.style import GREY, PARTICLES, tidy

from .small_tasks import PARTICLES_OF, TASKS, TITLES, distance, redrawn, surely

# potential fits of a run, each of three optimiser steps
FITS = 1000
# fits per step, once there is a history
COSTS = {
    "euler": 1,
    "heun": 2,
    "rk4": 4,
    **{f"ab{order}": 1 for order in (2, 3, 4, 5)},
    "abm2": 2,
}
# working units squared per nat for one fit: a step is as long as its fits together, so that runs
# of one pace end at one time
PACES = (0.25, 0.5)
EULERS = (*PACES, 1.0)
USUAL = 0.5


def measure(seed: int, *, integrator: str, pace: float) -> Found:
    """Both tasks, with as many steps as there are fits for."""
    cost = COSTS[integrator]
    scores: dict[str, float] = {"seconds": 0.0, "failed": 0.0}
    floors: dict[str, dict[str, float]] = {"fresh": {}, "resampled": {}}
    for name, task_of in TASKS.items():
        task = task_of(seed, PARTICLES_OF[name])
        began = time.perf_counter()
        flow = gpa.transport(
            task.source,
            task.target,
            integrator=parse_integrator(integrator),
            steps=FITS // cost,
            step_size=pace * cost,
            store=gpa.Store(potentials=False),
            seed=seed,
        )
        scores["seconds"] += time.perf_counter() - began
        scores["failed"] += float("failed" in flow.outcome) / len(TASKS)
        scores[f"{name}_w2"] = distance(flow.particles, task)
        if (integrator, pace) == ("euler", PACES[0]):
            floors["fresh"][f"{name}_w2"] = distance(task.fresh, task)
            floors["resampled"][f"{name}_w2"] = distance(redrawn(task, seed), task)
    return Found(scores, scores, floors)


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


def verdicts(r: Results) -> dict[str, list[str]]:
    """Rows that are better or worse than Euler at the same pace beyond the seeds' chance."""
    found: dict[str, list[str]] = {"better": [], "worse": []}
    pairs = {name_of(i, p): name_of("euler", p) for p in PACES for i in COSTS}
    for row, euler in pairs.items():
        for task in TASKS:
            score = f"{task}_w2"
            difference = surely(r.values(row, score), r.values(euler, score))
            if difference:
                kind = "better" if difference < 0 else "worse"
                found[kind].append(f"{row} ({TITLES[task]}, by {abs(difference):.2f})")
    return found


def finding(r: Results) -> str:
    found = verdicts(r)
    better = "; ".join(found["better"])
    better = f" ({better})" if better else ""
    rivals = (len(r.rows) - len(EULERS)) * len(TASKS)
    euler = {
        task: [figure(r.mean(name_of("euler", p), f"{task}_w2")) for p in EULERS] for task in TASKS
    }
    spans = {
        task: [figure(pick(r.mean(row, f"{task}_w2") for row in r.rows)) for pick in (min, max)]
        for task in TASKS
    }
    broken = [row for row in r.rows if r.mean(row, "failed") > 0]
    return f"""No: at an equal number of potential fits nothing beats Euler reliably. Of {rivals}
        comparisons with Euler at the same time per fit, better by more than the 95 % interval of
        the paired differences are {len(found["better"])}{better}, worse {len(found["worse"])};
        {0.025 * rivals:.0f} of each would come by chance. All rows lie between {spans["roll"][0]}
        and {spans["roll"][1]} on the roll and between {spans["grid"][0]} and {spans["grid"][1]} on
        the mixture. The step matters as little: Euler with steps of
        {", ".join(f"{p:g}" for p in EULERS)} is at {", ".join(euler["roll"])} on the roll and
        {", ".join(euler["grid"])} on the mixture. Runs that broke
        off: {len(broken)}. The likely reason is that the velocity is that of a network three
        optimiser steps old, whose error is larger than that of a step, so that a method of high
        order integrates the wrong field accurately."""


EXPERIMENT = Measurement(
    {
        name_of(i, p): partial(measure, integrator=i, pace=p)
        for p in EULERS
        for i in COSTS
        if p in PACES or i == "euler"
    },
    draw,
)
PAGE = Page(
    "Integrators and step sizes at equal cost: does any beat Euler?",
    "The published code offers forward Euler, Heun, Runge-Kutta of order 4, Adams-Bashforth and "
    "Adams-Bashforth-Moulton, and takes Heun for its Swiss roll and its carpet.",
    f"{FITS} potential fits of three optimiser steps a run, whatever the integrator; steps are as "
    "long as their fits together, so that runs of one pace end at one time; step sizes in working "
    "units squared per nat (the default is 0.5). 1000 particles from N(0, 9 I) to 200 points of "
    "the Swiss roll, and 400 from N(0, I) to 200 points of four Gaussians.",
    ("roll_w2", "grid_w2", "failed", "seconds"),
    finding,
    legends={
        "roll_w2": ("W2, Swiss roll", "exact, to held-out points, data units"),
        "grid_w2": ("W2, mixture", "the same"),
    },
    options="--seeds 0 1 2 3 4",
    picture="W2 of every row: dots are means, ticks are seeds, the line is Euler with step 0.5",
)
