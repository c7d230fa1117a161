"""Images as grids and over time."""

import numpy as np
from matplotlib.axes import Axes

from gparticles.checks import check_points
from gparticles.errors import InputError
from gparticles.plots.style import spaced


def image_grid(axes: Axes, images: np.ndarray, *, columns: int = 10) -> Axes:
    """Images of shape (k, h, w) or (k, h, w, 3) in rows, the lowest black and the highest white.

    Raises:
        InputError: other shapes, no images, or pixels that are not finite.
    """
    images = check_points(images, "images")
    canvas = grid(images, columns=columns)
    if canvas.ndim == 3:
        axes.imshow(np.nan_to_num(np.clip(canvas, 0, 1), nan=1.0), interpolation="nearest")
    else:
        low, high = float(np.min(images)), float(np.max(images))
        axes.imshow(canvas, cmap="gray", vmin=low, vmax=high, interpolation="nearest")
    axes.set_axis_off()
    return axes


def image_strip(axes: Axes, frames: np.ndarray) -> Axes:
    """Some images over time, one per row, the beginning on the left.

    Args:
        axes: to draw on.
        frames: shape (times, k, h, w) or (times, k, h, w, 3).
    """
    rows = np.swapaxes(np.asarray(frames), 0, 1)
    return image_grid(axes, rows.reshape(-1, *rows.shape[2:]), columns=len(frames))


def grid(images: np.ndarray, *, columns: int) -> np.ndarray:
    """Images side by side, a pixel of NaN between them, shape (height, width) or (..., 3)."""
    images = np.asarray(images, np.float64)
    if images.ndim == 4 and images.shape[-1] == 1:
        images = images[..., 0]
    if images.ndim != 3 and images.shape[3:] not in ((3,), (4,)):
        raise InputError(f"images have shape {images.shape}; give (k, h, w) or (k, h, w, 3)")
    rows = -(-len(images) // columns)
    height, width = images.shape[1:3]
    canvas = np.full(
        (rows * (height + 1) + 1, columns * (width + 1) + 1, *images.shape[3:]), np.nan
    )
    for k, image in enumerate(images):
        top, left = (k // columns) * (height + 1) + 1, (k % columns) * (width + 1) + 1
        canvas[top : top + height, left : left + width] = image
    return canvas


def picked(count: int, labels: np.ndarray | None, *, most: int) -> np.ndarray:
    """Indices of at most ``most`` of ``count`` images, evenly spaced, by class where there are."""
    order = np.arange(count) if labels is None else np.argsort(labels, kind="stable")
    return order[spaced(count, most)]
