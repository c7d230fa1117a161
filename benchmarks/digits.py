"""MNIST digits: runs in pixels or in a latent space, what is said of where they end, and studies.

Beside the metrics of `gpa run`, the classifier's opinion, and for latent runs the distance to the
training digits as the codec shows them: decoded latents are never exact copies.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from study import Found, Scores, Study, evaluated, flow_of, inputs_of

from gparticles.data import SOURCES, mnist
from gparticles.evaluate.features import digit_probabilities
from gparticles.evaluate.memorisation import memorisation
from gparticles.evaluate.pairwise import nearest
from gparticles.evaluate.pairwise import rows as as_rows
from gparticles.experiment.inputs import Inputs
from gparticles.experiment.latent_runs import in_its_space
from gparticles.experiment.provenance import stream
from gparticles.latent import AbstractCodec
from gparticles.plots.images import image_grid

# images of each side that the kernel distance takes at a time
BLOCK = 500
# of a picture's row
COLUMNS = 20
METRICS = (
    "copy_rate",
    "nearest_ratio",
    "nearest_without_grain",
    "nearest_lenet",
    "coverage",
    "fd_lenet",
    "kd_lenet",
)


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
        return inputs_of(self.recipe, tuple(self.overrides), seed)

    def frames(self, seed: int) -> "Frames":
        """Moves the particles, with some of their positions on the way."""
        config, inputs = self.inputs(seed)
        began = time.perf_counter()
        codec, moved, changed = None, inputs, {}
        if self.codec is not None:
            # the targets' alone: noise would fill the latent space of both
            codec = self.codec().fit(_flat(inputs.target), seed=seed)
            latents = codec.encode(_flat(inputs.target)).astype(np.float32)
            # noise of the latents' moments in the place of that of pixels
            noise, count = SOURCES[config.source.noise], len(inputs.source)
            drawn = noise(latents, count, seed=stream(seed, "source"))
            moved, changed = replace(inputs, source=drawn, target=latents), {"bounds": None}
        own, moved = in_its_space(config, moved)
        changed |= {"bounds": None} if own is not None else {}
        flow, _ = flow_of(config, moved, **changed)
        images = _images(own or codec, flow.trajectory, inputs.target.shape[1:])
        seconds = time.perf_counter() - began
        return Frames(inputs, codec, images, flow.trajectory_steps, seconds, flow.outcome)


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


def _images(codec: AbstractCodec | None, points: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    if codec is None:
        return points
    decoded = [codec.decode(frame.astype(np.float64)) for frame in points]
    return np.clip(decoded, 0, 1).reshape(len(points), -1, *shape).astype(np.float32)


def scores(
    images: np.ndarray, inputs: Inputs, judges: tuple[np.ndarray, np.ndarray], *, seed: int
) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
    """Scores of images that carry the particles' labels, and of the floors beside them."""
    of, floors = evaluated(images, inputs, judges, seed, METRICS, bounds=(0.0, 1.0))
    if inputs.labels is not None:
        of["accuracy"] = accuracy(images, inputs.labels)
    return of, floors


def in_the_code(images: np.ndarray, made: Frames, unseen: np.ndarray) -> dict[str, float]:
    """How near decoded particles are to the training digits as their codec shows them."""
    codec = made.codec
    if codec is None:
        return {}
    seen = [
        _images(codec, codec.encode(_flat(points))[None], images.shape[1:])[0]
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


# --- studies ---


def beside_training(made: Frames) -> np.ndarray:
    """Some particles, class by class, and below each its nearest training digit."""
    images, labels = made.images[-1], made.inputs.labels
    order = np.arange(len(images)) if labels is None else np.argsort(labels, kind="stable")
    chosen = order[np.linspace(0, len(order) - 1, COLUMNS).round().astype(int)]
    _, index = nearest(as_rows(images[chosen]), as_rows(made.inputs.target))
    return np.concatenate([images[chosen], made.inputs.target[index]])


def digit_study(
    variants: Mapping[str, Run],
    *,
    beside: Mapping[str, Callable[[Inputs, int], np.ndarray]] | None = None,
    also: Callable[[np.ndarray, Inputs], Scores] = lambda *_: {},
    picture: Callable[[Frames], np.ndarray] = beside_training,
    caption: str = "below, the nearest training digits",
) -> Study:
    """Ways to make digits, over seeds.

    Args:
        variants: the runs, by their rows' names.
        beside: what else is judged: images of as many particles, from the inputs and the seed.
        also: more scores of images, whose rows are those of the source.
        picture: what is shown of a run, in rows of COLUMNS images.
        caption: what the picture's rows are.
    """
    first = next(iter(variants.values()))

    def run_row(run: Run, seed: int) -> Found:
        made = run.frames(seed)
        inputs, images = made.inputs, made.images[-1]
        judges = judging(inputs)
        of, floors = scores(images, inputs, judges, seed=seed)
        if inputs.labels is not None and inputs.held_out_labels is not None:
            floors["fresh"]["accuracy"] = accuracy(judges[1], inputs.held_out_labels[BLOCK:])
        of = {"seconds": made.seconds, **of, **in_the_code(images, made, judges[0])}
        about = {"outcome": made.outcome, "overrides": list(run.overrides)}
        return Found(of | also(images, inputs), picture(made), floors, about)

    def other_row(make: Callable[[Inputs, int], np.ndarray], seed: int) -> Found:
        _, inputs = first.inputs(seed)
        images = make(inputs, seed)
        of, _ = scores(images, inputs, judging(inputs), seed=seed)
        return Found(of | also(images, inputs), about={"overrides": []})

    rows = {name: partial(run_row, run) for name, run in variants.items()}
    # a page gives commands for its one recipe alone
    others_too = [n for n, run in variants.items() if run.codec or run.recipe != first.recipe]
    latent = {name: rows.pop(name) for name in others_too}
    others = {name: partial(other_row, make) for name, make in (beside or {}).items()}
    overrides = {name: variants[name].overrides for name in rows}
    given = {"recipe": first.recipe}
    drawn = partial(draw, caption=caption)
    return Study(rows, drawn, given, beside=latent | others, variants=overrides, dpi=80)


def draw(shown: dict[str, list[np.ndarray]], *, caption: str) -> Figure:
    """The first seed's images of every row."""
    panels = {name: images[0] for name, images in shown.items()}
    heights = [len(images) // COLUMNS for images in panels.values()]
    page = Figure(figsize=(11, 0.62 * sum(heights) + 0.3 * len(heights)), layout="constrained")
    axes = page.subplots(len(panels), 1, height_ratios=heights, squeeze=False)[:, 0]
    for at, (title, images) in zip(axes, panels.items(), strict=True):
        image_grid(at, images, columns=COLUMNS)
        at.set_title(f"{title}; {caption}", fontsize=10, loc="left")
    return page
