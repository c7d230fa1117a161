"""The affine map against its own definition and POT; classes, weights and missing labels."""

import numpy as np
import ot
import pytest
from sklearn.covariance import shrunk_covariance

import gparticles as gpa
from gparticles.latent import for_batches
from gparticles.latent.classes import filled, grouped, pooled

RNG = np.random.default_rng(4)
K = 4
SOURCE = RNG.normal(size=(200, K)) @ RNG.normal(size=(K, K)) + 3
TARGET = RNG.normal(size=(150, K)) @ RNG.normal(size=(K, K))


def _cloud(points, labels=None, weights=None):
    weights = np.ones(len(points)) if weights is None else np.asarray(weights, float)
    classes = None if labels is None else np.unique(labels)
    return grouped(points, weights / weights.sum(), labels, classes=classes)


def _moved(source, target, shrinkage=0.0):
    fitted = gpa.GaussianMap(shrinkage).fit(source, target)
    return fitted(source.points, source.index)


def test_moments_become_the_targets():
    moved = _moved(_cloud(SOURCE), _cloud(TARGET))
    np.testing.assert_allclose(moved.mean(axis=0), TARGET.mean(axis=0), atol=1e-9)
    np.testing.assert_allclose(np.cov(moved.T, ddof=0), np.cov(TARGET.T, ddof=0), atol=1e-9)


@pytest.mark.parametrize("shrinkage", [0.0, 0.3, 1.0])
def test_it_is_pots_map_of_shrunk_covariances(shrinkage):
    means = SOURCE.mean(axis=0), TARGET.mean(axis=0)
    covariances = [
        shrunk_covariance(np.cov(x.T, ddof=0), shrinkage=shrinkage) for x in (SOURCE, TARGET)
    ]
    matrix, offset = ot.gaussian.bures_wasserstein_mapping(*means, *covariances)
    moved = _moved(_cloud(SOURCE), _cloud(TARGET), shrinkage)
    np.testing.assert_allclose(moved, SOURCE @ matrix + offset, rtol=1e-6)


def test_classes_have_means_of_their_own_and_one_matrix():
    labels, others = np.arange(200) % 4 == 0, np.arange(150) % 2 == 0
    source = SOURCE + 5.0 * labels[:, None]
    target = TARGET + 5.0 * others[:, None]
    moved = _moved(_cloud(source, labels), _cloud(target, others), 0.1)
    for label in (False, True):
        wanted = target[others == label].mean(axis=0)
        np.testing.assert_allclose(moved[labels == label].mean(axis=0), wanted, atol=1e-9)


def test_weights_count_like_copies():
    copies = RNG.integers(1, 4, 200)
    weighted = _cloud(SOURCE, weights=copies), _cloud(TARGET)
    repeated = _cloud(np.repeat(SOURCE, copies, axis=0)), _cloud(TARGET)
    one, other = (gpa.GaussianMap(0.2).fit(*clouds) for clouds in (weighted, repeated))
    np.testing.assert_allclose(one.matrix, other.matrix, rtol=1e-9)
    np.testing.assert_allclose(one.source, other.source, rtol=1e-9)


def test_points_without_spread():
    moved = _moved(_cloud(np.ones((5, K))), _cloud(TARGET), 0.3)
    np.testing.assert_allclose(moved, np.tile(TARGET.mean(axis=0), (5, 1)))
    onto_one = _moved(_cloud(SOURCE), _cloud(np.ones((5, K))), 0.3)
    np.testing.assert_allclose(onto_one, 1, atol=1e-9)


def test_columns_get_the_targets_moments():
    points = SOURCE.copy()
    points[:, 1] = 0.1 + 0.2
    match = gpa.ColumnMap().fit(_cloud(points), _cloud(TARGET))
    moved = match(points)
    np.testing.assert_allclose(moved.mean(axis=0), TARGET.mean(axis=0), atol=1e-12)
    varying = [0, 2, 3]
    np.testing.assert_allclose(moved.std(axis=0)[varying], TARGET.std(axis=0)[varying])
    # a constant column is shifted, and new values of it keep their units
    assert match.gain[1] == 1
    weights = RNG.uniform(size=200)
    weighted = gpa.ColumnMap().fit(_cloud(SOURCE, weights=weights), _cloud(TARGET))(SOURCE)
    means = np.average(weighted, axis=0, weights=weights)
    np.testing.assert_allclose(means, TARGET.mean(axis=0), atol=1e-12)


