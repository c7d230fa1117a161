"""Copies, relative nearness and diversity where they are known by construction."""

import numpy as np
import pytest

from gparticles.evaluate.memorisation import memorisation

GENERATOR = np.random.default_rng(0)
TARGETS, HELD_OUT = GENERATOR.normal(size=(2, 300, 5))


def test_a_share_of_copies():
    fresh = GENERATOR.normal(size=(300, 5))
    mixed = np.concatenate([TARGETS[:100] + 1e-6, fresh[:200]])
    assert memorisation(mixed, TARGETS, HELD_OUT).copy_rate == pytest.approx(1 / 3)
    assert memorisation(fresh, TARGETS, HELD_OUT).copy_rate == 0
    assert memorisation(TARGETS, TARGETS, HELD_OUT) == (1, 0, 1)


def test_fresh_points_are_as_near_as_held_out_ones():
    fresh = GENERATOR.normal(size=(300, 5))
    assert memorisation(fresh, TARGETS, HELD_OUT).nearest_ratio == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("dim", [1, 40])
def test_the_ratio_is_that_of_distances(dim):
    targets = 10.0 * np.arange(5)[:, None] * np.ones(dim)
    held_out = targets + 2 / np.sqrt(dim)
    generated = targets[[0, 0, 3]] + 1 / np.sqrt(dim)
    found = memorisation(generated, targets, held_out)
    assert found.nearest_ratio == pytest.approx(0.5)
    assert found.diversity == pytest.approx(2 / 3)


def test_diversity_is_of_the_fewer():
    assert memorisation(TARGETS[[7] * 50], TARGETS, HELD_OUT).diversity == 1 / 50
    assert memorisation(np.repeat(TARGETS, 3, axis=0), TARGETS, HELD_OUT).diversity == 1


def test_held_out_points_that_are_targets_tell_nothing():
    found = memorisation(HELD_OUT, TARGETS, TARGETS)
    assert np.isnan(found.nearest_ratio)
    assert found.copy_rate == 0
