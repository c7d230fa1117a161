"""Optimal transport against closed forms, sorting, assignment and POT's plans."""

import numpy as np
import ot
import pytest
from scipy.optimize import linear_sum_assignment
from scipy.stats import norm, wasserstein_distance

from gparticles.evaluate.pairwise import squared_distances
from gparticles.evaluate.wasserstein import entropic_cost, sinkhorn_divergence, sliced_w2, w1, w2

GENERATOR = np.random.default_rng(0)


@pytest.mark.parametrize("shape", [(9, 1), (9, 2), (9, 2, 3)])
@pytest.mark.parametrize("unit", [1.0, 1e30, 1e-30])
@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_of_a_translation_is_its_length(shape, unit, offset):
    points = GENERATOR.normal(size=shape) + offset
    shift = GENERATOR.normal(size=shape[1:])
    for distance in (w1, w2):
        found = distance(unit * points, unit * GENERATOR.permutation(points + shift))
        assert found.value == pytest.approx(unit * np.linalg.norm(shift), rel=1e-6)


def test_of_a_line_pairs_what_is_sorted():
    x, y = GENERATOR.normal(size=(2, 50)) * [[1], [3]]
    expected = np.sqrt(np.mean((np.sort(x) - np.sort(y)) ** 2))
    assert w2(x[:, None], y[:, None]).value == pytest.approx(expected)
    assert w1(x[:20, None], y[:, None]).value == pytest.approx(wasserstein_distance(x[:20], y))


def test_of_equal_numbers_is_an_assignment():
    x, y = GENERATOR.normal(size=(2, 40, 20)) * [[[1]], [[2]]]
    cost = ((x[:, None] - y[None]) ** 2).sum(axis=2)
    for distance, power in ((w1, 1), (w2, 2)):
        pairs = linear_sum_assignment(cost ** (power / 2))
        expected = (cost[pairs] ** (power / 2)).mean() ** (1 / power)
        assert distance(x, y).value == pytest.approx(expected)


def test_splits_mass_where_numbers_differ():
    assert w2(np.zeros((1, 1)), np.array([[3.0], [4.0]])).value == pytest.approx(np.sqrt(12.5))


def test_is_zero_between_copies():
    points = GENERATOR.normal(size=(20, 3)).astype(np.float32)
    assert w2(points, points[::-1]).value == pytest.approx(0, abs=1e-6)
    assert w2(np.full((3, 2), 1e8), np.full((4, 2), 1e8)) == (0, 0, 0)


def test_caps_the_number_of_points():
    points = GENERATOR.normal(size=(100, 2))
    assert w2(points, points, max_points=10, seed=3).value == pytest.approx(0, abs=1e-6)
    assert w2(points, points + 1, max_points=10, seed=3).value != w2(points, points + 1).value


@pytest.mark.parametrize("distance", [w1, w2])
def test_the_interval_is_that_of_repeated_samples(distance):
    # two Gaussians of the same spread, a distance of 2 apart
    def once():
        x, y = GENERATOR.normal(size=(2, 60, 2))
        return distance(x, y + np.array([2, 0]))

    found = np.array([once() for _ in range(150)])
    spread = found[:, 0].std()
    half = ((found[:, 2] - found[:, 1]) / 2).mean()
    assert half == pytest.approx(1.96 * spread, rel=0.25)
    inside = (found[:, 1] <= found[:, 0].mean()) & (found[:, 0].mean() <= found[:, 2])
    assert 0.88 <= inside.mean() <= 0.99


def test_sliced_of_a_translation():
    points, shift = GENERATOR.normal(size=(30, 4)), np.array([1.0, -2.0, 0.5, 3.0])
    expected = np.linalg.norm(shift) / 2  # the mean square of a direction's entry is 1/4
    assert sliced_w2(points, points + shift, projections=4000) == pytest.approx(expected, rel=0.03)
    line = points[:, :1], points[:20, 1:2] * 3
    assert sliced_w2(*line) == pytest.approx(w2(*line).value)


def test_entropic_cost_is_that_of_the_plan_of_pot():
    x, y = GENERATOR.normal(size=(12, 2)), GENERATOR.normal(size=(17, 2)) + 1
    cost, epsilon = squared_distances(x, y), 0.7
    a, b = np.full(12, 1 / 12), np.full(17, 1 / 17)
    plan = ot.sinkhorn(a, b, cost, epsilon, stopThr=1e-12)
    entropy = (plan * np.log(plan / (a[:, None] * b))).sum()
    expected = (plan * cost).sum() + epsilon * entropy
    assert entropic_cost(cost, epsilon) == pytest.approx(expected, rel=1e-4)


def test_sinkhorn_divergence_of_gaussians():
    """Janati et al. 2020, theorem 1, from a fine grid of quantiles; epsilon = 2 sigma^2."""

    def cost(s, t, half):
        root = np.sqrt(4 * s**2 * t**2 + half**2)
        return s**2 + t**2 - root + half * (1 - np.log(2 * half)) + half * np.log(root + half)

    epsilon, s, t, shift = 1.0, 1.0, 2.5, 3.0
    half = epsilon / 2
    expected = shift**2 + cost(s, t, half) - cost(s, s, half) / 2 - cost(t, t, half) / 2
    grid = norm.ppf((np.arange(600) + 0.5) / 600)[:, None]
    found = sinkhorn_divergence(s * grid, t * grid + shift, epsilon=epsilon)
    assert found == pytest.approx(expected, rel=0.01)


def test_sinkhorn_divergence_of_far_outliers():
    x = np.concatenate([GENERATOR.normal(size=(30, 2)), [[1e6, 0.0]]])
    y = np.concatenate([GENERATOR.normal(size=(40, 2)), [[0.0, -1e6]]])
    found = sinkhorn_divergence(x, y, epsilon=0.1)
    assert found == pytest.approx(w2(x, y).value ** 2, rel=0.01)
    assert sinkhorn_divergence(x, x[::-1], epsilon=0.1) == pytest.approx(0, abs=1e-6)
