"""Codecs against NumPy's own decompositions; the decoder's constant against its Jacobian."""

import numpy as np
import pytest
from sklearn.decomposition import NMF
from sklearn.preprocessing import StandardScaler

import gparticles as gpa
from gparticles.latent.codecs import as_codec

RNG = np.random.default_rng(1)
POINTS = RNG.normal(size=(40, 9)) * np.geomspace(1, 100, 9) + 50


def _jacobian(codec):
    eye = np.eye(codec.latent_dim)
    return (codec.decode(eye) - codec.decode(np.zeros_like(eye))).T


def test_pca_is_the_best_of_its_dimension():
    # Eckart and Young: the squared error is the sum of the squared singular values left out
    values = np.linalg.svd(POINTS - POINTS.mean(axis=0), compute_uv=False) ** 2
    codec = gpa.PCA(3).fit(POINTS)
    lost = ((POINTS - codec.decode(codec.encode(POINTS))) ** 2).sum()
    assert lost == pytest.approx(values[3:].sum(), rel=1e-9)
    assert codec.variance_kept == pytest.approx(values[:3].sum() / values.sum(), rel=1e-9)


def test_randomised_for_wide_points():
    wide = RNG.normal(size=(60, 4)) @ RNG.normal(size=(4, 1500)) + RNG.normal(size=(60, 1500))
    values = np.linalg.svd(wide - wide.mean(axis=0), compute_uv=False) ** 2
    codec = gpa.PCA(4).fit(wide, seed=3)
    lost = ((wide - codec.decode(codec.encode(wide))) ** 2).sum()
    assert values[4:].sum() * (1 - 1e-9) <= lost <= 1.001 * values[4:].sum()
    np.testing.assert_array_equal(codec.components, gpa.PCA(4).fit(wide, seed=3).components)


@pytest.mark.parametrize("standardise", [False, True])
def test_the_decoders_constant(standardise):
    codec = gpa.PCA(3, standardise=standardise).fit(POINTS)
    assert codec.lipschitz == pytest.approx(np.linalg.norm(_jacobian(codec), 2), rel=1e-12)
    # it is attained, and never exceeded
    z = RNG.normal(size=(200, 3))
    stretch = np.linalg.norm(codec.decode(z) - codec.decode(0 * z), axis=1)
    stretch /= np.linalg.norm(z, axis=1)
    assert 0.95 * codec.lipschitz < stretch.max() <= codec.lipschitz * (1 + 1e-12)
    assert standardise == (codec.lipschitz > 1.1)


def test_standardised_latents_do_not_depend_on_units():
    units = np.geomspace(1e-3, 1e3, 9)
    latents = [gpa.PCA(2, standardise=True).fit(x).encode(x) for x in (POINTS, POINTS * units)]
    np.testing.assert_allclose(*latents, rtol=1e-6, atol=1e-8)


def test_constant_columns():
    constant = POINTS.copy()
    constant[:, 4] = 1e6 + 0.1
    codec = gpa.PCA(3, standardise=True).fit(constant)
    assert codec.units[4] == 1
    decoded = codec.decode(codec.encode(constant))
    np.testing.assert_allclose(decoded[:, 4], constant[:, 4], rtol=1e-12)


def test_no_more_dimensions_than_the_points_have():
    few = POINTS[:5]
    codec = gpa.PCA(50).fit(few)
    assert codec.latent_dim == 4
    np.testing.assert_allclose(codec.decode(codec.encode(few)), few, rtol=1e-9)


def test_points_that_coincide():
    codec = gpa.PCA(2).fit(np.ones((4, 3)))
    assert codec.variance_kept == 1
    np.testing.assert_array_equal(codec.decode(codec.encode(np.ones((4, 3)))), np.ones((4, 3)))


def test_fit_changes_nothing_in_place(refused):
    codec = gpa.PCA(2)
    codec.fit(POINTS)
    refused(lambda: codec.encode(POINTS), "not fitted", "fit(points)")
    refused(lambda: codec.lipschitz, "not fitted")


def test_pca_refuses(refused):
    refused(lambda: gpa.PCA(0), "latent_dim")
    refused(lambda: gpa.PCA(2.5), "latent_dim")
    refused(lambda: gpa.PCA(2).fit(POINTS[:1]), "two points")
    refused(lambda: gpa.PCA(2).fit(POINTS).encode(POINTS[:, :3]), "3 columns", "9")
    refused(lambda: gpa.PCA(2).fit(POINTS * 1e150), "transform such entries")


def test_any_fitted_object():
    codec = gpa.Transformer(StandardScaler().fit(POINTS), lipschitz=7.0)
    np.testing.assert_allclose(codec.decode(codec.encode(POINTS)), POINTS)
    assert codec.fit(POINTS) is codec
    assert codec.lipschitz == 7.0
    assert as_codec(codec, 3) is codec
    assert as_codec(codec.fitted, 3).lipschitz is None
    assert as_codec(None, 3).latent_dim == 3


def test_objects_refused(refused):
    refused(lambda: as_codec(object(), 3), "no transform", "gpa.PCA")
    refused(lambda: gpa.Transformer(StandardScaler()).encode(POINTS), "not fitted")
    fitted = gpa.Transformer(NMF(2, max_iter=2000, tol=1e-2, random_state=0).fit(POINTS + 500))
    refused(lambda: fitted.encode(-POINTS), "Negative values")

    class Short:
        def transform(self, rows):
            return rows[:1]

        inverse_transform = transform

    refused(lambda: gpa.Transformer(Short()).encode(POINTS), "one row for each row")
