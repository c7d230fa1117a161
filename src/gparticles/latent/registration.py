"""Registration of images: smooth displacement fields that make one image look like another.

Demons (Thirion 1998, Med. Image Anal. 2(3)): every pixel is pulled along the moving image's slope
by what both images differ there, and the field is smoothed after every pull; first on blurred
images, which differ by what is large, then on sharper ones.
"""

from typing import Any

import numpy as np
from scipy.fft import dctn, idctn

# for a side of 28 pixels, all in proportion to it: blurs and how many pulls with each; the
# smoothing of fields
_STAGES = ((2.0, 40), (1.0, 40), (0.5, 30))
_SMOOTHING = 1.5
_SIDE = 28
# below so many pixels they shrink no more: less than a pixel's smoothing leaves fields rough
SMALLEST = 16
# pairs at a time, which stay in the processor's cache
_BLOCK = 64
_FLAT = 1e-3


def without_colour(images: np.ndarray) -> np.ndarray:
    """Mean of the channels, from 0 to 1 over all images, shape (n, h, w), float32."""
    grey = images if images.ndim == 3 else images.mean(axis=-1)
    low, high = float(grey.min()), float(grey.max())
    return ((grey - low) / (high - low or 1.0)).astype(np.float32)


def register(moving: np.ndarray, fixed: np.ndarray) -> np.ndarray:
    """Fields u with moving(x + u(x)) near fixed(x), in pixels, shape (k, 2, h, w), float32.

    Args:
        moving, fixed: shape (k, h, w), values from 0 to 1.
    """
    blocks = [slice(at, at + _BLOCK) for at in range(0, len(moving), _BLOCK)]
    return np.concatenate([_registered(moving[part], fixed[part]) for part in blocks])


def _registered(moving: np.ndarray, fixed: np.ndarray) -> np.ndarray:
    size = max(*moving.shape[1:], SMALLEST) / _SIDE
    fields = np.zeros((len(moving), 2, *moving.shape[1:]), np.float32)
    for blur, pulls in _STAGES:
        first, second = blurred(moving, blur * size), blurred(fixed, blur * size)
        for _ in range(pulls):
            now = _between_pixels(first, fields)
            off = now - second
            slopes = np.stack([np.gradient(now, axis=axis) for axis in (1, 2)], axis=1)
            length = (slopes**2).sum(axis=1) + off**2 + _FLAT
            pull = slopes * (off / length)[:, None]
            fields = blurred(fields - pull, _SMOOTHING * size)
    return fields


def blurred(images: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian means over the last two axes, sigma in pixels; the border goes on beyond."""
    rows, columns = (_gaussian(side, sigma) for side in images.shape[-2:])
    return rows @ images @ columns.T


def _gaussian(side: int, sigma: float) -> np.ndarray:
    """The matrix that smooths a line of so many pixels."""
    from scipy.ndimage import gaussian_filter1d

    lines = np.eye(side, dtype=np.float32)
    return gaussian_filter1d(lines, sigma, axis=0, mode="nearest", truncate=3.0)


def _between_pixels(images: np.ndarray, fields: np.ndarray) -> np.ndarray:
    """images(x + u(x)), linear between pixels; the border goes on beyond the edge."""
    count, height, width = images.shape
    # a line or column of one pixel has itself as the next
    padded = np.pad(images, ((0, 0), (0, 1), (0, 1)), mode="edge").reshape(-1)
    y = np.clip(np.arange(height, dtype=np.float32)[:, None] + fields[:, 0], 0, height - 1)
    x = np.clip(np.arange(width, dtype=np.float32) + fields[:, 1], 0, width - 1)
    top, left = y.astype(np.int32), x.astype(np.int32)
    down, right = y - top, x - left
    line = width + 1
    at = np.arange(count, dtype=np.int32)[:, None, None] * ((height + 1) * line) + top * line + left
    above = padded[at] + right * (padded[at + 1] - padded[at])
    below = padded[at + line] + right * (padded[at + line + 1] - padded[at + line])
    return above + down * (below - above)


def waves(fields: np.ndarray, count: int) -> np.ndarray:
    """The first cosines of fields, shape (k, 2, h, w) -> (k, 2 count^2), orthonormal, float64."""
    tall, wide = (min(count, side) for side in fields.shape[2:])
    cosines: Any = dctn(fields.astype(np.float64), axes=(2, 3), norm="ortho")
    return cosines[:, :, :tall, :wide].reshape(len(fields), -1)


def on_grid(cosines: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The fields of cosines as `waves` makes them, for images of this shape, (k, 2, h, w)."""
    count = round((cosines.shape[1] / 2) ** 0.5)
    tall = min(count, shape[0])
    whole = np.zeros((len(cosines), 2, *shape))
    wide = cosines.shape[1] // (2 * tall)
    whole[:, :, :tall, :wide] = cosines.reshape(len(cosines), 2, tall, wide)
    fields: Any = idctn(whole, axes=(2, 3), norm="ortho")
    return fields
