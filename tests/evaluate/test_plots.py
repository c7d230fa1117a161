"""Figures: drawn on what is given, for every shape of data, without pyplot."""

import subprocess
import sys

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

import gparticles
from gparticles.evaluate import plots

GENERATOR = np.random.default_rng(0)


def axes(**options):
    return Figure().add_subplot(**options)


def test_no_pyplot():
    code = "import gparticles.evaluate.plots, sys; print('matplotlib.pyplot' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_scatter_draws_both_clouds(dim):
    panel = axes(projection="3d") if dim == 3 else axes()
    particles, target = GENERATOR.normal(size=(2, 30, dim))
    assert plots.scatter(panel, particles, target) is panel
    legend = panel.get_legend()
    assert legend is not None
    assert {text.get_text() for text in legend.get_texts()} == {"particles", "target"}


def test_image_grid_places_every_image():
    images = GENERATOR.random((7, 2, 3))
    panel = plots.image_grid(axes(), images, columns=4)
    canvas = np.asarray(panel.images[0].get_array())
    assert canvas.shape == (2 * 3 + 1, 4 * 4 + 1)
    np.testing.assert_allclose(canvas[1:3, 1:4], images[0])
    np.testing.assert_allclose(canvas[4:6, 9:12], images[6])
    for shape in ((7, 2, 3, 1), (7, 2, 3, 3)):
        plots.image_grid(axes(), GENERATOR.random(shape))


@pytest.mark.parametrize(
    ("values", "scale"),
    [
        ([1.0, 0.1, 0.001], "log"),
        ([1.0, 0.1, -0.001], "symlog"),
        ([1.0, 0.9, 0.8], "linear"),
        ([0.0, 0.0, 0.0], "linear"),
        ([np.nan, 1.0, 0.9], "linear"),
        ([], "linear"),
    ],
)
def test_history_is_on_a_log_scale_where_that_helps(values, scale):
    panel = plots.history_curve(axes(), np.arange(len(values)), np.array(values))
    assert panel.get_yscale() == scale


def test_projection_is_in_the_flows_units():
    target = GENERATOR.normal(size=(50, 4)) * [1, 1, 1, 1e6]
    plain = plots.Projection(target, target)
    scaled = plots.Projection(target, target, scale=np.array([1, 1, 1, 1e6]))
    assert plain.pca.explained_variance_ratio_[0] > 0.99
    assert scaled.pca.explained_variance_ratio_[0] < 0.6
    assert scaled(target).shape == (50, 2)
    assert "component 1" in scaled.names()[0]
    few = plots.Projection(target[:, :2], target[:, :2], columns=("a", "b"))
    np.testing.assert_array_equal(few(target[:, :2]), target[:, :2])
    assert few.names() == ["a", "b"]


@pytest.mark.parametrize("shape", [(1,), (2,), (3,), (5,), (4, 4), (4, 4, 3)])
def test_every_flow_can_be_drawn(shape, tmp_path):
    source, target = GENERATOR.random((12, *shape)), GENERATOR.random((9, *shape))
    flow = gparticles.transport(source, target, steps=3)
    paths = plots.save_figures(flow, target, folder=tmp_path)
    assert [path.name for path in paths] == ["particles.png", "trajectory.png", "history.png"]
    for path in paths:
        with Image.open(path) as image:
            assert min(image.size) > 200


def test_one_particle_and_constant_columns(tmp_path):
    flow = gparticles.transport(np.zeros((1, 6)), np.ones((2, 6)), steps=2)
    assert len(plots.save_figures(flow, np.ones((2, 6)), folder=tmp_path)) == 3
