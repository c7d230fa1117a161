"""Step sizes: one number, a schedule, or steps that shorten towards the end."""

import numpy as np
import pytest

import gparticles as gpa
from gparticles.flow.settings import step_sizes_of

UNIT = {"lipschitz": 2.0, "spread": 10.0}


def test_the_last_steps_shorten_in_a_straight_line():
    sizes = step_sizes_of(10, gpa.Cooldown(0.4, step_size=2.0), **UNIT)
    np.testing.assert_allclose(sizes, [2] * 7 + [1.5, 1.0, 0.5])
    assert sizes.dtype == np.float32


def test_the_size_before_is_the_default():
    full, cooled = (step_sizes_of(20, size, **UNIT) for size in (None, gpa.Cooldown()))
    np.testing.assert_array_equal(cooled[:15], full[:15])
    assert np.all(np.diff(cooled[14:]) < 0)
    assert cooled[-1] > 0


@pytest.mark.parametrize("steps", [1, 2])
def test_few_steps_are_not_lost(steps):
    np.testing.assert_array_equal(step_sizes_of(steps, gpa.Cooldown(0.1, 1.0), **UNIT), [1] * steps)


@pytest.mark.parametrize("share", [0, -1, 1.5, "half", np.nan])
def test_refusals(share):
    with pytest.raises(gpa.InputError, match="share is"):
        gpa.Cooldown(share)


def test_a_wrong_size_is_refused():
    with pytest.raises(gpa.InputError, match="step_size is -1"):
        gpa.transport(np.ones((3, 2)), np.zeros((4, 2)), steps=2, step_size=gpa.Cooldown(0.5, -1))


@pytest.mark.slow
def test_particles_settle_on_a_line():
    """With whole steps they cross a thin target for ever; the mean distance is half a step."""
    rng = np.random.default_rng(0)
    target = np.column_stack([rng.uniform(-5, 5, 200), np.zeros(200)])
    source = rng.normal(size=(200, 2)) * 3
    settings = {"steps": 150, "potential": gpa.tight_mlp(2, width=16), "scale": 1.0, "seed": 0}
    away = {
        size: np.abs(gpa.transport(source, target, step_size=s, **settings).particles[:, 1]).mean()
        for size, s in {"whole": 0.3, "shorter": gpa.Cooldown(0.3, 0.3)}.items()
    }
    assert away["shorter"] < 0.5 * away["whole"]
