"""A GAN on 200 points of the Swiss roll, and on these with 5000 that were made from them."""

from functools import partial
from typing import Any

import numpy as np
from gan_runs import Made, by_flow, by_gan, noisy, study_rows
from matplotlib.figure import Figure
from study import Study, inputs_of

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
# the published README's L, and the one that gan_settings.py chose
SLOPES = {"L = 1": 1.0, "L = 0.1": 0.1}
KINDS = {"L = 1": (FEW, FLOW), "L = 0.1": (FEW, FLOW, NOISE, REAL)}


def added(kind: str, seed: int) -> np.ndarray:
    """What is put beside the few."""
    _, inputs = inputs_of(RECIPE, (), seed)
    if kind == FEW:
        return inputs.target[:0]
    if kind == FLOW:
        return by_flow(RECIPE, seed).points
    if kind == NOISE:
        return noisy(RECIPE, seed)
    return swiss_roll(len(inputs.source), seed=stream(seed, "sample"))


def trained(seed: int, *, kind: str, slope: float) -> Made:
    _, inputs = inputs_of(RECIPE, (), seed)
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


def values(r: Any) -> dict[str, Any]:
    few, more, noise, _ = (name_of("L = 0.1", kind) for kind in KINDS["L = 0.1"])
    few_1, more_1 = (name_of("L = 1", kind) for kind in KINDS["L = 1"])
    gains = [r.of(a, "w2") / r.of(b, "w2") - 1 for a, b in ((more, few), (more_1, few_1))]
    as_well = r.of(noise, "w2") <= r.of(more, "w2")
    return {
        "verdict": "It holds" if max(gains) < -0.05 else "It hardly shows, if at all",
        "few_seeds": "One seed cannot tell so little from chance." * (len(r.rows[few]) == 1),
        "noise": f"plain noise {'does' if as_well else 'does not do'} as well",
    }


EXPERIMENT = Study(study_rows(RECIPE, ROWS), draw)
