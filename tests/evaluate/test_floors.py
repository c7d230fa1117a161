"""Resampling and the smoothed bootstrap, whose bandwidth is checked against scikit-learn."""

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV, PredefinedSplit
from sklearn.neighbors import KernelDensity

from gparticles.evaluate.floors import choose_bandwidth, redrawn, resampled, smoothed

GENERATOR = np.random.default_rng(0)


def test_resampling_repeats_rows():
    drawn = resampled(np.arange(5)[:, None], 1000, seed=0)
    assert np.bincount(drawn[:, 0]).min() > 150
    np.testing.assert_array_equal(redrawn(5, 9, seed=1), redrawn(5, 9, seed=1))


@pytest.mark.parametrize("dim", [1, 3])
@pytest.mark.parametrize("unit", [1.0, 1e6])
def test_the_bandwidth_is_that_of_scikit_learn(dim, unit):
    points = GENERATOR.normal(size=(150, dim)) * unit
    folds = np.random.default_rng(0).permutation(150) % 5
    grid = unit * np.geomspace(0.05, 2, 80)
    search = GridSearchCV(KernelDensity(), {"bandwidth": grid}, cv=PredefinedSplit(folds))
    expected = search.fit(points).best_params_["bandwidth"]
    assert choose_bandwidth(points, seed=0).value == pytest.approx(expected, rel=0.05)


def test_the_bandwidth_of_repeated_and_single_rows():
    repeated = np.repeat(GENERATOR.normal(size=(20, 2)), 10, axis=0)
    assert choose_bandwidth(repeated).value < 0.01
    assert choose_bandwidth(np.ones((9, 2))) == (0, 0)
    assert choose_bandwidth(np.ones((1, 2))) == (0, 0)
    assert choose_bandwidth(np.array([[0.0], [1.0]])).value > 0


def test_smoothing_adds_the_noise_that_it_says():
    points = np.array([[[0.0, 100.0]], [[0.0, -100.0]]])
    drawn = smoothed(points, 4000, bandwidth=3.0, seed=0)
    assert drawn.shape == (4000, 1, 2)
    assert drawn[:, 0, 0].std() == pytest.approx(3, rel=0.05)
    assert (np.abs(drawn[:, 0, 1]) - 100).std() == pytest.approx(3, rel=0.05)
    assert (drawn[:, 0, 1] > 0).mean() == pytest.approx(0.5, abs=0.05)
    unmoved = smoothed(points, 50, bandwidth=0.0)
    assert set(np.unique(unmoved)) == {-100, 0, 100}
