"""``trajectory.gif``: the particles on their way to the target.

Only the first frame's axes are drawn by matplotlib; the particles are dots that are added to the
pixels of it, a hundred times as fast. Every film is of one palette, which keeps the file small.
"""

import io
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from mpl_toolkits.mplot3d import Axes3D
from mpl_toolkits.mplot3d.proj3d import proj_transform
from PIL import Image, ImageDraw, ImageFont

from gparticles.flow import Flow
from gparticles.outputs import replace_file
from gparticles.plots.figures import AZIMUTH, ELEVATION
from gparticles.plots.points import comparable, label_axes
from gparticles.plots.projection import Projection, limits_over_time, outside
from gparticles.plots.style import PARTICLES, TARGET, spaced, step_name, tidy
from gparticles.report.checking import check_shown
from gparticles.report.film import SHADES, Film, greys, images_film
from gparticles.report.shown import Shown

MAX_BYTES = 1_500_000
MAX_IMAGE_FRAMES = 30
FRAME_MS, LAST_MS = 70, 2000
# depths of blue in the palette
DEPTHS = 8
# height of the line of text above images
BAND = 26


def save_animation(flow: Flow, shown: Shown, path: Path) -> Path:
    """Writes the particles over time as a GIF, and beside it as MP4 where ffmpeg is installed.

    Points in 2-D and 3-D are shown as they are, more columns by the first two principal components
    of the target, one column against its rank, and images as a grid.

    Args:
        flow: the flow.
        shown: what to show of it.
        path: of the GIF; replaced if it exists.

    Raises:
        InputError: what cannot be drawn, such as NaN.

    Returns:
        ``path``. The file has at most 1.5 MB: frames are left out until it does.
    """
    check_shown(flow, shown)
    film = _images(flow, shown) if flow.particles.ndim > 2 else _points(flow, shown)
    data = _gif(film)
    while len(data) > MAX_BYTES and len(film.frames) > 4:
        film = film._replace(frames=film.frames[spaced(len(film.frames), len(film.frames) // 2)])
        data = _gif(film)
    replace_file(path, data)
    _mp4(film, path.with_suffix(".mp4"))
    return path


def _gif(film: Film) -> bytes:
    images = [Image.fromarray(frame) for frame in film.frames]
    for image in images:
        image.putpalette(film.palette.astype(np.uint8).tobytes())
    file = io.BytesIO()
    durations = [FRAME_MS] * (len(images) - 1) + [LAST_MS]
    images[0].save(
        file,
        "GIF",
        save_all=True,
        append_images=images[1:],
        duration=durations,
        loop=0,
        optimize=False,
    )
    return file.getvalue()


def _mp4(film: Film, path: Path) -> None:
    program = shutil.which("ffmpeg")
    if program is None:
        return
    frames = film.frames[:, : film.frames.shape[1] // 2 * 2, : film.frames.shape[2] // 2 * 2]
    height, width = frames.shape[1:]
    held = np.concatenate([frames, np.repeat(frames[-1:], LAST_MS // FRAME_MS, axis=0)])
    raw = f"-f rawvideo -pix_fmt rgb24 -s {width}x{height} -r {1000 / FRAME_MS:.2f} -i -"
    encoded = "-pix_fmt yuv420p -movflags +faststart -loglevel error -y"
    unfinished = path.with_name(f".{path.name}")
    options = f"{raw} {encoded} -f mp4".split()
    command = [program, *options, str(unfinished)]
    pixels = film.palette.astype(np.uint8)[held].tobytes()
    done = subprocess.run(command, input=pixels, capture_output=True, check=False)
    if done.returncode == 0:
        unfinished.replace(path)
    else:
        # an ffmpeg without an encoder for MP4; the GIF is there
        unfinished.unlink(missing_ok=True)


def _points(flow: Flow, shown: Shown) -> Film:
    projection = Projection(shown.target, scale=flow.scale, columns=shown.columns)
    draw = projection if projection.dim == 3 else projection.pairs
    frames = np.stack([draw(frame[shown.chosen]) for frame in flow.trajectory])
    target = draw(shown.target)
    box = limits_over_time(frames, target)
    figure, axes = _empty_axes(box)
    label_axes(axes, projection.names() if projection.dim == 3 else projection.pair_names())
    background = _shades(figure)
    marks = _pixels(figure, axes, target[~outside(target, box)])
    film = []
    for frame, step in zip(frames, flow.trajectory_steps, strict=True):
        dots = _pixels(figure, axes, frame[~outside(frame, box)])
        canvas = _add_dots(background.copy(), dots, large=frames.shape[1] <= 500)
        _add_marks(canvas, marks)
        film.append(_add_text(canvas, step_name(step)))
    return Film(np.stack(film), _palette())


def _empty_axes(box: tuple[np.ndarray, np.ndarray]) -> tuple[Figure, Any]:
    figure = Figure(figsize=(5.6, 4.8), dpi=100)
    FigureCanvasAgg(figure)
    names = ("x", "y", "z")[: len(box[0])]
    if len(names) == 3:
        axes: Any = figure.add_axes((0.0, 0.0, 0.98, 0.98), projection="3d")
        axes.view_init(elev=ELEVATION, azim=AZIMUTH)
        # seen at a slant, whose labels would overlap
        axes.locator_params(axis="y", nbins=4)
    else:
        axes = figure.add_axes((0.14, 0.12, 0.82, 0.8))
        tidy(axes)
        if comparable(box):
            axes.set_aspect("equal")
    axes.set(**{f"{name}lim": pair for name, pair in zip(names, np.transpose(box), strict=True)})
    return figure, axes


def _shades(figure: Figure) -> np.ndarray:
    """The figure as indices of greys, 0 for white, shape (height, width)."""
    figure.canvas.draw()
    pixels = np.asarray(figure.canvas.buffer_rgba())  # type: ignore[attr-defined]
    darkness = 255 - pixels[..., :3].mean(axis=2)
    return np.round(darkness / 255 * (SHADES - 1)).astype(np.uint8)


def _palette() -> np.ndarray:
    depth = np.linspace(0.3, 1, DEPTHS)[:, None]
    blues = 255 * (1 - depth + depth * np.array(to_rgb(PARTICLES)))
    return np.concatenate([greys(SHADES), blues, 255 * np.array([to_rgb(TARGET)])])


def _pixels(figure: Figure, axes: Any, points: np.ndarray) -> np.ndarray:
    """Row and column of every point in the figure's picture, shape (n, 2)."""
    if isinstance(axes, Axes3D):
        x, y, _ = proj_transform(*points.T, axes.get_proj())  # type: ignore[call-arg]
        points = np.column_stack([np.asarray(x), np.asarray(y)])
    across, up = axes.transData.transform(points).T
    height = figure.canvas.get_width_height()[1]
    return np.round(np.column_stack([height - 1 - up, across])).astype(int)


def _inside(pixels: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return pixels[((pixels >= 3) & (pixels < np.array(shape) - 3)).all(axis=1)]


def _add_dots(canvas: np.ndarray, pixels: np.ndarray, *, large: bool) -> np.ndarray:
    """Dots that are bluer where they lie over each other."""
    reach = 2 if large else 1
    around = np.arange(-reach, reach + 1)
    weights = np.clip(reach + 0.6 - np.hypot(around[:, None], around), 0, 1)
    kept = _inside(pixels, canvas.shape)
    corners = kept @ [canvas.shape[1], 1]
    places = corners[:, None, None] + canvas.shape[1] * around[:, None] + around
    drops = np.broadcast_to(weights, places.shape)
    ink = np.bincount(places.ravel(), drops.ravel(), minlength=canvas.size)
    wet = np.flatnonzero(ink)
    # a few dots are solid, thousands show where they are dense
    depth = 1 - np.exp(-(2.0 if large else 0.9) * ink[wet])
    level = np.minimum((depth * DEPTHS).astype(int), DEPTHS - 1)
    canvas.ravel()[wet] = SHADES + level
    return canvas


def _add_marks(canvas: np.ndarray, pixels: np.ndarray) -> None:
    """Small crosses of the target's colour."""
    row, column = _inside(pixels, canvas.shape).T[..., None]
    arm = np.arange(-2, 3)
    canvas[row + arm, column + arm] = SHADES + DEPTHS
    canvas[row + arm, column - arm] = SHADES + DEPTHS


def _add_text(canvas: np.ndarray, text: str) -> np.ndarray:
    """The canvas with a line of text in its upper left corner, in the palette's first greys."""
    mask = Image.new("L", (160, BAND - 4))
    draw = ImageDraw.Draw(mask)
    draw.text((4, 2), text, fill=255, font=ImageFont.load_default(size=15))
    grey = np.round(np.asarray(mask) / 255 * (SHADES - 1)).astype(np.uint8)
    corner = canvas[2 : 2 + grey.shape[0], 8 : 8 + grey.shape[1]]
    np.maximum(corner, grey[: corner.shape[0], : corner.shape[1]], out=corner)
    return canvas


def _images(flow: Flow, shown: Shown) -> Film:
    frames = spaced(len(flow.trajectory), MAX_IMAGE_FRAMES)
    film = images_film(flow.trajectory[frames][:, shown.chosen])
    zoom = max(1, round(520 / film.frames.shape[2]))
    large = film.frames.repeat(zoom, axis=1).repeat(zoom, axis=2)
    framed = np.pad(large, ((0, 0), (BAND, 0), (0, 0)))
    for canvas, step in zip(framed, flow.trajectory_steps[frames], strict=True):
        _add_text(canvas, step_name(step))
    return Film(framed, film.palette)
