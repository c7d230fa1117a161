"""Digits in new shapes from 200: deformations, alone and as a latent space to flow in."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import image_ideas
import numpy as np
from digits import BLOCK, Run, digit_study, judging
from image_ideas import by_hand, half_way
from study import inputs_of

from gparticles.data import SOURCES
from gparticles.evaluate.features import lenet_features
from gparticles.evaluate.images import without_grain
from gparticles.evaluate.memorisation import memorisation
from gparticles.experiment.arguments import arguments
from gparticles.experiment.inputs import Inputs
from gparticles.experiment.provenance import stream
from gparticles.flow import transport
from gparticles.latent import PCA, Deformations

# of the targets that a flow in pixels is given in the place of 200 digits, and its steps
MORE, STEPS = 2000, 125
# pixels by which a training digit may be moved before it is compared
SHIFTS = range(-2, 3)
GROUPS = 10
SMOOTH = 'potential={preset = "exact", smoothing = 1.2}'
VARIANTS = {
    "flow of deformations": Run("mnist-new"),
    "twice as many steps": Run("mnist-new", ("steps=16",)),
    "flow in pixels": Run("mnist"),
    "steps that cool": Run("mnist-new", ("cooldown=0.9", "step_size=1.25")),
    "PCA, no network": Run("mnist", (SMOOTH, "steps=12", "step_size=1.0"), PCA),
}
Images = np.ndarray


def begun(inputs: Inputs, seed: int) -> Images:
    """Where the flow of deformations begins: Gaussian fields of the moments of those found."""
    kinds = np.asarray(inputs.target_labels)
    codec, _ = Deformations().fit_images(inputs.target, kinds, seed=seed)
    return codec.decode(codec.begin(np.asarray(inputs.labels), seed=stream(seed, "source")).latents)


def to_more_targets(inputs: Inputs, seed: int) -> Images:
    """The flow in pixels to 2,000 digits that are half way between the 200."""
    config, _ = inputs_of("mnist", (f"steps={STEPS}", "batch_size=500"), seed)
    labels = np.repeat(np.arange(10), MORE // 10)
    targets = half_way(inputs, seed, labels=labels)
    source = SOURCES["logistic"](inputs.target, len(inputs.source), seed=stream(seed, "source"))
    changed = {"source": source, "target": targets, "target_labels": labels}
    return transport(**arguments(config, inputs) | changed).particles


BESIDE = {
    "moved, turned and scaled": lambda inputs, seed: by_hand(inputs, seed, bent=False),
    "the same and bent": by_hand,
    "Gaussian deformations": begun,
    "half way to two others": half_way,
    "flow in pixels to these": to_more_targets,
}
IDEAS = {
    "a kinetic penalty": image_ideas.kinetic,
    "an L for each digit": image_ideas.classwise,
    "stopped by features": image_ideas.stopped_by_features,
    "latents of an autoencoder": partial(image_ideas.sharpened, sharpening=0),
    "these sharpened in pixels": image_ideas.sharpened,
    "blends of a class, in pixels": image_ideas.from_blends,
    "targets shifted too, in pixels": image_ideas.moved_targets,
    "phi averaged over shifts, in pixels": image_ideas.averaged,
    "the same without the average": partial(image_ideas.averaged, shifts=0),
    "a sum over scales, in pixels": image_ideas.scales,
}


def also(images: Images, inputs: Inputs) -> Mapping[str, float]:
    """Nearness to training digits that may move, and KD-LeNet beyond that of fresh digits."""
    unseen, fresh = judging(inputs)
    targets = np.concatenate(
        [np.roll(inputs.target, (i, j), (1, 2)) for i in SHIFTS for j in SHIFTS]
    )
    moved = memorisation(*(without_grain(cloud) for cloud in (images, targets, unseen)))
    assert inputs.held_out_labels is not None
    kinds = inputs.held_out_labels[:BLOCK], inputs.held_out_labels[BLOCK:]
    clouds = [
        lenet_features(np.clip(cloud, 0, 1)).astype(np.float64)[balanced(labels)]
        for cloud, labels in zip((images, unseen, fresh), (inputs.labels, *kinds), strict=True)
    ]
    excess, error = beyond_fresh(*clouds)
    scores = {"nearest_moved": moved.nearest_ratio, "kd_excess": excess, "kd_error": error}
    return {**scores, "kd_errors": excess / error}


def balanced(labels: Any) -> np.ndarray:
    """Fifty rows of every class, the classes in turns."""
    rows = [np.flatnonzero(labels == label)[:50] for label in np.unique(labels)]
    return np.stack(rows, axis=1).ravel()


def beyond_fresh(made: Images, unseen: Images, fresh: Images) -> tuple[float, float]:
    """KD of made features less that of fresh ones, 1000 times, and its standard error.

    The error is the jackknife's, of ten groups with as many of every class, and leaves the
    same group out of all three.
    """
    group = np.arange(len(made)) // 10 % GROUPS

    def excess(kept: np.ndarray) -> float:
        return 1000 * (mmd(made[kept], unseen[kept]) - mmd(fresh[kept], unseen[kept]))

    without = [excess(group != k) for k in range(GROUPS)]
    return excess(group >= 0), float(np.sqrt((GROUPS - 1) * np.var(without)))


def mmd(x: np.ndarray, y: np.ndarray) -> float:
    """Squared MMD under the kernel of KD-LeNet, without bias."""

    def kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return (a @ b.T / a.shape[1] + 1) ** 3

    def within(a: np.ndarray) -> float:
        own = kernel(a, a)
        return (own.sum() - np.trace(own)) / (len(a) * (len(a) - 1))

    return float(within(x) + within(y) - 2 * kernel(x, y).mean())


# measured, and not shipped
DROPPED = ("steps that cool", *IDEAS)
EXPERIMENT = digit_study(VARIANTS, beside=BESIDE | IDEAS, also=also)


def run(
    *, seeds: tuple[int, ...] = (0, 1, 2), ideas: bool = False, rows: tuple[str, ...] = ()
) -> None:
    """Measure all rows; or only those that are named, or all of DROPPED, beside the others kept."""
    if rows or ideas:
        EXPERIMENT.add_to("new-images", seeds, rows or DROPPED)
    else:
        EXPERIMENT.carry_out("new-images", seeds)
