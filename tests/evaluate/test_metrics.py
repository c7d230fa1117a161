"""W2 against closed forms, and its floors."""

import numpy as np
import pytest

from gparticles.data import swiss_roll
from gparticles.evaluate.metrics import resampled, subsample, w2, w2_beside_floors

GENERATOR = np.random.default_rng(0)


@pytest.mark.parametrize("shape", [(9, 1), (9, 2), (9, 2, 3)])
@pytest.mark.parametrize("unit", [1.0, 1e30, 1e-30])
@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_of_a_translation_is_its_length(shape, unit, offset):
    points = GENERATOR.normal(size=shape) + offset
    shift = GENERATOR.normal(size=shape[1:])
    found = w2(unit * points, unit * GENERATOR.permutation(points + shift))
    assert found == pytest.approx(unit * np.linalg.norm(shift), rel=1e-6)


def test_of_a_line_pairs_what_is_sorted():
    x, y = GENERATOR.normal(size=(2, 50)) * [[1], [3]]
    expected = np.sqrt(np.mean((np.sort(x) - np.sort(y)) ** 2))
    assert w2(x[:, None], y[:, None]) == pytest.approx(expected)


def test_splits_mass_where_numbers_differ():
    assert w2(np.zeros((1, 1)), np.array([[3.0], [4.0]])) == pytest.approx(np.sqrt(12.5))


def test_is_zero_between_copies():
    points = GENERATOR.normal(size=(20, 3)).astype(np.float32)
    assert w2(points, points[::-1]) == pytest.approx(0, abs=1e-6)
    assert w2(np.full((3, 2), 1e8), np.full((4, 2), 1e8)) == 0


def test_caps_the_number_of_points():
    points = GENERATOR.normal(size=(100, 2))
    assert subsample(points, 100) is points
    few = subsample(points, 10, seed=3)
    assert len(np.unique(few, axis=0)) == 10
    assert w2(points, points, max_points=10, seed=3) == pytest.approx(0, abs=1e-6)
    np.testing.assert_array_equal(few, subsample(points, 10, seed=3))


def test_resampling_repeats_rows():
    drawn = resampled(np.arange(5)[:, None], 1000, seed=0)
    assert np.bincount(drawn[:, 0]).min() > 150


def test_floors():
    target, held_out, fresh = (swiss_roll(n, seed=n) for n in (50, 300, 301))
    found = w2_beside_floors(fresh[:300], held_out, target=target, fresh=fresh[:300])
    assert found["value"] == found["fresh"] < found["resampled"]
    assert found["points"] == [300, 300]
    assert found["unit"] == "data units"
    capped = w2_beside_floors(fresh, held_out, target=target, max_points=100)
    assert "fresh" not in capped
    assert capped["points"] == [100, 100]
    assert "subsampled to 100" in capped["note"]
