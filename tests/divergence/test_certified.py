"""The certificate: golden values, hard clouds, and what it says where it cannot do better."""

import math
import warnings

import numpy as np
import pytest

import gparticles as gpa
from gparticles.divergence import interior_point

from .clouds import make, w1
from .test_dual import CASES, P, Q
from .test_f_divergences import each_long as each

GIVEN = np.random.default_rng(0).normal(size=(4, 2))


def certify(p, q, f=None, **options):
    return gpa.divergence(p, q, f=f, **({"tolerance": 1e-6} | options))


@pytest.mark.parametrize(("f", "lipschitz", "golden"), CASES, ids=str)
def test_golden_values(f, lipschitz, golden):
    c = certify(P, Q, f, lipschitz=lipschitz, tolerance=1e-8)
    assert c.converged
    assert 0 <= c.gap <= 1e-8
    assert c.gap == (c.upper - c.lower) / c.upper
    assert c.lower == pytest.approx(golden, abs=1e-6)
    assert c.upper == pytest.approx(golden, abs=1e-6)


@pytest.mark.parametrize(("f", "lipschitz", "golden"), CASES, ids=str)
def test_a_wide_gap_brackets_the_value_too(f, lipschitz, golden):
    c = certify(P, Q, f, lipschitz=lipschitz, tolerance=0.5)
    assert c.converged
    assert c.lower <= golden + 1e-6
    assert golden - 1e-6 <= c.upper


def test_defaults_are_kl_at_one_and_a_thousandth():
    c = gpa.divergence(P, Q)
    assert c.f == gpa.KL()
    assert (c.lipschitz, c.tolerance) == (1.0, 1e-3)
    assert c.lower - 1e-6 <= 1.065758 <= c.upper + 1e-6
    assert c.gap <= 1e-3
    assert "KL" not in repr(c.potential)
    assert f"{c.upper:.7g}" in repr(c)


@each
@pytest.mark.parametrize("lipschitz", [1e-6, 1.0, 1e6])
def test_a_cloud_and_its_permuted_copy_are_at_zero(f, lipschitz):
    order = np.random.default_rng(2).permutation(len(P))
    c = gpa.divergence(P, P[order], f=f, lipschitz=lipschitz)
    diameter = max(np.linalg.norm(P - x, axis=1).max() for x in P)
    assert c.lower == 0
    assert c.upper <= 1e-6 * lipschitz * diameter
    assert c.converged


@each
def test_points_that_are_all_one_are_at_zero(f):
    c = certify(np.full((3, 2), 0.1), np.full((5, 2), 0.1), f)
    assert (c.lower, c.upper, c.gap, c.converged) == (0, 0, 0, True)
    np.testing.assert_array_equal(c.velocity, np.zeros((3, 2)))
    np.testing.assert_array_equal(c.density_ratio, np.ones(5))
    assert c.potential(GIVEN[:, :2]).shape == (4,)


@each
def test_one_point_against_one_is_their_distance(f):
    c = certify([[0.0, 0.0]], [[3.0, 4.0]], f, lipschitz=2.0, tolerance=1e-12)
    assert c.lower == pytest.approx(10, rel=1e-12)
    assert c.upper == pytest.approx(10, rel=1e-12)
    np.testing.assert_allclose(c.velocity, [[1.2, 1.6]], rtol=1e-12)


@each
def test_many_points_against_one_send_everything_there(f):
    c = certify(P, Q[:1], f, lipschitz=3.0, tolerance=1e-10)
    expected = 3 * np.linalg.norm(P - Q[0], axis=1).mean()
    assert (c.lower + c.upper) / 2 == pytest.approx(expected, rel=1e-10)


def test_one_point_against_many_in_closed_form():
    # KL and one particle: sup over psi has eta_j proportional to q_j exp(-L |x - y_j|)
    c = certify(P[:1], Q, gpa.KL(), lipschitz=0.7, tolerance=1e-9)
    expected = -math.log(np.mean(np.exp(-0.7 * np.linalg.norm(Q - P[0], axis=1))))
    assert (c.lower + c.upper) / 2 == pytest.approx(expected, rel=1e-8)
    ratio = np.exp(expected - 0.7 * np.linalg.norm(Q - P[0], axis=1))
    np.testing.assert_allclose(c.density_ratio, ratio, rtol=1e-3)


