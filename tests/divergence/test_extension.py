"""The potential that proves the lower bound; density ratio and plan that prove the upper."""

import numpy as np
import pytest
from hypothesis import given
from scipy.spatial.distance import cdist

import gparticles as gpa

from .clouds import clouds, dual_value, few, make
from .test_f_divergences import each_long as each


@each
@few
@given(problem=clouds())
def test_the_potential_is_lipschitz(f, problem):
    phi = problem.certify(f).potential
    rng = np.random.default_rng(0)
    points = np.concatenate([problem.x, problem.y, rng.normal(size=(40, problem.x.shape[1])) * 5])
    # some pairs very near to one another
    points = np.concatenate([points, points + 1e-6 * rng.normal(size=points.shape)])
    values = phi(points)
    rise = np.abs(values[:, None] - values)
    rounding = 1e-13 * (np.abs(values).max() + problem.lipschitz * np.abs(points).max())
    assert np.all(rise <= problem.lipschitz * cdist(points, points) + rounding)
    assert phi.lipschitz == problem.lipschitz


@each
@few
@given(problem=clouds())
def test_its_dual_objective_is_between_the_bounds(f, problem):
    for tolerance in (0.2, 1e-8):
        c = problem.certify(f, tolerance=tolerance)
        at_p, at_q = c.potential(problem.x), c.potential(problem.y)
        value = dual_value(f, at_p, at_q, problem.p, problem.q)
        rounding = 1e-9 * (1 + c.upper)
        assert c.lower - rounding <= value <= c.upper + rounding


@each
def test_any_lipschitz_function_is_below_the_upper_bound(f):
    problem = make(4, sizes=(8, 6), kind="random", lipschitz=1.5)
    c = problem.certify(f)
    rng = np.random.default_rng(1)
    for _ in range(10):
        centre, slope = rng.normal(size=2), rng.uniform(-1.5, 1.5)
        at_p, at_q = (slope * np.linalg.norm(a - centre, axis=1) for a in (problem.x, problem.y))
        assert dual_value(f, at_p, at_q, problem.p, problem.q) <= c.upper + 1e-9


@each
def test_its_constant_is_the_optimal_shift(f):
    problem = make(5, sizes=(8, 6), lipschitz=1.5)
    phi = problem.certify(f, tolerance=1e-10).potential
    at_q = phi(problem.y)
    if isinstance(f, gpa.Wasserstein1):
        assert problem.q @ at_q == pytest.approx(0, abs=1e-6)
    else:
        mass = problem.q @ f.excess_derivative(at_q)
        assert mass == pytest.approx(1, abs=1e-4)


@each
def test_its_gradient_by_finite_differences(f):
    problem = make(6, sizes=(8, 6), d=3, lipschitz=1.5)
    phi = problem.certify(f).potential
    points = np.random.default_rng(2).normal(size=(12, 3)) * 4
    gradient = phi.gradient(points)
    h = 1e-6
    for k in range(3):
        step = h * np.eye(3)[k]
        slope = (phi(points + step) - phi(points - step)) / (2 * h)
        np.testing.assert_allclose(gradient[:, k], slope, atol=1e-6)
    # the slope is L wherever there is one
    np.testing.assert_allclose(np.linalg.norm(gradient, axis=1), 1.5, rtol=1e-9)


@each
def test_a_point_of_no_weight_moves_down_the_potential(f):
    problem = make(7, sizes=(5, 6))
    p = np.array([0, 0.4, 0, 0.3, 0.3])
    c = problem.certify(f, p=p)
    expected = -c.potential.gradient(problem.x[p == 0])
    np.testing.assert_array_equal(c.velocity[p == 0], expected)


@pytest.mark.parametrize("points", [np.ones(2), np.ones((3, 3)), np.ones((0, 2)), [["a", "b"]]])
def test_the_potential_refuses(points):
    phi = make(8).certify(gpa.KL()).potential
    for function in (phi, phi.gradient):
        with pytest.raises(gpa.InputError) as caught:
            function(points)
        assert "\n" not in str(caught.value)


@each
@few
@given(problem=clouds())
def test_the_density_ratio_is_a_density(f, problem):
    for tolerance in (0.2, 1e-8):
        ratio = problem.certify(f, tolerance=tolerance).density_ratio
        assert ratio.shape == problem.q.shape
        assert np.all(ratio >= 0)
        assert problem.q @ ratio == pytest.approx(1, rel=1e-9)
        assert np.all(ratio[problem.q == 0] == 0)


@each
@few
@given(problem=clouds())
def test_the_plan_attains_the_upper_bound(f, problem):
    c = problem.certify(f)
    rows, columns = problem.p > 0, problem.q > 0
    plan = c.plan.matrix()
    p, q = problem.p[rows], problem.q[columns]
    assert np.all(plan >= 0)
    np.testing.assert_allclose(plan.sum(axis=1), p, rtol=1e-9)
    np.testing.assert_allclose(plan.sum(axis=0), q * c.density_ratio[columns], rtol=1e-6, atol=1e-8)
    cost = np.vdot(plan, problem.costs[rows][:, columns])
    if not isinstance(f, gpa.Wasserstein1):
        cost += q @ f(c.density_ratio[columns])
    assert cost == pytest.approx(c.upper, rel=1e-9, abs=1e-9)


@each
def test_the_density_ratio_is_the_one_the_potential_stands_for(f):
    problem = make(9, sizes=(9, 7), lipschitz=0.7, kind="random")
    c = problem.certify(f, tolerance=1e-11)
    expected = f.conjugate_derivative(c.potential(problem.y) + f.slope_at_one)
    held = c.density_ratio > 1e-3
    np.testing.assert_allclose(c.density_ratio[held], expected[held], rtol=1e-3)
