"""Pictures of a table's new rows beside real ones: columns one by one, and two by two."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gparticles.plots.style import (
    GREY,
    MAX_LETTERS,
    PARTICLES,
    TARGET,
    legend_above,
    literal,
    pictured,
    save_png,
    tidy,
)

REAL, NEW = "real rows", "new rows"
# panels of a figure, bins of a histogram, and bars of a column of kinds
MOST_PANELS, BINS, MOST_BARS = 24, 20, 8
# points of a panel with two columns
_MOST_POINTS = 400
# letters of names at the sides of a matrix with many columns
_SHORT = 14

Cells = Sequence[np.ndarray]


def margin(axes: Axes, real: np.ndarray, new: np.ndarray, *, name: str = "") -> Axes:
    """The distribution of one column in real and in new rows.

    Args:
        axes: to draw on.
        real, new: numbers (NaN where there is none), or text.
        name: of the column.
    """
    if real.dtype.kind == "f":
        _histogram(axes, real[np.isfinite(real)], new[np.isfinite(new)])
    else:
        _bars(axes, real, new)
    literal(axes.set_title(name, fontsize=9))
    axes.set_yticks([])
    axes.tick_params(labelsize=7)
    tidy(axes)
    return axes


def _histogram(axes: Axes, real: np.ndarray, new: np.ndarray) -> None:
    if not len(real):
        return
    # a few new rows beyond the real ones do not squeeze all others
    spare = 0.1 * (real.max() - real.min())
    low, high = real.min() - spare, real.max() + spare
    edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
    shown = [np.clip(cells, edges[0], edges[-1]) for cells in (real, new)]
    for cells, colour, label in zip(shown, (TARGET, PARTICLES), (REAL, NEW), strict=True):
        share = np.full(len(cells), 1 / max(len(cells), 1))
        axes.hist(cells, edges, weights=share, color=colour, alpha=0.2)
        axes.hist(cells, edges, weights=share, color=colour, histtype="step", label=label)


def _bars(axes: Axes, real: np.ndarray, new: np.ndarray) -> None:
    levels, counts = np.unique(real, return_counts=True)
    frequent = levels[np.argsort(-counts, kind="stable")][:MOST_BARS]
    for shift, cells, colour, label in ((-0.2, real, TARGET, REAL), (0.2, new, PARTICLES, NEW)):
        shares = [float((cells == level).mean()) for level in frequent]
        axes.bar(np.arange(len(frequent)) + shift, shares, 0.4, color=colour, label=label)
    words = [level or "missing" for level in pictured(frequent.tolist(), "kind")]
    axes.set_xticks(np.arange(len(frequent)), [w[:_SHORT] for w in words], rotation=30, ha="right")
    literal(*axes.get_xticklabels())


def save_margins(real: Cells, new: Cells, path: Path, *, names: Sequence[str]) -> Path:
    """One panel for each column, at most 24."""
    count = min(len(names), MOST_PANELS)
    across = min(4, count)
    down = -(-count // across)
    figure = Figure(figsize=(2.4 * across, 1.9 * down + 0.4), layout="constrained")
    words = pictured(names, "column")
    for k in range(count):
        margin(figure.add_subplot(down, across, k + 1), real[k], new[k], name=words[k])
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2, frameon=False, fontsize=9)
    return save_png(figure, path, dpi=100)


def association_matrix(axes: Axes, matrix: np.ndarray, *, names: Sequence[str], title: str) -> Axes:
    """A matrix of associations between -1 and 1, as colours."""
    axes.imshow(matrix, vmin=-1, vmax=1, cmap="RdBu_r")
    words = [word[:_SHORT] for word in pictured(names, "column")]
    size = 7 if len(words) <= 20 else 4
    axes.set_xticks(range(len(words)), words, rotation=90, fontsize=size)
    axes.set_yticks(range(len(words)), words, fontsize=size)
    literal(*axes.get_xticklabels(), *axes.get_yticklabels())
    axes.set_title(title, fontsize=10)
    return axes


def save_associations(
    real: np.ndarray, new: np.ndarray, path: Path, *, names: Sequence[str]
) -> Path:
    """The matrices of real and of new rows, side by side, with one scale of colours."""
    figure = Figure(figsize=(9, 4.6), layout="constrained")
    for k, (matrix, title) in enumerate(((real, REAL), (new, NEW))):
        axes = figure.add_subplot(1, 2, k + 1)
        association_matrix(axes, matrix, names=names, title=title)
    figure.colorbar(figure.axes[0].images[0], ax=figure.axes, shrink=0.7, label="association")
    return save_png(figure, path, dpi=100)


def save_pairs(
    real: Cells, new: Cells, path: Path, *, pairs: Sequence[tuple[int, int]], names: Sequence[str]
) -> Path:
    """Two columns in each panel, real and new rows beside each other."""
    words = pictured(names, "column")
    across = min(3, max(len(pairs), 1))
    down = -(-max(len(pairs), 1) // across)
    figure = Figure(figsize=(3.2 * across, 2.8 * down + 0.4), layout="constrained")
    for k, (first, second) in enumerate(pairs):
        axes = figure.add_subplot(down, across, k + 1)
        for cells, colour, label in ((real, TARGET, REAL), (new, PARTICLES, NEW)):
            x, y = (_positions(cells[i], real[i], i)[:_MOST_POINTS] for i in (first, second))
            axes.scatter(x, y, s=6, alpha=0.5, color=colour, label=label, linewidths=0)
        literal(axes.set_xlabel(words[first][:MAX_LETTERS], fontsize=8))
        literal(axes.set_ylabel(words[second][:MAX_LETTERS], fontsize=8))
        for axis, column in ((axes.xaxis, real[first]), (axes.yaxis, real[second])):
            if column.dtype.kind != "f":
                levels = [level or "missing" for level in np.unique(column)[:MOST_BARS].tolist()]
                axis.set_ticks(range(len(levels)), [w[:_SHORT] for w in pictured(levels, "kind")])
                literal(*axis.get_ticklabels())
        axes.tick_params(labelsize=7)
        tidy(axes)
        if k == 0:
            legend_above(axes)
    return save_png(figure, path, dpi=100)


def _positions(cells: np.ndarray, real: np.ndarray, seed: int) -> np.ndarray:
    """Numbers as they are, and kinds by their place in the real rows', spread a little."""
    if cells.dtype.kind == "f":
        return cells
    levels = np.unique(real)
    places = np.clip(np.searchsorted(levels, cells), 0, len(levels) - 1)
    return places + np.random.default_rng(seed).uniform(-0.2, 0.2, len(cells))