@each
def test_weights_stand_for_repeated_points(f):
    counts = np.array([3, 1, 2, 1])
    weighted = certify(P[:3], Q[:4], f, q_weights=counts, tolerance=1e-8)
    repeated = certify(P[:3], np.repeat(Q[:4], counts, axis=0), f, tolerance=1e-8)
    assert weighted.upper == pytest.approx(repeated.upper, rel=3e-8)
    split = certify(np.repeat(P[:3], 2, axis=0), Q[:4], f, q_weights=counts, tolerance=1e-8)
    assert split.upper == pytest.approx(weighted.upper, rel=3e-8)


@each
def test_points_of_no_weight_are_not_there(f):
    far = np.full((1, 2), 1e9)
    at = certify(P[:5], Q[:6], f, tolerance=1e-8)
    options = {"p_weights": [0] + [2] * 5, "q_weights": [0] + [7] * 6, "tolerance": 1e-8}
    ghosts = certify(np.r_[far, P[:5]], np.r_[-far, Q[:6]], f, **options)
    assert ghosts.upper == pytest.approx(at.upper, rel=1e-8)
    np.testing.assert_allclose(ghosts.velocity[1:], at.velocity, rtol=1e-4, atol=1e-6)
    assert ghosts.density_ratio[0] == 0
    assert np.linalg.norm(ghosts.velocity[0]) == pytest.approx(1, abs=1e-9)


@each
def test_clouds_a_million_apart(f):
    far = Q + np.array([1e6, 0])
    c = certify(P, far, f, tolerance=1e-9)
    away = np.linalg.norm(P[:, None] - far, axis=2)
    assert away.min(axis=1).mean() <= c.upper <= away.mean() + 5
    assert c.converged
    np.testing.assert_allclose(c.velocity, np.tile([1.0, 0.0], (len(P), 1)), atol=1e-5)


@each
@pytest.mark.parametrize("lipschitz", [1e-6, 1e6])
def test_extreme_slopes(f, lipschitz):
    c = certify(P, Q, f, lipschitz=lipschitz)
    nearest = np.linalg.norm(P[:, None] - Q, axis=2).min(axis=1).mean()
    transported = w1(P, Q)
    assert c.converged
    assert lipschitz * nearest * (1 - 1e-6) <= c.upper
    assert c.lower <= lipschitz * transported * (1 + 1e-9)
    if lipschitz < 1:
        assert c.upper == pytest.approx(lipschitz * transported, rel=1e-4)


@each
def test_one_dimension_and_ten_thousand(f):
    for d in (1, 10_000):
        problem = make(3, sizes=(12, 9), d=d, lipschitz=1 / math.sqrt(d))
        c = problem.certify(f, tolerance=1e-6)
        assert c.converged
        assert c.lower <= problem.lipschitz * w1(problem.x, problem.y) * (1 + 1e-9)
        assert c.velocity.shape == (12, d)


@each
def test_data_scaled_beyond_the_square_root_of_the_float_range(f):
    at = certify(P, Q, f, tolerance=1e-9)
    for scale in (1e100, 2.0**-900):
        scaled = certify(P * scale, Q * scale, f, lipschitz=1 / scale, tolerance=1e-9)
        assert scaled.upper == pytest.approx(at.upper, rel=3e-9)
        np.testing.assert_allclose(scaled.velocity * scale, at.velocity, atol=1e-3)


@pytest.mark.parametrize("dtype", [np.int32, np.uint8, bool, np.float32, np.float16])
def test_every_kind_of_number_is_taken(dtype):
    p, q = (np.abs(a * 3).astype(dtype) for a in (P, Q))
    found = certify(p, q)
    expected = certify(p.astype(float), q.astype(float))
    assert found.upper == expected.upper
    np.testing.assert_array_equal(found.velocity, expected.velocity)


