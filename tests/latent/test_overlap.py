"""Clouds of different composition: what corresponds, what does not, and where it goes."""

import numpy as np
import pytest

import gparticles as gpa
from gparticles.latent import move_latents
from gparticles.latent import transport as latent_module
from gparticles.latent.classes import grouped
from gparticles.latent.counterparts import counterparts, pooled_by_overlap
from gparticles.latent.overlap import Overlap

DIM = 6
MEANS = 8.0 * np.eye(3, DIM)
SHIFT = np.array([1.5, -1.0, 1.0, 0.0, 2.0, 0.0])


def _cloud(counts, seed, shift=0.0):
    """Samples of up to three classes, and their classes."""
    labels = np.repeat(np.arange(3), counts)
    noise = np.random.default_rng(seed).normal(size=(len(labels), DIM))
    return MEANS[labels] + noise + shift, labels


def _fitted(counts, others):
    source, target = (
        grouped(points, np.full(len(points), 1 / len(points)))
        for points in (_cloud(counts, 1, SHIFT)[0], _cloud(others, 2)[0])
    )
    return Overlap().fit(source, target).plan


@pytest.mark.parametrize(
    ("counts", "others"),
    [((50, 50, 50), (60, 60, 60)), ((120, 20, 10), (20, 60, 80)), ((90, 0, 0), (70, 70, 0))],
    ids=["same", "others", "one class of two"],
)
def test_the_shift_is_that_of_the_classes(counts, others):
    plan = _fitted(counts, others)
    np.testing.assert_allclose(plan.shift, -SHIFT, atol=0.5)
    # a plain shift is wrong wherever proportions differ
    source, labels = _cloud(counts, 1, SHIFT)
    moved = plan.alignment(source, np.zeros(len(source), int))
    for label in np.unique(labels):
        np.testing.assert_allclose(moved[labels == label].mean(axis=0), MEANS[label], atol=0.8)


def test_a_far_shift_of_one_mode_is_found():
    rng = np.random.default_rng(0)
    source, target = rng.normal((30, 0), size=(200, 2)), rng.normal(size=(150, 2))
    parts = counterparts(
        Overlap(), (source, target), (np.full(200, 1 / 200), np.full(150, 1 / 150))
    )
    np.testing.assert_allclose(parts.plan.shift, [-30, 0], atol=0.4)
    assert parts.lonely[0].mean() < 0.05


@pytest.fixture(scope="module")
def flow():
    """A source with a class of 30 that the target lacks, and one of 40 that it lacks itself."""
    source, labels = _cloud((60, 60, 30), 1, SHIFT)
    flow = move_latents(source, _cloud((40, 110, 0), 2)[0], steps=8, fit_steps=1)
    return flow, source, labels


def test_samples_without_counterpart_are_only_shifted(flow):
    moved, source, labels = flow
    alone = moved.counterparts.lonely[0]
    assert alone[labels == 2].mean() > 0.9
    assert alone[labels != 2].mean() < 0.05
    low, high = moved.counterparts.lonely_range()
    assert low <= alone.sum() <= high
    (line,) = [note for note in moved.notes if "no counterpart" in note]
    assert f"about {alone.sum()} of 150 samples ({low} to {high})" in line
    move = moved.particles[alone] - source[alone]
    np.testing.assert_allclose(move, np.tile(move[0], (len(move), 1)), atol=1e-9)
    np.testing.assert_allclose(move[0], -SHIFT, atol=0.5)
    within = moved.counterparts.placed(source, moved.particles, alone, bounds=(0.0, 1.0))
    assert 0 <= within[alone].min() < within[alone].max() <= 1
    # the weights that the flow saw have the classes in equal proportions
    weights = moved.weights[0]
    assert weights[labels == 2].sum() < 0.02
    assert moved.counterparts.kept > 0.8


def test_later_samples_are_treated_alike_and_survive_saving(flow, tmp_path):
    moved, _, _ = flow
    later, labels = _cloud((5, 5, 5), 3, SHIFT)
    carried = moved(later)
    move = (carried - later)[labels == 2]
    np.testing.assert_allclose(move, np.tile(moved.counterparts.move, (5, 1)), atol=1e-9)
    moved.save(tmp_path / "flow")
    again = gpa.load_latent_flow(tmp_path / "flow")
    np.testing.assert_array_equal(again(later), carried)
    assert again.counterparts.record() == moved.counterparts.record()


