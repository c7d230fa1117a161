"""Every layer's norm is bounded by construction, whatever its parameters are."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gparticles as gpa
from gparticles.potential import LAYERS, UnitRows, resolve
from gparticles.potential.activations import REGISTRY, check_1_lipschitz, parse_activation
from gparticles.potential.convolution import (
    Convolution,
    _banded_products,
    _native,
    _shifted_products,
    same_padding,
)
from gparticles.potential.fitting import Cloud, FitRule, fit_step, start_fit
from gparticles.potential.lipschitz import cayley, gram_bound, inverse, spectral_norm
from tests.grids import few_usual

# compiles much: left out of `make fast-test`
pytestmark = pytest.mark.slow

SHAPES = [(1, 1), (8, 8), (32, 3), (3, 32), (16, 5), (1, 10), (64, 1)]
each_layer = pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)


def _layer(layer, shape, seed=0, scale=1.0):
    built = layer(*shape, key=jax.random.PRNGKey(seed))
    noise = jax.random.normal(jax.random.PRNGKey(seed + 1), built.raw.shape)
    return jax.tree.map(lambda raw: raw + scale * noise, built)


@each_layer
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("scale", [0.0, 1e-12, 1.0, 1e4])
def test_the_spectral_norm_is_at_most_one(layer, shape, scale):
    weight = _layer(layer, shape, scale=scale)()
    assert weight.shape == shape
    assert spectral_norm(weight) <= 1 + 3e-6


@each_layer
def test_zero_parameters_give_a_finite_weight_and_gradient(layer):
    built = jax.tree.map(jnp.zeros_like, layer(4, 4, key=jax.random.PRNGKey(0)))
    assert np.all(np.isfinite(built()))
    gradient = jax.grad(lambda raw: jnp.sum(jax.tree.map(lambda _: raw, built)()))(built.raw)
    assert np.all(np.isfinite(gradient))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_orthogonal_keeps_every_singular_value_at_one(shape):
    weight = np.asarray(_layer(gpa.Orthogonal, shape)(), float)
    np.testing.assert_allclose(np.linalg.svd(weight, compute_uv=False), 1, atol=2e-6)


def test_cayley_reaches_a_given_rotation():
    angle = 0.7
    skew = np.tan(angle / 2)
    expected = [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]
    found = cayley(jnp.asarray([[0.0, -skew / 2], [skew / 2, 0.0]]))
    np.testing.assert_allclose(found, expected, atol=1e-6)


CAYLEY = jax.jit(lambda raw: (cayley(raw), jax.grad(lambda r: jnp.sum(cayley(r)[0]))(raw)))


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 10_000),
    shape=st.sampled_from([(1, 1), (5, 3), (64, 2), (64, 64), (70, 66)]),
    kind=st.sampled_from(["plain", "rank one", "columns", "skewed", "constant"]),
    scale=st.sampled_from([1e-20, 1e-4, 1.0, 1e2, 1e4, 1e15]),
)
def test_orthogonal_stays_so_for_hostile_parameters(seed, shape, kind, scale):
    rng = np.random.default_rng(seed)
    raw = rng.normal(size=shape)
    if kind == "rank one":
        raw = np.outer(rng.normal(size=shape[0]), rng.normal(size=shape[1]))
    if kind == "columns":
        raw = raw * 10.0 ** rng.uniform(-4, 4, size=shape[1])
    if kind == "skewed":
        raw[: shape[1]] *= 1e3
    if kind == "constant":
        raw = np.ones(shape)
    weight, gradient = CAYLEY(jnp.asarray(scale * raw, jnp.float32))
    singular = np.linalg.svd(np.asarray(weight, float), compute_uv=False)
    assert singular.max() <= 1 + 3e-6
    assert singular.min() >= 0.98
    assert np.all(np.isfinite(gradient))


@pytest.mark.parametrize("size", [1, 3, 64, 65, 150])
def test_the_inverse_is_that_of_lapack_with_its_gradient(size):
    rng = np.random.default_rng(size)
    # no diagonal entry can be the pivot of its own column
    matrix = jnp.asarray(np.roll(np.eye(size), 1, axis=0) + 0.01 * rng.normal(size=(size, size)))
    weights = jnp.asarray(rng.normal(size=(size, size)), jnp.float32)
    found = jax.value_and_grad(lambda m: jnp.sum(weights * inverse(m)))(matrix)
    expected = jax.value_and_grad(lambda m: jnp.sum(weights * jnp.linalg.inv(m)))(matrix)
    np.testing.assert_allclose(inverse(matrix), np.linalg.inv(np.asarray(matrix, float)), atol=1e-4)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-3)


def test_a_fit_step_of_the_tight_potential_uses_no_threaded_solver():
    """Its threads wait for each other on a busy machine, thirty times as long as they work."""
    potential = gpa.tight_mlp(2, width=70, depth=3)
    rule = FitRule(
        f=gpa.KL(),
        optimiser=optax.adam(1e-2),
        static=eqx.filter(potential, eqx.is_inexact_array, inverse=True),
        fit_steps=1,
        max_settling=0,
        batch_size=None,
        reverse=False,
    )
    cloud = Cloud(jnp.zeros((5, 2)), jnp.full(5, 0.2))
    fit = start_fit(rule, potential, cloud, cloud, jax.random.PRNGKey(0))
    step = jax.jit(
        lambda parameters: fit_step(rule, fit._replace(parameters=parameters), cloud, cloud)
    )
    text = step.lower(fit.parameters).compile().as_text().lower()
    assert "dot" in text
    # the name of this test stands in the text, too
    assert "lapack_" not in text
    assert "lapack_" in jax.jit(jnp.linalg.inv).lower(jnp.eye(3)).compile().as_text().lower()


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10_000), scale=st.sampled_from([1e-8, 1.0, 1e8]))
def test_gram_iteration_bounds_from_above_and_tightly(seed, scale):
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(rng.integers(1, 40), rng.integers(1, 40))) * scale
    norm = np.linalg.norm(matrix, 2)
    bound = float(jax.jit(gram_bound)(jnp.asarray(matrix, jnp.float32)))
    assert norm * (1 - 1e-7) <= bound <= 1.01 * norm


def test_a_truncated_power_iteration_would_not_bound():
    """Why Spectral does not use one: on two close singular values it stays below the norm."""
    matrix = np.diag([1.0, 0.999])
    v = np.array([0.02, 1.0])
    for _ in range(10):
        v = matrix.T @ matrix @ v
        v /= np.linalg.norm(v)
    assert np.linalg.norm(matrix @ v) < 0.9995
    assert float(gram_bound(jnp.asarray(matrix, jnp.float32))) >= 1


def test_unit_rows_are_normalised_each_on_its_own():
    weight = np.asarray(_layer(UnitRows, (5, 7), scale=100.0)(), float)
    np.testing.assert_allclose(np.linalg.norm(weight, axis=1), 1, atol=1e-6)


KERNELS = few_usual(
    [(5, 2), (3, 1), (4, 2), (2, 2), (3, 2), (2, 3)], ("(5, 2)", "(3, 1)", "(2, 3)")
)
SIZES = ("(7, 9)", "(1, 5)", "(28, 28)")


@each_layer
@pytest.mark.parametrize("size", few_usual([(7, 9), (8, 8), (1, 5), (28, 28)], SIZES), ids=str)
@pytest.mark.parametrize("kernel_stride", KERNELS, ids=str)
def test_the_operator_norm_of_a_convolution_is_bounded(layer, size, kernel_stride):
    if size == (28, 28) and kernel_stride != (5, 2):
        pytest.skip("one large image is enough")
    kernel, stride = kernel_stride
    matrix = _layer(layer, (4, kernel * kernel * 2), scale=0.3)
    convolution = Convolution(matrix, jnp.zeros(4), kernel, stride)
    # the operator norm of the linear map itself, by power iteration in its own transpose
    operator, transpose = _operator(convolution, (*size, 2))
    x = np.random.default_rng(0).normal(size=(*size, 2))
    for _ in range(60):
        x = transpose(operator(x))
        x /= np.linalg.norm(x)
    assert np.linalg.norm(operator(x)) <= spectral_norm(matrix()) * (1 + 1e-5)


def _operator(convolution, shape):
    forward = jax.jit(lambda x: convolution(x[None])[0])
    backward = jax.jit(lambda y: jax.linear_transpose(forward, jnp.zeros(shape))(y)[0])
    return (
        lambda x: np.asarray(forward(jnp.asarray(x, jnp.float32)), float),
        lambda y: np.asarray(backward(jnp.asarray(y, jnp.float32)), float),
    )


def test_a_convolution_without_overlap_is_as_tight_as_its_matrix():
    convolution = Convolution(_layer(gpa.Orthogonal, (12, 12)), jnp.zeros(12), 2, 2)
    x = jax.random.normal(jax.random.PRNGKey(0), (1, 6, 8, 3))
    assert float(jnp.linalg.norm(convolution(x))) == pytest.approx(
        float(jnp.linalg.norm(x)), rel=1e-5
    )


@pytest.mark.parametrize("size", [(7, 9), (8, 8), (1, 5)], ids=str)
@pytest.mark.parametrize(("kernel", "stride"), [(5, 2), (3, 1), (2, 3)])
def test_shifted_products_are_the_convolution(size, kernel, stride):
    x = jax.random.normal(jax.random.PRNGKey(0), (3, *size, 2))
    taps = jax.random.normal(jax.random.PRNGKey(1), (kernel, kernel, 2, 4))
    y0, y1, height = same_padding(size[0], kernel, stride)
    x0, x1, width = same_padding(size[1], kernel, stride)
    padded = jnp.pad(x, ((0, 0), (y0, y1), (x0, x1), (0, 0)))
    expected = _native(padded, taps, stride)
    assert expected.shape[1:3] == (height, width)
    for products in (_shifted_products, _banded_products):
        np.testing.assert_allclose(products(padded, taps, stride), expected, atol=1e-5)


@pytest.mark.parametrize("name", REGISTRY)
def test_activations_are_1_lipschitz(name):
    activation = parse_activation(name)
    check_1_lipschitz(activation)
    rng = np.random.default_rng(0)
    for scale in (0.1, 1.0, 10.0):
        x, y = (jnp.asarray(rng.normal(size=(500, 8)) * scale, jnp.float32) for _ in range(2))
        moved = np.linalg.norm(activation(x) - activation(y), axis=1)
        assert np.all(moved <= np.linalg.norm(x - y, axis=1) * (1 + 1e-5))


def test_group_sort_permutes_and_passes_an_odd_feature():
    x = jnp.asarray([[1.0, 5.0, 3.0, 2.0, 7.0]])
    np.testing.assert_array_equal(gpa.activations.GroupSort()(x), [[3.0, 5.0, 1.0, 2.0, 7.0]])


def test_mollified_relu_is_continuously_differentiable():
    activation = gpa.activations.MollifiedReLU(0.5)
    slope = jax.vmap(jax.grad(lambda x: activation(x[None])[0]))
    at = jnp.asarray([-0.501, -0.499, 0.0, 0.499, 0.501])
    np.testing.assert_allclose(slope(at), [0, 0.001, 0.5, 0.999, 1], atol=1e-5)


@pytest.mark.parametrize("activation", [jax.nn.gelu, jax.nn.silu, jnp.exp, lambda x: 2 * x])
def test_steeper_activations_are_refused(activation):
    with pytest.raises(gpa.InputError, match="above 1"):
        gpa.smooth_mlp(2, activation=activation)


def test_unknown_activation_is_refused():
    with pytest.raises(gpa.InputError, match="unknown activation"):
        parse_activation("swish")


def test_resolve_changes_no_value():
    phi = gpa.tight_mlp(3, width=8)
    x = jax.random.normal(jax.random.PRNGKey(0), (5, 3))
    np.testing.assert_allclose(resolve(phi)(x), phi(x), atol=1e-7)
