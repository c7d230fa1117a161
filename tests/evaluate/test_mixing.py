"""Mixing of batches against definitions, scikit-learn and a root finder."""

import numpy as np
import pytest
from scipy.optimize import brentq
from sklearn.metrics import roc_auc_score, silhouette_score
from sklearn.neighbors import NearestNeighbors

from gparticles.errors import InputError
from gparticles.evaluate.mixing import (
    clisi,
    ilisi,
    label_auc,
    label_auc_across_batches,
    lisi,
    mixing,
    neighbour_mixing,
    silhouette,
)

GENERATOR = np.random.default_rng(0)
BATCHES = np.repeat(["a", "b"], [80, 120])
MIXED = GENERATOR.normal(size=(200, 3))
APART = MIXED + 50 * (BATCHES == "b")[:, None]


def test_neighbour_mixing_against_scikit_learn():
    k = 7
    index = NearestNeighbors(n_neighbors=k + 1).fit(MIXED).kneighbors(MIXED)[1][:, 1:]
    other = (BATCHES[index] != BATCHES[:, None]).mean(axis=1)
    expected = np.where(BATCHES == "a", 120, 80) / 199
    assert neighbour_mixing(MIXED, BATCHES, k=k) == pytest.approx((other / expected).mean())


def test_neighbour_mixing_is_one_at_random_and_zero_apart():
    assert neighbour_mixing(APART, BATCHES) == 0
    found = [
        neighbour_mixing(GENERATOR.normal(size=(60, 2)), np.repeat([0, 1, 2], [10, 20, 30]))
        for _ in range(60)
    ]
    assert abs(np.mean(found) - 1) < 4 * np.std(found) / np.sqrt(60)


def test_silhouette_is_that_of_scikit_learn():
    assert silhouette(MIXED, BATCHES) == pytest.approx(silhouette_score(MIXED, BATCHES))
    assert silhouette(APART, BATCHES) > 0.9
    assert abs(silhouette(MIXED, BATCHES)) < 0.05


def test_lisi_against_a_root_finder():
    perplexity, codes = 10.0, (BATCHES == "b").astype(int)
    found = lisi(MIXED, BATCHES, perplexity=perplexity)
    near = NearestNeighbors(n_neighbors=31).fit(MIXED).kneighbors(MIXED)
    for point in range(0, 200, 20):
        distance, index = near[0][point, 1:], near[1][point, 1:]

        def weights(beta, distance=distance):
            raised = np.exp(-beta * (distance - distance.min()))
            return raised / raised.sum()

        def excess(beta, weights=weights):
            return -(weights(beta) * np.log(weights(beta))).sum() - np.log(perplexity)

        p = weights(brentq(excess, 1e-6, 50.0))
        shares = np.array([p[codes[index] == code].sum() for code in (0, 1)])
        assert found[point] == pytest.approx(1 / (shares**2).sum(), rel=1e-6)


def test_lisi_counts_groups():
    assert ilisi(APART, BATCHES) == pytest.approx(1)
    points = GENERATOR.normal(size=(900, 2))
    three = GENERATOR.integers(3, size=900)
    expected = 3 / (1 + 2 / 30)
    assert ilisi(points, three) == pytest.approx(expected, rel=0.05)
    assert clisi(APART, BATCHES) == pytest.approx(1)
    assert 1 <= lisi(points[:4], three[:4] % 2 + np.arange(4) % 2).min() <= 4


def test_repeated_points_do_not_break_lisi():
    points = np.zeros((50, 2))
    found = lisi(points, np.arange(50) % 2)
    assert np.isfinite(found).all()


def test_label_auc_is_that_of_the_side():
    # one column tells the labels, whose order of scores is that of the column
    labels = GENERATOR.integers(2, size=300)
    points = np.stack([labels + GENERATOR.normal(size=300), np.zeros(300)], axis=1)
    half = (points[:150], labels[:150]), (points[150:], labels[150:])
    expected = roc_auc_score(labels[150:], points[150:, 0])
    assert label_auc(*half) == pytest.approx(expected)
    flipped = half[0], (-points[150:], labels[150:])
    assert label_auc(*flipped) == pytest.approx(1 - expected)
    # labels of a file are text where those of a sampler are numbers
    mixed = half[0], (points[150:], labels[150:].astype(str))
    assert label_auc(*mixed) == pytest.approx(expected)


def test_label_auc_of_several_and_of_unknown_labels():
    labels = np.array(list("uvw") * 40)
    points = np.stack([labels == name for name in "uvw"], axis=1) * 10.0
    points += GENERATOR.normal(size=points.shape)
    first, second = (
        (points[:60], labels[:60]),
        (points[60:], np.where(labels == "w", "x", labels)[60:]),
    )
    assert label_auc(first, (points[60:], labels[60:])) == 1
    assert label_auc(first, second) == 1  # of u and v
    assert np.isnan(label_auc((points[:60], ["u"] * 60), (points[60:], labels[60:])))


def test_label_auc_across_batches():
    labels = np.arange(200) % 2
    points = MIXED + 4 * labels[:, None]
    found = label_auc_across_batches(points, BATCHES, labels)
    assert set(found) == {("a", "b"), ("b", "a")}
    assert min(found.values()) > 0.98


def test_all_measures():
    labels = np.arange(200) % 2
    found = mixing(MIXED + 10 * labels[:, None], BATCHES, labels)
    assert all(entry["value"] is not None for entry in found.values())
    for name, entry in found.items():
        assert entry["value"] == pytest.approx(entry["ideal"], abs=0.3), name
    assert set(mixing(APART, BATCHES)) == {"neighbour_mixing", "batch_silhouette", "ilisi"}


def test_refusals():
    with pytest.raises(InputError, match="at least two different"):
        neighbour_mixing(MIXED, np.zeros(200))
    with pytest.raises(InputError, match="200 points but labels"):
        lisi(MIXED, BATCHES[:5])
