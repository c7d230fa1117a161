"""Kernel and moment distances against scikit-learn, scipy and closed forms."""

import numpy as np
import pytest
from scipy import stats
from scipy.linalg import sqrtm
from sklearn.metrics.pairwise import polynomial_kernel, rbf_kernel

from gparticles.evaluate.distances import energy_distance, frechet_distance, kid, matrices, mmd2
from gparticles.evaluate.pairwise import nearest, squared_distances, subsample

GENERATOR = np.random.default_rng(0)
X, Y = GENERATOR.normal(size=(15, 3)), GENERATOR.normal(size=(22, 3)) + 0.5


def unbiased(kernel, x, y):
    xx, yy = (
        (k.sum() - np.trace(k)) / (len(k) * (len(k) - 1)) for k in (kernel(x, x), kernel(y, y))
    )
    return xx + yy - 2 * kernel(x, y).mean()


def test_energy_against_scipy():
    x, y = X[:, 0], Y[:, 0]
    biased = stats.energy_distance(x, y) ** 2
    # scipy's sums hold the zero distances of points to themselves
    within = [np.abs(z[:, None] - z).sum() / len(z) ** 2 / (len(z) - 1) for z in (x, y)]
    assert energy_distance(x[:, None], y[:, None]) == pytest.approx(biased - sum(within))


def test_energy_is_the_mmd_of_minus_the_distance():
    def kernel(a, b):
        return -np.sqrt(((a[:, None] - b[None]) ** 2).sum(axis=2))

    assert energy_distance(X, Y) == pytest.approx(unbiased(kernel, X, Y))


def test_mmd2_against_scikit_learn():
    def kernel(a, b):
        return rbf_kernel(a, b, gamma=1 / (2 * 0.8**2))

    assert mmd2(X, Y, bandwidth=0.8) == pytest.approx(unbiased(kernel, X, Y))
    median = np.median(np.sqrt(matrices(X, Y).yy[np.triu_indices(len(Y), k=1)]))
    assert mmd2(X, Y) == pytest.approx(mmd2(X, Y, bandwidth=float(median)))


def test_mmd2_of_gaussians():
    x, y = GENERATOR.normal(size=(2, 1500, 1))
    width, shift = 1.5, 1.0
    peak = width / np.sqrt(width**2 + 2)
    expected = 2 * peak * (1 - np.exp(-(shift**2) / (2 * (width**2 + 2))))
    assert mmd2(x, y + shift, bandwidth=width) == pytest.approx(expected, rel=0.15)


@pytest.mark.parametrize("distance", [energy_distance, mmd2, lambda x, y: kid(x, y).value])
def test_no_bias(distance):
    found = [distance(*GENERATOR.normal(size=(2, 20, 2))) for _ in range(200)]
    assert abs(np.mean(found)) < 3 * np.std(found) / np.sqrt(200)
    assert min(found) < 0


def test_kid_against_scikit_learn():
    def kernel(a, b):
        return polynomial_kernel(a, b, degree=3, gamma=1 / 3, coef0=1)

    # a block of all points of x needs all of them; of y it takes as many
    y = Y[:15]
    assert kid(X, y).value == pytest.approx(unbiased(kernel, X, y))
    assert np.isnan(kid(X, y).error)


def test_kid_averages_blocks():
    x, y = GENERATOR.normal(size=(2, 400, 2))
    found = kid(x, y + 0.3, block=50)
    assert found.value == pytest.approx(kid(x, y + 0.3).value, abs=4 * found.error)
    again = [kid(*GENERATOR.normal(size=(2, 400, 2)), block=50).value for _ in range(60)]
    errors = [kid(*GENERATOR.normal(size=(2, 400, 2)), block=50).error for _ in range(60)]
    assert np.mean(errors) == pytest.approx(np.std(again), rel=0.35)


def test_frechet_of_scaled_axes():
    x = GENERATOR.normal(size=(40, 3))
    x = (x - x.mean(axis=0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(x.T)).T)
    scale, shift = np.array([2.0, 0.5, 3.0]), np.array([1.0, 0.0, -2.0])
    expected = (shift**2).sum() + ((scale - 1) ** 2).sum()
    assert frechet_distance(x, x * scale + shift) == pytest.approx(expected)


def test_frechet_against_matrix_roots():
    a, b = np.cov(X.T), np.cov(Y.T)
    cross = np.trace(sqrtm(a @ b).real)
    means = ((X.mean(axis=0) - Y.mean(axis=0)) ** 2).sum()
    expected = means + np.trace(a) + np.trace(b) - 2 * cross
    assert frechet_distance(X, Y) == pytest.approx(expected)


def test_frechet_of_fewer_points_than_columns():
    x = GENERATOR.normal(size=(5, 30))
    shift = np.ones(30)
    assert frechet_distance(x, x[::-1] + shift) == pytest.approx(30)
    assert frechet_distance(x, x) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("dim", [2, 40])
def test_squared_distances_and_nearest(dim):
    x, y = GENERATOR.normal(size=(30, dim)) + 1e3, GENERATOR.normal(size=(20, dim)) + 1e3
    expected = ((x[:, None] - y[None]) ** 2).sum(axis=2)
    np.testing.assert_allclose(squared_distances(x, y), expected, rtol=1e-9)
    distance, index = nearest(x, y)
    np.testing.assert_array_equal(index, expected.argmin(axis=1))
    np.testing.assert_allclose(distance, np.sqrt(expected.min(axis=1)))
    assert nearest(y, np.concatenate([x, y]))[0].max() == 0


def test_subsamples_repeat():
    points = GENERATOR.normal(size=(100, 2))
    assert subsample(points, 100) is points
    few = subsample(points, 10, seed=3)
    assert len(np.unique(few, axis=0)) == 10
    np.testing.assert_array_equal(few, subsample(points, 10, seed=3))
