"""Batches onto a reference or onto their pool, and classes that some of them lack."""

from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import pytest

import gparticles
from gparticles.integration.batches import Batches, carried_by, check_batches, fit, moved_by
from gparticles.integration.judging import distance, split
from gparticles.integration.summary import notes_of

RNG = np.random.default_rng(0)
NAMES = np.array(["a"] * 6 + ["b"] * 5 + ["c"] * 4)
POINTS = RNG.normal(size=(15, 3)) + (NAMES == "b")[:, None] * 3 - (NAMES == "c")[:, None] * 5
LABELS = np.array(["x", "y", "x"] * 5)
BATCHES = Batches(points=POINTS, names=NAMES, reference="a", labels=LABELS)


@dataclass
class Shift:
    """A flow that moves mean onto mean, and remembers what it was given."""

    particles: np.ndarray
    shift: np.ndarray
    given: dict
    counterparts: None = None

    def __call__(self, points, labels=None):
        return points + self.shift


def move(source, target, **given):
    shift = target.mean(axis=0) - source.mean(axis=0)
    return Shift(source + shift, shift, {"target": target, **given})


def _rows(name):
    return np.equal(NAMES, name)


@pytest.mark.parametrize("reference", ["a", "c"])
def test_batches_join_the_reference_one_by_one(reference):
    batches = replace(BATCHES, reference=reference, labels=None)
    flows = fit(batches, move)
    first, second = sorted(flows, key=lambda name: -POINTS[_rows(name)].var(axis=0).sum())
    assert list(flows) == sorted(flows)
    fixed = POINTS[_rows(reference)]
    np.testing.assert_array_equal(flows[first].given["target"], fixed)
    onto = flows[second].given["target"]
    # no more samples of others than the reference has
    count = min(len(fixed), len(flows[first].particles))
    np.testing.assert_array_equal(onto[: len(fixed)], fixed)
    assert len(onto) == len(fixed) + count
    assert np.isin(onto[len(fixed) :], flows[first].particles).all()
    # where classes are known or nothing is estimated, all move onto the reference alone
    alone = fit(replace(batches, overlap=None), move)
    assert all(len(flow.given["target"]) == len(fixed) for flow in alone.values())


def test_onto_the_reference(caplog):
    with caplog.at_level("INFO", "gparticles.integration"):
        flows = fit(BATCHES, move)
    assert caplog.messages == ["batch 'b', 1 of 2: 5 samples", "batch 'c', 2 of 2: 4 samples"]
    assert list(flows) == ["b", "c"]
    moved = moved_by(flows, BATCHES)
    np.testing.assert_array_equal(moved[NAMES == "a"], POINTS[NAMES == "a"])
    for name in "bc":
        np.testing.assert_array_equal(flows[name].given["labels"], LABELS[_rows(name)])
        np.testing.assert_array_equal(flows[name].given["target"], POINTS[NAMES == "a"])
        mean = POINTS[NAMES == "a"].mean(axis=0)
        np.testing.assert_allclose(moved[_rows(name)].mean(axis=0), mean)
    # samples that come later, none of them of the batch c
    later = BATCHES.part(np.flatnonzero(NAMES != "c")[::2])
    carried = carried_by(flows, later)
    rows = later.names == "b"
    np.testing.assert_array_equal(carried[~rows], later.points[~rows])
    np.testing.assert_array_equal(carried[rows], later.points[rows] + flows["b"].shift)


