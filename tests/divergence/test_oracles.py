"""The value against solvers of others: a conic one for every f, and those of POT."""

import cvxpy as cp
import numpy as np
import ot
import pytest

import gparticles as gpa

from .clouds import make, w1
from .test_f_divergences import each_long as each

SHAPES = [((5, 6), 2, "random", 0.5), ((7, 4), 3, "zeros", 2.0), ((4, 4), 1, "equal", 8.0)]


def _penalty(f, r, q):
    """sum_j q_j f(r_j / q_j) in cones."""
    if isinstance(f, gpa.KL):
        return cp.sum(cp.rel_entr(r, q))
    if isinstance(f, gpa.ReverseKL):
        return cp.sum(cp.rel_entr(q, r))
    if isinstance(f, gpa.JensenShannon):
        middle = (r + q) / 2
        return cp.sum(cp.rel_entr(r, middle)) + cp.sum(cp.rel_entr(q, middle))
    if isinstance(f, gpa.SquaredHellinger):
        return cp.sum(r + q - 2 * cp.multiply(np.sqrt(q), cp.sqrt(r)))
    if isinstance(f, gpa.Alpha):
        a = f.alpha
        power = cp.power(r / q, a, approx=False)
        return q @ (power - 1) / (a * (a - 1))
    return None


def conic_value(f, problem):
    used = problem.q > 0
    costs, q = problem.costs[:, used], problem.q[used]
    plan = cp.Variable(costs.shape, nonneg=True)
    r = cp.sum(plan, axis=0)
    penalty = _penalty(f, r, q)
    rules = [cp.sum(plan, axis=1) == problem.p]
    if penalty is None:
        rules, penalty = [*rules, r == q], 0
    task = cp.Problem(cp.Minimize(cp.sum(cp.multiply(costs, plan)) + penalty), rules)
    return task.solve(solver=cp.CLARABEL)


@each
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_conic_solver_agrees(f, shape):
    sizes, d, kind, lipschitz = shape
    problem = make(11, sizes=sizes, d=d, kind=kind, lipschitz=lipschitz)
    c = problem.certify(f)
    assert (c.lower + c.upper) / 2 == pytest.approx(conic_value(f, problem), rel=2e-6)


@pytest.mark.parametrize("lipschitz", [0.2, 1.0, 5.0])
def test_the_semirelaxed_solver_of_pot_is_above_and_near(lipschitz):
    problem = make(12, sizes=(20, 25), kind="random", lipschitz=lipschitz)
    q = problem.q

    def penalty(plan):
        r = plan.sum(axis=0)
        return np.sum(r * np.log(np.maximum(r, 1e-300) / q))

    def gradient(plan):
        r = plan.sum(axis=0)
        return np.tile(np.log(np.maximum(r, 1e-300) / q) + 1, (len(plan), 1))

    start = np.outer(problem.p, q)
    costs = problem.costs
    plan = ot.optim.semirelaxed_cg(
        problem.p, q, costs, 1.0, penalty, gradient, G0=start, numItermax=2000, stopThr=1e-12
    )
    reached = np.vdot(plan, costs) + penalty(plan)
    c = problem.certify(gpa.KL())
    assert reached >= c.lower * (1 - 1e-9)
    assert c.upper == pytest.approx(reached, rel=2e-3)


@pytest.mark.parametrize("sizes", [(40, 40), (30, 50)], ids=str)
def test_wasserstein_is_that_of_pot(sizes):
    problem = make(13, sizes=sizes, d=3, kind="random", lipschitz=2.0)
    c = problem.certify(gpa.Wasserstein1())
    exact = 2 * w1(problem.x, problem.y, p=problem.p, q=problem.q)
    assert c.lower * (1 - 1e-12) <= exact <= c.upper * (1 + 1e-12)
    assert c.gap <= 1e-8
