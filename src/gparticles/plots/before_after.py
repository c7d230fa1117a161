"""Samples of several batches before and after their integration, side by side."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gparticles.plots.projection import limits
from gparticles.plots.style import (
    GREY,
    MAX_DRAWN,
    literal,
    names_in_words,
    one_line,
    pictured,
    spaced,
    tidy,
)

# Okabe and Ito's, and then the same as other markers
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442")
MARKERS = ("o", "x", "^", "s", "+", "v")


class View(NamedTuple):
    """Two columns to draw, shape (N, 2), and what its axes are called."""

    points: np.ndarray
    axes: tuple[str, str]


def before_after_figure(views: Mapping[str, View], groups: Mapping[str, np.ndarray]) -> Figure:
    """One panel for each view, side by side; one row of panels for each grouping.

    Args:
        views: title to view, such as before and after.
        groups: what the colours mean, such as batch, to each sample's group as text, shape (N,).
    """
    figure = Figure(figsize=(5 * len(views), 4.3 * len(groups)), layout="constrained")
    panels = figure.subplots(len(groups), len(views), squeeze=False)
    for row, (what, names) in zip(panels, groups.items(), strict=True):
        for axes, (title, view) in zip(row, views.items(), strict=True):
            _panel(axes, view, names, what)
            literal(axes.set_title(f"{title}, by {what}", fontsize=10))
        legend = row[-1].legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
        literal(*legend.get_texts())
    return figure


def groups_in_words(groups: Mapping[str, np.ndarray]) -> str:
    """Which number in the legends is which name, for those that not every machine can draw."""
    lines = (names_in_words(_ordered(names), what) for what, names in groups.items())
    return " ".join(line for line in lines if line)


def _ordered(names: np.ndarray) -> list[str]:
    """The groups that have a name, in the order of their numbers."""
    return sorted({str(name) for name in names} - {""})


def _panel(axes: Axes, view: View, names: np.ndarray, what: str) -> None:
    groups = _ordered(names)
    shown = spaced(len(view.points), MAX_DRAWN)
    points, names = view.points[shown], names[shown]
    size = 16 if len(points) <= 500 else 8 if len(points) <= 2000 else 3
    unknown = int("" in names)
    entries = ["unknown"] * unknown + [_entry(name) for name in pictured(groups, what)]
    for k, (name, entry) in enumerate(zip([""] * unknown + groups, entries, strict=True)):
        at = k - unknown
        colour = COLOURS[at % len(COLOURS)] if name else GREY
        marker = MARKERS[at // len(COLOURS) % len(MARKERS)] if name else "."
        axes.scatter(
            *points[names == name].T,
            s=size,
            c=colour,
            marker=marker,
            alpha=0.7,
            linewidths=0.8,
            label=entry,
        )
    low, high = limits([points])
    axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), xticks=[], yticks=[])
    setters = zip((axes.set_xlabel, axes.set_ylabel), view.axes, strict=True)
    literal(*(setter(name, fontsize=9) for setter, name in setters))
    tidy(axes)


def _entry(name: str) -> str:
    """What the legend says: an underscore at the beginning would leave it out."""
    short = one_line(name, most=24)
    return f" {short}" if short.startswith("_") else short
