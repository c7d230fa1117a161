"""Certificates, estimates and potentials give the same under the settings that JAX's users choose.

Double precision by default, no promotion of ranks or of kinds of numbers, and a NaN that is made
being an error even where it is thrown away.
"""

from contextlib import contextmanager

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import gparticles as gpa
from gparticles.divergence import REGISTRY, dual_objective, optimal_shift
from gparticles.potential import activations, soft_mlp
from gparticles.potential.fitting import Cloud, FitRule, fit_step, refit, start_fit
from tests.grids import few_usual

# compiles everything once for every setting
pytestmark = pytest.mark.slow


@contextmanager
def strict():
    """No promotion, and a NaN is an error: together, since each compiles everything anew."""
    ranks, kinds = jax.numpy_rank_promotion("raise"), jax.numpy_dtype_promotion("strict")
    with ranks, kinds, jax.debug_nans(True):
        yield


SETTINGS = {"x64": lambda: jax.enable_x64(True), "strict": strict}
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(270, 2)), RNG.normal(size=(260, 2)) * 1.3 + 0.7
IMAGES = RNG.uniform(size=(12, 6, 6)), RNG.uniform(size=(10, 6, 6)) ** 2


def certified_small():
    results = [gpa.divergence(X[:20], Y[:30], f=cls()) for cls in REGISTRY.values()]
    return [(c.lower, c.upper) for c in results]


def certified(f):
    weights = np.where(np.arange(len(Y)) < 5, 0.0, 1.0)
    c = gpa.divergence(X, Y, f=f, q_weights=weights, tolerance=1e-2)
    return c.lower, c.upper, c.density_ratio, c.velocity, c.potential.gradient(X[:3])


def shifts():
    values = jnp.asarray([0.0, 1.0, -2.0], jnp.float32)

    def value(f, values):
        return dual_objective(f, values, values)[0]

    every = [cls() for cls in REGISTRY.values()]
    return [(optimal_shift(f, values), jax.grad(value, argnums=1)(f, values)) for f in every]


def estimated(potential=None, clouds=(X, Y)):
    e = gpa.estimate_divergence(*clouds, potential=potential, steps=10)
    # a potential is known up to a constant
    values = e.potential(clouds[0][:4])
    return e.value, e.lower, values - values[0]


def convolved():
    activation = activations.MollifiedReLU()
    return estimated(gpa.LipschitzConv((6, 6), channels=4, depth=1, activation=activation), IMAGES)


def called():
    potentials = [gpa.tight_mlp(2), gpa.smooth_mlp(2, layer=gpa.AOL), soft_mlp(2)]
    points = jnp.asarray(X[:5])
    values = [phi(points) for phi in potentials]
    slopes = [jax.grad(lambda x, phi=phi: jnp.sum(phi(x)))(points) for phi in potentials]
    heads = gpa.ClassConditional(gpa.tight_mlp(2, width=8, depth=1), 3)
    return values, slopes, heads(points[:3], jnp.asarray([0, 2, 1]))


def fitted(potential, *, reverse):
    rule = FitRule(
        f=gpa.ReverseKL(),
        optimiser=optax.adam(1e-2),
        static=eqx.filter(potential, eqx.is_inexact_array, inverse=True),
        fit_steps=3,
        max_settling=30,
        batch_size=16,
        reverse=reverse,
    )
    source, target = (
        Cloud(jnp.asarray(points, jnp.float32), jnp.full(len(points), 1 / len(points), jnp.float32))
        for points in (X, Y)
    )
    fit = start_fit(rule, potential, source, target, jax.random.PRNGKey(0))
    fit = eqx.filter_jit(refit)(rule, fit, source, target, first=True)
    return fit.source_batches.order, fit_step(rule, fit, source, target)[1]


CALLS = {
    "small": certified_small,
    "kl": lambda: certified(gpa.KL()),
    "w1": lambda: certified(gpa.Wasserstein1()),
    "shifts": shifts,
    "estimate": estimated,
    "images": convolved,
    "potentials": called,
    "fit": lambda: fitted(gpa.tight_mlp(2, width=8, depth=1), reverse=True),
    "soft fit": lambda: fitted(soft_mlp(2, width=8, depth=1), reverse=False),
}


@pytest.mark.parametrize(
    "call", few_usual(CALLS, set(CALLS) - {"potentials", "fit", "soft fit", "estimate", "images"})
)
def test_every_setting_gives_the_same(call):
    expected = jax.tree.leaves(CALLS[call]())
    # Adam divides by the size of a gradient, so that rounding in one that is zero moves something
    tolerance = 2e-2 if call in ("fit", "soft fit") else 1e-5
    for name, setting in SETTINGS.items():
        with setting():
            results = jax.tree.leaves(CALLS[call]())
        assert len(results) == len(expected)
        for result, wanted in zip(results, expected, strict=True):
            np.testing.assert_allclose(result, wanted, tolerance, tolerance, err_msg=name)


def test_a_network_in_double_precision_is_fitted_in_single():
    with jax.enable_x64(True):
        phi = gpa.tight_mlp(2, width=8, depth=1)
        double = jax.tree.map(lambda a: a.astype(jnp.float64) if eqx.is_array(a) else a, phi)
        single, same = estimated(phi), estimated(double)
    np.testing.assert_array_equal(
        np.concatenate(single, axis=None), np.concatenate(same, axis=None)
    )
