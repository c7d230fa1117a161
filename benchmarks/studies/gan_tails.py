"""KL against alpha in the GAN, on heavy tails."""

import time
from functools import partial
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from study import Found, Study, inputs_of
from tail_runs import EVERY, draw_tails, fresh, judged

import gparticles as gpa
from gparticles.experiment.provenance import stream

TARGETS = {"Student-t 0.5, 200 points": "student-t", "Student-t 1.5, 5000": "student-t-1.5"}
STEPS = 2000
F = {"KL": gpa.KL(), "alpha 2": gpa.Alpha(2.0), "alpha 10": gpa.Alpha(10.0)}
GENTLE = "L = 0.1"
SLOPES = {"L = 1": 1.0, GENTLE: 0.1}
FRESH = "fresh points"
COLOURS = {"KL": "#CC79A7", "alpha 2": "#009E73", "alpha 10": "#E69F00"}


def name_of(target: str, row: str) -> str:
    return f"{target}: {row}"


def trained(seed: int, *, recipe: str, f: gpa.KL, slope: float) -> Found:
    """One GAN's scores, as those of a run."""
    _, inputs = inputs_of(recipe, (), seed, most=EVERY)
    began = time.perf_counter()
    critic = gpa.LipschitzCritic(f=f, lipschitz=slope)
    gan = gpa.train_gan(inputs.target, critic=critic, steps=STEPS, seed=seed)
    seconds = time.perf_counter() - began
    points = gan.sample(len(inputs.source), seed=stream(seed, "sample"))
    late = np.diff(gan.history["divergence"][-1000:])
    jumps = float(np.abs(late).mean()) if len(late) else float("nan")
    failed = float("failed" in gan.outcome)
    return judged(points, inputs, failed=failed, seconds=seconds, jumps=jumps)


def rows_of(target: str, recipe: str) -> dict[str, Any]:
    gans = {
        f"GAN, {f}, {slope}": partial(trained, recipe=recipe, f=F[f], slope=SLOPES[slope])
        for slope in SLOPES
        for f in F
        if slope == GENTLE or recipe == "student-t"
    }
    rows = gans | {FRESH: partial(fresh, recipe)}
    return {name_of(target, name): row for name, row in rows.items()}


def draw(shown: dict[str, list[Any]]) -> Figure:
    """The tails of the first seed with L = 0.1, one panel for each target."""
    page = Figure(figsize=(11, 4.6), layout="constrained")
    for axes, target in zip(page.subplots(1, 2), TARGETS, strict=True):
        names = {f: name_of(target, f"GAN, {f}, {GENTLE}") for f in F}
        clouds = {f"GAN, {f}": (shown[name][0], COLOURS[f]) for f, name in names.items()}
        draw_tails(axes, target, clouds)
    page.axes[0].legend(frameon=False)
    return page


def values(r: Any) -> dict[str, Any]:
    half, more = TARGETS

    def three(score: str, target: str, slope: str = GENTLE) -> str:
        kl, two, ten = (r.text(r.of(name_of(target, f"GAN, {f}, {slope}"), score)) for f in F)
        return f"{kl} for KL, {two} for alpha 2 and {ten} for alpha 10"

    log = [[r.of(name_of(t, f"GAN, {f}, {GENTLE}"), "log") for f in F] for t in TARGETS]
    broke = any(any(r.values(row, "failed")) for row in r.rows)
    return {
        "verdict": "It holds"
        if all(min(errors[1:]) < errors[0] for errors in log)
        else "It does not hold here",
        "several": "So few seeds only suggest it. " * (len(r.record["seeds"]) <= 2),
        "half_log": three("log", half),
        "steep_log": three("log", half, "L = 1"),
        "broke": "Some runs broke off" if broke else "No run broke off",
    } | {f"more_{score}": three(score, more) for score in ("log", "log_radius", "largest")}


EXPERIMENT = Study(
    {k: v for target, recipe in TARGETS.items() for k, v in rows_of(target, recipe).items()}, draw
)