def test_images_are_points():
    rng = np.random.default_rng(4)
    p, q = rng.normal(size=(6, 4, 4)), rng.normal(size=(7, 4, 4))
    c = certify(p, q)
    flat = certify(p.reshape(6, 16), q.reshape(7, 16))
    assert c.upper == flat.upper
    assert c.velocity.shape == (6, 4, 4)
    np.testing.assert_array_equal(c.velocity.reshape(6, 16), flat.velocity)
    np.testing.assert_array_equal(c.potential(p), flat.potential(p.reshape(6, 16)))
    assert c.potential.gradient(p).shape == (6, 4, 4)


@each
def test_a_tolerance_out_of_reach_is_reported(f, monkeypatch):
    # few steps stand for a problem that is too hard
    monkeypatch.setattr(interior_point, "STEPS", 3)
    with pytest.warns(UserWarning, match="the gap reached is .*, not the tolerance 1e-15") as seen:
        c = certify(P, Q, f, tolerance=1e-15)
    assert not c.converged
    assert 1e-6 < c.gap < 1
    assert f"{c.gap:.2g}" in str(seen[0].message)
    assert "not converged" in repr(c)


def test_rounding_is_allowed_for():
    c = certify(P, Q, tolerance=1e-15)
    assert 1e-15 < c.gap < 1e-10


def test_a_smaller_tolerance_never_widens_the_bounds():
    found = [certify(P, Q, tolerance=t) for t in (0.3, 1e-2, 1e-4, 1e-8)]
    widths = [c.upper - c.lower for c in found]
    assert widths == sorted(widths, reverse=True)


def test_nothing_given_is_changed_and_nothing_warns():
    p, q, w = P.copy(), Q.copy(), np.arange(1.0, len(Q) + 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        certify(p, q, q_weights=w)
    np.testing.assert_array_equal(p, P)
    np.testing.assert_array_equal(q, Q)
    np.testing.assert_array_equal(w, np.arange(1.0, len(Q) + 1))


REFUSED = [
    ({"p_weights": [1, 1, -1, 1]}, "p_weights"),
    ({"q_weights": [0, 0, 0, 0]}, "q_weights.*zero"),
    ({"q_weights": [1, 1]}, "q_weights.*shape"),
    ({"p_weights": np.ones((4, 1))}, "p_weights.*shape"),
    ({"p_weights": [1, math.nan, 1, 1]}, "p_weights"),
    ({"q_weights": [1, math.inf, 1, 1]}, "q_weights"),
    ({"q_weights": ["a", "b", "c", "d"]}, "q_weights"),
    *(({"tolerance": t}, "tolerance") for t in (0, math.nan, -1e-3, math.inf, "1e-3", None, True)),
    *(({"lipschitz": v}, "lipschitz") for v in (0, math.inf, math.nan, -1, "1", None)),
    ({"lipschitz": 1e40}, "lipschitz"),
    ({"f": "kl"}, "f is"),
    ({"f": gpa.KL}, "f is"),
    ({"q": np.ones((4, 3))}, "columns"),
    ({"q": np.ones((4, 2, 1))}, "columns"),
    ({"q": np.ones((0, 2))}, "q.*no data"),
    ({"p": np.ones((4, 0))}, "p.*no data"),
    ({"p": np.ones(4)}, "p: shape"),
    ({"p": 3.0}, "p: shape"),
    ({"q": [["a", "b"]]}, "q: entries"),
    ({"q": [[1.0, 2.0], [3.0]]}, "q: rows"),
    ({"p": [[math.nan, 1.0]]}, "p: entry"),
    ({"q": [[math.inf, 1.0]]}, "q: entry"),
    ({"q": GIVEN + 1j}, "q: entries"),
]


@pytest.mark.parametrize(("change", "named"), REFUSED, ids=str)
def test_refusals_are_one_line_that_names_what_is_wrong(change, named):
    options = {"p": GIVEN, "q": GIVEN + 1, "f": gpa.KL()} | change
    with pytest.raises(gpa.InputError, match=named) as caught:
        gpa.divergence(options.pop("p"), options.pop("q"), **options)
    assert "\n" not in str(caught.value)


def test_more_devices_than_there_are_are_refused(refused):
    refused(lambda: certify(P, Q, devices=1000), "devices is 1000", 'give "all"')
    assert certify(P, Q, devices=1).converged