@pytest.mark.parametrize("labelled", [False, True])
def test_onto_the_pool_all_of_them_move(labelled):
    gaps = np.where(np.arange(15) == 3, "", LABELS) if labelled else None
    pool = replace(BATCHES, reference=None, labels=gaps, balance=LABELS)
    assert pool.others == ["a", "b", "c"]
    flows = fit(pool, move)
    middle = np.mean([POINTS[_rows(name)].mean(axis=0) for name in "abc"], axis=0)
    targets = [flow.given["target"] for flow in flows.values()]
    for name, target in zip("abc", targets, strict=True):
        assert target.shape == POINTS.shape
        np.testing.assert_array_equal(target, targets[0])
        weights = flows[name].given["source_weights"]
        by_hand = gparticles.class_weights(LABELS[_rows(name)], LABELS)
        np.testing.assert_array_equal(weights, by_hand)
    if not labelled:
        for name in "abc":
            np.testing.assert_allclose(targets[0][_rows(name)].mean(axis=0), middle)
        return
    # every class of a batch has its own mean there, the gap in it has become one of them
    filled = flows["b"].given["target_labels"]
    assert "" not in filled
    means = [targets[0][_rows(name) & (filled == "y")].mean(axis=0) for name in "abc"]
    np.testing.assert_allclose(means[1:], means[:-1], atol=1e-12)


def test_distance_between_batches():
    apart = distance(POINTS, replace(BATCHES, reference=None))
    together = distance(moved_by(fit(BATCHES, move), BATCHES), replace(BATCHES, reference=None))
    assert apart > 2 * together
    # two points each: W2 is by hand
    points = np.array([[0.0], [0.0], [3.0], [3.0]])
    two = Batches(points=points, names=np.repeat(["a", "b"], 2), reference=None)
    assert distance(points, two) == pytest.approx(3)


def _lines(changed, **given):
    """Of batches whose samples' labels are changed: place to label."""
    labels = LABELS.copy()
    for at, label in changed.items():
        labels[at] = label
    options = {"labels": None, "judged": labels} | {
        name: labels if value is True else value for name, value in given.items()
    }
    return check_batches(replace(BATCHES, **options))


ONLY = "label 'z' is seen in 'a', the reference, only: "
STRANGE = "only: nothing says where its samples belong among the others"


def test_labels_that_the_reference_alone_has():
    assert _lines({}) == []
    (line,) = _lines({0: "z"})
    assert (
        line == f"{ONLY}the flow does not see labels, so samples of other labels may move onto it"
    )
    # where the flow sees them it says so, and once for labels that are also judged by
    (line,) = _lines({0: "z"}, labels=True)
    assert line == f"{ONLY}no sample moves onto it"
    (line,) = _lines({0: "z"}, balance=True)
    assert "may move onto it" in line


def test_labels_that_the_reference_lacks(refused):
    assert _lines({7: "z"}) == [f"label 'z' is seen in 'b' {STRANGE}"]
    assert _lines({7: "z", 12: "z"}) == [f"label 'z' is seen in 'b', 'c' {STRANGE}"]
    assert _lines({7: "v", 8: "z"}) == [f"labels 'v', 'z' are seen in 'b' {STRANGE}"]
    refused(lambda: _lines({7: "z"}, labels=True), "'z'", "'b'", '"x", "y"')
    # with a pool, only what one batch alone has
    assert _lines({7: "z", 12: "z"}, reference=None, labels=True) == []
    assert _lines({7: "z"}, reference=None) == [f"label 'z' is seen in 'b' {STRANGE}"]


def test_unknown_labels_are_no_class():
    assert _lines({0: "", 7: ""}) == []


def test_a_class_that_the_flow_sees_is_not_held_out_altogether():
    # one sample of the rare class in each batch, spread over the classes to judge by
    names = np.repeat(["a", "b", "c"], 5)
    rare = np.where(np.isin(np.arange(15), [0, 7, 11]), "rare", "common")
    batches = replace(BATCHES, names=names, labels=rare, judged=LABELS)
    for seed in range(8):
        kept, aside = split(batches, 0.4, seed=seed)
        assert set(names[kept][rare[kept] == "rare"]) == {"a", "b", "c"}
        assert len(aside) == 6


def test_notes_are_told_of_their_batch():
    told = ("labels: 2 were missing", "target_labels: 1 were missing", "thinned")
    flows = {name: SimpleNamespace(notes=told[: 3 - k]) for k, name in enumerate("bc")}
    assert notes_of(flows, BATCHES) == [
        "labels of b: 2 were missing",
        "labels of a: 1 were missing",
        "b: thinned",
        "labels of c: 2 were missing",
    ]