def test_refused(refused):
    few = _cloud(SOURCE[:3]), _cloud(TARGET)
    refused(lambda: gpa.GaussianMap(0.0).fit(*few), "shrinkage", "above 0")
    refused(lambda: gpa.GaussianMap(1.5), "from 0 to 1")
    refused(lambda: gpa.GaussianMap()(SOURCE, np.zeros(200, int)), "not fitted")
    refused(lambda: gpa.ColumnMap()(SOURCE), "not fitted")
    refused(lambda: gpa.class_weights(["a"], ["b"]), "in common")
    refused(lambda: filled(SOURCE[:2], ["", None], "labels"), "all are missing")
    refused(lambda: filled(SOURCE[:2], ["a"], "labels"), "one label per point")


def test_balanced_weights():
    weights = gpa.class_weights(["a"] * 3 + ["b", "", "only here"], ["a", "b", "b", "b", "else"])
    # of the labelled five sixths, a quarter for class a; the unlabelled one keeps its sixth
    np.testing.assert_allclose(weights, np.r_[[5 / 72] * 3, 5 / 8, 1 / 6, 0])
    np.testing.assert_allclose(gpa.class_weights([0, 0, 1], [1, 0, 0]), 1 / 3)


@pytest.mark.parametrize("gap", [None, "", float("nan")])
def test_missing_labels_are_those_of_neighbours(gap):
    points = np.r_[np.zeros((30, 2)), np.ones((10, 2))] + 0.1 * RNG.normal(size=(40, 2))
    truth = np.repeat(["few", "many"], [30, 10])
    labels = truth.astype(object)
    labels[[0, 35]] = gap
    found, count = filled(points, labels, "labels")
    assert count == 2
    np.testing.assert_array_equal(found[:30], truth[:30])
    # ten samples are outvoted by fifteen neighbours only where these are not its own
    assert found[35] == "many"
    numbers = np.where(np.arange(40) < 30, 1.0, 2.0)
    numbers[3] = np.nan
    found, _ = filled(points, numbers, "labels")
    assert found[3] == 1
    assert found.dtype.kind == "i"


def test_the_pool_has_no_batches_means():
    batches, labels = np.repeat(["A", "B"], [60, 140]), np.arange(200) % 2
    middle = (SOURCE[:60].mean(axis=0) + SOURCE[60:].mean(axis=0)) / 2
    pool = pooled(SOURCE, batches)
    for name in "AB":
        np.testing.assert_allclose(pool[batches == name].mean(axis=0), middle)
    by_class = pooled(SOURCE, batches, labels)
    means = [by_class[(batches == b) & (labels == 1)].mean(axis=0) for b in "AB"]
    np.testing.assert_allclose(*means)


def test_defaults_for_batches():
    given = for_batches({"steps": None, "fit_steps": 2})
    assert repr(given["align"]) == "GaussianMap(shrinkage=0.5)"
    assert (given["steps"], given["step_size"], given["fit_steps"]) == (50, 0.1, 2)
    assert for_batches({"align": None, "steps": 7})["align"] is None
    assert "batch_size" not in given
    assert for_batches({}, samples=100_000)["batch_size"] == 1024
    assert for_batches({})["most_targets"] == 10_000
    assert for_batches({"batch_size": 5}, samples=100_000)["batch_size"] == 5
    assert "batch_size" not in for_batches({"potential": gpa.ExactPotential()}, samples=100_000)


def test_back_to_where_latents_came_from(refused):
    labels, others = np.arange(200) % 2, np.arange(150) % 2
    fitted = gpa.GaussianMap(0.3).fit(_cloud(SOURCE, labels), _cloud(TARGET, others))
    there = fitted(SOURCE, labels)
    assert np.abs(there - SOURCE).max() > 1
    np.testing.assert_allclose(fitted.inverse(there, labels), SOURCE, atol=1e-9)
    refused(lambda: gpa.GaussianMap().inverse(SOURCE, labels), "not fitted")
