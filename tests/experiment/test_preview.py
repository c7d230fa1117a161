"""The picture of a run's images on their way."""

import numpy as np
from PIL import Image

from gparticles.experiment.preview import Preview
from gparticles.flow import Progress


def progress(points, step=3):
    return Progress(step, 10, 1.0, {}, lambda: points)


def test_it_is_drawn_of_what_points_show_and_announced_once(tmp_path):
    path, lines = tmp_path / "preview.png", []
    preview = Preview(path, lambda points: points.reshape(-1, 4, 5), say=lines.append, seconds=0.0)
    preview(progress(np.linspace(0, 1, 100).reshape(5, 20)))
    first = np.asarray(Image.open(path))
    assert (first.min(), first.max()) == (0, 255)
    preview(progress(np.linspace(0, 1, 100).reshape(5, 20)[::-1]))
    assert not np.array_equal(np.asarray(Image.open(path)), first)
    assert lines == [f"{path} shows images on their way, from step 3 on"]


def test_colours_and_large_images_are_drawn(tmp_path):
    path = tmp_path / "preview.png"
    Preview(path, lambda points: points, seconds=0.0)(progress(np.full((2, 130, 70, 3), 0.5)))
    drawn = np.asarray(Image.open(path))
    assert drawn.shape[2] == 3
    assert drawn.shape[0] < 130


def test_it_waits_and_a_full_disk_does_not_end_the_run(tmp_path):
    points = np.zeros((2, 4, 4))
    Preview(tmp_path / "early.png", lambda p: p, seconds=60.0)(progress(points))
    Preview(tmp_path / "absent" / "preview.png", lambda p: p, seconds=0.0)(progress(points))
    assert not any(tmp_path.iterdir())
