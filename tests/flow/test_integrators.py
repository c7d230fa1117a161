"""Every integrator has its order, its evaluations, and textbook coefficients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gparticles as gpa
from gparticles.flow.integrators import (
    REGISTRY,
    adams_weights,
    advance,
    empty_history,
    evaluations,
    parse_integrator,
)

ORDERS = {"euler": 1, "heun": 2, "rk4": 4} | {
    f"{kind}{k}": k for kind in ("ab", "abm") for k in range(1, 6)
}


def _pendulum(stage, points, carry):
    return jnp.stack([points[:, 1], -jnp.sin(points[:, 0])], axis=1), carry + 1


def _integrate(rows, steps):
    # float64, or rounding would hide orders 4 and 5
    with jax.enable_x64(True):
        points = jnp.asarray([[1.0, 0.0]], jnp.float64)

        def body(n, state):
            points, history, count = state
            moved, history, count = advance(
                rows, points, history, n, jnp.asarray(1 / steps), _pendulum, count
            )
            return moved, history, count

        start = (points, empty_history(rows, points), jnp.zeros((), jnp.int64))
        moved, _, count = jax.jit(lambda s: jax.lax.fori_loop(0, steps, body, s))(start)
        return np.asarray(moved), int(count)


@pytest.fixture(scope="module")
def exact():
    return _integrate(gpa.RK4().rows(), 1000)[0]


@pytest.mark.parametrize("name", REGISTRY)
def test_order_of_convergence(name, exact):
    rows = parse_integrator(name).rows()
    errors = [np.abs(_integrate(rows, n)[0] - exact).max() for n in (24, 48)]
    assert np.log2(errors[0] / errors[1]) == pytest.approx(ORDERS[name], abs=0.2)


@pytest.mark.parametrize("name", REGISTRY)
def test_evaluations_are_counted(name):
    rows = parse_integrator(name).rows()
    for steps in (1, 3, 10):
        assert _integrate(rows, steps)[1] == evaluations(rows, steps)


@pytest.mark.parametrize("name", REGISTRY)
def test_weights_sum_to_one_in_every_row(name):
    rows = parse_integrator(name).rows()
    np.testing.assert_allclose(rows.weight_k.sum(1) + rows.weight_h.sum(1), 1, atol=1e-12)


def test_adams_tables():
    # Hairer, Norsett and Wanner 1993, section III.1
    np.testing.assert_allclose(np.array(adams_weights(3, newest=0)) * 12, [23, -16, 5])
    np.testing.assert_allclose(
        np.array(adams_weights(5, newest=0)) * 720, [1901, -2774, 2616, -1274, 251]
    )
    np.testing.assert_allclose(np.array(adams_weights(4, newest=1)) * 24, [9, 19, -5, 1])


@pytest.mark.parametrize(("order", "bound"), [(2, 2), (3, 3.67), (4, 6.67), (5, 12.25)])
def test_the_reach_of_a_multistep_step(order, bound):
    rows = gpa.AdamsBashforth(order).rows()
    reach = np.abs(rows.weight_k[-1]).sum() + np.abs(rows.weight_h[-1]).sum()
    assert reach == pytest.approx(bound, abs=0.01)


def test_unknown_integrators_are_refused():
    with pytest.raises(gpa.InputError, match="unknown integrator"):
        parse_integrator("ode45")
    with pytest.raises(gpa.InputError, match="orders 1 to 5"):
        gpa.AdamsBashforth(6)
