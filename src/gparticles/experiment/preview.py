"""What images look like while a run is going: one picture in its folder, made anew now and then."""

import io
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np

from gparticles.flow import Progress
from gparticles.outputs import replace_file

PREVIEW = "preview.png"
SECONDS = 10.0
# of the picture: so many images in rows, none drawn with more pixels than this along a side
MOST, COLUMNS, SIDE = 60, 12, 64


class Preview:
    """A callback of a flow that draws its images every so many seconds.

    It only looks: a run has the same bits with it. A picture that cannot be written is not worth
    the run, and is left out.

    Args:
        path: of the picture, which is replaced.
        images: from the flow's points to images.
        labels: classes of the particles, by which they are sorted, or None.
        say: told once where the picture is.
        seconds: of steps between two pictures, and before the first.
    """

    def __init__(
        self,
        path: Path,
        images: Callable[[np.ndarray], np.ndarray],
        *,
        labels: np.ndarray | None = None,
        say: Callable[[str], None] = lambda _: None,
        seconds: float = SECONDS,
    ):
        self.path, self.images, self.labels = path, images, labels
        self.say, self.seconds = say, seconds
        self.last: float | None = None

    def __call__(self, progress: Progress) -> None:
        # compilation, which comes before the first call, is no step
        self.last = time.monotonic() if self.last is None else self.last
        if time.monotonic() - self.last < self.seconds:
            return
        # matplotlib takes a second to import: short runs do without
        from gparticles.plots.images import picked

        points = progress.particles()
        chosen = picked(len(points), self.labels, most=MOST)
        with suppress(OSError):
            new = not self.path.exists()
            replace_file(self.path, _png(self.images(points[chosen])))
            if new:
                self.say(f"{self.path} shows images on their way, from step {progress.step} on")
        self.last = time.monotonic()


def _png(images: np.ndarray) -> bytes:
    from PIL import Image

    from gparticles.plots.images import grid

    shrink = -(-max(images.shape[1:3]) // SIDE)
    canvas = grid(images[:, ::shrink, ::shrink], columns=COLUMNS)
    canvas = canvas[..., :3] if canvas.ndim == 3 else canvas
    low, high = (0.0, 1.0) if images.ndim == 4 else (np.nanmin(canvas), np.nanmax(canvas))
    shares = np.clip((canvas - low) / max(high - low, np.finfo(float).tiny), 0, 1)
    pixels = np.nan_to_num(255 * shares, nan=255.0).astype(np.uint8)
    picture = io.BytesIO()
    Image.fromarray(pixels).save(picture, format="png")
    return picture.getvalue()
