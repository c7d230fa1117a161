"""Replay: the source rides to the flow's own bits, and every finite point to a finite one."""

from contextlib import nullcontext

import numpy as np
import pytest

import gparticles as gpa
from gparticles.divergence import REGISTRY
from tests.grids import few_usual

pytestmark = pytest.mark.slow

INTEGRATORS = [gpa.Euler(), gpa.Heun(), gpa.RK4(), gpa.AdamsBashforth(5)]
INTEGRATORS.append(gpa.AdamsBashforthMoulton(3))
USUAL = {str(i) for i in (gpa.RK4(), gpa.AdamsBashforth(5))}


def clouds(seed, m, n, dim):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(m, dim)), rng.normal(size=(n, dim)) + 1, rng.random(m) + 0.01


@pytest.mark.parametrize("integrator", few_usual(INTEGRATORS, USUAL), ids=str)
@pytest.mark.parametrize(("dim", "reverse"), [(45, False), (7, True)])
def test_the_source_rides_to_the_same_bits(integrator, dim, reverse):
    """Wide, few targets, weights, a steep f: where two roundings would part ways."""
    source, target, weights = clouds(3, 49, 3, dim)
    settings = {"f": gpa.Alpha(1.2) if reverse else gpa.Alpha(10.0), "reverse": reverse}
    flow = gpa.transport(
        source, target, integrator=integrator, source_weights=weights, steps=15, **settings
    )
    np.testing.assert_array_equal(flow(source), flow.particles)


@pytest.mark.parametrize("name", few_usual(REGISTRY, ("kl", "alpha")))
def test_reversed_flows_carry_every_finite_point(name):
    """f*'(phi - nu) of D(target|source) has no bound away from the samples."""
    source, target, _ = clouds(0, 40, 30, 50)
    flow = gpa.transport(source, target, f=REGISTRY[name](), reverse=True, steps=40)
    np.testing.assert_array_equal(flow(source), flow.particles)
    rng = np.random.default_rng(1)
    near = source + 0.3 * rng.normal(size=source.shape)
    far = 30 * rng.normal(size=source.shape)
    # its f*' is 1 everywhere
    bounded = nullcontext() if name == "w1" else pytest.warns(UserWarning, match="of 80 points")
    with bounded:
        moved = flow(np.concatenate([near, far]))
    assert np.isfinite(moved).all()


CONSTANTS = (3.7, 0.1, 1 / 3)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("scale", ["auto", "columns"])
def test_constant_columns_do_not_disturb_the_others(scale, reverse):
    """3.7 has no exact binary form, so means of it are not 3.7: rounding is no spread."""
    source, target, _ = clouds(5, 60, 40, 2)
    alone = gpa.transport(source, target, scale=scale, steps=30, reverse=reverse).particles
    rounded = np.array(CONSTANTS) * (1 + 2e-16 * (np.arange(60) % 3 - 1)[:, None])
    wide = np.c_[source, rounded]
    beside = np.c_[target, np.tile(CONSTANTS, (40, 1))]
    flow = gpa.transport(wide, beside, scale=scale, steps=30, reverse=reverse)
    np.testing.assert_allclose(flow.particles[:, 2:], np.tile(CONSTANTS, (60, 1)), rtol=1e-5)
    spread = gpa.transport(source, target, steps=1).scale * 10
    assert np.abs(flow.particles[:, :2] - alone).mean() < 0.5 * spread
