"""Checks of what users bring: labels and where they are missing, and masked arrays."""

import numpy as np
import pytest

import gparticles as gpa
from gparticles.checks import check_labels, check_points, known_labels, label_indices
from gparticles.errors import InputError
from gparticles.evaluate.metrics import evaluate
from gparticles.evaluate.mixing import mixing
from gparticles.evaluate.wasserstein import w2
from gparticles.latent import latent_bound, pooled

CLASSES = np.array([2, 9, 10, 100])


@pytest.mark.parametrize("given", [CLASSES[::-1], CLASSES[::-1].astype(str)])
def test_positions_among_the_classes(given):
    np.testing.assert_array_equal(label_indices(given, CLASSES, "labels"), [3, 2, 1, 0])


def test_text_classes_and_numbers():
    classes = np.array(["1", "10", "2"])
    np.testing.assert_array_equal(label_indices(np.array([10, 2, 1]), classes, "labels"), [1, 2, 0])


@pytest.mark.parametrize("absent", [np.array([2, 3]), np.array(["100", "1000"]), np.array([101])])
def test_absent_labels_are_refused(absent):
    with pytest.raises(InputError, match="does not occur among the target's labels"):
        label_indices(absent, CLASSES, "labels")


def _frames():
    pandas = pytest.importorskip("pandas")
    words, dates = ["a", "b", None], ["2020-01-01", "2020-01-02", None]
    return {
        "object None": np.array(words, object),
        "object NaN": np.array(["a", "b", np.nan], object),
        "list with NaN": ["a", "b", float("nan")],
        "list with None": [1, 2, None],
        "empty text": np.array(["a", "b", ""]),
        "numbers": np.array([1.0, 2.0, np.nan]),
        "NaT": np.array(dates, "datetime64[D]"),
        "Categorical": pandas.Series(pandas.Categorical(words)),
        "Categorical of numbers": pandas.Categorical([1, 2, None]),
        "pandas text": pandas.Series(words, dtype="string"),
        "pandas numbers": pandas.Series([1, 2, None], dtype="Int64"),
        "pandas truths": pandas.array([True, False, None], dtype="boolean"),
        "pandas dates": pandas.Series(pandas.to_datetime(dates)),
        "object NaT": np.array([*pandas.to_datetime(dates)], object),
    }


KINDS = (
    "object None, object NaN, list with NaN, list with None, empty text, numbers, NaT, Categorical,"
    "Categorical of numbers, pandas text, pandas numbers, pandas truths, pandas dates, object NaT"
)


@pytest.mark.parametrize("kind", [kind.strip() for kind in KINDS.split(",")])
def test_missing_labels_of_every_kind(kind):
    labels = _frames()[kind]
    array, known = known_labels(labels, 3, "labels")
    assert known.tolist() == [True, True, False]
    assert len(np.unique(array)) == 2
    assert array.dtype.kind != "O"
    with pytest.raises(InputError, match=r"labels: entry 2 is missing \(1 of 3\); give every"):
        check_labels(labels, 3, "labels")
    points = np.arange(6.0).reshape(3, 2)
    with pytest.raises(InputError, match="labels: entry 2 is missing"):
        gpa.transport(points, points, labels=labels, target_labels=labels)
    # what is there weighs as if there were nothing else, and a gap makes no class
    weights = gpa.class_weights(labels, labels)
    np.testing.assert_allclose(weights, 1 / 3)


def test_numbers_beside_gaps_stay_numbers():
    array, _ = known_labels([1.0, None, 10.0], 3, "labels")
    assert array[[0, 2]].tolist() == [1, 10]
    assert array.dtype.kind == "i"


def test_words_for_missing_are_words_in_arrays():
    words = np.array(["nan", "None", "NA"], object)
    np.testing.assert_array_equal(check_labels(words, 3, "labels"), words.astype(str))


X, Y = np.random.default_rng(0).normal(size=(2, 12, 2))
CLASS = np.arange(12) % 2
EXACT = {"potential": gpa.ExactPotential(), "steps": 1}


def _masked(array):
    mask = np.zeros(array.shape, bool)
    mask[(3, *[1] * (array.ndim - 1))] = True
    return np.ma.array(array, mask=mask)


