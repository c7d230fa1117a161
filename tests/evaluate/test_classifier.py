"""The classifier two-sample test where the answer is known."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression

from gparticles.evaluate.classifier import c2st

GENERATOR = np.random.default_rng(0)


def test_sees_nothing_where_there_is_nothing():
    found = [c2st(*GENERATOR.normal(size=(2, 80, 2)), seed=k) for k in range(20)]
    values = np.array([f.value for f in found])
    assert abs(values.mean() - 0.5) < 0.03
    assert np.mean([f.low <= 0.5 <= f.high for f in found]) >= 0.75


def test_sees_what_is_far():
    x, y = GENERATOR.normal(size=(2, 50, 2, 2))
    found = c2st(x, y + 100)
    assert found.value == found.high == 1
    assert found.low > 0.9


def test_reaches_the_best_accuracy_of_two_gaussians():
    x, y = GENERATOR.normal(size=(2, 2000, 1))
    best = norm.cdf(0.75)  # half of the shift
    assert c2st(x, y + 1.5).value == pytest.approx(best, abs=0.06)
    linear = c2st(x, y + 1.5, classifier=LogisticRegression())
    assert linear.value == pytest.approx(best, abs=0.02)


def test_sees_noise_in_many_dimensions():
    # points on a line, and the same with noise across it, which no mean tells
    line = np.outer(GENERATOR.normal(size=400), np.ones(50))
    noisy = line[200:] + 0.3 * GENERATOR.normal(size=(200, 50))
    assert c2st(line[:200], noisy).value > 0.8


def test_columns_are_standardised():
    x, y = GENERATOR.normal(size=(2, 100, 3)) * [1, 1e6, 1]
    assert c2st(x, y + np.array([5, 0, 0])).value > 0.95


def test_the_larger_cloud_is_subsampled():
    x, y = GENERATOR.normal(size=(300, 2)), GENERATOR.normal(size=(30, 2))
    assert c2st(x, y).value < 0.75  # guessing the larger cloud would reach 0.91
    assert c2st(x, y) == c2st(x, y)
    assert 0 <= c2st(x[:3], y[:2]).value <= 1