def test_where_most_has_no_counterpart_it_is_doubted():
    source, target = _cloud((20, 60, 60), 1)[0], _cloud((100, 0, 0), 2)[0]
    weights = np.full(140, 1 / 140), np.full(100, 1 / 100)
    parts = counterparts(Overlap(), (source, target), weights)
    assert parts.lonely[0].sum() > 70
    (line,) = parts.doubts
    assert "nothing tells the batch's effect from biology" in line
    assert line in parts.notes


def test_a_correction_that_is_worse_than_a_shift_is_told():
    source, target = _cloud((50, 50, 50), 1, SHIFT)[0], _cloud((50, 50, 50), 2)[0]
    weights = np.full(150, 1 / 150), np.full(150, 1 / 150)
    parts = counterparts(Overlap(), (source, target), weights)
    good, moved = parts.completed((source, source - SHIFT), (source, source - SHIFT))
    assert good.doubts == ()
    assert good.costs[2] < good.costs[0]
    np.testing.assert_array_equal(moved, source - SHIFT)
    # all onto one class
    onto = MEANS[0] + 0.1 * (source - source.mean(axis=0))
    bad, _ = parts.completed((source, onto), (source, onto))
    (line,) = bad.doubts
    assert "matching means alone leaves less apart" in line


def test_labels_and_weights_say_it_instead(monkeypatch):
    # and nothing is computed for an estimate that nobody makes
    monkeypatch.delattr(latent_module, "_probe")
    source, labels = _cloud((20, 20, 0), 1)
    target, others = _cloud((25, 25, 0), 2)
    weights = np.full(40, 1 / 40)
    short = {"steps": 2, "potential": gpa.ExactPotential()}
    for settings in (
        {"labels": labels, "target_labels": others},
        {"source_weights": weights},
        {"overlap": None},
    ):
        mapped = {"columns": gpa.ColumnMap(), "overlap": Overlap()} | short | settings
        assert gpa.latent_transport(source, target, **mapped).counterparts is None


def test_few_or_coinciding_samples_tell_nothing():
    few = (np.zeros((3, 2)), np.ones((40, 2)))
    same = (np.zeros((30, 2)), np.ones((40, 2)))
    for clouds in (few, same):
        weights = tuple(np.full(len(cloud), 1 / len(cloud)) for cloud in clouds)
        assert counterparts(Overlap(), clouds, weights) is None


def test_a_pool_of_batches_that_share_no_class_with_each_other():
    parts = [_cloud((80, 80, 0), 1), _cloud((90, 0, 0), 2, SHIFT), _cloud((0, 70, 0), 3, -SHIFT)]
    batches = np.repeat(["both", "one", "two"], [160, 90, 70])
    points, labels = (np.concatenate(column) for column in zip(*parts, strict=True))
    pool = pooled_by_overlap(points, batches, overlap=Overlap())
    for label in (0, 1):
        means = [
            pool[(labels == label) & (batches == b)].mean(axis=0)
            for b in np.unique(batches)
            if ((labels == label) & (batches == b)).any()
        ]
        np.testing.assert_allclose(means[0], means[1], atol=0.5)
    # and nothing moves as a whole
    shifts = [(pool - points)[batches == name].mean(axis=0) for name in np.unique(batches)]
    np.testing.assert_allclose(np.mean(shifts, axis=0), 0, atol=1e-9)


def test_refused(refused):
    refused(lambda: Overlap(reach=0), "reach", "above 0")
    refused(lambda: Overlap(distance_price=-1), "distance_price", "above 0")
    refused(lambda: Overlap()(np.zeros((2, 3))), "not fitted")
    refused(lambda: gpa.latent_transport(np.eye(3), np.eye(3), overlap=1), "overlap", "gpa.Overlap")
    own = {"overlap": Overlap(), "own": [True, False, False]}
    refused(lambda: gpa.latent_transport(np.eye(3), np.eye(3), **own), "own marks 1 of 3", "leave")
