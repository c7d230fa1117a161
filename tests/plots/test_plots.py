"""Figures: drawn on what is given, for every shape of data, without pyplot."""

import subprocess
import sys
from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image
from sklearn.decomposition import PCA

import gparticles
from gparticles import plots
from gparticles.plots.figures import field_figure
from tests.grids import few_usual

GENERATOR = np.random.default_rng(0)


def axes(**options):
    return Figure().add_subplot(**options)


def test_no_pyplot():
    code = "import gparticles.plots, sys; print('matplotlib.pyplot' in sys.modules)"
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
    plain = plots.Projection(target)
    scaled = plots.Projection(target, scale=np.array([1, 1, 1, 1e6]))
    assert plain.shares[0] > 0.99
    assert scaled.shares[0] < 0.6
    assert scaled(target).shape == (50, 2)
    assert "component 1" in scaled.names()[0]
    few = plots.Projection(target[:, :2], columns=("a", "b"))
    np.testing.assert_array_equal(few(target[:, :2]), target[:, :2])
    assert few.names() == ["a", "b"]


@pytest.mark.parametrize(("rows", "columns"), [(60, 5), (20, 30)])
def test_projection_is_scikit_learns(rows, columns):
    target = GENERATOR.normal(size=(rows, columns)) * np.linspace(1, 5, columns)
    ours, theirs = plots.Projection(target), PCA(2).fit(target)
    np.testing.assert_allclose(ours.shares, theirs.explained_variance_ratio_, rtol=1e-9)
    # a principal direction has no sign
    other = GENERATOR.normal(size=(7, columns))
    np.testing.assert_allclose(abs(ours(other)), abs(theirs.transform(other)), atol=1e-9)


@pytest.mark.parametrize("target", [np.ones((1, 5)), np.ones((4, 5)), np.eye(2, 6)])
def test_projection_of_degenerate_targets_is_isometric(target):
    projection = plots.Projection(target)
    np.testing.assert_allclose(projection.basis @ projection.basis.T, np.eye(2), atol=1e-12)
    assert np.isfinite(projection(GENERATOR.normal(size=(3, target.shape[1])))).all()


def test_one_column_is_drawn_against_its_rank():
    points = np.array([[3.0], [1.0], [2.0], [8.0]])
    pairs = plots.Projection(points).pairs(points)
    np.testing.assert_array_equal(pairs, [[3, 0.75], [1, 0.25], [2, 0.5], [8, 1]])


def test_limits_hold_everything_unless_a_few_are_very_far():
    square = GENERATOR.random((200, 2))
    box = plots.limits([square, square + 3])
    assert not plots.outside(np.concatenate([square, square + 3]), box).any()
    stray = np.concatenate([square, [[1e6, 0.5]]])
    assert plots.outside(stray, plots.limits([square, stray])).tolist() == [False] * 200 + [True]
    low, high = plots.limits([np.array([[np.nan, 1.0]])])
    assert (high > low).all()


def test_what_lies_outside_is_said():
    target = np.concatenate([GENERATOR.random((99, 2)), [[1e6, 0.5]]])
    panel = plots.scatter(axes(), target[:99], target)
    assert [text.get_text() for text in panel.texts] == ["1 points lie outside"]


FIGURES = {"particles.png", "trajectory.png", "history.png"}


# one column, points in a plane, and colour images; the rest is drawn as one of these
SHAPES = few_usual([(1,), (2,), (3,), (5,), (4, 4), (4, 4, 3)], ("(1,)", "(2,)", "(4, 4, 3)"))


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
def test_every_flow_can_be_drawn(shape, tmp_path):
    source, target = GENERATOR.random((12, *shape)), GENERATOR.random((9, *shape))
    flow = gparticles.transport(source, target, steps=3)
    paths = plots.save_figures(flow, target, folder=tmp_path)
    assert {path.name for path in paths} == FIGURES | ({"field.png"} if shape == (2,) else set())
    for path in paths:
        with Image.open(path) as image:
            assert min(image.size) > 200


