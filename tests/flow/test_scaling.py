"""Working units, bent ones above all: an invertible map whose derivative carries velocities."""

import numpy as np
import pytest

import gparticles as gpa
from gparticles.evaluate.tails import norms, tail_log_error
from gparticles.flow import scaling
from gparticles.flow.scaling import LogScaling, choose_scaling
from gparticles.flow.solution import finish

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


def test_blocks_of_rows_have_the_bits_of_all_at_once(monkeypatch):
    points = np.random.default_rng(0).normal(size=(50, 3))
    scale = choose_scaling(points, points + 1, "columns")
    frames = np.stack([points, 2 * points]).astype(np.float32)
    whole = scale.to_working(points), finish(scale, frames, (-1.0, 1.5), np.dtype(np.float32))
    monkeypatch.setattr(scaling, "ROWS", 7)
    parts = scale.to_working(points), finish(scale, frames, (-1.0, 1.5), np.dtype(np.float32))
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(one, other)


def test_units_of_many_points_are_those_of_a_random_part(monkeypatch):
    points, weights = np.arange(60.0)[:, None], np.arange(60) % 3
    np.testing.assert_array_equal(scaling.deciding(points, weights), points[weights > 0])
    monkeypatch.setattr(scaling, "UNIT_ROWS", 20)
    part = scaling.deciding(points, weights)
    assert len(np.unique(part)) == 20
    assert (weights[part[:, 0].astype(int)] > 0).all()
