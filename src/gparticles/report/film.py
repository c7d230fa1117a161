"""Images over time as frames of few colours, for the animation and the report."""

from typing import NamedTuple

import numpy as np
from PIL import Image

from gparticles.plots.images import grid

# the first entries of every palette, from white to black, are those of text and axes
SHADES = 8
# larger images are shown at every second, third ... pixel
MAX_SIDE = 64
LEVELS, COLOURS = 16, 120


class Film(NamedTuple):
    """Frames of palette indices, shape (frames, height, width), and colours, shape (k, 3)."""

    frames: np.ndarray
    palette: np.ndarray


def greys(count: int) -> np.ndarray:
    """From white to black, shape (count, 3)."""
    return np.linspace(255, 0, count)[:, None].repeat(3, axis=1)


def images_film(frames: np.ndarray, *, columns: int = 10) -> Film:
    """Grids of images, one for each time.

    Args:
        frames: shape (times, k, h, w) or (times, k, h, w, channels).
        columns: images per row.
    """
    shrink = -(-max(frames.shape[2:4]) // MAX_SIDE)
    small = frames[:, :, ::shrink, ::shrink]
    canvases = np.stack([grid(images, columns=columns) for images in small])
    return _in_greys(canvases) if canvases.ndim == 3 else _in_colours(canvases)


def _in_greys(canvases: np.ndarray) -> Film:
    """Dark for large values, as in ``image_grid``."""
    low, high = np.nanmin(canvases), np.nanmax(canvases)
    share = (canvases - low) / max(high - low, np.finfo(float).tiny)
    index = SHADES + np.nan_to_num(np.round(share * (LEVELS - 1)), nan=0.0)
    return Film(index.astype(np.uint8), np.concatenate([greys(SHADES), greys(LEVELS)]))


def _in_colours(canvases: np.ndarray) -> Film:
    """A palette chosen on the middle frame and the last."""
    pixels = np.nan_to_num(255 * np.clip(canvases[..., :3], 0, 1), nan=255.0).astype(np.uint8)
    sample = Image.fromarray(np.concatenate(pixels[[len(pixels) // 2, -1]]))
    chosen = sample.quantize(colors=COLOURS)
    indices = [
        np.asarray(Image.fromarray(frame).quantize(palette=chosen, dither=Image.Dither.NONE))
        for frame in pixels
    ]
    colours = np.reshape((chosen.getpalette() or [])[: 3 * COLOURS], (-1, 3))
    return Film(np.stack(indices) + np.uint8(SHADES), np.concatenate([greys(SHADES), colours]))
