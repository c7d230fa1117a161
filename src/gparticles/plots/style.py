"""Colours and small helpers that the figures share."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

# Okabe and Ito's
PARTICLES = "#0072B2"
TARGET = "#D55E00"
GREY = "#666666"
PALE = "#dddddd"
# perceptually uniform, and made for readers who do not see red and green apart
FIELD = "cividis"

# more points than this only make ink
MAX_DRAWN = 5000


def flat(points: Any) -> np.ndarray:
    """Rows of coordinates, float64, shape (n, d)."""
    return np.asarray(points, np.float64).reshape(len(points), -1)


def step_name(step: int) -> str:
    """What a frame is called; step -1 is the source before an affine map to step 0."""
    return f"step {step}" if step >= 0 else "source"


def spaced(length: int, count: int) -> np.ndarray:
    """At most ``count`` indices below ``length``, evenly spaced, the first and last included.

    >>> spaced(10, 4).tolist()
    [0, 3, 6, 9]
    """
    return np.unique(np.linspace(0, length - 1, min(length, count)).round().astype(int))


def legend_above(axes: Axes) -> None:
    # above the axes, where no point is
    axes.legend(
        frameon=False,
        fontsize=9,
        ncols=2,
        loc="lower center",
        bbox_to_anchor=(0.5, 1),
        markerscale=2,
    )


def tidy(axes: Axes, *, grid: bool = False) -> None:
    """No box, and a faint grid where values are read off."""
    axes.spines[["top", "right"]].set_visible(False)
    if grid:
        axes.grid(visible=True, which="major", color=PALE, linewidth=0.5)
        axes.set_axisbelow(True)
