"""The softened c-transform against a formula of the tests' own."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import logsumexp

import gparticles as gpa
from gparticles.potential.soft_transform import SoftTransform

RNG = np.random.default_rng(0)
TARGETS = RNG.normal(size=(7, 3))
VALUES = RNG.normal(size=7)
WEIGHTS = np.array([0.0, 1, 2, 3, 1, 2, 1]) / 10
POINTS = np.concatenate([RNG.normal(size=(12, 3)) * 2, TARGETS[:4], TARGETS[4:] + 1e-3])
L, E, RADIUS = 2.0, 0.5, 0.1


@eqx.filter_jit
def valued(phi, points):
    return phi(points)


@eqx.filter_jit
def pulled(phi, points):
    return phi.pull(points)


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


def make(smoothing=E, radius=RADIUS):
    with np.errstate(divide="ignore"):
        log_weights = jnp.asarray(np.log(WEIGHTS))
    return SoftTransform(
        targets=jnp.asarray(TARGETS),
        log_weights=log_weights,
        values=jnp.asarray(VALUES),
        smoothing=smoothing,
        radius=radius,
        lipschitz=L,
    )


def by_hand(points, smoothing=E, radius=RADIUS):
    away = np.linalg.norm(points[:, None] - TARGETS, axis=2)
    rounded = np.where(away < radius, away**2 / (2 * radius) + radius / 2, away)
    return -smoothing * logsumexp(-(VALUES + L * rounded) / smoothing, axis=1, b=WEIGHTS)


def test_values():
    np.testing.assert_allclose(valued(make(), jnp.asarray(POINTS)), by_hand(POINTS), rtol=1e-12)


def test_the_gradient_is_that_of_the_values():
    """By central differences of the formula, and by automatic differentiation of the class."""
    phi, step = make(), 1e-5
    gradient = np.asarray(pulled(phi, jnp.asarray(POINTS)).gradient)
    for k, along in enumerate(np.eye(3) * step):
        slope = (by_hand(POINTS + along) - by_hand(POINTS - along)) / (2 * step)
        np.testing.assert_allclose(gradient[:, k], slope, atol=1e-7)
    derived = jax.jit(jax.grad(lambda x: jnp.sum(phi(x))))(jnp.asarray(POINTS))
    np.testing.assert_allclose(gradient, derived, atol=1e-12)


def test_slopes_stay_below_l():
    phi = make()
    x, y = RNG.normal(size=(2, 500, 3)) * 3
    rise = np.abs(np.asarray(valued(phi, jnp.asarray(x)) - valued(phi, jnp.asarray(y))))
    assert np.all(rise <= L * np.linalg.norm(x - y, axis=1) * (1 + 1e-12))
    steepest = np.linalg.norm(pulled(phi, jnp.asarray(POINTS)).gradient, axis=1).max()
    assert 0.9 * L < steepest <= L * (1 + 1e-12)
    assert phi.lipschitz_bound() == L
    assert phi.penalty(jnp.asarray(POINTS)) is None


def test_a_parabola_touches_it_from_above():
    """phi(x') <= phi(x) + g (x' - x) + |x' - x|^2 / (2 reach): what every step descends."""
    phi = make()
    at = jnp.asarray(POINTS)
    pull, values = pulled(phi, at), np.asarray(valued(phi, at))
    for spread in (1e-3, 0.1, 1.0, 10.0):
        change = RNG.normal(size=POINTS.shape) * spread
        ahead = np.asarray(valued(phi, jnp.asarray(POINTS + change)))
        squares = np.sum(change**2, axis=1)
        above = values + np.sum(np.asarray(pull.gradient) * change, axis=1)
        above += squares / (2 * np.asarray(pull.reach))
        assert np.all(ahead <= above + 1e-12)
        # the curvature of phi is not below -L^2 / e, so the two part no faster than this
        assert np.all(
            above - ahead <= squares * (1 / np.asarray(pull.reach) + L**2 / E) / 2 + 1e-12
        )


def test_without_smoothing_it_is_the_certificates_extension():
    q = WEIGHTS[1:]
    c = gpa.divergence(POINTS, TARGETS[1:], q_weights=q, lipschitz=L, tolerance=1e-6)
    x = RNG.normal(size=(20, 3)) * 2
    away = np.linalg.norm(x[:, None] - TARGETS[1:], axis=2)
    sharp = (c.potential.psi + L * away).min(axis=1)
    np.testing.assert_allclose(c.potential(x), sharp, rtol=1e-9)
    for smoothing in (1e-2, 1e-4):
        phi = SoftTransform(
            targets=jnp.asarray(TARGETS[1:]),
            log_weights=jnp.log(jnp.asarray(q)),
            values=jnp.asarray(c.potential.psi),
            smoothing=smoothing,
            radius=smoothing,
            lipschitz=L,
        )
        # never below, and above by no more than the rarest target and the rounded tip allow
        over = np.asarray(valued(phi, jnp.asarray(x))) - sharp
        assert over.min() >= -1e-12
        assert over.max() <= smoothing * (np.log(1 / q.min()) + L / 2) + 1e-12


def test_images_are_points():
    images = POINTS.reshape(-1, 3, 1)
    phi = make()
    np.testing.assert_allclose(
        valued(phi, jnp.asarray(images)), valued(phi, jnp.asarray(POINTS)), rtol=1e-14
    )
    assert phi.costs(jnp.asarray(images)).shape == (len(POINTS), 7)
