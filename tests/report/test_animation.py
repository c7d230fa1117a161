"""trajectory.gif: frames, sizes, and dots where the particles are."""

import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

from gparticles.report import animation
from gparticles.report.shown import choose
from tests.evaluate.flows import made, walk

BLUE, ORANGE = np.array([0, 114, 178]), np.array([213, 94, 0])


def frames(path):
    with Image.open(path) as image:
        for k in range(image.n_frames):
            image.seek(k)
            yield np.asarray(image.convert("RGB")).astype(int)


@pytest.fixture
def animate(tmp_path, monkeypatch):
    """Writes the GIF of a flow; gives its path."""
    monkeypatch.setattr(shutil, "which", lambda _: None)

    def call(flow, target):
        return animation.save_animation(flow, choose(flow, target), tmp_path / "trajectory.gif")

    return call


@pytest.mark.parametrize("shape", [(1,), (2,), (3,), (7,), (8, 8), (8, 8, 1), (8, 8, 3)])
def test_every_kind_of_data(shape, animate):
    flow = made(walk(30, *shape))
    path = animate(flow, np.random.default_rng(1).random((20, *shape)))
    with Image.open(path) as image:
        assert image.n_frames == 6
        assert min(image.size) > 150
        assert image.info["loop"] == 0
    assert len({frame.tobytes() for frame in frames(path)}) == 6


def test_dots_follow_the_particles(animate):
    # one particle goes from the left of the box, which the target spans, to its right
    way = np.column_stack([np.linspace(0.1, 0.9, 5), np.full(5, 0.5)])[:, None]
    corners = np.array([[0.0, 0.0], [1.0, 1.0]])
    found = list(frames(animate(made(way), corners)))
    blue = [np.argwhere((abs(frame - BLUE) < 60).all(axis=2)) for frame in found]
    across = np.array([pixels[:, 1].mean() for pixels in blue])
    np.testing.assert_allclose(np.diff(across), np.diff(across).mean(), atol=1.5)
    assert across[-1] - across[0] > 0.45 * found[0].shape[1]
    crosses = np.argwhere((abs(found[0] - ORANGE) < 30).all(axis=2))
    # the row of pixels grows downwards
    assert crosses[crosses[:, 1].argmin(), 0] > crosses[crosses[:, 1].argmax(), 0]
    assert abs(blue[0][:, 0].mean() - crosses[:, 0].mean()) < 2


def test_a_large_one_loses_frames_and_not_its_end(animate, monkeypatch):
    flow = made(walk(400, 2, frames=20))
    small = list(frames(animate(flow, walk(5, 2)[-1])))
    monkeypatch.setattr(animation, "MAX_BYTES", 60_000)
    path = animate(flow, walk(5, 2)[-1])
    kept = list(frames(path))
    assert len(kept) in (5, 10)
    assert path.stat().st_size <= 60_000 or len(kept) == 5
    for end in (0, -1):
        np.testing.assert_array_equal(kept[end], small[end])


def test_images_are_dark_where_values_are_large(animate):
    images = np.zeros((3, 4, 5, 5))
    images[:, 0, :, :2] = np.array([0.0, 0.5, 1.0])[:, None, None]
    found = [frame[animation.BAND :] for frame in frames(animate(made(images), images[0]))]
    side = found[0].shape[1] // 61
    corner = [frame[2 * side : 4 * side, side : 3 * side].mean() for frame in found]
    np.testing.assert_allclose(corner, [255, 127, 0], atol=12)


@pytest.mark.parametrize("status", [0, 1])
def test_mp4_where_ffmpeg_is(status, tmp_path, monkeypatch):
    fake = tmp_path / "ffmpeg"
    fake.write_text(f'#!/bin/sh\nfor last; do :; done\nwc -c > "$last"\nexit {status}\n')
    fake.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda _: str(fake))
    flow = made(walk(4, 2))
    (tmp_path / "out").mkdir()
    animation.save_animation(flow, choose(flow, walk(3, 2)[0]), tmp_path / "out" / "a.gif")
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == (["a.gif", "a.mp4"] if status == 0 else ["a.gif"])
    if status == 0:
        size = int((tmp_path / "out" / "a.mp4").read_text())
        held = animation.LAST_MS // animation.FRAME_MS
        assert size == (6 + held) * 560 * 480 * 3


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="no ffmpeg here")
def test_the_real_ffmpeg_reads_what_it_wrote(tmp_path):
    flow = made(walk(4, 2))
    animation.save_animation(flow, choose(flow, walk(3, 2)[0]), tmp_path / "a.gif")
    done = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", str(tmp_path / "a.mp4"), "-f", "null", "-"],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0
    assert not done.stderr
