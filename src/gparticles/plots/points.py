"""Particles and target as points, at the end and on the way there."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from gparticles.errors import InputError
from gparticles.plots.projection import limits, limits_over_time, outside
from gparticles.plots.style import (
    GREY,
    MAX_DRAWN,
    PARTICLES,
    TARGET,
    flat,
    legend_above,
    literal,
    pictured,
    step_name,
)

# targets; more are drawn as dots
MANY = 1000


def scatter(
    axes: Axes, particles: np.ndarray, target: np.ndarray, *, names: Iterable[str] = ()
) -> Axes:
    """Target and particles as points, shapes (n, 2) and (m, 2), or (n, 3) on 3-D axes.

    One column is drawn as two histograms.
    """
    particles, target = (flat(cloud)[:MAX_DRAWN] for cloud in (particles, target))
    if particles.shape[1] == 1:
        return _histograms(axes, particles[:, 0], target[:, 0], names=names)
    solid = particles.shape[1] == 3
    size = 14 if len(particles) <= 500 else 7 if len(particles) <= 2000 else 3
    # fading with depth would hide the far side
    style: dict[str, Any] = {"depthshade": False} if solid else {}
    box = limits([particles, target])
    if not solid and comparable(box):
        axes.set_aspect("equal", adjustable="box")
    axes.scatter(
        *particles.T, s=size, c=PARTICLES, alpha=0.6, linewidths=0, label="particles", **style
    )
    # crosses stand out; thousands of them would hide the particles
    mark = {"s": 16, "marker": "x", "linewidths": 0.9} if len(target) <= MANY else {"s": 2}
    axes.scatter(*target.T, c=TARGET, label="target", **mark, **style)
    _frame(axes, box)
    _tell_hidden(axes, int(outside(np.concatenate([particles, target]), box).sum()))
    label_axes(axes, names)
    legend_above(axes)
    return axes


def comparable(box: tuple[np.ndarray, np.ndarray]) -> bool:
    """Whether equal lengths on both axes leave a picture and not a line."""
    ranges = box[1] - box[0]
    return bool(ranges.max() < 2 * ranges.min())


def _tell_hidden(axes: Any, count: int) -> None:
    if count:
        place = axes.text2D if hasattr(axes, "text2D") else axes.text
        words = f"{count} points lie outside"
        place(1, 0.01, words, transform=axes.transAxes, ha="right", fontsize=8, color=GREY)


def _frame(axes: Any, box: tuple[np.ndarray, np.ndarray]) -> None:
    names = ("x", "y", "z")[: len(box[0])]
    axes.set(**{f"{name}lim": pair for name, pair in zip(names, np.transpose(box), strict=True)})


def label_axes(axes: Any, names: Iterable[str]) -> None:
    """Writes the columns' names on two axes or three, as they are, or numbers."""
    setters = [axes.set_xlabel, axes.set_ylabel]
    if hasattr(axes, "set_zlabel"):
        setters.append(axes.set_zlabel)
    drawn = pictured(names, "column")
    literal(*(setter(name) for setter, name in zip(setters, drawn, strict=False)))


def _histograms(
    axes: Axes, particles: np.ndarray, target: np.ndarray, *, names: Iterable[str]
) -> Axes:
    (low,), (high,) = limits([particles[:, None], target[:, None]])
    edges = np.linspace(low, high, min(60, max(10, len(particles) // 20)) + 1)
    for values, colour, name in ((target, TARGET, "target"), (particles, PARTICLES, "particles")):
        axes.hist(values, bins=list(edges), density=True, alpha=0.55, color=colour, label=name)
    label_axes(axes, [next(iter(names), "x1"), "density"])
    legend_above(axes)
    return axes


def strip(
    axes: Iterable[Axes], frames: np.ndarray, steps: Iterable[int], *, target: np.ndarray
) -> list[Axes]:
    """Particles at several times, one panel each, under the target: shapes (k, m, 2) and (n, 2)."""
    drawn = []
    axes, steps = list(axes), list(steps)
    if not len(axes) == len(steps) == len(frames):
        raise InputError(f"{len(axes)} axes for {len(frames)} frames of {len(steps)} steps")
    low, high = limits_over_time(frames, target)
    for panel, frame, step in zip(axes, frames, steps, strict=True):
        size = 5 if len(frame) <= 1000 else 1.5
        panel.scatter(*frame[:MAX_DRAWN].T, s=size, c=PARTICLES, alpha=0.5, linewidths=0)
        panel.scatter(*target[:MAX_DRAWN].T, s=3, c=TARGET, alpha=0.8, linewidths=0)
        panel.set_title(step_name(step), fontsize=9)
        _frame(panel, (low, high))
        panel.set_xticks([])
        panel.set_yticks([])
        drawn.append(panel)
    return drawn
