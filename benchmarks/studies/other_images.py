"""Small images that nothing was tuned on, by deformations as they are for digits.

    python benchmarks/run.py other-images --faces lfw_subset.npy

adds scikit-image's cuttings of photographs, half of them faces, and leaves the other rows as they
are. They lie in its package as skimage/data/lfw_subset.npy.
"""

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from digits import COLUMNS, Run, draw
from study import Found, Study, evaluated

from gparticles.evaluate.images import without_grain
from gparticles.evaluate.pairwise import nearest
from gparticles.evaluate.pairwise import rows as as_rows

METRICS = ("nearest_ratio", "nearest_without_grain", "coverage", "copy_rate", "w2")
SHIPPED = (
    'latent={codec = "deformations"}',
    'potential={preset = "exact", smoothing = 1.2}',
    "source=gaussian",
    "steps=8",
    "step_size=0.75",
    "n=500",
)
NEW = (*SHIPPED, "target.n=200")
WITHOUT = (*NEW, "conditional=false")
FACES = "faces and other cuttings"
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


def faces_of(path: Path, folder: Path) -> Run:
    """A run on cuttings of which the first half are faces; three in ten are held out."""
    images = np.load(path).astype(np.float32)
    kinds = np.repeat(["face", "other"], [len(images) // 2, len(images) - len(images) // 2])
    np.savez(folder / "faces.npz", X=images, y=kinds)
    target = f'target={{file = "{folder / "faces.npz"}"}}'
    return Run("digits", (*SHIPPED, target, "validation=0.3"))


EXPERIMENT = Study(
    {name: partial(measured, run) for name, run in RUNS.items()},
    partial(draw, caption="below, the nearest training images without grain"),
    dpi=80,
)


def run(*, seeds: tuple[int, ...] = (0, 1, 2), faces: str | None = None) -> None:
    """Measure all rows but the faces; or these alone, beside the others kept."""
    if faces is None:
        EXPERIMENT.carry_out("other-images", seeds)
        return
    with TemporaryDirectory() as folder:
        row = {FACES: partial(measured, faces_of(Path(faces), Path(folder)))}
        Study({}, EXPERIMENT.draw, beside=row).add_to("other-images", seeds, (FACES,))
