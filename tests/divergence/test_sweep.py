"""The divergence for many L, against its two limits."""

import math

import numpy as np
import ot
import pytest

import gparticles as gpa
from gparticles.divergence import interior_point
from gparticles.divergence.sweep import default_grid, f_divergence, sweep
from gparticles.errors import InputError

# of math.md's golden clouds: f at L = 0.3, 1 and 5, from a conic solver
GOLDEN = {
    gpa.KL(): (0.397500, 1.065758, 3.260132),
    gpa.ReverseKL(): (0.395323, 1.037229, 3.417714),
    gpa.Alpha(2.0): (0.399069, 1.085721, 3.351907),
    gpa.SquaredHellinger(): (0.357824, 0.850824, 2.936793),
    gpa.Wasserstein1(): (0.433081, 1.443605, 7.218024),
}


@pytest.fixture(scope="module")
def golden():
    rng = np.random.default_rng(1)
    return rng.normal(size=(30, 2)), rng.normal(size=(25, 2)) + 1


@pytest.fixture(scope="module")
def counts():
    """Repeated points of a lattice, all of which the target has."""
    rng = np.random.default_rng(2)
    lattice = np.stack(np.meshgrid(range(4), range(3)), axis=-1).reshape(-1, 2).astype(float)
    return lattice[rng.integers(12, size=60)], lattice[np.r_[0:12, rng.integers(12, size=40)]]


@pytest.mark.parametrize("f", GOLDEN, ids=repr)
def test_golden_values_in_any_order(f, golden):
    found = sweep(*golden, f=f, lipschitz=[5.0, 0.3, 1.0], tolerance=1e-5)
    np.testing.assert_array_equal(found.lipschitz, [0.3, 1.0, 5.0])
    exact = np.array(GOLDEN[f])
    assert (found.lower <= exact + 1e-6).all()
    assert (exact - 1e-6 <= found.upper).all()
    np.testing.assert_allclose(found.divergence, exact, rtol=2e-5)
    assert found.converged.all()
    assert found.w1 == pytest.approx(1.443605, rel=1e-5)


@pytest.mark.parametrize("f", [gpa.KL(), gpa.JensenShannon(), gpa.Alpha(0.5)], ids=repr)
def test_both_limits_show_on_the_default_grid(f, counts):
    p, q = counts
    found = sweep(p, q, f=f)
    ratio = found.as_dict()["divergence_over_lipschitz"]
    w1 = ot.emd2([], [], ot.dist(p, q, metric="euclidean"))
    assert found.w1 == pytest.approx(w1, rel=1e-3)
    assert ratio[0] == pytest.approx(w1, rel=0.02)
    # by counting: the definition, with no code of ours but f
    rows, theirs = p.tolist(), q.tolist()
    atoms = {tuple(row) for row in theirs}
    d_f = sum(
        theirs.count([*a]) / len(q) * f(rows.count([*a]) / 60 / (theirs.count([*a]) / len(q)))
        for a in atoms
    )
    assert found.d_f == pytest.approx(d_f, rel=1e-9)
    assert found.divergence[-1] == pytest.approx(d_f, rel=2e-3)
    # facts T2 and T3
    assert (np.diff(found.divergence) >= 0).all()
    assert (np.diff(ratio) <= 1e-12 * w1).all()
    assert (found.lower <= np.minimum(d_f, found.lipschitz * w1) * (1 + 1e-9)).all()


def test_points_of_their_own_make_d_f_infinite(golden):
    found = sweep(*golden)
    assert found.d_f == math.inf
    assert found.as_dict()["d_f"] is None
    # what is left then is the way to the target's support
    p, q = golden
    way = np.linalg.norm(p[:, None] - q[None], axis=-1).min(axis=1).mean()
    ratio = found.divergence / found.lipschitz
    assert way <= ratio[-1] * (1 + 1e-3)
    assert ratio[-1] == pytest.approx(way, rel=0.03)
    assert ratio[0] == pytest.approx(found.w1, rel=0.02)


def test_weights_are_those_of_repeated_points(counts):
    p, q = counts
    atoms, times = np.unique(p, axis=0, return_counts=True)
    grid = [0.1, 1.0, 10.0]
    plain, weighted = sweep(p, q, lipschitz=grid), sweep(atoms, q, lipschitz=grid, p_weights=times)
    assert weighted.d_f == pytest.approx(plain.d_f, rel=1e-9)
    np.testing.assert_allclose(weighted.divergence, plain.divergence, rtol=1e-3)
    # a target point of weight zero is none
    weights = np.where((q == q[0]).all(axis=1), 0.0, 1.0)
    assert (p == q[0]).all(axis=1).any()
    assert f_divergence(p, q, f=gpa.KL(), q_weights=weights) == math.inf


def test_f_divergence_by_hand():
    p, q = [[0.0], [0.0], [-0.0], [1.0]], [[0.0], [1.0]]
    expected = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    assert f_divergence(p, q, f=gpa.KL()) == pytest.approx(expected, rel=1e-12)
    assert f_divergence(p[:3], q, f=gpa.KL()) == pytest.approx(math.log(2), rel=1e-12)
    # f(0) is infinite
    assert f_divergence(p[:3], q, f=gpa.ReverseKL()) == math.inf
    assert f_divergence(q, p[:3], f=gpa.KL()) == math.inf
    # thirds and their sums are equal in all but the last digit
    assert f_divergence(np.zeros((3, 1)), np.zeros((1, 1)), f=gpa.Wasserstein1()) == 0
    assert f_divergence(p, q, f=gpa.Wasserstein1()) == math.inf


def test_the_default_grid_follows_the_units(golden):
    p, q = golden
    grid = default_grid(p, q, 1.44)
    np.testing.assert_allclose(default_grid(1e3 * p, 1e3 * q, 1440.0), grid / 1e3, rtol=1e-9)
    assert (np.diff(grid) > 0).all()
    one = sweep(np.ones((2, 2)), np.ones((3, 2)))
    assert one.divergence.tolist() == [0.0] * len(one.lipschitz)
    assert one.d_f == one.w1 == 0


def test_what_is_not_reached_is_said_once(golden, monkeypatch):
    monkeypatch.setattr(interior_point, "STEPS", 1)
    with pytest.warns(UserWarning, match="for 2 of 2 values of L") as told:
        found = sweep(*golden, lipschitz=[1.0, 2.0], tolerance=1e-9)
    assert len(told) == 1
    assert not found.converged.any()
    assert found.lower[0] - 1e-6 <= 1.065758 <= found.upper[0] + 1e-6


@pytest.mark.parametrize(
    ("lipschitz", "part"),
    [
        ([], "at least one"),
        (1.0, "a list"),
        ([1.0, 0.0], "above 0"),
        ([1.0, np.nan], "nan"),
        (["a"], "numbers"),
    ],
)
def test_refused(lipschitz, part, golden):
    with pytest.raises(InputError, match=part):
        sweep(*golden, lipschitz=lipschitz)
