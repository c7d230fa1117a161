"""Bytes for the page: positions in 16 bits, images as PNG, the drawing library compressed.

A page reads them with what browsers bring: ``atob`` and ``DecompressionStream``.
"""

import base64
import gzip
import io
from typing import Any

import numpy as np
from PIL import Image

from gparticles.flow import Flow
from gparticles.plots.projection import Projection, limits_over_time, outside
from gparticles.plots.style import one_line, spaced
from gparticles.report.film import Film, images_film
from gparticles.report.shown import Shown

# what is not shown, because it lies outside the picture or is not a number
NOWHERE = 65535
MAX_FRAMES = 50
MAX_LETTERS = 60
# of coordinates in all frames together, and of the PNGs, in bytes before base64
MAX_ENTRIES = 900_000
MAX_IMAGE_BYTES = 2_000_000


def compressed(data: bytes) -> str:
    """gzip in base64; the same bytes give the same text."""
    return base64.b64encode(gzip.compress(data, 4, mtime=0)).decode()


def plotly_script() -> str:
    """The drawing library as it comes with plotly's Python package, compressed to 2 MB."""
    from plotly.offline import get_plotlyjs

    return compressed(get_plotlyjs().encode())


def packed_points(flow: Flow, shown: Shown) -> dict[str, Any]:
    """Particles over time and target, as 16-bit fractions of the box that the page shows.

    Returns:
        ``positions`` and ``target``: compressed little-endian uint16, the first of shape
        (frames, dim, m), the second (dim, n); ``low`` and ``high`` of the box; ``steps`` and
        ``times`` of the frames; ``names`` of the axes; ``hidden``, how many of the final
        particles and targets lie outside the box; and what was thinned.
    """
    projection = Projection(shown.target, scale=flow.scale, columns=shown.columns)
    solid = projection.dim == 3
    draw = projection if solid else projection.pairs
    frames = spaced(len(flow.trajectory), MAX_FRAMES)
    dim = 3 if solid else 2
    affordable = spaced(len(shown.chosen), max(1, MAX_ENTRIES // (dim * len(frames))))
    chosen = shown.chosen[affordable]
    drawn = np.stack([draw(flow.trajectory[k][chosen]) for k in frames])
    target = draw(shown.target)
    names = projection.names() if solid else projection.pair_names()
    box = limits_over_time(drawn, target)
    return {
        "positions": compressed(_fractions(drawn, box).transpose(0, 2, 1).tobytes()),
        "target": compressed(_fractions(target, box).T.tobytes()),
        "count": len(chosen),
        "targetCount": len(target),
        "dim": dim,
        "low": box[0].tolist(),
        "high": box[1].tolist(),
        "names": [one_line(name, most=MAX_LETTERS) for name in names],
        "hidden": int(outside(drawn[-1], box).sum() + outside(target, box).sum()),
        **_times(flow, frames),
    }


def _fractions(points: np.ndarray, box: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    low, high = box
    share = (points - low) / (high - low)
    inside = ((share >= 0) & (share <= 1)).all(axis=-1, keepdims=True)
    counts = np.round(np.where(inside, share, 0) * (NOWHERE - 1))
    return np.where(inside, counts, NOWHERE).astype("<u2")


def _times(flow: Flow, frames: np.ndarray) -> dict[str, Any]:
    """Steps and times of frames; frame k shows the particles before step k, -1 has no time."""
    steps = flow.trajectory_steps[frames]
    times = np.append(flow.history["time"], np.nan)[np.minimum(steps, flow.steps)]
    return {
        "steps": steps.tolist(),
        "times": [float(f"{t:.4g}") if np.isfinite(t) else None for t in times.astype(float)],
    }


def packed_images(flow: Flow, shown: Shown) -> dict[str, Any]:
    """Grids of particles over time and one of targets, as PNGs; fewer times for large ones."""
    frames = spaced(len(flow.trajectory), MAX_FRAMES)
    film = images_film(flow.trajectory[frames][:, shown.chosen])
    pictures = [_png(film, k) for k in range(len(frames))]
    while sum(map(len, pictures)) > MAX_IMAGE_BYTES and len(pictures) > 6:
        kept = spaced(len(pictures), -(-len(pictures) // 2))
        pictures, frames = [pictures[k] for k in kept], frames[kept]
    return {
        "pictures": [base64.b64encode(data).decode() for data in pictures],
        "target": base64.b64encode(_png(images_film(shown.target[None]), 0)).decode(),
        "count": len(shown.chosen),
        "targetCount": len(shown.target),
        **_times(flow, frames),
    }


def _png(film: Film, k: int) -> bytes:
    image = Image.fromarray(film.frames[k])
    image.putpalette(film.palette.astype(np.uint8).tobytes())
    file = io.BytesIO()
    image.save(file, "PNG", optimize=False)
    return file.getvalue()


def packed_history(flow: Flow, titles: dict[str, str], *, most: int = 1000) -> list[dict[str, Any]]:
    """The curves of the history, thinned to ``most`` steps each."""
    kept = spaced(flow.steps, most) if flow.steps else np.zeros(0, int)
    times = _numbers(flow.history["time"][kept])
    return [
        {"title": title, "time": times, "values": _numbers(flow.history[name][kept])}
        for name, title in titles.items()
        if name in flow.history
    ]


def _numbers(values: np.ndarray) -> list[float | None]:
    """Five digits, and null for what JSON has no number for."""
    return [float(f"{v:.5g}") if np.isfinite(v) else None for v in values.astype(float)]
