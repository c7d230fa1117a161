"""The scikit-learn estimator: its own checks, labels, frames, cloning and pickling."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import check_estimator

import gparticles
from gparticles.estimators import GPA, LatentGPA

# compiles much: left out of `make fast-test`
pytestmark = pytest.mark.slow

GENERATOR = np.random.default_rng(0)
SOURCE, TARGET = GENERATOR.normal(size=(20, 3)), GENERATOR.normal(size=(30, 3)) + 2


class OneSample(GPA):
    """Flows towards the data themselves, since generic checks bring one sample only."""

    def fit(self, X, y=None):
        return super().fit(X, X)

    def fit_transform(self, X, y=None):
        return self.fit(X)._as_given(self.flow_.particles, X)


# every check brings a shape of its own, for which a network is compiled anew
@pytest.mark.parametrize("network", [False, pytest.param(True, marks=pytest.mark.thorough)])
@pytest.mark.filterwarnings("ignore")  # scikit-learn tells which of its checks were skipped
def test_scikit_learns_own_checks(network):
    expected = {"check_dataframe_column_names_consistency": "columns are found by their names"}
    quick = {"fit_steps": 1} if network else {"potential": gparticles.ExactPotential()}
    estimator = OneSample(steps=2, **quick)
    results = check_estimator(estimator, on_fail=None, expected_failed_checks=expected)
    failed = {r["check_name"]: r["exception"] for r in results if r["status"] == "failed"}
    assert failed == {}
    assert sum(r["status"] == "passed" for r in results) > 40


def test_the_package_offers_it():
    assert gparticles.GPA is GPA


def test_it_is_transport():
    estimator = GPA(steps=5, seed=3).fit(SOURCE, TARGET)
    flow = gparticles.transport(SOURCE, TARGET, steps=5, seed=3)
    np.testing.assert_array_equal(estimator.flow_.particles, flow.particles)
    moved = GPA(steps=5, seed=3).fit_transform(SOURCE, TARGET)
    np.testing.assert_array_equal(moved, flow.particles)
    np.testing.assert_allclose(estimator.transform(SOURCE), flow.particles, rtol=1e-5, atol=1e-6)
    assert estimator.n_features_in_ == 3


def test_parameters_are_those_of_transport():
    import inspect

    known = inspect.signature(gparticles.transport).parameters
    data = {"source", "target", "labels", "target_labels", "source_weights", "target_weights"}
    assert set(GPA().get_params()) == set(known) - data - {"callbacks", "checkpoint"}
    for name, value in GPA().get_params().items():
        assert known[name].default == value


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_dtypes_are_kept(dtype):
    moved = GPA(steps=2).fit(SOURCE.astype(dtype), TARGET).transform(SOURCE.astype(dtype))
    assert moved.dtype == dtype


def test_labels():
    labels, target_labels = np.arange(20) % 2, np.arange(30) % 2
    estimator = GPA(steps=2).fit(SOURCE, TARGET, labels=labels, target_labels=target_labels)
    assert estimator.transform(SOURCE, labels).shape == SOURCE.shape
    with pytest.raises(gparticles.InputError, match="label"):
        estimator.transform(SOURCE)


def test_images():
    images = GENERATOR.random((6, 4, 5))
    assert GPA(steps=2).fit(images, images).transform(images).shape == (6, 4, 5)


def test_frames_in_and_out():
    pandas = pytest.importorskip("pandas")
    source = pandas.DataFrame(SOURCE, columns=list("abc"), index=range(5, 25))
    target = pandas.DataFrame(TARGET, columns=list("abc"))
    estimator = GPA(steps=2).fit(source, target)
    assert estimator.feature_names_in_.tolist() == ["a", "b", "c"]
    for moved in (estimator.transform(source), GPA(steps=2).fit_transform(source, target)):
        assert moved.columns.tolist() == ["a", "b", "c"]
        assert moved.index.tolist() == source.index.tolist()
    with pytest.raises(gparticles.InputError, match="feature names"):
        estimator.transform(target.rename(columns={"a": "z"}))
    assert isinstance(
        GPA(steps=2).set_output(transform="pandas").fit(SOURCE, TARGET).transform(SOURCE),
        pandas.DataFrame,
    )


NAMES = {
    "text": ["a", "b", "c"],
    "whole numbers": [10, 2, 7],
    "default": [0, 1, 2],
    "mixed": [0, "y", 2.5],
    "tuples": [("a", 1), ("a", 2), ("b", 1)],
}


@pytest.mark.parametrize("estimator", [GPA(steps=2), LatentGPA(2, steps=2)])
@pytest.mark.parametrize("kind", NAMES)
def test_columns_are_found_by_their_names(kind, estimator):
    pandas = pytest.importorskip("pandas")
    names = NAMES[kind]
    source, target = (pandas.DataFrame(cloud, columns=names) for cloud in (SOURCE, TARGET))
    other = [names[k] for k in (2, 0, 1)]
    plain = clone(estimator).fit(SOURCE, TARGET)
    fitted = clone(estimator).fit(source, target[other])
    np.testing.assert_array_equal(fitted.flow_.particles, plain.flow_.particles)
    moved = fitted.transform(source[other])
    assert list(moved.columns) == names
    np.testing.assert_array_equal(moved.to_numpy(), plain.transform(SOURCE))
    again = clone(estimator).fit_transform(source, target[other])
    assert list(again.columns) == names
    np.testing.assert_array_equal(again.to_numpy(), plain.flow_.particles)
    headed = fitted.set_output(transform="pandas").transform(source[other])
    np.testing.assert_array_equal(headed.to_numpy(), moved.to_numpy())
    for wrong in (source.rename(columns={names[0]: 99}), source[[names[0], names[0], names[2]]]):
        with pytest.raises(gparticles.InputError, match="names") as caught:
            fitted.transform(wrong)
        assert "\n" not in str(caught.value)


def test_frames_after_arrays_and_arrays_after_frames():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(SOURCE, columns=[5, "y", 1])
    fitted = GPA(steps=2).fit(SOURCE, TARGET)
    assert list(fitted.transform(frame).columns) == [5, "y", 1]
    np.testing.assert_array_equal(fitted.transform(frame).to_numpy(), fitted.transform(SOURCE))
    fitted = GPA(steps=2).fit(frame, frame + 1)
    np.testing.assert_array_equal(fitted.transform(SOURCE), fitted.transform(frame).to_numpy())
    # a second fit forgets the first one's names
    assert list(fitted.fit(SOURCE, TARGET).transform(frame + 0).columns) == [5, "y", 1]
    again = pickle.loads(pickle.dumps(GPA(steps=2).fit(frame, frame + 1)))
    assert list(again.transform(frame[[1, 5, "y"]]).columns) == [5, "y", 1]


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (np.where(SOURCE > 1, np.nan, SOURCE), TARGET),
        (SOURCE, np.where(TARGET > 3, np.inf, TARGET)),
        (SOURCE, TARGET[:, :2]),
        (SOURCE[0], TARGET),
        (SOURCE[:0], TARGET),
        (SOURCE.astype(str).astype(object) + "x", TARGET),
    ],
    ids=["nan", "inf", "columns", "rank", "rows", "text"],
)
def test_refused(source, target):
    with pytest.raises(gparticles.InputError) as caught:
        GPA(steps=2).fit(source, target)
    assert "\n" not in str(caught.value)


def test_cloned_and_pickled():
    estimator = GPA(f=gparticles.Alpha(2.0), steps=3, potential=gparticles.tight_mlp(3, width=8))
    copy = clone(estimator)
    assert copy.get_params()["f"] == gparticles.Alpha(2.0)
    fitted = estimator.fit(SOURCE, TARGET)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.transform(SOURCE), fitted.transform(SOURCE))
