"""Working units, bent ones above all: an invertible map whose derivative carries velocities."""

import numpy as np
import pytest

import gparticles as gpa
from gparticles.evaluate.tails import norms, tail_log_error
from gparticles.flow.scaling import LogScaling, choose_scaling

EVENTS = [(2,), (1,), (2, 3)]


def heavy(count, event, *, seed=0):
    return np.random.default_rng(seed).standard_t(1.0, size=(count, *event))


def bent(event, factor=1.0):
    source = np.random.default_rng(1).normal(size=(300, *event)) + 2
    scaling = choose_scaling(factor * source, factor * heavy(500, event), "log")
    assert isinstance(scaling, LogScaling)
    return scaling


@pytest.mark.parametrize("event", EVENTS)
def test_distances_count_by_their_logarithms(event):
    scaling, points = bent(event), heavy(50, event, seed=3)
    away = points - scaling.centre
    r = np.sqrt((away**2).reshape(50, -1).sum(axis=1))
    length = np.log(1 + r / scaling.knee) * scaling.knee / scaling.scale
    expected = (away.reshape(50, -1) / r[:, None] * length[:, None]).reshape(points.shape)
    np.testing.assert_allclose(scaling.to_working(points), expected, rtol=1e-5)


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("factor", [1.0, 1e30, 1e-30])
def test_data_come_back(event, factor):
    scaling, points = bent(event, factor), factor * heavy(50, event, seed=3)
    points[0] = scaling.centre
    back = scaling.to_data(scaling.to_working(points), np.float64)
    np.testing.assert_allclose(back, points, rtol=1e-5, atol=1e-6 * factor)


@pytest.mark.parametrize("scale", ["auto", "columns", "log", 3.0])
def test_velocities_are_the_derivative_of_the_way_back(scale):
    source, target = np.random.default_rng(1).normal(size=(300, 2)), heavy(500, (2,))
    scaling = choose_scaling(source, target, scale)
    rng = np.random.default_rng(2)
    at, velocity = 10 * rng.normal(size=(20, 2)), rng.normal(size=(20, 2))
    at[0] = 0
    ahead, behind = (scaling.to_data(at + h * velocity, np.float64) for h in (1e-5, -1e-5))
    np.testing.assert_allclose(
        scaling.velocity_to_data(velocity, at), (ahead - behind) / 2e-5, rtol=1e-5
    )


def test_the_slope_in_data_units_is_bounded_by_l():
    scaling = bent((2,))
    x, y = heavy(300, (2,), seed=4), heavy(300, (2,), seed=5)
    near = np.linalg.norm(scaling.to_working(x) - scaling.to_working(y), axis=1)
    assert np.all(near <= np.linalg.norm(x - y, axis=1) / scaling.unit * (1 + 1e-5))


def test_boxes_are_refused():
    with pytest.raises(gpa.InputError, match="leave bounds out"):
        gpa.transport(np.ones((4, 2)), np.eye(2), steps=1, scale="log", bounds=(0, 1))


def test_far_tails_are_reached_only_by_bent_units():
    source = np.random.default_rng(0).normal(size=(500, 2))
    target = heavy(500, (2,))
    error = {
        scale: tail_log_error(
            norms(gpa.transport(source, target, steps=300, scale=scale).particles), norms(target)
        )
        for scale in ("auto", "log")
    }
    assert error["log"] < 0.7
    assert error["auto"] > 1.0
