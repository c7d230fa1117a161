"""Figures of an augmentation: losses of GANs on two data sets, and what they generate."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from gparticles.plots.figures import AZIMUTH, ELEVATION
from gparticles.plots.images import image_grid, picked
from gparticles.plots.points import scatter
from gparticles.plots.projection import Projection, limits
from gparticles.plots.style import PARTICLES, TARGET, legend_above, literal, save_png, tidy

_COLOURS = (TARGET, PARTICLES, "#009E73", "#CC79A7")
# a curve of single steps is a band of ink
_SMOOTHED_OVER = 50


def loss_curves(axes: Axes, curves: Mapping[str, Sequence[np.ndarray]]) -> Axes:
    """The critic's value at each step of the generator, running means, one colour for each name.

    Args:
        axes: to draw on.
        curves: by name the losses of some trainings, shapes (steps,), nats; the first has a label.
    """
    for (name, trainings), colour in zip(curves.items(), _COLOURS, strict=False):
        for k, values in enumerate(trainings):
            smooth = _running_mean(np.asarray(values, np.float64))
            label = name if k == 0 else None
            axes.plot(smooth, color=colour, alpha=0.9 if k == 0 else 0.35, lw=1.2, label=label)
    axes.set_yscale("log")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("step of the generator")
    axes.set_ylabel("critic's value (nats)")
    tidy(axes, grid=True)
    legend_above(axes)
    return axes


def _running_mean(values: np.ndarray) -> np.ndarray:
    """Over the last steps, nan where it is not above 0, which a log scale cannot show."""
    sums = np.cumsum(np.concatenate([[0.0], values]))
    ends = np.arange(1, len(values) + 1)
    begins = np.maximum(ends - _SMOOTHED_OVER, 0)
    means = (sums[ends] - sums[begins]) / (ends - begins)
    return np.where(means > 0, means, np.nan)


def save_loss(curves: Mapping[str, Sequence[np.ndarray]], path: Path) -> None:
    figure = Figure(figsize=(6, 4), layout="constrained")
    loss_curves(figure.add_subplot(), curves)
    save_png(figure, path, dpi=150)


def sample_panels(
    figure: Figure, target: np.ndarray, clouds: Mapping[str, np.ndarray], *, each_column: bool
) -> None:
    """One panel for each cloud, with the target; images as grids beside the target's.

    Args:
        figure: to draw on.
        target: shape (n, *event), data units.
        clouds: by title, each of shape (m, *event).
        each_column: principal components are of columns divided by their own spreads.
    """
    if target.ndim > 2:
        shown: dict[str, np.ndarray] = {"target": target, **clouds}
        for k, (title, images) in enumerate(shown.items()):
            axes = figure.add_subplot(1, len(shown), k + 1)
            image_grid(axes, images[picked(len(images), None, most=64)], columns=8)
            literal(axes.set_title(title, fontsize=10))
        return
    spread = target.std(axis=0) if each_column else np.ones(target.shape[1])
    projection = Projection(target, scale=np.where(spread > 0, spread, 1.0))
    solid: dict[str, Any] = {"projection": "3d"} if projection.dim == 3 else {}
    box = limits([projection(cloud) for cloud in (target, *clouds.values())])
    for k, (title, cloud) in enumerate(clouds.items()):
        panel: Any = figure.add_subplot(1, len(clouds), k + 1, **solid)
        if solid:
            panel.view_init(elev=ELEVATION, azim=AZIMUTH)
        else:
            tidy(panel)
        scatter(panel, projection(cloud), projection(target), names=projection.names())
        if projection.dim > 1:
            names = ("xlim", "ylim", "zlim")[: projection.dim]
            panel.set(**dict(zip(names, np.transpose(box), strict=True)))
        literal(panel.set_title(title, y=1.1 if not solid else 1.04, fontsize=10))


def save_samples(
    target: np.ndarray, clouds: Mapping[str, np.ndarray], path: Path, *, each_column: bool
) -> None:
    count = len(clouds) + (target.ndim > 2)
    figure = Figure(figsize=(4 * count, 4.3), layout="constrained")
    sample_panels(figure, target, clouds, each_column=each_column)
    save_png(figure, path, dpi=100)
