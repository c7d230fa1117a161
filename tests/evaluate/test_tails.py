"""Measures of tails against closed forms and numerical integration."""

import numpy as np
import pytest
from scipy import stats

from gparticles.evaluate.tails import (
    ccdf_error,
    hill_index,
    looks_heavy,
    norms,
    tail_log_error,
)

GENERATOR = np.random.default_rng(0)


def grid(law, n=20_000):
    """A sample without noise: the law's quantiles."""
    return law.ppf((np.arange(n) + 0.5) / n)


def test_norms_are_from_a_centre():
    points = np.array([[[1.0, 2.0]], [[4.0, 6.0]]])
    np.testing.assert_allclose(norms(points, np.array([[1.0, 2.0]])), [0, 5])
    np.testing.assert_allclose(norms(points), [np.sqrt(5), np.sqrt(52)])


def test_ccdf_error_of_two_exponentials():
    # the integral of |exp(-r) - exp(-r / 3)| is 3 - 1
    x, y = grid(stats.expon()), grid(stats.expon(scale=3))
    assert ccdf_error(x, y) == pytest.approx(2, rel=1e-2)


def test_ccdf_error_by_integration():
    x, y = GENERATOR.exponential(size=30), GENERATOR.exponential(size=50) * 2
    r = np.linspace(0, 20, 200_001)
    above = [1 - np.searchsorted(np.sort(z), r, side="right") / len(z) for z in (x, y)]
    assert ccdf_error(x, y) == pytest.approx(np.trapezoid(np.abs(above[0] - above[1]), r), rel=1e-3)


def test_log_error_of_a_scale_is_its_log():
    x = GENERATOR.pareto(2, size=2000) + 1
    assert tail_log_error(x, 1.7 * x) == pytest.approx(np.log(1.7))
    assert tail_log_error(1.7 * x, x) == pytest.approx(np.log(1.7))


def test_log_error_leaves_out_levels_without_points():
    x = np.arange(1.0, 201.0)
    y = x.copy()
    y[-5:] *= 1e3  # the 2.5 % beyond the last level that 200 points can tell
    assert tail_log_error(x, y) == 0
    assert tail_log_error(x, y, levels=(0.9, 0.95)) == 0
    assert np.isnan(tail_log_error(x[:50], y[:50]))
    assert np.isnan(tail_log_error(np.zeros(200), x))


@pytest.mark.parametrize("index", [0.5, 1.0, 3.0])
def test_hill_index_of_pareto(index):
    exact = hill_index(grid(stats.pareto(index)))
    assert exact == pytest.approx(index, rel=0.02)
    drawn = [hill_index(GENERATOR.pareto(index, size=2000) + 1) for _ in range(40)]
    assert np.mean(drawn) == pytest.approx(index, rel=0.06)
    assert np.std(drawn) == pytest.approx(index / 10, rel=0.4)  # k is 100


def test_hill_index_of_student_t_is_biased_downward():
    found = hill_index(np.abs(grid(stats.t(3))))
    assert 2 < found < 3


def test_hill_index_without_a_tail():
    assert np.isinf(hill_index(np.ones(100)))
    assert np.isnan(hill_index(np.ones(5)))
    assert np.isnan(hill_index(np.zeros(100)))


@pytest.mark.parametrize(
    ("law", "heavy"),
    [
        (stats.halfnorm(), False),
        (stats.chi(5), False),
        (stats.uniform(), False),
        (stats.expon(), False),
        (stats.halfcauchy(), True),
        (stats.pareto(2), True),
    ],
)
def test_what_looks_heavy(law, heavy):
    assert looks_heavy(grid(law)) == heavy
    assert not looks_heavy(grid(law, 50))


def test_the_ratios_that_the_threshold_names():
    def ratio(law):
        middle, upper, far = law.ppf([0.5, 0.75, 0.99])
        return (far - middle) / (upper - middle)

    assert ratio(stats.halfnorm()) == pytest.approx(4.0, abs=0.05)
    assert ratio(stats.expon()) == pytest.approx(5.6, abs=0.05)
    assert ratio(stats.halfcauchy()) == pytest.approx(44, abs=0.5)
    t = stats.t(3).ppf([0.75, 0.875, 0.995])
    assert (t[2] - t[0]) / (t[1] - t[0]) == pytest.approx(7.7, abs=0.05)
