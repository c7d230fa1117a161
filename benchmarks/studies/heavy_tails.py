"""Cauchy and Student-t targets: are the tails learnt, by which f and in which units?"""

from functools import partial
from typing import Any

from matplotlib.figure import Figure
from study import Study
from tail_runs import draw_tails, fresh, tail_run

TARGETS = {
    "Cauchy": "cauchy",
    "Student-t 1.2": "student-t-1.2",
    "Student-t 1.5": "student-t-1.5",
    "Student-t 1.8": "student-t-1.8",
}
PLAIN = ("scale=auto", "batch_size=1000")
BEST = "KL, logarithms"
VARIANTS = {
    BEST: (),
    "KL": PLAIN,
    "alpha 2": (*PLAIN, "f=alpha:2"),
    "alpha 10": (*PLAIN, "f=alpha:10"),
    "KL, 4000 steps": (*PLAIN, "steps=4000"),
}
FRESH = "fresh points"
LIP, CVAR = (f"{name}, as arXiv 2608.11544 prints it" for name in ("Lip-KL-GPA", "CVaR-GPA"))
PAIRS = {
    "Cauchy": ((7.13, 4.24), (1.08, 0.063)),
    "Student-t 1.2": ((1.65, 2.06), (0.302, 0.032)),
    "Student-t 1.5": ((0.381, 0.981), (0.018, 0.017)),
    "Student-t 1.8": ((0.106, 0.060), (0.018, 0.030)),
}
PRINTED = {
    target: {
        row: dict(zip(("l1_train", "log_train"), pair, strict=True))
        for row, pair in zip((LIP, CVAR), pairs, strict=True)
    }
    for target, pairs in PAIRS.items()
}
COLOURS = {
    BEST: "#0072B2",
    "KL": "#CC79A7",
    "alpha 2": "#009E73",
    "alpha 10": "#E69F00",
    "KL, 4000 steps": "#56B4E9",
}


def name_of(target: str, variant: str) -> str:
    """A row's name."""
    return f"{target}: {variant}"


def draw(shown: dict[str, list[Any]]) -> Figure:
    """The tails of the first seed, one panel for each target."""
    page = Figure(figsize=(12.5, 9.5), layout="constrained")
    for axes, target in zip(page.subplots(2, 2).flat, TARGETS, strict=True):
        clouds = {v: (shown[name_of(target, v)][0], COLOURS[v]) for v in VARIANTS}
        draw_tails(axes, target, clouds)
    page.axes[0].legend(frameon=False)
    return page


ERRORS = ("l1_train", "log_train", "l1", "log")


def reached(r: Any, variant: str, whose: str) -> tuple[int, int]:
    """How many printed numbers the medians do not exceed, in training and on held-out points."""
    won = dict.fromkeys(ERRORS, 0)
    for target in TARGETS:
        for error in ERRORS:
            printed = PRINTED[target][whose][f"{error.removesuffix('_train')}_train"]
            won[error] += r.of(name_of(target, variant), error) <= printed
    return won["l1_train"] + won["log_train"], won["l1"] + won["log"]


def values(r: Any) -> dict[str, Any]:
    return {
        "long": len(r.values(name_of("Cauchy", "KL, 4000 steps"), "log")),
        "log_worst": {v: max(r.of(name_of(t, v), "log") for t in TARGETS) for v in (BEST, FRESH)},
        "best": reached(r, BEST, LIP),
        "plain": reached(r, "KL", LIP),
        "floor": reached(r, FRESH, LIP),
        "cvar_best": reached(r, BEST, CVAR)[0],
        "cvar_floor": reached(r, FRESH, CVAR)[0],
        "commands": r.typed(VARIANTS, "cauchy"),
    }


ROWS = {
    name_of(target, variant): partial(tail_run, recipe, overrides)
    for target, recipe in TARGETS.items()
    for variant, overrides in VARIANTS.items()
} | {name_of(target, FRESH): partial(fresh, recipe) for target, recipe in TARGETS.items()}
EXPERIMENT = Study(ROWS, draw)
