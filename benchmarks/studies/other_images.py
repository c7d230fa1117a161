"""Small images that nothing was tuned on, by deformations as they are for digits."""

from functools import partial

import numpy as np
from digits import COLUMNS, Run, draw
from study import Found, Study, evaluated

from gparticles.evaluate.images import without_grain
from gparticles.evaluate.pairwise import nearest
from gparticles.evaluate.pairwise import rows as as_rows

METRICS = ("nearest_ratio", "nearest_without_grain", "coverage", "copy_rate", "w2")
NEW = (
    'latent={codec = "deformations"}',
    'potential={preset = "exact", smoothing = 1.2}',
    "source=gaussian",
    "steps=8",
    "step_size=0.75",
    "n=500",
    "target.n=200",
)
WITHOUT = (*NEW, "conditional=false")
RUNS = {
    "8 x 8 digits": Run("digits", NEW),
    "colour tiles of two photographs": Run("patches", WITHOUT),
    "MNIST, classes not known": Run("mnist", WITHOUT),
}


def measured(run: Run, seed: int) -> Found:
    """Scores beside those of fresh images and of training images drawn again."""
    made = run.frames(seed)
    images, inputs = made.images[-1], made.inputs
    assert inputs.held_out is not None
    half = len(inputs.held_out) // 2
    judges = inputs.held_out[:half], inputs.held_out[half:]
    of, floors = evaluated(images, inputs, judges, seed, METRICS, bounds=(0.0, 1.0))
    beside = {"coverage_fresh": floors["fresh"]["coverage"], "w2_again": floors["resampled"]["w2"]}
    chosen = np.linspace(0, len(images) - 1, COLUMNS).round().astype(int)
    seen = [as_rows(without_grain(cloud)) for cloud in (images[chosen], inputs.target)]
    shown = np.concatenate([images[chosen], inputs.target[nearest(*seen)[1]]])
    return Found({"seconds": made.seconds, **of, **beside}, shown, {}, {"outcome": made.outcome})


EXPERIMENT = Study(
    {name: partial(measured, run) for name, run in RUNS.items()},
    partial(draw, caption="below, the nearest training images without grain"),
    dpi=80,
)
