"""Columns of a time course over continuous time."""

import numpy as np
from matplotlib.axes import Axes

from gparticles.plots.style import PARTICLES, TARGET, tidy


def band(axes: Axes, times: np.ndarray, curve: tuple[np.ndarray, np.ndarray, np.ndarray]) -> Axes:
    """A mean over time with a band around it: the mean, and the band's lower and upper edge."""
    mean, low, high = curve
    axes.fill_between(times, low, high, color=PARTICLES, alpha=0.2, linewidth=0)
    axes.plot(times, mean, color=PARTICLES, linewidth=1.6)
    tidy(axes, grid=True)
    return axes


def measured(axes: Axes, times: np.ndarray, means: np.ndarray) -> Axes:
    """Means of the snapshots, which know nothing of any cell's way."""
    axes.scatter(times, means, color=TARGET, marker="x", s=28, zorder=3)
    return axes