def dial(axes: Axes, curves: dict[str, np.ndarray], *, chosen: tuple[float, float]) -> Axes:
    """How well new rows are told from real ones against how near to learnt rows they are.

    Args:
        axes: to draw on.
        curves: by what gives the velocity, rows of (nearest, told apart), shape (k, 2).
        chosen: the point of what was chosen.
    """
    for (name, points), colour in zip(curves.items(), (PARTICLES, TARGET, "#009E73"), strict=False):
        along = points[np.argsort(points[:, 0], kind="stable")]
        axes.plot(along[:, 0], along[:, 1], "o-", ms=4, lw=1, color=colour, label=name)
    axes.plot(*chosen, "*", ms=14, color="black", label="chosen")
    axes.axhline(0.5, color=GREY, lw=0.8, ls=":")
    axes.axvline(1.0, color=GREY, lw=0.8, ls=":")
    axes.set_xlabel("nearest (0 is a copy, 1 is a fresh row)")
    axes.set_ylabel("told from held-out rows (1/2 is best)")
    tidy(axes, grid=True)
    legend_above(axes)
    return axes


def save_dial(curves: dict[str, np.ndarray], path: Path, *, chosen: tuple[float, float]) -> Path:
    figure = Figure(figsize=(5.5, 4), layout="constrained")
    dial(figure.add_subplot(), curves, chosen=chosen)
    return save_png(figure, path, dpi=100)
