"""What the studies of GANs share: a recipe's data, what learns from them, scores beside floors."""

import time
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from measure import Found
from study import COMMON

import gparticles as gpa
from gparticles.evaluate.features import kd_lenet
from gparticles.evaluate.floors import choose_bandwidth, resampled, smoothed
from gparticles.evaluate.manifold import manifold
from gparticles.evaluate.memorisation import memorisation
from gparticles.evaluate.wasserstein import w2
from gparticles.experiment.arguments import arguments
from gparticles.experiment.evaluation import MAX_HELD_OUT
from gparticles.experiment.inputs import Inputs, gather
from gparticles.experiment.provenance import balanced_labels, stream
from gparticles.experiment.recipes import check, read_recipe, with_overrides
from gparticles.plots import Projection, image_grid, scatter
from gparticles.plots.images import picked

W2_POINTS = 1500
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
def inputs_of(recipe: str, seed: int) -> tuple[Any, Inputs]:
    """The configuration of a recipe and its clouds."""
    config = check(with_overrides(read_recipe(recipe), (*COMMON, f"seed={seed}")))
    return config, gather(config, max_held_out=MAX_HELD_OUT)


@cache
def by_flow(recipe: str, seed: int, *, steps: int | None = None) -> Made:
    """The recipe's particles, after its steps or so many."""
    config, inputs = inputs_of(recipe, seed)
    if steps is not None:
        config = config.model_copy(update={"steps": steps})
    began = time.perf_counter()
    flow = gpa.transport(**arguments(config, inputs))
    return Made(flow.particles, time.perf_counter() - began)


def by_gan(recipe: str, seed: int, *, target: Any = None, **settings: Any) -> Made:
    """As many points of a GAN that learnt the recipe's target, or another with the same law."""
    config, inputs = inputs_of(recipe, seed)
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


def measures(points: np.ndarray, recipe: str, seed: int) -> dict[str, float]:
    """Scores of a cloud against half of the held-out images, or held-out points."""
    _, inputs = inputs_of(recipe, seed)
    unseen, _ = judges(inputs)
    near = memorisation(points, inputs.target, unseen)
    found = {
        "copy_rate": near.copy_rate,
        "nearest_ratio": near.nearest_ratio,
        "coverage": manifold(points[:MAX_HELD_OUT], unseen).coverage,
    }
    if points.ndim > 2:
        return found | {"kd_lenet": kd_lenet(points, unseen)}
    return found | {"w2": w2(points, unseen, max_points=W2_POINTS).value}


def judges(inputs: Inputs) -> tuple[np.ndarray, np.ndarray]:
    """Held-out points to compare with, and fresh ones; of images each is a half."""
    held_out = np.asarray(inputs.held_out)
    if inputs.fresh is None:
        return held_out[: len(held_out) // 2], held_out[len(held_out) // 2 :]
    return held_out, inputs.fresh(len(inputs.source))


@cache
def floors_of(recipe: str, seed: int) -> dict[str, dict[str, float]]:
    """Scores of fresh points, of targets drawn again, and of these with the likeliest noise."""
    _, inputs = inputs_of(recipe, seed)
    again = resampled(inputs.target, len(inputs.source), seed=stream(seed, "resampled"))
    found = {"resampled": again, "smoothed": noisy(recipe, seed), "fresh": judges(inputs)[1]}
    return {role: measures(cloud, recipe, seed) for role, cloud in found.items()}


@cache
def noisy(recipe: str, seed: int) -> np.ndarray:
    """The smoothed bootstrap, with the noise that makes left-out points likeliest."""
    _, inputs = inputs_of(recipe, seed)
    few = inputs.target.astype(np.float64)
    noise = choose_bandwidth(few, seed=stream(seed, "resampled")).value
    drawn = smoothed(few, len(inputs.source), bandwidth=noise, seed=stream(seed, "fresh"))
    return (np.clip(drawn, 0, 1) if few.ndim > 2 else drawn).astype(inputs.target.dtype)


def judged(made: Made, recipe: str, seed: int) -> Found:
    """Scores of the points, and of the floors beside them."""
    shown = Shown(made.points, inputs_of(recipe, seed)[1].target, made.losses)
    scores = measures(made.points, recipe, seed) | {"seconds": made.seconds}
    if made.losses is not None and len(made.losses):
        late = made.losses[-LATE:]
        scores |= {"loss": float(late.mean()), "wobble": float(late.std())}
    return Found(scores, shown, floors_of(recipe, seed))


def study_rows(
    recipe: str, makers: dict[str, Callable[[int], Made]]
) -> dict[str, Callable[[int], Found]]:
    """Rows of a ``Measurement``."""

    def row(make: Callable[[int], Made]) -> Callable[[int], Found]:
        return lambda seed: judged(make(seed), recipe, seed)

    return {name: row(make) for name, make in makers.items()}


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
