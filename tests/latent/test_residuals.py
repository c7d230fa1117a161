"""What is added back: exactly for unmoved points, and onto the target's residuals."""

import numpy as np
import pytest

from gparticles.latent import Residuals
from gparticles.latent.classes import grouped
from gparticles.latent.residuals import moments

RNG = np.random.default_rng(2)
# any function of the points may stand for what a codec gives back
SOURCE, TARGET = RNG.normal(size=(20, 5)), 3 * RNG.normal(size=(30, 5)) + 1
DECODED = 0.1 * RNG.normal(size=(20, 5)), 0.1 * RNG.normal(size=(30, 5))
EQUAL = tuple(grouped(np.empty((n, 0)), np.full(n, 1 / n)) for n in (20, 30))


def _fitted(**settings):
    clouds = zip((SOURCE, TARGET), DECODED, EQUAL, strict=True)
    return Residuals(**settings).fit(*(moments(*cloud) for cloud in clouds))


def test_unmoved_points_come_back_to_the_last_bit():
    back = _fitted(centre=False).restore(SOURCE, DECODED[0], DECODED[0])
    np.testing.assert_array_equal(back, SOURCE)


def test_without_residuals_it_is_the_decoder():
    after = DECODED[0] + 1
    np.testing.assert_array_equal(_fitted(keep=False).restore(SOURCE, DECODED[0], after), after)


def test_centred_onto_the_targets():
    after = DECODED[0] + 1
    restored = _fitted().restore(SOURCE, DECODED[0], after) - after
    np.testing.assert_allclose(restored.mean(axis=0), (TARGET - DECODED[1]).mean(axis=0))
    np.testing.assert_allclose(restored.std(axis=0), (SOURCE - DECODED[0]).std(axis=0))


def test_scaled_onto_the_targets():
    after = DECODED[0] + 1
    restored = _fitted(scale=True).restore(SOURCE, DECODED[0], after) - after
    np.testing.assert_allclose(restored.mean(axis=0), (TARGET - DECODED[1]).mean(axis=0))
    np.testing.assert_allclose(restored.std(axis=0), (TARGET - DECODED[1]).std(axis=0))


def test_columns_that_lose_nothing_are_not_scaled():
    lossless = DECODED[0].copy()
    lossless[:, 2] = SOURCE[:, 2] * (1 + 1e-15)
    of_source, of_target = moments(SOURCE, lossless, EQUAL[0]), moments(TARGET, *_rest())
    scaled = of_source.gains(of_target, None)
    assert scaled.gain[2] == 1
    assert not scaled.held.any()
    assert np.all(scaled.gain[[0, 1, 3, 4]] > 1.5)


def _rest():
    return DECODED[1], EQUAL[1]


def test_weights_and_the_share_that_is_lost():
    weights = np.arange(20.0)
    found = moments(SOURCE, DECODED[0], grouped(np.empty((20, 0)), weights / weights.sum()))
    residuals = SOURCE - DECODED[0]
    np.testing.assert_allclose(found.mean[0], np.average(residuals, axis=0, weights=weights))
    variances = [np.cov(x.T, aweights=weights, ddof=0).trace() for x in (residuals, SOURCE)]
    assert found.lost == pytest.approx(variances[0] / variances[1])


@pytest.mark.parametrize("without", ["keep", "centre"])
def test_scaling_needs_the_rest(without, refused):
    refused(lambda: Residuals(**{without: False}, scale=True), "scale_residual")
