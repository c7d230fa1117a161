"""Every potential keeps its bound before and after fitting, and its fit ascends."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import gparticles as gpa
from gparticles.potential import is_certified
from gparticles.potential.fitting import (
    Cloud,
    FitRule,
    fit_step,
    next_batch,
    objective,
    refit,
    start_batches,
    start_fit,
)
from tests.grids import few_usual

# compiles much: left out of `make fast-test`
pytestmark = pytest.mark.slow

RNG = np.random.default_rng(0)
POINTS = jnp.asarray(RNG.normal(size=(60, 5, 7)), jnp.float32)
LABELS = jnp.asarray(RNG.integers(0, 3, 60), jnp.int32)
TIGHT = {"layer": gpa.Orthogonal, "activation": gpa.activations.GroupSort()}
SMOOTH = {"layer": gpa.Frobenius, "activation": gpa.activations.MollifiedReLU()}

# adding a potential adds a line
POTENTIALS = {
    "tight": lambda L: gpa.tight_mlp(35, width=16, lipschitz=L),
    "smooth": lambda L: gpa.smooth_mlp(35, width=16, lipschitz=L),
    "reference": lambda L: gpa.smooth_mlp(35, width=16, lipschitz=L, activation=jax.nn.relu),
    "softplus": lambda L: gpa.smooth_mlp(
        35, width=16, lipschitz=L, activation=gpa.activations.Softplus()
    ),
    "aol": lambda L: gpa.smooth_mlp(35, width=16, lipschitz=L, layer=gpa.AOL),
    "spectral": lambda L: gpa.smooth_mlp(35, width=16, lipschitz=L, layer=gpa.Spectral),
    "conv-tight": lambda L: gpa.LipschitzConv((5, 7), channels=8, depth=2, lipschitz=L, **TIGHT),
    "conv-smooth": lambda L: gpa.LipschitzConv((5, 7), channels=8, depth=2, lipschitz=L, **SMOOTH),
    "conditional": lambda L: gpa.ClassConditional(gpa.tight_mlp(35, width=16, lipschitz=L), 3),
    "conditional-conv": lambda L: gpa.ClassConditional(
        gpa.LipschitzConv((5, 7), channels=8, depth=1, lipschitz=L, **TIGHT), 3
    ),
}
each = pytest.mark.parametrize("make", POTENTIALS.values(), ids=POTENTIALS)


def _labels(phi):
    return LABELS if isinstance(phi, gpa.ClassConditional) else None


def _fit(phi, steps=30, **settings):
    rule = FitRule(
        **{
            "f": gpa.KL(),
            "optimiser": optax.adam(1e-2),
            "static": eqx.filter(phi, eqx.is_inexact_array, inverse=True),
            "fit_steps": steps,
            "max_settling": 0,
            "batch_size": None,
            "reverse": False,
            **settings,
        }
    )
    labels = _labels(phi)
    halves = [None if labels is None else labels[s] for s in (slice(30), slice(30, 60))]
    source = Cloud(POINTS[:30] + 1, jnp.full(30, 1 / 30), halves[0])
    target = Cloud(POINTS[30:], jnp.full(30, 1 / 30), halves[1])
    start = start_fit(rule, phi, source, target, jax.random.PRNGKey(0))
    end = jax.jit(refit)(rule, start, source, target)
    return rule.potential(end.parameters), (source, target), (rule, start)


@pytest.mark.parametrize(
    "name", few_usual(POTENTIALS, ("tight", "smooth", "conv-smooth", "spectral"))
)
@pytest.mark.parametrize("lipschitz", few_usual([1e-3, 1.0, 50.0], ("1.0",)))
def test_the_bound_holds_before_and_after_fitting(name, lipschitz):
    phi = POTENTIALS[name](lipschitz)
    fitted, _, _ = _fit(phi)
    for potential in (phi, fitted):
        bound = potential.lipschitz_bound()
        assert 0 < bound <= lipschitz * (1 + 1e-5)
        _assert_slopes_below(potential, bound)


def _assert_slopes_below(phi, bound):
    labels = _labels(phi)
    x = POINTS + 3 * jax.random.normal(jax.random.PRNGKey(1), POINTS.shape)
    for y in (POINTS, x + 1e-2 * POINTS):
        distance = np.linalg.norm(np.asarray(x - y).reshape(60, -1), axis=1)
        difference = np.abs(np.asarray(phi(x, labels) - phi(y, labels)))
        assert np.all(difference <= bound * distance * (1 + 1e-4) + 1e-4 * bound)


@each
def test_fitting_raises_the_objective(make):
    phi = make(1.0)
    fitted, (source, target), _ = _fit(phi)
    before, after = (
        float(objective(gpa.KL(), p, source, target, reverse=False)[0]) for p in (phi, fitted)
    )
    assert after > before


@each
def test_certified_potentials_say_so(make):
    assert is_certified(make(1.0))
    assert not is_certified(make(math.inf))
    assert make(math.inf).lipschitz_bound() == math.inf


def test_tight_reaches_the_slope_that_smooth_cannot():
    values = {}
    for name in ("tight", "reference"):
        fitted, (source, target), _ = _fit(POTENTIALS[name](1.0), steps=200)
        values[name] = float(objective(gpa.KL(), fitted, source, target, reverse=False)[0])
    assert values["tight"] > 1.2 * values["reference"]


def test_heads_differ_by_label():
    phi = POTENTIALS["conditional"](1.0)
    zeros, ones = (phi(POINTS, jnp.full(60, c, jnp.int32)) for c in (0, 1))
    assert not np.allclose(zeros, ones)
    mixed = phi(POINTS, jnp.asarray([0, 1] * 30, jnp.int32))
    np.testing.assert_allclose(mixed[::2], zeros[::2])
    with pytest.raises(gpa.InputError, match="label of every point"):
        phi(POINTS)


def test_soft_potential_is_held_near_its_slope_and_never_certified():
    phi = gpa.soft_mlp(35, width=16, lipschitz=2.0, strength=50.0)
    fitted, _, _ = _fit(phi, steps=400)
    slopes = jax.grad(lambda x: jnp.sum(fitted(x)))(POINTS).reshape(60, -1)
    assert 0.5 < float(jnp.mean(jnp.linalg.norm(slopes, axis=1))) / 2 < 1.5
    assert fitted.lipschitz_bound() == math.inf
    assert not is_certified(fitted)


def test_the_penalty_is_of_the_norm_and_one_sided():
    network = gpa.LipschitzMLP(
        2, width=2, depth=1, lipschitz=math.inf, activation=lambda x: x, seed=0
    )
    soft = gpa.SoftLipschitz(network, lipschitz=1.0, strength=3.0)
    slope = jax.grad(lambda x: soft(x)[0])(jnp.zeros((1, 2)))
    norm = float(jnp.linalg.norm(slope))
    expected = 3.0 * max(norm - 1, 0) ** 2
    assert float(soft.penalty(jnp.ones((4, 2)))) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("lipschitz", [0.0, -1.0, math.nan])
def test_bad_lipschitz_is_refused(lipschitz):
    with pytest.raises(gpa.InputError, match="lipschitz"):
        gpa.tight_mlp(2, lipschitz=lipschitz)


def test_bad_potentials_are_refused():
    with pytest.raises(gpa.InputError, match="image shape"):
        gpa.LipschitzConv((5,), **TIGHT)
    with pytest.raises(gpa.InputError, match="num_classes"):
        gpa.ClassConditional(gpa.tight_mlp(2), 0)
    with pytest.raises(gpa.InputError, match="lipschitz=inf"):
        gpa.SoftLipschitz(gpa.tight_mlp(2))
    with pytest.raises(gpa.InputError, match="finite lipschitz"):
        gpa.SoftLipschitz(gpa.tight_mlp(2, lipschitz=math.inf), lipschitz=math.inf)
    with pytest.raises(gpa.InputError, match="strength"):
        gpa.soft_mlp(2, strength=0.0)


@pytest.mark.parametrize(("n", "size"), [(10, 3), (10, 9), (7, 4), (4096, 200), (2, 1)])
def test_batches_use_every_point_equally_often(n, size):
    batches = start_batches(jax.random.PRNGKey(0), n, size)
    draw = jax.jit(next_batch, static_argnums=1)
    seen = np.zeros(n, int)
    drawn = 0
    while drawn < 5 * n:
        indices, batches = draw(batches, size)
        seen += np.bincount(np.asarray(indices), minlength=n)
        drawn += size
        # within any number of passes no point is a whole pass ahead of another
        assert seen.max() - seen.min() <= 1
    assert seen.sum() == drawn


def test_batch_weights_sum_to_one():
    phi = gpa.tight_mlp(35, width=8)
    _, (source, target), (rule, start) = _fit(phi, steps=1, batch_size=7)
    fit, value = jax.jit(fit_step)(rule, start, source, target)
    assert np.isfinite(float(value))
    assert int(fit.source_batches.position) == 7


def test_the_first_fit_goes_on_until_phi_has_settled():
    phi = gpa.smooth_mlp(35, width=16)
    settled, clouds, (rule, start) = _fit(phi, steps=3)
    patient = FitRule(**{**vars(rule), "max_settling": 1000})
    ends = [
        rule.potential(jax.jit(refit)(patient, start, *clouds, first=first).parameters)
        for first in (False, True)
    ]
    values = [float(objective(gpa.KL(), p, *clouds, reverse=False)[0]) for p in (settled, *ends)]
    assert values[0] == pytest.approx(values[1], rel=1e-6)
    assert values[2] > 2 * values[1]