def test_one_particle_and_constant_columns(tmp_path):
    flow = gparticles.transport(np.zeros((1, 6)), np.ones((2, 6)), steps=2)
    assert len(plots.save_figures(flow, np.ones((2, 6)), folder=tmp_path)) == 3


@pytest.fixture(scope="module")
def plane():
    """A flow in the plane, far from its end."""
    return gparticles.transport(
        GENERATOR.normal(size=(30, 2)), GENERATOR.normal(size=(20, 2)) + 6, steps=5
    )


def test_speed_is_the_norm_of_the_velocity(plane):
    box = (np.array([-1.0, -2.0]), np.array([3.0, 4.0]))
    panel = plots.speed_field(axes(), plane, step=2, box=box, resolution=3)
    drawn = np.asarray(panel.images[0].get_array())
    corners = np.array([[-1.0, -2.0], [3.0, -2.0], [-1.0, 4.0], [3.0, 4.0]])
    speed = np.linalg.norm(plane.velocity(corners, plane.history["time"][2]), axis=1)
    np.testing.assert_allclose(drawn[[0, 0, 2, 2], [0, 2, 0, 2]], speed, rtol=1e-5)


def test_phi_falls_along_the_velocity(plane):
    panel = plots.level_sets(axes(), plane, step=0, resolution=20)
    assert "phi at step 0" in panel.get_title()
    assert len(panel.collections) == 2
    start, move = plane.trajectory[0], 0.05 * plane.velocity(plane.trajectory[0], 0.0)
    working = [jnp.asarray(plane.scaling.to_working(x)) for x in (start, start + move)]
    values = [plane.potential(0)(x) for x in working]
    assert np.mean(np.asarray(values[1]) < np.asarray(values[0])) > 0.9


def test_the_field_says_which_step_it_is_of_and_why(plane):
    history = plane.history | {"divergence": np.array([1.0, 4.0, 2.5, 1.0, 0.5])}
    figure = field_figure(replace(plane, history=history), plane.particles)
    why = "particles on their way (the last step with over half of the largest divergence)"
    assert figure.get_suptitle() == f"step 2 of 5: {why}"
    assert [panel.get_title() for panel in figure.axes[:2]] == [
        "velocity at step 2",
        "level sets of phi at step 2",
    ]


@pytest.mark.parametrize("draw", [plots.speed_field, plots.level_sets])
def test_fields_that_cannot_be_drawn(draw, plane):
    solid = gparticles.transport(np.zeros((2, 3)), np.ones((2, 3)), steps=1)
    bare = gparticles.transport(
        np.zeros((2, 2)), np.ones((2, 2)), steps=1, store=gparticles.Store(potentials=False)
    )
    for flow, step, part in ((solid, 0, "2 columns"), (bare, 0, "store="), (plane, 5, "5 steps")):
        with pytest.raises(gparticles.InputError, match=part):
            draw(axes(), flow, step=step)


@pytest.mark.parametrize("d_f", [None, 0.9])
def test_divergence_against_lipschitz(d_f):
    slopes = np.array([0.1, 1.0, 10.0])
    values = np.array([0.1, 0.6, 0.9])
    sweep = {"lipschitz": slopes, "divergence": values, "w1": 1.2, "d_f": d_f}
    panel = plots.divergence_sweep(axes(), sweep | {"divergence_over_lipschitz": values / slopes})
    lines = {line.get_label(): line.get_ydata() for line in panel.get_lines()}
    assert set(lines) == {"$D_L$"} | ({"$D_f$"} if d_f else set())
    np.testing.assert_array_equal(lines["$D_L$"], values)
    legend = panel.get_legend()
    assert legend is not None
    assert {t.get_text() for t in legend.get_texts()} == {*lines, "$W_1$", "$D_L / L$"}
    assert panel.get_xscale() == "log"
