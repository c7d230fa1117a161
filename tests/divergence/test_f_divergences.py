"""Every registered f obeys the laws of a convex function and its conjugate."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import brentq

import gparticles as gpa
from gparticles.divergence import REGISTRY, parse_f
from tests.grids import few_fast

# a class with a parameter is tested at several of its values; a new class is picked up by itself
SPECIAL = {"alpha": [0.3, 0.5, 1.1, 2.0, 3.0, 10.0]}
EVERY = [
    f
    for name, cls in REGISTRY.items()
    for f in ([cls(a) for a in SPECIAL[name]] if name in SPECIAL else [cls()])
]
CURVED = [f for f in EVERY if not isinstance(f, gpa.Wasserstein1)]
each = pytest.mark.parametrize("f", EVERY, ids=str)
each_curved = pytest.mark.parametrize("f", CURVED, ids=str)
# one f of each kind of conjugate; the others join in the whole suite where a law takes long
FEW = ("KL()", "ReverseKL()", "Alpha(alpha=2.0)", "Wasserstein1()")


each_long = pytest.mark.parametrize("f", few_fast(EVERY, FEW), ids=str)
each_curved_long = pytest.mark.parametrize("f", few_fast(CURVED, FEW), ids=str)

X = np.linspace(0.05, 4, 41)


@each
def test_f_vanishes_at_one(f):
    assert float(f(1.0)) == pytest.approx(0, abs=1e-15)


@each_curved
def test_f_is_convex_and_infinite_below_zero(f):
    middle = f((X[1:] + X[:-1]) / 2)
    assert np.all(middle <= (f(X[1:]) + f(X[:-1])) / 2 + 1e-12)
    assert float(f(-0.5)) == math.inf


@each_curved
def test_derivative_is_the_slope(f):
    h = 1e-6
    slope = (f(X + h) - f(X - h)) / (2 * h)
    np.testing.assert_allclose(f.derivative(X), slope, rtol=1e-6, atol=1e-8)


@each
def test_the_penalty_is_zero_at_one_and_positive_elsewhere(f):
    ratio = np.array([0.25, 0.5, 1.0, 1.5, 4.0])
    penalty = f.penalty(ratio, 3.0)
    assert penalty[2] == 0
    assert np.all(np.delete(penalty, 2) > 0)


@each
def test_the_penalty_sums_to_the_divergence_unless_the_marginal_is_fixed(f):
    p, q = np.array([0.1, 0.6, 0.3]), np.array([0.3, 0.3, 0.4])
    penalty = q @ f.penalty(p / q, 3.0)
    # the price of the total variation distance in the place of an infinite value
    wanted = 3.0 * np.abs(p - q).sum() / 2 if f.fixes_marginal else q @ f(p / q)
    assert penalty == pytest.approx(wanted, rel=1e-12)
    assert f.fixes_marginal == bool(np.isinf(f(1 + 1e-9)))


@each_curved
def test_fenchel_young_is_an_equality_at_the_derivative(f):
    y = f.derivative(X)
    np.testing.assert_allclose(f.conjugate(y), X * y - f(X), rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(f.conjugate_derivative(y), X, rtol=1e-5)


@each_curved
def test_fenchel_young_is_an_inequality_elsewhere(f):
    y = np.linspace(-3, min(f.domain - 1e-3, 2), 30)
    bound = np.max(X[:, None] * y - f(X)[:, None], axis=0)
    assert np.all(f.conjugate(y) >= bound - 1e-12)


@each
def test_slope_at_one_is_where_the_conjugate_has_slope_one(f):
    assert float(f.conjugate_derivative(f.slope_at_one)) == pytest.approx(1, abs=1e-12)
    assert float(f.conjugate(f.slope_at_one)) == pytest.approx(f.slope_at_one, abs=1e-12)


@each
def test_excess_conjugate_keeps_its_digits_near_zero(f):
    s = np.array([-1e-6, 1e-9, 1e-4])
    curvature = float(np.ravel(f.excess_derivative(np.array([1e-5])))[0]) - 1
    expected = s + s**2 * curvature / 1e-5 / 2
    np.testing.assert_allclose(f.excess_conjugate(s), expected, rtol=0, atol=1e-11)


@each
@pytest.mark.parametrize("s", [1e-12, -1e-12, 1e-9])
def test_excess_conjugate_is_as_exact_as_its_argument(f, s):
    expected = s + s**2 * float(f.excess_curvature(np.zeros(1))[0]) / 2
    assert float(f.excess_conjugate(np.array([s]))[0]) == pytest.approx(expected, rel=1e-14)


@each
def test_excess_curvature_is_the_slope_of_the_excess_derivative(f):
    # inside the domain, and away from where the conjugate of an alpha above 1 is flat
    low = -0.9 * f.slope_at_one if f.slope_at_one > 0 else -3.0
    s = np.linspace(low, 0.9 * min(f.domain - f.slope_at_one, 1.0), 15)
    # where the ratio reaches 0 the conjugate of some f has a kink, and no slope
    s = s[~np.isclose(s, f.derivative(1e-12) - f.slope_at_one)]
    assert len(s) >= 14
    h = 1e-6
    slope = (f.excess_derivative(s + h) - f.excess_derivative(s - h)) / (2 * h)
    np.testing.assert_allclose(f.excess_curvature(s), slope, rtol=1e-6, atol=1e-8)


@each_curved
def test_curvature_is_the_slope_of_the_derivative(f):
    h = 1e-6
    slope = (f.derivative(X + h) - f.derivative(X - h)) / (2 * h)
    np.testing.assert_allclose(f.curvature(X), slope, rtol=1e-6, atol=1e-7)
    # where the derivatives of a convex function and of its conjugate are inverse, so are these
    inverse = f.excess_curvature(f.derivative(X) - f.slope_at_one)
    np.testing.assert_allclose(f.curvature(X) * inverse, np.ones_like(X), rtol=1e-4)


@each
def test_outside_its_domain_there_is_no_curvature_but_a_limit(f):
    outside = f.excess_curvature(np.array([40.0, -40.0]))
    assert np.all(outside >= 0)
    assert not np.isnan(outside).any()


@each_curved
@pytest.mark.parametrize("smoothing", [1e-6, 1e-3, 0.1, 1.0, 10.0])
def test_proximal_is_the_root_of_its_equation(f, smoothing):
    mass = np.linspace(-4, 4, 17)
    found = np.asarray(f.proximal(jnp.asarray(mass, jnp.float32), jnp.float32(smoothing)))

    def excess(z):
        return float(f.derivative(math.exp(z))) - f.slope_at_one

    # in z = log f*'(f'(1) + s) nothing is flat, and both terms grow
    roots = [brentq(lambda z, m=m: z + excess(z) / smoothing - m, -5, 5, xtol=1e-14) for m in mass]
    # s itself from the other term, where it is small
    expected = [
        smoothing * (m - z) if smoothing < 0.1 else excess(z)
        for m, z in zip(mass, roots, strict=True)
    ]
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=1e-5 * min(1, smoothing))


def test_proximal_of_a_fixed_mass_is_linear():
    found = gpa.Wasserstein1().proximal(jnp.asarray([2.0, -1.0]), jnp.float32(0.5))
    np.testing.assert_allclose(found, [1.0, -0.5], rtol=1e-6)


@each
def test_outside_its_domain_the_conjugate_is_infinite_without_a_nan_gradient(f):
    if not math.isinf(f.domain):
        assert float(f.conjugate(f.domain + 0.5)) == math.inf
    outside = jnp.asarray([f.slope_at_one + 20.0, f.slope_at_one - 20.0])
    assert np.all(np.isfinite(jax.grad(lambda y: jnp.sum(f.excess_conjugate(y)[1:]))(outside)))


@each
def test_numpy_and_jax_agree(f):
    y = np.linspace(f.slope_at_one - 2, f.slope_at_one + 0.2, 9)
    np.testing.assert_allclose(f.conjugate(jnp.asarray(y)), f.conjugate(y), rtol=1e-4, atol=2e-6)


@pytest.mark.parametrize(
    ("f", "y", "expected"),
    [
        (gpa.KL(), -0.5, math.exp(-1.5)),
        (gpa.ReverseKL(), -0.5, -1 - math.log(0.5)),
        (gpa.Alpha(2.0), 1.5, 1.5**2 / 2 + 0.5),
        (gpa.Alpha(2.0), -1.5, 0.5),
        (gpa.Alpha(0.5), -1.5, 2 / 0.75 - 4),
        (gpa.JensenShannon(), 0.3, -math.log(2 - math.exp(0.3))),
        (gpa.SquaredHellinger(), -1.0, -0.5),
        (gpa.Wasserstein1(), 0.7, 0.7),
    ],
    ids=str,
)
def test_conjugates_by_hand(f, y, expected):
    assert float(f.conjugate(y)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("alpha", [0.0, 1.0, -2.0, math.nan, math.inf])
def test_alpha_refuses(alpha):
    with pytest.raises(gpa.InputError, match="alpha is"):
        gpa.Alpha(alpha)


@pytest.mark.parametrize("text", ["kl:2", "alpha", "alpha:", "alpha:x", "alpha:1", "chi", ""])
def test_unknown_names_are_refused(text):
    with pytest.raises(gpa.InputError) as caught:
        parse_f(text)
    assert "\n" not in str(caught.value)


def test_names_are_parsed():
    assert parse_f("alpha:3") == gpa.Alpha(3.0)
    assert [type(parse_f(n)) for n in ("kl", "w1")] == [gpa.KL, gpa.Wasserstein1]
