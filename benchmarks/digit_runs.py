"""Runs on MNIST digits: in pixels or in a latent space, and what is said of where they end.

Beside the metrics of `gpa run`, the classifier's opinion, and for latent runs the distance to the
training digits as the codec shows them: decoded latents are never exact copies.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from study import COMMON

from gparticles.data import SOURCES, mnist
from gparticles.evaluate.features import digit_probabilities
from gparticles.evaluate.memorisation import memorisation
from gparticles.evaluate.metrics import FLOORS, evaluate
from gparticles.evaluate.registry import REGISTRY
from gparticles.experiment.arguments import arguments
from gparticles.experiment.evaluation import MAX_HELD_OUT
from gparticles.experiment.inputs import Inputs, gather
from gparticles.experiment.provenance import stream
from gparticles.experiment.recipes import check, read_recipe, with_overrides
from gparticles.flow import transport
from gparticles.latent import AbstractCodec

# images of each side that the kernel distance takes at a time
BLOCK = 500
METRICS = ("copy_rate", "nearest_ratio", "coverage", "fd_lenet", "kd_lenet")
LEGENDS = {
    "kd_lenet": (
        "KD-LeNet",
        "kernel distance of the features of a LeNet to those of held-out digits",
    ),
    "fd_lenet": ("FD-LeNet", "Frechet distance of these features; biased, compare rows only"),
    "accuracy": ("as labelled", "share that the LeNet takes for the digit of its label"),
    "nearest_code": (
        "nearest in the code",
        "the same among digits as the codec shows them, for runs in its latent space",
    ),
}


@dataclass(frozen=True)
class Run:
    """One way to make digits.

    Attributes:
        recipe: its name.
        overrides: of the recipe, as ``--set`` takes them.
        codec: makes the codec of the latent space in which particles move; None for pixels.
    """

    recipe: str
    overrides: Sequence[str] = ()
    codec: Callable[[], AbstractCodec] | None = None

    def inputs(self, seed: int) -> tuple[Any, Inputs]:
        """The checked settings and the clouds of this seed."""
        settings = (*COMMON, *self.overrides, f"seed={seed}")
        config = check(with_overrides(read_recipe(self.recipe), settings))
        return config, gather(config, max_held_out=MAX_HELD_OUT)

    def frames(self, seed: int) -> "Frames":
        """Moves the particles, with some of their positions on the way."""
        config, inputs = self.inputs(seed)
        began = time.perf_counter()
        codec, moved = None, inputs
        if self.codec is not None:
            # the targets' alone: noise would fill the latent space of both
            codec = self.codec().fit(_flat(inputs.target), seed=seed)
            moved = _encoded(codec, inputs, config, seed=seed)
        given = arguments(config, moved) | ({} if codec is None else {"bounds": None})
        flow = transport(**given)
        images = _images(codec, flow.trajectory, inputs.target.shape[1:])
        return Frames(
            inputs, codec, images, flow.trajectory_steps, time.perf_counter() - began, flow.outcome
        )


@dataclass(frozen=True)
class Frames:
    """What a run made: images at some steps, shape (times, m, 28, 28), the last its result."""

    inputs: Inputs
    codec: AbstractCodec | None
    images: np.ndarray
    steps: np.ndarray
    seconds: float
    outcome: str


def _flat(images: np.ndarray) -> np.ndarray:
    return images.reshape(len(images), -1).astype(np.float64)


def _encoded(codec: AbstractCodec, inputs: Inputs, config: Any, *, seed: int) -> Inputs:
    """Latents, with noise of their moments in the place of the noise of pixels."""
    latents = codec.encode(_flat(inputs.target)).astype(np.float32)
    drawn = SOURCES[config.source.noise](latents, len(inputs.source), seed=stream(seed, "source"))
    return replace(inputs, source=drawn, target=latents)


def _images(codec: AbstractCodec | None, points: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    if codec is None:
        return points
    decoded = [codec.decode(frame.astype(np.float64)) for frame in points]
    return np.clip(decoded, 0, 1).reshape(len(points), -1, *shape).astype(np.float32)


def scores(
    images: np.ndarray, inputs: Inputs, judges: tuple[np.ndarray, np.ndarray], *, seed: int
) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """Scores of images that carry the particles' labels, and of the floors beside them.

    Args:
        images: shape (m, 28, 28).
        inputs: of the run.
        judges: unseen digits to compare with, and more of them, which serve as fresh ones.
        seed: of the run.
    """
    unseen, fresh = judges
    found = evaluate(
        images,
        unseen,
        target=inputs.target,
        fresh=fresh,
        bounds=(0.0, 1.0),
        seed=stream(seed, "resampled"),
        metrics=[metric for metric in REGISTRY if metric.name in METRICS],
    )
    of = {name: entry["value"] for name, entry in found.items()}
    floors = {role: {name: entry[role] for name, entry in found.items()} for role in FLOORS}
    if inputs.labels is not None:
        of["accuracy"] = accuracy(images, inputs.labels)
    return of, floors


def in_the_code(images: np.ndarray, made: Frames, unseen: np.ndarray) -> dict[str, float]:
    """How near decoded particles are to the training digits as their codec shows them."""
    codec = made.codec
    if codec is None:
        return {}
    shape = images.shape[1:]
    seen = [
        _images(codec, codec.encode(_flat(points))[None], shape)[0]
        for points in (made.inputs.target, unseen)
    ]
    return {"nearest_code": memorisation(images, *seen).nearest_ratio}


def accuracy(images: np.ndarray, labels: np.ndarray) -> float:
    """The share of images that the LeNet takes for the digits of their labels."""
    kinds = digit_probabilities(np.clip(images, 0, 1)).argmax(axis=1)
    return float((kinds == labels).mean())


def judging(inputs: Inputs) -> tuple[np.ndarray, np.ndarray]:
    """Held-out digits to compare with, and digits that serve as fresh ones.

    These are half of the held-out ones; where there are fewer than 1,000, digits that could have
    been targets and are not (the LeNet was trained on them, which hardly shows: docs/measured.md).
    """
    assert inputs.held_out is not None  # of a dataset that is split
    if len(inputs.held_out) >= 2 * BLOCK:
        return inputs.held_out[:BLOCK], inputs.held_out[BLOCK:]
    return inputs.held_out, unpicked(inputs)


def unpicked(inputs: Inputs) -> np.ndarray:
    """The digits of the held-out ones' classes that are neither held out nor targets."""
    kinds = np.unique(inputs.held_out_labels)
    taken = {image.tobytes() for image in inputs.target}
    pool = mnist(classes=kinds.tolist())[0]
    return np.array([image for image in pool if image.tobytes() not in taken])


def record(run: Run, seed: int) -> tuple[dict[str, Any], Frames]:
    """One run's scores against held-out digits, as a page reads them."""
    made = run.frames(seed)
    inputs, images = made.inputs, made.images[-1]
    judges = judging(inputs)
    of, floors = scores(images, inputs, judges, seed=seed)
    if inputs.labels is not None and inputs.held_out_labels is not None:
        floors["fresh"]["accuracy"] = accuracy(judges[1], inputs.held_out_labels[BLOCK:])
    entry = {"seed": seed, "outcome": made.outcome, "overrides": list(run.overrides)}
    found = {"seconds": made.seconds, **of, **in_the_code(images, made, judges[0])}
    return entry | {"scores": found, "floors": floors}, made


def scores_of_rows(images: np.ndarray, inputs: Inputs, *, seed: int) -> dict[str, float]:
    """Scores of images that no run made."""
    return scores(images, inputs, judging(inputs), seed=seed)[0]
