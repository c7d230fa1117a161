"""Columns without spread in one of both clouds: later samples stay near, and constants constant."""

import numpy as np
import pytest

import gparticles as gpa
from gparticles.latent.classes import grouped, pooled
from gparticles.latent.scales import gains, silent

COLUMN = 4
LATER = 20


def _one_above(rng, n):
    return np.where(np.arange(n) == 7, 0.01, 0.0)


def _few_loud(rng, n):
    return np.where(np.arange(n) < 2, 3.0, 0.0)


KINDS = {
    "constant": (lambda rng, n: np.zeros(n), None),
    "one a little above": (_one_above, None),
    "a few loud": (_few_loud, None),
    "rounding": (lambda rng, n: 5 + 1e-13 * rng.normal(size=n), None),
    "hum": (lambda rng, n: 1e-3 * rng.normal(size=n), None),
    "silent in the target": (None, _one_above),
    "constant in the target": (None, lambda rng, n: np.full(n, 0.1)),
}


def _made(kind, clouds):
    """Source, target, and later samples like the source but alive in the column."""
    rng = np.random.default_rng(5)
    source, target = (cloud.copy() for cloud in clouds)
    later = source[:LATER] + 0.1 * rng.normal(size=(LATER, source.shape[1]))
    later[:, COLUMN] = rng.uniform(2, 10, LATER)
    target[:, COLUMN] = rng.uniform(2, 10, len(target))
    for cloud, make in zip((source, target), KINDS[kind], strict=True):
        if make is not None:
            cloud[:, COLUMN] = make(rng, len(cloud))
    return source, target, later


