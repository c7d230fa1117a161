"""Precision, recall, density and coverage against scikit-learn's neighbours and chance."""

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from gparticles.evaluate.manifold import expected_coverage, manifold

GENERATOR = np.random.default_rng(0)


def radii(points, k):
    # scikit-learn's distances to points of the cloud itself begin with the point
    return NearestNeighbors(n_neighbors=k + 1).fit(points).kneighbors(points)[0][:, -1]


@pytest.mark.parametrize("k", [1, 5])
def test_against_the_definitions(k):
    fake, real = GENERATOR.normal(size=(40, 2)) * 1.5, GENERATOR.normal(size=(60, 2))
    found = manifold(fake, real, k=k)
    distance = np.sqrt(((fake[:, None] - real[None]) ** 2).sum(axis=2))
    around_real, around_fake = radii(real, k), radii(fake, k)
    inside = distance <= around_real
    assert found.precision == np.mean([row.any() for row in inside])
    assert found.recall == np.mean((distance <= around_fake[:, None]).any(axis=0))
    assert found.density == pytest.approx(inside.sum() / (k * len(fake)))
    assert found.coverage == np.mean(distance.min(axis=0) <= around_real)


def test_of_copies_and_of_strangers():
    points = GENERATOR.normal(size=(30, 3))
    assert manifold(points, points)[:2] == (1, 1)
    assert manifold(points, points).coverage == 1
    assert manifold(points, points + 100) == (0, 0, 0, 0)


def test_a_missing_mode_is_not_covered():
    real = np.concatenate([GENERATOR.normal(size=(100, 2)), GENERATOR.normal(size=(100, 2)) + 50])
    found = manifold(GENERATOR.normal(size=(200, 2)), real)
    assert 0.45 < found.coverage <= 0.5
    assert found.precision > 0.9


def test_repeated_points_recall_little():
    real = GENERATOR.normal(size=(100, 2))
    repeated = np.repeat(GENERATOR.normal(size=(10, 2)), 10, axis=0)
    assert manifold(repeated, real).recall == 0


def test_expected_coverage_and_density_of_one_law():
    m, n, k = 30, 20, 3
    found = [
        manifold(GENERATOR.normal(size=(m, 2)), GENERATOR.normal(size=(n, 2)), k=k)
        for _ in range(300)
    ]
    coverage = np.array([f.coverage for f in found])
    error = coverage.std() / np.sqrt(300)
    assert coverage.mean() == pytest.approx(expected_coverage(m, n, k=k), abs=4 * error)
    assert np.mean([f.density for f in found]) == pytest.approx(m / m, abs=0.15)


def test_tiny_clouds():
    assert manifold(np.zeros((2, 1)), np.array([[0.0], [1.0]])).coverage == 1
    assert expected_coverage(5, 2) == pytest.approx(5 / 6)
