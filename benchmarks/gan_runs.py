"""What the studies of GANs share: a recipe's data, what learns from them, scores beside floors."""

import time
from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
from digits import judging
from matplotlib.figure import Figure
from study import Found, flow_of, inputs_of, scores_of

import gparticles as gpa
from gparticles.evaluate.floors import choose_bandwidth, resampled, smoothed
from gparticles.experiment.inputs import Inputs
from gparticles.experiment.provenance import balanced_labels, stream
from gparticles.plots import Projection, image_grid, scatter
from gparticles.plots.images import picked

# steps whose losses are looked at
LATE = 1000


class Made(NamedTuple):
    """Points that something learnt to make, shape (m, *event), and how long it took to learn."""

    points: np.ndarray
    seconds: float
    losses: np.ndarray | None = None


class Shown(NamedTuple):
    """What pictures need."""

    points: np.ndarray
    target: np.ndarray
    losses: np.ndarray | None


@cache
def by_flow(recipe: str, seed: int, *, steps: int | None = None) -> Made:
    """The recipe's particles, after its steps or so many."""
    config, inputs = inputs_of(recipe, (), seed)
    if steps is not None:
        config = config.model_copy(update={"steps": steps})
    flow, ran = flow_of(config, inputs)
    return Made(flow.particles, ran["seconds"])


def by_gan(recipe: str, seed: int, *, target: Any = None, **settings: Any) -> Made:
    """As many points of a GAN that learnt the recipe's target, or another with the same law."""
    config, inputs = inputs_of(recipe, (), seed)
    began = time.perf_counter()
    gan = gpa.train_gan(
        inputs.target if target is None else target,
        labels=inputs.target_labels if target is None else None,
        bounds=None if config.bounds is None else tuple(config.bounds),
        seed=seed,
        **settings,
    )
    seconds = time.perf_counter() - began
    count, labels = len(inputs.source), None
    if gan.classes is not None:
        labels = balanced_labels(inputs.target_labels, count, seed=stream(seed, "labels"))
    points = gan.sample(count, labels=labels, seed=stream(seed, "sample"))
    return Made(points, seconds, gan.history["divergence"])


def measures(points: np.ndarray, inputs: Inputs) -> dict[str, float]:
    """Scores of a cloud against half of the held-out images, or held-out points."""
    return scores_of(points, inputs.target, judges(inputs)[0])


def judges(inputs: Inputs) -> tuple[np.ndarray, np.ndarray]:
    """Held-out points to compare with, and fresh ones; of images each is a half."""
    if inputs.fresh is None:
        return judging(inputs)
    return np.asarray(inputs.held_out), inputs.fresh(len(inputs.source))


@cache
def floors_of(recipe: str, seed: int) -> dict[str, dict[str, float]]:
    """Scores of fresh points, of targets drawn again, and of these with the likeliest noise."""
    _, inputs = inputs_of(recipe, (), seed)
    again = resampled(inputs.target, len(inputs.source), seed=stream(seed, "resampled"))
    found = {"resampled": again, "smoothed": noisy(recipe, seed), "fresh": judges(inputs)[1]}
    return {role: measures(cloud, inputs) for role, cloud in found.items()}


@cache
def noisy(recipe: str, seed: int) -> np.ndarray:
    """The smoothed bootstrap, with the noise that makes left-out points likeliest."""
    _, inputs = inputs_of(recipe, (), seed)
    few = inputs.target.astype(np.float64)
    noise = choose_bandwidth(few, seed=stream(seed, "resampled")).value
    drawn = smoothed(few, len(inputs.source), bandwidth=noise, seed=stream(seed, "fresh"))
    return (np.clip(drawn, 0, 1) if few.ndim > 2 else drawn).astype(inputs.target.dtype)


def study_rows(
    recipe: str, makers: dict[str, Callable[[int], Made]]
) -> dict[str, Callable[[int], Found]]:
    """Rows of a ``Study``: scores of the points, and of the floors beside them."""

    def row(make: Callable[[int], Made], seed: int) -> Found:
        made, inputs = make(seed), inputs_of(recipe, (), seed)[1]
        scores = measures(made.points, inputs) | {"seconds": made.seconds}
        if made.losses is not None and len(made.losses):
            late = made.losses[-LATE:]
            scores |= {"loss": float(late.mean()), "wobble": float(late.std())}
        shown = Shown(made.points, inputs.target, made.losses)
        return Found(scores, shown, floors_of(recipe, seed))

    return {name: partial(row, make) for name, make in makers.items()}


def draw_samples(shown: dict[str, list[Shown]]) -> Figure:
    """What every row makes with the first seed, beside the target."""
    columns = min(3, len(shown))
    rows = -(-len(shown) // columns)
    page = Figure(figsize=(4.4 * columns, 4.4 * rows), layout="constrained")
    for k, (name, (one, *_)) in enumerate(shown.items()):
        images = one.target.ndim > 2
        solid: dict[str, Any] = {} if images else {"projection": "3d"}
        axes: Any = page.add_subplot(rows, columns, k + 1, **solid)
        if images:
            image_grid(axes, one.points[picked(len(one.points), None, most=80)])
        else:
            axes.view_init(elev=14, azim=-72)
            projection = Projection(one.target)
            scatter(axes, projection(one.points), projection(one.target))
        axes.set_title(name, y=1.0 if images else 1.04, fontsize=11)
    return page
