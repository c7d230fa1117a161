"""The dual objective against golden values, roots in float64, and its own laws."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq, minimize

import gparticles as gpa
from gparticles.divergence import dual_objective, first_variation, optimal_shift, velocity_factor

from .test_f_divergences import each_curved_long as each_curved
from .test_f_divergences import each_long as each

RNG = np.random.default_rng(1)
P = RNG.normal(size=(30, 2))
Q = RNG.normal(size=(25, 2)) + 1
COSTS = np.linalg.norm(P[:, None] - Q[None], axis=2)

# values of a conic solver whose primal and dual agree to 1e-6
GOLDEN = {
    0.3: (0.397500, 0.395323, 0.399069, 0.396520, 0.356817, 0.357824, 0.433081),
    1.0: (1.065758, 1.037229, 1.085721, 1.050549, 0.840951, 0.850824, 1.443605),
    5.0: (3.260132, 3.417714, 3.351907, 3.324046, 2.895831, 2.936793, 7.218024),
}
ORDER = (
    gpa.KL(),
    gpa.ReverseKL(),
    gpa.Alpha(2.0),
    gpa.Alpha(0.5),
    gpa.JensenShannon(),
    gpa.SquaredHellinger(),
    gpa.Wasserstein1(),
)
CASES = [(f, L, GOLDEN[L][k]) for L in GOLDEN for k, f in enumerate(ORDER)]


def _best_of_c_transforms(f, lipschitz):
    """The maximum over psi of the dual at phi = min_j (psi_j + L |x - y_j|), by L-BFGS."""
    costs = lipschitz * COSTS

    @jax.jit
    def loss(psi, sharpness):
        soft = -jax.nn.logsumexp(-(psi + costs) * sharpness, axis=1) / sharpness
        return -dual_objective(f, soft, psi)[0]

    both = jax.jit(jax.value_and_grad(loss))
    psi = np.zeros(len(Q))
    for sharpness in (3.0, 10.0, 30.0, 100.0, 300.0):

        def numpy_loss(x, sharpness=sharpness / lipschitz):
            value, gradient = both(jnp.asarray(x, jnp.float32), sharpness)
            return float(value), np.asarray(gradient, float)

        psi = minimize(numpy_loss, psi, jac=True, method="L-BFGS-B").x
    hard = np.min(psi + costs, axis=1)
    return float(dual_objective(f, *(jnp.asarray(v, jnp.float32) for v in (hard, psi)))[0])


@pytest.mark.parametrize(("f", "lipschitz", "golden"), CASES, ids=str)
def test_golden_values_bound_the_dual_and_are_nearly_reached(f, lipschitz, golden):
    value = _best_of_c_transforms(f, lipschitz)
    assert value <= golden * (1 + 2e-6)
    assert value >= golden * 0.99


def _root(f, values, weights):
    """nu by bisection in float64."""
    top = values.max()
    gaps = top - values
    high = min(gaps.max(), float(f.derivative(1 / weights[values.argmax()])) - f.slope_at_one)

    def excess(t):
        return weights @ f.excess_derivative(t - gaps) - 1

    t = brentq(excess, 0, high, xtol=1e-14) if excess(0) < 0 < excess(high) else high
    return top - t - f.slope_at_one


@each_curved
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_shift_agrees_with_bisection(f, scale, offset):
    rng = np.random.default_rng(3)
    values = (rng.standard_t(3, size=300) * scale + offset).astype(np.float32)
    weights = rng.exponential(size=300).astype(np.float32)
    weights = weights / weights.sum()
    found = float(optimal_shift(f, jnp.asarray(values), jnp.asarray(weights)))
    expected = _root(f, values.astype(float), weights.astype(float))
    assert found == pytest.approx(expected, rel=2e-6, abs=2e-5 * max(scale, 1))


@each
def test_equal_clouds_give_zero_at_a_constant(f):
    value, _ = dual_objective(f, jnp.full(7, 3.0), jnp.full(5, 3.0))
    assert float(value) == pytest.approx(0, abs=1e-6)


@each
@settings(deadline=None, max_examples=20)
@given(
    seed=st.integers(0, 10_000),
    offset=st.sampled_from([0.0, -1e3, 1e4]),
    scale=st.sampled_from([1e-4, 1.0, 30.0]),
)
def test_a_constant_changes_nothing(f, seed, offset, scale):
    rng = np.random.default_rng(seed)
    first, second = (jnp.asarray(rng.normal(size=n) * scale, jnp.float32) for n in (6, 9))
    value = dual_objective(f, first, second)[0]
    moved = dual_objective(f, first + offset, second + offset)[0]
    assert float(moved) == pytest.approx(float(value), abs=2e-6 * (abs(offset) + scale) + 1e-6)


@each
def test_nearly_constant_phi_is_not_drowned_by_cancellation(f):
    rng = np.random.default_rng(5)
    base = rng.normal(size=400)
    values = jnp.asarray(1e-4 * base, jnp.float32)
    # P = Q: the supremum over phi is 0, and second order in phi below it
    value = float(dual_objective(f, values, values)[0])
    assert -1e-7 < value < 1e-9


@each
def test_no_overflow_where_the_value_is_finite(f):
    first = jnp.asarray([500.0, 0.0])
    second = jnp.asarray([400.0, -300.0, 0.0])
    value, shift = dual_objective(f, first, second)
    assert np.isfinite(float(value))
    assert np.isfinite(float(shift))


@each
def test_gradient_is_the_difference_of_p_and_the_tilted_q(f):
    rng = np.random.default_rng(7)
    first, second = (jnp.asarray(rng.normal(size=n), jnp.float32) for n in (4, 6))
    weights = jnp.asarray([0.1, 0.2, 0.3, 0.4])

    def value(a, b):
        return dual_objective(f, a, b, first_weights=weights)[0]

    of_first, of_second = jax.grad(value, argnums=(0, 1))(first, second)
    np.testing.assert_allclose(of_first, weights, rtol=1e-5)
    assert float(jnp.sum(of_second)) == pytest.approx(-1, abs=1e-5)
    assert np.all(np.asarray(of_second) <= 1e-7)


@each
def test_weights_stand_for_repetitions(f):
    rng = np.random.default_rng(8)
    first, second = rng.normal(size=4), rng.normal(size=3)
    counts = np.array([3, 1, 2])
    repeated = jnp.asarray(np.repeat(second, counts), jnp.float32)
    first = jnp.asarray(first, jnp.float32)
    second, weights = (jnp.asarray(v, jnp.float32) for v in (second, counts / 6))
    weighted = dual_objective(f, first, second, second_weights=weights)[0]
    assert float(weighted) == pytest.approx(float(dual_objective(f, first, repeated)[0]), abs=2e-6)


@each
def test_a_point_of_no_weight_is_not_there(f):
    first, second = jnp.asarray([1.0, 0.5]), jnp.asarray([0.2, -0.3])
    ghost, weights = jnp.asarray([0.2, 500.0, -0.3]), jnp.asarray([0.5, 0.0, 0.5])
    with_ghost = dual_objective(f, first, ghost, second_weights=weights)[0]
    assert float(with_ghost) == pytest.approx(float(dual_objective(f, first, second)[0]), abs=1e-6)


@each
def test_first_variation_of_the_second_argument(f):
    """-f*(phi - nu) is the derivative of the objective in the weight of a point of Q."""
    rng = np.random.default_rng(9)
    first, second = (jnp.asarray(rng.normal(size=n), jnp.float32) for n in (4, 6))
    weights = jnp.full(6, 1 / 6)
    direction = jnp.asarray([1.0, -1.0, 0.5, -0.5, 0.25, -0.25])
    h = 1e-2

    def at(step):
        return dual_objective(f, first, second, second_weights=weights + step * direction)

    slope = (at(h)[0] - at(-h)[0]) / (2 * h)
    variation = first_variation(f, second, at(0.0)[1], reverse=True)
    assert float(direction @ variation) == pytest.approx(float(slope), rel=2e-2, abs=2e-3)


@each
def test_mean_of_the_reverse_velocity_factor_is_one(f):
    values = jnp.asarray(np.random.default_rng(2).normal(size=50), jnp.float32)
    factor = velocity_factor(f, values, optimal_shift(f, values), reverse=True)
    assert float(jnp.mean(factor)) == pytest.approx(1, abs=1e-5)
