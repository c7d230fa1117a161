"""A GAN on 200 points of the Swiss roll, and on these with 5000 that were made from them."""

from functools import partial
from typing import Any

import numpy as np
from gan_runs import Made, by_flow, by_gan, inputs_of, noisy, study_rows
from matplotlib.figure import Figure
from measure import Measurement
from pages import Page, Results, figure

import gparticles as gpa
from gparticles.data import swiss_roll
from gparticles.experiment.provenance import stream
from gparticles.plots import Projection, scatter
from gparticles.plots.losses import loss_curves

RECIPE = "swiss-roll"
STEPS = 3000
FEW, FLOW, NOISE, REAL = (
    "on the 200",
    "on the 200 and 5000 particles",
    "on the 200 and 5000 noisy copies",
    "on the 200 and 5000 real points",
)
PARTICLES = "the 5000 particles"
# the published README's L, and the one that benchmarks/gan_settings.py chose
SLOPES = {"L = 1": 1.0, "L = 0.1": 0.1}
KINDS = {"L = 1": (FEW, FLOW), "L = 0.1": (FEW, FLOW, NOISE, REAL)}


def added(kind: str, seed: int) -> np.ndarray:
    """What is put beside the few."""
    _, inputs = inputs_of(RECIPE, seed)
    if kind == FEW:
        return inputs.target[:0]
    if kind == FLOW:
        return by_flow(RECIPE, seed).points
    if kind == NOISE:
        return noisy(RECIPE, seed)
    return swiss_roll(len(inputs.source), seed=stream(seed, "sample"))


def trained(seed: int, *, kind: str, slope: float) -> Made:
    _, inputs = inputs_of(RECIPE, seed)
    target = np.concatenate([inputs.target, added(kind, seed).astype(inputs.target.dtype)])
    critic = gpa.LipschitzCritic(lipschitz=slope)
    return by_gan(RECIPE, seed, target=target, critic=critic, steps=STEPS)


def name_of(slope: str, kind: str) -> str:
    return f"GAN, {slope}, {kind}"


ROWS: dict[str, Any] = {
    name_of(slope, kind): partial(trained, kind=kind, slope=value)
    for slope, value in SLOPES.items()
    for kind in KINDS[slope]
} | {PARTICLES: partial(by_flow, RECIPE)}


def draw(shown: dict[str, list[Any]]) -> Figure:
    """For each L the losses of the first seed, and samples of the GANs on few and on augmented."""
    page = Figure(figsize=(13, 8.4), layout="constrained")
    for k, slope in enumerate(SLOPES):
        kinds = [kind for kind in KINDS[slope] if kind != REAL]
        found = {kind: shown[name_of(slope, kind)][0] for kind in kinds}
        axes = page.add_subplot(2, 3, 3 * k + 1)
        loss_curves(axes, {kind: [one.losses] for kind, one in found.items()})
        for at, kind in enumerate((FEW, FLOW)):
            panel: Any = page.add_subplot(2, 3, 3 * k + 2 + at, projection="3d")
            panel.view_init(elev=14, azim=-72)
            projection = Projection(found[kind].target)
            scatter(panel, projection(found[kind].points), projection(found[kind].target))
            panel.set_title(f"{slope}, {kind}", y=1.04, fontsize=11)
    return page


def finding(r: Results) -> str:
    few, more, noise, real = (name_of("L = 0.1", kind) for kind in KINDS["L = 0.1"])
    few_1, more_1 = (name_of("L = 1", kind) for kind in KINDS["L = 1"])
    rows = (few, more, noise, real, few_1, more_1, PARTICLES, "smoothed", "resampled")
    w2 = {row: figure(r.mean(row, "w2")) for row in rows}
    gains = [r.mean(a, "w2") / r.mean(b, "w2") - 1 for a, b in ((more, few), (more_1, few_1))]
    verdict = "It holds" if max(gains) < -0.05 else "It hardly shows, if at all"
    wobble = {row: figure(r.mean(row, "wobble")) for row in rows[:6]}
    told = (
        "plain noise does as well"
        if r.mean(noise, "w2") <= r.mean(more, "w2")
        else "plain noise does not do as well"
    )
    few_seeds = "One seed cannot tell so little from chance." if len(r.rows[few]) == 1 else ""
    return f"""{verdict}: the gains have to be seen beside the deviations
        between seeds. {few_seeds} With L = 1, as in the published README, W2 to held-out
        points is {w2[more_1]} with the particles and {w2[few_1]} without (better in
        {r.wins(more_1, few_1, "w2")} seeds); with L = 0.1 it is {w2[more]} and {w2[few]}
        ({r.wins(more, few, "w2")}). Noisy copies in the particles' place give {w2[noise]}: {told}.
        5000 real points give
        {w2[real]}: what a GAN lacks with 200 is information, which particles that were made
        from the same 200 do not have either. The particles themselves are at {w2[PARTICLES]}, so
        that a GAN trained on them is a detour. The loss is not steadier: its standard deviation
        over
        the last 1000 steps is {wobble[more_1]} with and {wobble[few_1]} without (L = 1),
        {wobble[more]}
        and {wobble[few]} (L = 0.1)."""


EXPERIMENT = Measurement(study_rows(RECIPE, ROWS), draw)
PAGE = Page(
    "Augmentation: a GAN on 200 points, and on 200 with 5000 particles",
    "Training on 200 points and 5000 that the flow made of them stabilises a GAN and gives better "
    "samples than training on the 200 alone (README of the published code).",
    "KL-Lipschitz GANs, 3000 steps, batches of 256, with the recipe's potential for a critic. Each "
    "makes 5000 points, judged by 2000 fresh ones. Noisy copies are the 200 drawn again with the "
    "noise that makes left-out rows of theirs likeliest. `gpa augment --target swiss-roll` does "
    "the "
    "first two with three trainings each. [gan.md](../gan.md) has the objective.",
    ("w2", "nearest_ratio", "coverage", "loss", "wobble"),
    finding,
    options="--seeds 0 1 2 3 4",
    legends={
        "loss": ("loss", "mean of what the critic reached in the last 1000 steps, nats"),
        "wobble": ("its deviation", "standard deviation over these steps"),
    },
    picture="Losses, and samples of the first seed",
)
