"""The neural estimate: below the exact value, near it on easy clouds, free of units."""

import math

import numpy as np
import optax
import pytest

import gparticles as gpa
from gparticles.divergence import REGISTRY

# compiles once for every f
pytestmark = pytest.mark.slow

RNG = np.random.default_rng(0)
P, Q = RNG.normal(size=(40, 2)) + 3, RNG.normal(size=(30, 2))
STEPS = 200
# float32 sums of values of this many nats
ROUNDING = 1e-5

each = pytest.mark.parametrize("name", REGISTRY)


def small(lipschitz=1.0):
    return gpa.tight_mlp(2, width=16, depth=2, lipschitz=lipschitz)


def estimate(p=P, q=Q, **options):
    return gpa.estimate_divergence(p, q, **({"potential": small(), "steps": STEPS} | options))


def exact(p=P, q=Q, **options):
    return gpa.divergence(p, q, tolerance=1e-6, **options)


@pytest.fixture(scope="module")
def found():
    return estimate()


@each
def test_it_lies_below_the_exact_value_and_near_it(name):
    f = REGISTRY[name]()
    e, c = estimate(f=f), exact(f=f)
    assert e.value <= e.lower + ROUNDING
    assert e.lower <= c.upper
    assert e.lower > 0.97 * c.upper
    assert e.value > 0.95 * c.upper


def test_the_lower_bound_is_that_of_the_networks_values(found):
    """KL by the formula: E_P min_j (phi(y_j) + L |x - y_j|) - log E_Q e^phi."""
    psi = found.potential(Q)
    away = np.linalg.norm(P[:, None] - Q, axis=2)
    lower = (psi + away).min(axis=1).mean() - math.log(np.exp(psi).mean())
    assert found.lower == pytest.approx(lower, rel=1e-9)
    value = found.potential(P).mean() - math.log(np.exp(psi).mean())
    assert found.value == pytest.approx(value, rel=1e-9)


def test_a_network_that_has_hardly_learned_proves_something_too():
    e = estimate(steps=2, optimizer=optax.sgd(1e-2))
    assert 0 < e.lower <= exact().upper
    assert e.value < 0.9 * e.lower


def test_slopes_are_certified(found):
    x, y = RNG.normal(size=(2, 200, 2)) * 3
    bound = found.potential.lipschitz_bound()
    assert 0.999 < bound < 1.0001
    rise = np.abs(found.potential(x) - found.potential(y))
    assert np.all(rise <= bound * np.linalg.norm(x - y, axis=1) + ROUNDING)
    steep = estimate(lipschitz=5.0)
    assert steep.potential.lipschitz_bound() == pytest.approx(5, rel=1e-3)
    assert "L = 5" in repr(steep.potential)


def test_units_change_nothing(found):
    """Data times s with L over s; a power of two changes no bit."""
    power = estimate(P * 2.0**60, Q * 2.0**60, lipschitz=2.0**-60)
    assert (power.value, power.lower) == (found.value, found.lower)
    np.testing.assert_array_equal(power.potential(P * 2.0**60), found.potential(P))
    other = estimate(P * 1e-3 + 7, Q * 1e-3 + 7, lipschitz=1e3)
    assert other.value == pytest.approx(found.value, rel=0.01)
    assert other.lower == pytest.approx(found.lower, rel=0.01)


def test_weights_count_and_zeros_leave_out():
    counts = 1 + np.arange(30) % 3
    weighted = estimate(q_weights=counts)
    c = exact(q_weights=counts)
    assert weighted.value <= weighted.lower + ROUNDING <= c.upper + 2 * ROUNDING
    assert weighted.lower > 0.97 * c.upper
    far = np.concatenate([Q, np.full((3, 2), 1e3)])
    ghosts = estimate(q=far, q_weights=np.r_[counts, np.zeros(3)])
    assert ghosts.value == pytest.approx(weighted.value, rel=1e-3)


def test_images_under_a_convolution():
    rng = np.random.default_rng(1)
    p, q = rng.random((10, 4, 3)) + 1, rng.random((8, 4, 3)).astype(np.float32)
    # its own L is replaced by that of the call
    phi = gpa.LipschitzConv(
        (4, 3), channels=4, depth=1, activation=gpa.activations.GroupSort(), lipschitz=8.0
    )
    e = estimate(p, q, potential=phi, steps=50)
    assert e.value <= e.lower + ROUNDING
    assert 0 < e.lower <= exact(p, q).upper
    assert e.potential(p).shape == (10,)
    assert e.potential.lipschitz_bound() <= 1.0001
    with pytest.raises(gpa.InputError, match="same columns"):
        e.potential(p.reshape(10, 12))


def test_a_soft_potential_proves_a_true_bound():
    phi = gpa.soft_mlp(2, width=16, depth=2)
    e, c = estimate(potential=phi), exact()
    assert 0 < e.lower <= c.upper
    assert e.potential.lipschitz_bound() == math.inf


def test_clouds_that_coincide_are_at_zero():
    e = estimate(np.ones((40, 2)), np.ones((30, 2)))
    assert (e.value, e.lower) == (0.0, 0.0)
    assert 0 <= estimate(P, P[:30]).lower <= exact(P, P[:30]).upper


def test_twice_the_same_bits_and_lists_are_points(found):
    again = estimate(P.tolist(), Q.tolist())
    assert (again.value, again.lower) == (found.value, found.lower)


REFUSED = [
    ({"f": "kl"}, "f is 'kl'"),
    ({"steps": 0}, "steps is 0"),
    ({"lipschitz": math.inf}, "lipschitz is inf"),
    ({"lipschitz": 0}, "lipschitz is 0"),
    ({"p_weights": [1.0]}, "p_weights"),
    ({"q_weights": np.zeros(30)}, "q_weights"),
    ({"q": Q[:, :1]}, "same columns"),
    ({"p": np.full((3, 2), math.nan)}, "p: entry"),
    ({"potential": "tight"}, "finite L"),
    ({"potential": gpa.tight_mlp(2, lipschitz=math.inf)}, "finite L"),
    ({"potential": gpa.ExactPotential()}, "finite L"),
    ({"potential": gpa.tight_mlp(3)}, "does not take points"),
    ({"potential": gpa.ClassConditional(small(), 2)}, "needs the label"),
    ({"optimizer": "adam"}, "Optax"),
    ({"seed": -1}, "seed is -1"),
    ({"seed": 1.5}, "seed is 1.5"),
]


@pytest.mark.parametrize(("change", "named"), REFUSED, ids=str)
def test_refused_in_one_line(change, named):
    with pytest.raises(gpa.InputError, match=named) as said:
        estimate(**change)
    assert "\n" not in str(said.value)