PATHS = {
    "all maps": {},
    "residuals alone": {"columns": None},
    "no residual": {"keep_residual": False},
    "no shrinkage": {"align": gpa.GaussianMap(0.01)},
    "standardised": {"codec": gpa.PCA(2, standardise=True)},
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("kind", KINDS)
def test_later_samples_stay_near(kind, path, clouds):
    source, target, later = _made(kind, clouds)
    settings = {"steps": 8, "fit_steps": 1} | PATHS[path]
    model = gpa.LatentGPA(2, **settings).fit(source, target)
    moved = model.transform(later)
    # in every column no farther from the target than raw samples are, and what fitted ones moved
    shift = np.abs(model.particles_ - source).max(axis=0)
    raw = np.abs(later - target.mean(axis=0)).max(axis=0)
    assert np.all(np.abs(moved - target.mean(axis=0)).max(axis=0) < 2 * (raw + shift))


@pytest.mark.parametrize("kind", ["one a little above", "constant", "hum"])
def test_what_is_held_back_is_told(kind, clouds):
    pandas = pytest.importorskip("pandas")
    source, target, _ = _made(kind, clouds)
    line = "1 of 12 columns have (almost) no spread in the source or in the target and were shifted"
    settings = {"steps": 8, "fit_steps": 1}
    (note,) = gpa.LatentGPA(2, **settings).fit(source, target).flow_.notes
    assert note == f"{line}, not scaled: 4"
    frames = [pandas.DataFrame(c).add_prefix("gene ") for c in (source, target)]
    (note,) = gpa.LatentGPA(2, **settings).fit(*frames).flow_.notes
    assert note == f"{line}, not scaled: gene 4"


def test_in_classes(clouds):
    source, target, later = _made("one a little above", clouds)
    labels = np.arange(30) % 2, np.arange(40) % 2
    model = gpa.LatentGPA(2, steps=8, fit_steps=1)
    model.fit(source, target, labels=labels[0], target_labels=labels[1])
    moved = model.transform(later, np.arange(LATER) % 2)
    assert np.abs(moved[:, COLUMN] - target[:, COLUMN].mean()).max() < 15


def test_a_silent_direction_of_latents_is_only_shifted():
    rng = np.random.default_rng(0)
    source, target = rng.normal(size=(60, 2)), rng.normal(size=(80, 2)) + 3
    source[:, 1] = 1e-4 * rng.normal(size=60)
    clouds = [grouped(c, np.full(len(c), 1 / len(c))) for c in (source, target)]
    fitted = gpa.GaussianMap(0.0).fit(*clouds)
    assert fitted.held == 1
    moved = fitted(np.array([[0.0, 2.0]]), np.zeros(1, int))
    np.testing.assert_allclose(moved, [target.mean(axis=0) + np.array([0, 2])], atol=0.3)
    # and the whole cloud, where all but one of its points coincide
    source = np.where(np.arange(60)[:, None] == 7, 1e-3, np.zeros((60, 2)))
    clouds[0] = grouped(source, np.full(60, 1 / 60))
    moved = gpa.GaussianMap().fit(*clouds)(np.array([[5.0, 5.0]]), np.zeros(1, int))
    np.testing.assert_allclose(moved, [target.mean(axis=0) + 5], atol=0.01)


def test_far_samples_are_shifted_where_the_gain_is_doubtful():
    rng = np.random.default_rng(1)
    source, target = rng.normal(size=(60, 3)) * [1, 1, 0.1], rng.normal(size=(80, 3))
    clouds = [grouped(c, np.full(len(c), 1 / len(c))) for c in (source, target)]
    fitted = gpa.ColumnMap().fit(*clouds)
    assert fitted.gain[2] > 5
    assert not fitted.quiet.any()
    far = np.full((1, 3), 10.0)
    reach = 3 * np.abs(source - source.mean(axis=0)).max(axis=0)[2]
    moved = fitted(far) - fitted(np.zeros((1, 3)))
    np.testing.assert_allclose(moved[0, :2], 10 * fitted.gain[:2])
    assert moved[0, 2] < fitted.gain[2] * 2 * reach + 10
    near = source[:5] * 1.5
    np.testing.assert_allclose(fitted(near), fitted.target + fitted.gain * (near - fitted.source))


def test_ordinary_columns_are_scaled():
    units = np.geomspace(1e-3, 1e3, 7)
    result = gains(units, 40 * units[::1], rounding=0.0)
    np.testing.assert_allclose(result.gain, 40)
    assert not result.held.any()
    assert not result.doubtful.any()
    assert np.all(np.isinf(result.reach(np.ones(7))))


def test_what_is_silent():
    points = np.zeros((60, 3))
    points[:5, 0], points[:7, 1] = 1, 1
    equal = np.full(60, 1 / 60)
    assert silent(points, equal).tolist() == [True, False, True]
    heavy = np.where(np.arange(60) < 5, 10.0, 1.0)
    assert silent(points, heavy / heavy.sum()).tolist() == [False, False, True]


@pytest.mark.parametrize("dtype", [np.float32, pytest.param(np.float64, marks=pytest.mark.slow)])
@pytest.mark.parametrize("values", [(3.7, 3.7), (0.1, 0.1), (1e6 + 0.1, 1e6 + 0.1), (3.7, 0.1)])
@pytest.mark.parametrize("settings", [{}, {"codec": gpa.PCA(2, standardise=True)}])
def test_constant_columns_stay_constant_to_the_last_bit(dtype, values, settings, clouds):
    source, target = (cloud.astype(dtype) for cloud in clouds)
    for cloud, value in zip((source, target), values, strict=True):
        cloud[:, [2, 9]] = value
    settings = {"steps": 8, "fit_steps": 1} | settings
    labels = {"labels": np.arange(30) % 2, "target_labels": np.arange(40) % 2}
    for given in ({}, labels):
        model = gpa.LatentGPA(2, **settings).fit(source, target, **given)
        for moved in (model.particles_, model.transform(source, given.get("labels"))):
            np.testing.assert_array_equal(moved[:, [2, 9]], dtype(values[1]))
            assert moved.std() > 1
    # what they are next to does not know them
    rest = [np.delete(cloud, [2, 9], axis=1) for cloud in (source, target)]
    alone = gpa.LatentGPA(2, **settings).fit(*rest).particles_
    model = gpa.LatentGPA(2, **settings).fit(source, target)
    np.testing.assert_allclose(np.delete(model.particles_, [2, 9], axis=1), alone, atol=1e-4)


def test_constant_columns_of_a_pool():
    points = np.random.default_rng(0).normal(size=(47, 3))
    points[:, 1] = 3.7
    np.testing.assert_array_equal(pooled(points, np.arange(47) % 3)[:, 1], 3.7)


def test_what_is_held_back_is_saved(clouds, tmp_path):
    source, target, later = _made("one a little above", clouds)
    flow = gpa.LatentGPA(2, steps=8, fit_steps=1).fit(source, target).flow_
    flow.save(tmp_path / "run")
    again = gpa.load_latent_flow(tmp_path / "run")
    np.testing.assert_array_equal(again(later), flow(later))
    assert again.notes == flow.notes