@pytest.fixture(scope="module")
def fitted():
    """A flow, a latent one, an estimator and a certificate."""
    return {
        "flow": gpa.transport(X, Y, **EXACT),
        "latent": gpa.latent_transport(X, Y, latent_dim=1, **EXACT),
        "gpa": gpa.GPA(**EXACT).fit(X, Y),
        "latent gpa": gpa.LatentGPA(1, **EXACT).fit(X, Y),
        "certificate": gpa.divergence(X, Y),
        "pca": gpa.PCA(1).fit(X),
    }


POINTS = {
    "transport": lambda m, _: gpa.transport(m, Y, steps=1),
    "target": lambda m, _: gpa.transport(Y, m, steps=1),
    "exact": lambda m, _: gpa.transport(m, Y, **EXACT),
    "list of rows": lambda m, _: gpa.transport(list(m), Y, steps=1),
    "divergence": lambda m, _: gpa.divergence(m, Y),
    "estimate": lambda m, _: gpa.estimate_divergence(Y, m, steps=1),
    "gan": lambda m, _: gpa.train_gan(m, steps=1),
    "GPA": lambda m, _: gpa.GPA(**EXACT).fit(m, Y),
    "GPA target": lambda m, _: gpa.GPA(**EXACT).fit(Y, m),
    "LatentGPA": lambda m, _: gpa.LatentGPA(1, **EXACT).fit(m, Y),
    "latent_transport": lambda m, _: gpa.latent_transport(Y, m, latent_dim=1, **EXACT),
    "flow": lambda m, f: f["flow"](m),
    "velocity": lambda m, f: f["flow"].velocity(m, 0.0),
    "latent flow": lambda m, f: f["latent"](m),
    "latent bound": lambda m, f: latent_bound(f["latent"], m, f=gpa.KL()),
    "transform": lambda m, f: f["gpa"].transform(m),
    "latent transform": lambda m, f: f["latent gpa"].transform(m),
    "certificate": lambda m, f: f["certificate"].potential(m),
    "fit of a codec": lambda m, _: gpa.PCA(1).fit(m),
    "encode": lambda m, f: f["pca"].encode(m),
    "pooled": lambda m, _: pooled(m, CLASS),
    "evaluate": lambda m, _: evaluate(m, Y, target=X),
    "evaluate's target": lambda m, _: evaluate(Y, Y, target=m),
    "mixing": lambda m, _: mixing(m, CLASS),
    "w2": lambda m, _: w2(Y, m),
}


@pytest.mark.parametrize("where", POINTS)
def test_masked_points_are_refused(where, fitted, refused):
    refused(lambda: POINTS[where](_masked(X), fitted), "entry (3, 1) is masked (1 of 12 rows)")


PER_ROW = {
    "source_weights": lambda m: gpa.transport(X, Y, source_weights=m, steps=1),
    "target_weights": lambda m: gpa.LatentGPA(1, **EXACT).fit(X, Y, target_weights=m),
    "p_weights": lambda m: gpa.divergence(X, Y, p_weights=m),
    "labels": lambda m: gpa.transport(X, Y, labels=m, target_labels=CLASS, steps=1),
    "target_labels": lambda m: gpa.LatentGPA(1).fit(X, Y, labels=CLASS, target_labels=m),
    "like": lambda m: gpa.class_weights(CLASS, m),
    "batches": lambda m: mixing(X, m),
}


@pytest.mark.parametrize("name", PER_ROW)
def test_masked_weights_and_labels_are_refused(name, refused):
    refused(lambda: PER_ROW[name](_masked(CLASS)), f"{name}: entry 3 is masked (1 of 12 rows)")


def test_masked_arrays_without_masked_entries_are_arrays():
    same = np.ma.array(X, mask=np.zeros_like(X, bool))
    np.testing.assert_array_equal(check_points(same, "points"), X)
    assert type(check_points(same, "points")) is np.ndarray
    moved = [gpa.transport(x, Y, **EXACT).particles for x in (X, same)]
    np.testing.assert_array_equal(*moved)
