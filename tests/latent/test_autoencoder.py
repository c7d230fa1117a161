"""The autoencoder against the PCA it starts from, and its bound against its own stretches."""

import numpy as np
import pytest

import gparticles as gpa

RNG = np.random.default_rng(5)
SETTINGS = {"width": 16, "epochs": 80, "batch_size": 32, "learning_rate": 5e-3, "patience": 20}


def _curved(n, rng=RNG):
    """A curve in six dimensions, two coordinates of it a parabola that no line follows."""
    t, noise = rng.uniform(-2, 2, size=(n, 1)), 0.05 * rng.normal(size=(n, 6))
    return np.concatenate([t, -t, t, t**2, -(t**2), 0.5 * t], axis=1) * 3 + 20 + noise


POINTS = _curved(200)


@pytest.fixture(scope="module")
def codec():
    return gpa.Autoencoder(1, **SETTINGS).fit(POINTS, seed=3)


def _lost(codec, points):
    return ((points - codec.decode(codec.encode(points))) ** 2).mean()


def test_it_follows_curves_that_the_pca_cuts(codec):
    fresh = _curved(300, np.random.default_rng(9))
    assert codec.encode(fresh).shape == (300, 1)
    assert _lost(codec, fresh) < 0.3 * _lost(gpa.PCA(1).fit(POINTS), fresh)


def test_it_keeps_the_best_epoch(codec):
    # fewer epochs than patience allows would hide a codec that returns its last epoch
    held = np.random.default_rng(3).permutation(200)[:40]
    best = codec.validation_error.min()
    assert _lost(codec, POINTS[held]) == pytest.approx(best * codec.units**2, rel=1e-4)
    assert len(codec.training_error) == len(codec.validation_error) - 1 <= SETTINGS["epochs"]
    u = (POINTS[held] - codec.centre) / codec.units
    share = best / u.var(axis=0).mean()
    assert codec.variance_kept == pytest.approx(1 - share, rel=1e-5)


def test_noise_stops_it_at_the_pca():
    # isotropic noise has no structure: what is learnt of it fails in validation
    noise = np.random.default_rng(1).normal(size=(30, 6))
    settings = SETTINGS | {"learning_rate": 0.1, "epochs": 500, "patience": 5}
    codec = gpa.Autoencoder(2, **settings).fit(noise)
    assert len(codec.training_error) < 500
    assert codec.validation_error.min() <= codec.validation_error[0]
    training = noise[np.random.default_rng(0).permutation(30)[6:]]
    held = noise[np.random.default_rng(0).permutation(30)[:6]]
    start = _lost(gpa.PCA(2).fit(training), held) / codec.units**2
    assert codec.validation_error[0] == pytest.approx(start, rel=1e-4)


@pytest.mark.parametrize("standardise", [False, True])
def test_no_stretch_exceeds_the_bound(standardise):
    points = POINTS * np.geomspace(0.01, 100, 6)
    few = SETTINGS | {"epochs": 10}
    codec = gpa.Autoencoder(2, standardise=standardise, **few).fit(points)
    z = codec.encode(points)[RNG.integers(0, 200, size=(2, 400))]
    moved = np.linalg.norm(np.subtract(*map(codec.decode, z)), axis=1)
    stretch = (moved / np.maximum(np.linalg.norm(z[0] - z[1], axis=1), 1e-12)).max()
    assert stretch <= codec.lipschitz * (1 + 1e-9)
    assert stretch > codec.lipschitz / 20


def test_same_seed_same_codec():
    few = SETTINGS | {"epochs": 10}
    one, same, other = (
        gpa.Autoencoder(2, **few).fit(POINTS, seed=s).encode(POINTS) for s in (0, 0, 1)
    )
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 1e-3


def test_through_a_flow_and_a_file(short, tmp_path):
    images = [cloud.reshape(-1, 2, 3) for cloud in (POINTS[:30], POINTS[30:70])]
    asked = gpa.Autoencoder(2, **SETTINGS | {"epochs": 10})
    flow = short(*images, codec=asked)
    assert flow.particles.shape == (30, 2, 3)
    trained = asked.fit(np.concatenate(images))
    assert trained.decode(trained.encode(images[0])).shape == (30, 2, 3)
    again = short(*images, codec=trained)
    assert again.codec is trained
    np.testing.assert_allclose(again.particles, flow.particles, atol=1e-5)
    flow.save(tmp_path / "run")
    loaded = gpa.load_latent_flow(tmp_path / "run")
    np.testing.assert_array_equal(loaded(images[1]), flow(images[1]))
    assert loaded.decoder_lipschitz == flow.decoder_lipschitz


def test_refused(refused):
    for name in ("latent_dim", "width", "depth", "epochs", "patience", "batch_size"):
        refused(lambda name=name: gpa.Autoencoder(**{name: 0}), name)
    refused(lambda: gpa.Autoencoder(validation=1.0), "validation")
    refused(lambda: gpa.Autoencoder(learning_rate=-1), "learning_rate")
    refused(lambda: gpa.Autoencoder().fit(POINTS[:3]), "four points")
    refused(lambda: gpa.Autoencoder().encode(POINTS), "not fitted")
    fitted = gpa.Autoencoder(2, width=4, epochs=1).fit(POINTS)
    refused(lambda: fitted.encode(POINTS[:, :3]), "3 columns", "6")


def test_points_that_coincide():
    codec = gpa.Autoencoder(2, width=4, epochs=2).fit(np.ones((6, 3)))
    np.testing.assert_allclose(codec.decode(codec.encode(np.ones((2, 3)))), 1)


def test_training_that_diverges_leaves_the_pca():
    codec = gpa.Autoencoder(2, width=4, epochs=3, learning_rate=1e30).fit(POINTS, seed=3)
    assert not np.isfinite(codec.validation_error[-1])
    assert 0.9 < codec.variance_kept < 1
    assert _lost(codec, POINTS) < 1.1 * _lost(gpa.PCA(2).fit(POINTS), POINTS)
