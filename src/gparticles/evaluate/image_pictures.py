"""New images beside the training images that they are most like."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from gparticles.evaluate.images import without_grain
from gparticles.evaluate.pairwise import nearest, rows
from gparticles.evaluate.registry import LENET
from gparticles.plots.images import image_grid, picked
from gparticles.plots.style import save_png

COLUMNS = 20


def save_nearest(
    path: Path, images: np.ndarray, targets: np.ndarray, *, labels: np.ndarray | None = None
) -> Path:
    """Draws twenty images, below each the nearest target without grain, and the LeNet's nearest.

    Args:
        path: of the PNG.
        images, targets: shapes (m, *event) and (n, *event).
        labels: classes of the images, by which they are sorted, or None.
    """
    chosen = images[picked(len(images), labels, most=COLUMNS)]
    views = [without_grain]
    pixels = targets.min() >= 0 and targets.max() <= 1
    if targets.shape[1:] in LENET.shapes and pixels:
        views.append(LENET)
    below = [targets[nearest(rows(view(chosen)), rows(view(targets)))[1]] for view in views]
    figure = Figure(figsize=(11, 0.62 * (1 + len(views)) + 0.4), layout="constrained")
    axes = image_grid(figure.add_subplot(), np.concatenate([chosen, *below]), columns=len(chosen))
    seen = " and, last, the LeNet's nearest" if len(views) > 1 else ""
    axes.set_title(f"particles; below, the nearest training images without grain{seen}", fontsize=9)
    return save_png(figure, path, dpi=150)
