"""LatentGPA: wide points in and out, parameters, frames, cloning, pickling."""

import inspect
import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.utils.estimator_checks import check_estimator

import gparticles
from gparticles.estimators import GPA, LatentGPA

GENERATOR = np.random.default_rng(0)
SOURCE, TARGET = GENERATOR.normal(size=(30, 12)), GENERATOR.normal(size=(40, 12)) + 2
SHORT = {"steps": 8, "fit_steps": 1}


class OneSample(LatentGPA):
    """Flows towards the data themselves, since generic checks bring one sample only."""

    def fit(self, X, y=None):
        return super().fit(X, X)

    def fit_transform(self, X, y=None):
        return self.fit(X)._as_given(self.particles_, X)


@pytest.mark.thorough
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # scikit-learn tells which of its checks were skipped
def test_scikit_learns_own_checks():
    # without a network, which would be compiled for each of their shapes
    estimator = OneSample(2, steps=2, potential=gparticles.ExactPotential())
    expected = {"check_dataframe_column_names_consistency": "columns are found by their names"}
    results = check_estimator(estimator, on_fail=None, expected_failed_checks=expected)
    failed = {r["check_name"]: r["exception"] for r in results if r["status"] == "failed"}
    assert failed == {}
    assert sum(r["status"] == "passed" for r in results) > 40


def test_the_package_offers_it():
    assert gparticles.LatentGPA is LatentGPA


def test_it_is_latent_transport():
    estimator = LatentGPA(2, seed=3, **SHORT).fit(SOURCE, TARGET)
    defaults = {"scale_residual": True, "align": gparticles.GaussianMap(), "step_size": 0.1}
    defaults |= {"columns": gparticles.ColumnMap(), "overlap": gparticles.Overlap()}
    flow = gparticles.latent_transport(SOURCE, TARGET, latent_dim=2, seed=3, **SHORT, **defaults)
    np.testing.assert_array_equal(estimator.particles_, flow.particles)
    moved = LatentGPA(2, seed=3, **SHORT).fit_transform(SOURCE, TARGET)
    np.testing.assert_array_equal(moved, flow.particles)
    np.testing.assert_array_equal(estimator.transform(TARGET), flow(TARGET))
    assert estimator.n_features_in_ == 12
    assert estimator.codec_ is estimator.flow_.codec


def test_parameters_are_those_of_latent_transport_and_gpa():
    known = inspect.signature(gparticles.latent_transport).parameters
    own = set(known) - {"source", "target", "settings", "names", "own"}
    mine = LatentGPA().get_params()
    assert set(mine) == own | set(GPA().get_params())
    for name in own - {"columns", "align", "overlap", "scale_residual"}:
        assert mine[name] == known[name].default
    for name, value in GPA().get_params().items():
        assert mine[name] == value


def test_wide_points_go_in_and_come_out():
    wide = GENERATOR.normal(size=(70, 5000)).astype(np.float32)
    wide[:30] += GENERATOR.normal(size=5000).astype(np.float32)
    estimator = LatentGPA(2, **SHORT).fit(wide[:30], wide[30:])
    moved = estimator.transform(wide[:30])
    assert moved.shape == (30, 5000)
    assert moved.dtype == np.float32
    assert estimator.flow_.latent_target.shape == (40, 2)
    # the shift is most of the first component, and the residuals' share of it goes
    apart = [np.linalg.norm(x.mean(axis=0) - wide[30:].mean(axis=0)) for x in (wide[:30], moved)]
    assert apart[1] < apart[0]


def test_frames_in_and_out():
    pandas = pytest.importorskip("pandas")
    names = [f"gene{i}" for i in range(12)]
    source = pandas.DataFrame(SOURCE, columns=names, index=range(5, 35))
    target = pandas.DataFrame(TARGET, columns=names)
    estimator = LatentGPA(2, **SHORT).fit(source, target)
    moved = estimator.transform(source)
    assert moved.columns.tolist() == names
    assert moved.index.tolist() == source.index.tolist()
    again = LatentGPA(2, **SHORT).fit(source, target[names[::-1]])
    np.testing.assert_array_equal(again.particles_, estimator.particles_)


def test_cloned_set_and_pickled():
    estimator = LatentGPA(2, codec=gparticles.PCA(2, standardise=True), **SHORT)
    copy = clone(estimator).set_params(steps=7)
    assert copy.steps == 7
    assert copy.get_params()["codec"].standardise
    fitted = estimator.fit(SOURCE, TARGET)
    assert estimator.codec_.standardise
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.transform(SOURCE), fitted.transform(SOURCE))


def test_a_wrapped_codec_survives_cloning():
    fitted = PCA(2).fit(np.concatenate([SOURCE, TARGET]))
    copy = clone(LatentGPA(codec=gparticles.Transformer(fitted), **SHORT))
    assert copy.fit(SOURCE, TARGET).particles_.shape == SOURCE.shape
    with pytest.raises(gparticles.InputError, match="not fitted"):
        clone(LatentGPA(codec=fitted, **SHORT)).fit(SOURCE, TARGET)


def test_a_refused_fit_leaves_no_older_flow():
    estimator = LatentGPA(2, **SHORT).fit(SOURCE, TARGET)
    with pytest.raises(gparticles.InputError):
        estimator.fit(SOURCE, TARGET[:, :3])
    assert not hasattr(estimator, "flow_")
    assert not hasattr(estimator, "particles_")


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (np.where(SOURCE > 1, np.nan, SOURCE), TARGET),
        (SOURCE, TARGET[:, :2]),
        (SOURCE[:0], TARGET),
        (SOURCE.astype(str).astype(object) + "x", TARGET),
    ],
    ids=["nan", "columns", "rows", "text"],
)
def test_refused(source, target):
    with pytest.raises(gparticles.InputError) as caught:
        LatentGPA(2, **SHORT).fit(source, target)
    assert "\n" not in str(caught.value)


def test_residuals_are_scaled_where_they_are_kept():
    def fitted(**given):
        return LatentGPA(2, fit_steps=1, **given).fit(SOURCE, TARGET).flow_

    assert fitted().latent.settings["steps"] == 50
    assert fitted(steps=8).residuals.scale
    for name in ("keep_residual", "centre_residual", "scale_residual"):
        assert not fitted(steps=8, **{name: False}).residuals.scale


def test_weights_reach_the_flow():
    weights = np.r_[np.ones(10), np.zeros(20)]
    model = LatentGPA(2, **SHORT).fit(SOURCE, TARGET, source_weights=weights)
    np.testing.assert_allclose(model.flow_.weights[0], weights / 10)
