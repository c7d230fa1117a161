"""Thin sets against what is known of them: empty holes, stationary moments, exact marginals."""

import numpy as np
import pytest
from scipy.stats import gennorm, kstest

from gparticles import data
from gparticles.errors import InputError


def in_holes_by_recursion(x, y, level):
    """Whether a point of the unit square is left out, by descending into its ninth."""
    if level == 0:
        return False
    a, b = min(int(3 * x), 2), min(int(3 * y), 2)
    return (a, b) == (1, 1) or in_holes_by_recursion(3 * x - a, 3 * y - b, level - 1)


@pytest.mark.parametrize(("level", "side"), [(1, 1.0), (2, 3.0), (4, 10.0)])
def test_holes_of_the_carpet_are_empty(level, side):
    points = data.sierpinski(3000, level=level, side=side, seed=1).astype(float)
    assert points.min() >= 0
    assert points.max() <= side
    assert not any(in_holes_by_recursion(x, y, level) for x, y in points / side)
    # the carpet has holes of one level more that are not left out
    assert data.in_sierpinski_holes(points, level=level + 1, side=side).mean() > 0.05


def test_which_points_are_in_holes():
    points = np.random.default_rng(0).random((2000, 3)) * 5
    expected = [in_holes_by_recursion(x / 5, y / 5, 3) for x, y, _ in points]
    found = data.in_sierpinski_holes(points, level=3, side=5.0)
    np.testing.assert_array_equal(found, expected)
    assert abs(found.mean() - (1 - (8 / 9) ** 3)) < 0.04
    outside = np.array([[-1.0, 2.5], [2.5, 5.1], [1e30, 2.5], [-1e30, -1e30]])
    assert not data.in_sierpinski_holes(outside, level=3, side=5.0).any()


@pytest.mark.parametrize(("n", "least"), [(64, 1), (70, 1), (130, 2), (10, 0)])
def test_squares_of_the_carpet_take_turns(n, least):
    points = data.sierpinski(n, level=2, side=9.0, seed=3)
    squares, counts = np.unique(np.floor(points), axis=0, return_counts=True)
    assert len(squares) == min(n, 64)
    assert counts.min() == max(least, 1)
    assert counts.max() <= least + 1


def test_the_carpet_in_space_lies_in_a_plane():
    points = data.sierpinski(50, dim=3, seed=2)
    np.testing.assert_array_equal(points[:, :2], data.sierpinski(50, seed=2))
    assert (points[:, 2] == 0).all()


def test_lorenz_is_stationary_and_in_its_box():
    x, y, z = data.lorenz(4000, seed=0).astype(float).T
    assert max(abs(x).max(), abs(y).max() / 1.4) < 20.5
    assert z.min() > 0
    assert z.max() < 50
    # a trajectory has no length of memory left: both wings are visited alike
    assert abs((x > 0).mean() - 0.5) < 0.03
    # means of d/dt of z, of x^2 and of x vanish
    spread = (x * y).std() / np.sqrt(len(x))
    assert abs((x * y).mean() - 8 / 3 * z.mean()) < 4 * spread
    assert abs((x * y).mean() - (x * x).mean()) < 4 * spread
    assert abs(x.mean() - y.mean()) < 4 * (x - y).std() / np.sqrt(len(x))
    # 23.55 is the long-run mean of z (any long integration; sd 8.6)
    assert abs(z.mean() - 23.55) < 4 * 8.6 / np.sqrt(len(z))


def test_lorenz_rests_where_it_has_a_fixed_point():
    # below rho = 24.06 trajectories end in one of (+-sqrt(beta (rho - 1)), same, rho - 1)
    points = data.lorenz(50, rho=10.0, seed=0).astype(float)
    expected = [np.sqrt(8 / 3 * 9), np.sqrt(8 / 3 * 9), 9]
    # the eigenvalues there are -12.5 and -0.6 +- 6.2 i (the roots of
    # l^3 + 41/3 l^2 + 160/3 l + 480): e^(-0.6 * 15) is 1e-4
    np.testing.assert_allclose(np.abs(points), np.tile(expected, (50, 1)), atol=0.02)


@pytest.mark.parametrize("beta", [0.5, 1.0, 2.0])
def test_stretched_exponential_columns_have_the_density(beta):
    points = data.stretched_exponential(4000, beta=beta, dim=2, seed=0).astype(float)
    for column in points.T:
        assert kstest(column, gennorm(beta).cdf).pvalue > 0.01
    # E |x|^beta = 1 / beta, and columns know nothing of each other
    sizes = np.abs(points) ** beta
    np.testing.assert_allclose(sizes.mean(0), 1 / beta, rtol=0.08)
    assert abs(np.corrcoef(sizes.T)[0, 1]) < 0.06


@pytest.mark.parametrize("dof", [0.5, 1.0, 1.5])
def test_student_t_has_its_tail_index(dof):
    radius = np.linalg.norm(data.student_t(40_000, dof=dof, seed=0).astype(float), axis=1)
    # in the plane P(|x| > r) = (1 + r^2 / dof)^(-dof / 2) exactly
    for r in (1.0, 10.0, 100.0):
        expected = (1 + r**2 / dof) ** (-dof / 2)
        assert abs((radius > r).mean() - expected) < 4 * np.sqrt(expected / 40_000)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: data.sierpinski(3, dim=1), "dim is 1"),
        (lambda: data.sierpinski(3, level=0), "level is 0"),
        (lambda: data.sierpinski(3, level=11), "level is 11"),
        (lambda: data.sierpinski(3, side=0.0), "side is 0"),
        (lambda: data.in_sierpinski_holes(np.zeros((2, 2)), side=-1.0), "side is -1"),
        (lambda: data.lorenz(3, rho=-1.0), "rho is -1"),
        (lambda: data.lorenz(3, sigma=float("nan")), "sigma is nan"),
        (lambda: data.lorenz(3, sigma=1e6), "overflows"),
        (lambda: data.stretched_exponential(3, beta=0.0), "beta is 0"),
        (lambda: data.stretched_exponential(100, beta=0.01), "too large for float32"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(InputError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
