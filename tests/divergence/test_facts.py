"""The facts of the regularised divergence on random clouds, for every f of the registry.

T1 to T7 and T9 are: the two problems have one value; bounds and zero; monotone in L, with its
limits; the velocity is minus the gradient; the divergence falls by the squared speed; speed is at
most L; continuity in P; invariances.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gparticles as gpa

from .clouds import clouds, energy, few, make, w1
from .test_f_divergences import each_curved_long as each_curved
from .test_f_divergences import each_long as each

# a plan is unique, and smooth in its points, where no point is repeated and none is on another
DISTINCT = clouds(repeated=False, kinds=("equal", "random"))


def d_f(f, p, q):
    """D_f of weights on common points, of positive p."""
    return float(q @ f(p / q))


@each
@few
@given(problem=clouds())
def test_lower_and_upper_meet(f, problem):
    c = problem.certify(f)
    assert c.converged
    assert 0 <= c.lower <= c.upper
    assert c.upper - c.lower <= 1e-6 * max(c.upper, np.max(problem.costs))


@each
@few
@given(problem=clouds())
def test_at_most_the_transport_and_at_least_the_way_to_the_support(f, problem):
    c = problem.certify(f)
    nearest = problem.costs[:, problem.q > 0].min(axis=1)
    exact = w1(problem.x, problem.y, problem.costs, problem.p, problem.q)
    assert c.lower <= exact + 1e-9 * np.max(problem.costs)
    assert c.upper >= problem.p @ nearest * (1 - 1e-12)
    if isinstance(f, gpa.Wasserstein1):
        assert c.upper == pytest.approx(exact, rel=1e-6, abs=1e-9 * np.max(problem.costs))


@each_curved
@few
@given(seed=st.integers(0, 2**20), lipschitz=st.sampled_from([0.1, 1.0, 10.0]))
def test_at_most_the_divergence_of_the_weights(f, seed, lipschitz):
    problem = make(seed, sizes=(6, 6), kind="random", lipschitz=lipschitz)
    c = problem.certify(f, y=problem.x)
    assert c.lower <= d_f(f, problem.p, problem.q) * (1 + 1e-9)
    assert c.lower > 0


@each
@few
@given(problem=clouds(kinds=("equal", "random")))
def test_zero_at_the_same_cloud_and_there_only(f, problem):
    x, p = problem.x, problem.p
    same = problem.certify(f, y=x[::-1].copy(), q=p[::-1].copy(), tolerance=1e-3)
    assert same.lower == 0
    assert same.upper <= 1e-6 * problem.lipschitz * np.ptp(x, axis=0).sum()
    assert same.converged
    assert problem.certify(f, y=x + 0.1, q=p).lower > 0


@each
@few
@given(problem=clouds())
def test_monotone_in_the_slope(f, problem):
    slopes = problem.lipschitz * np.array([0.3, 1, 2, 10])
    found = [problem.certify(f, lipschitz=slope) for slope in slopes]
    for (a, low), (b, high) in zip(
        zip(slopes, found, strict=True), zip(slopes[1:], found[1:], strict=False), strict=False
    ):
        assert low.lower <= high.upper
        assert high.lower / b <= low.upper / a * (1 + 1e-12)


@each
@few
@given(problem=clouds())
def test_the_transport_at_a_small_slope(f, problem):
    exact = w1(problem.x, problem.y, p=problem.p, q=problem.q)
    scaled = problem.value(f, lipschitz=1e-5) / 1e-5
    # what is missing is of second order in L
    assert scaled == pytest.approx(exact, rel=1e-2, abs=1e-4)
    assert scaled <= exact + 1e-6


@each_curved
@few
@given(seed=st.integers(0, 2**20))
def test_the_divergence_of_the_weights_at_a_large_slope(f, seed):
    problem = make(seed, sizes=(5, 5), lipschitz=1e6)
    p, q = np.random.default_rng(seed).dirichlet([20] * 5, size=2)
    found = problem.value(f, y=problem.x, p=p, q=q, tolerance=1e-6)
    assert found == pytest.approx(d_f(f, p, q), rel=1e-5)


@each
@pytest.mark.parametrize("seed", range(2))
def test_velocity_is_minus_the_gradient_of_the_value(f, seed):
    problem = make(seed, sizes=(6, 7), d=2, kind="random", lipschitz=1.3)
    velocity = problem.certify(f, tolerance=1e-11).velocity
    rng, h = np.random.default_rng(0), 1e-4
    # all points at once, and the first of them alone
    for direction in (rng.normal(size=(6, 2)), np.eye(6, 2)):
        ends = [problem.value(f, x=problem.x + s * h * direction, tolerance=1e-11) for s in (1, -1)]
        slope = (ends[0] - ends[1]) / (2 * h)
        expected = -problem.p @ np.sum(velocity * direction, axis=1)
        assert slope == pytest.approx(expected, abs=1e-5)


@each
def test_the_divergence_falls_by_the_mean_squared_speed(f):
    problem = make(7, sizes=(8, 7), lipschitz=0.8, kind="random")
    c = problem.certify(f, tolerance=1e-11)
    start, speed = (c.lower + c.upper) / 2, 2 * energy(c, problem.p)
    errors = []
    for dt in (1e-2, 1e-3, 1e-4):
        fallen = start - problem.value(f, x=problem.x + dt * c.velocity, tolerance=1e-11)
        errors.append(abs(fallen / dt - speed) / speed)
    assert errors[0] < 0.1
    assert errors[1] < 0.01
    assert errors[2] < 1e-3


@each
def test_an_exact_flow_descends(f):
    problem = make(8, sizes=(7, 9))
    values = []
    for _ in range(4):
        c = problem.certify(f)
        values.append(c.upper)
        problem = problem._replace(x=problem.x + 0.02 * c.velocity)
    assert np.all(np.diff(values) < 0)


@each
@few
@given(problem=clouds())
def test_no_point_is_faster_than_the_slope(f, problem):
    for tolerance in (0.3, 1e-8):
        c = problem.certify(f, tolerance=tolerance)
        assert np.linalg.norm(c.velocity, axis=1).max() <= problem.lipschitz * (1 + 1e-9)
        assert energy(c, problem.p) <= problem.lipschitz**2 / 2 * (1 + 1e-9)


@each
@few
@given(problem=clouds(), other=st.integers(0, 2**20))
def test_continuous_in_the_particles(f, problem, other):
    x = problem.x
    moved = x + np.random.default_rng(other).normal(size=x.shape) * 0.3
    found = [problem.certify(f, x=points) for points in (x, moved)]
    bound = problem.lipschitz * w1(x, moved, p=problem.p, q=problem.p)
    assert found[0].lower - found[1].upper <= bound + 1e-12
    assert found[1].lower - found[0].upper <= bound + 1e-12


def _changes(rng, problem):
    """Permutations, a rotation, a translation and a change of units, each with its inverse."""
    m, n = len(problem.x), len(problem.y)
    d = problem.x.shape[1]
    rows, columns = rng.permutation(m), rng.permutation(n)
    turn = np.linalg.qr(rng.normal(size=(d, d)))[0]
    there = rng.normal(size=d) * 3
    x, y = problem.x, problem.y
    yield (
        {"x": x[rows], "p": problem.p[rows], "y": y[columns], "q": problem.q[columns]},
        lambda v: v[np.argsort(rows)],
    )
    yield {"x": x @ turn, "y": y @ turn}, lambda v: v @ turn.T
    yield {"x": x + there, "y": y + there}, lambda v: v
    for s in (1e-6, 1e6):
        slope = problem.lipschitz / s
        yield {"x": s * x, "y": s * y, "lipschitz": slope}, lambda v, s=s: s * v


@each
@few
@given(problem=DISTINCT)
def test_invariances(f, problem):
    at = problem.certify(f, tolerance=1e-9)
    rng = np.random.default_rng(0)
    for change, back in _changes(rng, problem):
        c = problem.certify(f, tolerance=1e-9, **change)
        assert c.upper == pytest.approx(at.upper, rel=3e-9)
        np.testing.assert_allclose(back(c.velocity), at.velocity, atol=2e-3 * problem.lipschitz)
