"""Clouds beyond the small ones: Sinkhorn, blocks of rows, a part of the points first; memory."""

import equinox as eqx
import jax
import jax.extend.core
import jax.numpy as jnp
import numpy as np
import pytest

import gparticles as gpa
from gparticles.divergence import (
    certified,
    ground,
    interior_point,
    nearest,
    plans,
    sinkhorn,
    sparse,
    stages,
)
from gparticles.divergence.bounds import lower_bound, upper_bound
from gparticles.divergence.ground import check_clouds
from gparticles.divergence.plans import DensePlan

pytestmark = pytest.mark.slow

RNG = np.random.default_rng(1)
P = RNG.normal(size=(320, 3))
Q = 1.5 * RNG.normal(size=(420, 3)) + 0.5
FEW = [gpa.KL(), gpa.JensenShannon(), gpa.Wasserstein1()]
# alternating projections are slow where nothing regularises
WIDE = {str(gpa.Wasserstein1()): 5e-2}
few_f = pytest.mark.parametrize("f", FEW, ids=str)


@pytest.fixture(scope="module")
def tight():
    """Bounds by the interior-point method alone, at a gap of 1e-6."""
    between, _, _ = check_clouds(P, Q, 1.0, (None, None))

    def solve(f):
        for at in interior_point.iterates(f, between, np.zeros(len(Q))):
            if np.vdot(at.plan, at.slacks) > 1e-7:
                continue
            lower = lower_bound(f, between, at.psi).value
            upper = upper_bound(f, between, DensePlan(between, at.plan)).value
            if upper - lower <= 1e-6 * upper:
                return lower, upper
        raise AssertionError("no tight value")

    return {str(f): solve(f) for f in FEW}


@pytest.fixture
def without_newton(monkeypatch):
    monkeypatch.setattr(certified, "EXACT_ENTRIES", 0)


@few_f
def test_sinkhorn_brackets_the_tight_value(f, tight, without_newton):
    tolerance = WIDE.get(str(f), 5e-3)
    c = gpa.divergence(P, Q, f=f, tolerance=tolerance)
    lower, upper = tight[str(f)]
    assert c.converged
    assert c.gap <= tolerance
    assert c.lower <= upper
    assert lower <= c.upper
    assert np.linalg.norm(c.velocity, axis=1).max() <= 1 + 1e-9


@few_f
def test_newton_finishes_what_sinkhorn_starts(f, tight):
    c = gpa.divergence(P, Q, f=f, tolerance=1e-7)
    lower, upper = tight[str(f)]
    assert c.gap <= 1e-7
    assert c.lower <= upper
    assert lower <= c.upper


@few_f
def test_blocks_bracket_it_too(f, tight, without_newton, monkeypatch):
    # a kernel that does not fit, blocks of 20 rows in float64 and of 38 in float32
    monkeypatch.setattr(sinkhorn, "KERNEL_ENTRIES", 1)
    monkeypatch.setattr(sinkhorn, "SWEEP_ENTRIES", 2**14)
    monkeypatch.setattr(ground, "BLOCK_ENTRIES", 20 * len(Q))
    tolerance = WIDE.get(str(f), 1e-2)
    c = gpa.divergence(P, Q, f=f, tolerance=tolerance)
    lower, upper = tight[str(f)]
    assert c.gap <= tolerance
    assert c.lower <= upper
    assert lower <= c.upper
    # the parts put together are the whole
    one_by_one = np.concatenate([c.potential(row[None]) for row in P[:5]])
    np.testing.assert_allclose(c.potential(P)[:5], one_by_one, rtol=1e-12)


def test_a_part_of_the_points_is_a_start(tight, without_newton, monkeypatch):
    monkeypatch.setattr(stages, "MULTISCALE_POINTS", 300)
    c = gpa.divergence(P, Q, tolerance=5e-3)
    lower, upper = tight[str(gpa.KL())]
    assert c.gap <= 5e-3
    assert c.lower <= upper
    assert lower <= c.upper


def test_weights_and_dimensions_beyond_the_fused(without_newton):
    # twenty coordinates of which three count, and points that weigh nothing
    wide = [np.pad(a, ((0, 0), (0, 17))) for a in (P, Q)]
    q = np.where(np.arange(len(Q)) % 50 == 0, 0.0, 1.0)
    c = gpa.divergence(*wide, q_weights=q, tolerance=1e-2)
    kept = gpa.divergence(P, Q[q > 0], tolerance=1e-2)
    assert c.lower <= kept.upper
    assert kept.lower <= c.upper
    assert np.all(c.density_ratio[q == 0] == 0)


def _sizes(jaxpr):
    """Of every array that a traced program computes, those of its inner programs included."""
    for equation in jaxpr.eqns:
        yield from (int(np.prod(v.aval.shape)) for v in equation.outvars)
        for inner in jax.extend.core.jaxprs_in_params(equation.params):
            yield from _sizes(inner)


def _abstract(m, n, d):
    height = sinkhorn.SWEEP_ENTRIES // n
    blocks = (-(-m // height), height)
    shapes = {"x": (*blocks, d), "y": (n, d), "p": blocks, "q": (n,), "slope": ()}
    return sinkhorn._Clouds(**{k: jax.ShapeDtypeStruct(s, jnp.float32) for k, s in shapes.items()})


@few_f
def test_a_sweep_of_twenty_thousand_points_stays_within_the_budget(f):
    psi, e = (jax.ShapeDtypeStruct(s, jnp.float32) for s in ((20_480,), ()))
    clouds = _abstract(20_480, 20_480, 3)
    traced = eqx.filter_make_jaxpr(sinkhorn._sweep)(f, clouds, psi, e)[0]
    largest = max(_sizes(traced.jaxpr))
    assert 0.5 * sinkhorn.SWEEP_ENTRIES < largest <= 1.01 * sinkhorn.SWEEP_ENTRIES


def test_what_does_not_fit_is_swept():
    points = np.random.default_rng(0).normal(size=(20_000, 3))
    between, _, _ = check_clouds(points, points + 1, 1.0, (None, None))
    assert isinstance(sinkhorn.iteration_of(gpa.KL(), between), sinkhorn._Swept)
    heights = [len(between.x[rows]) for rows in between.blocks()]
    assert sum(heights) == 20_000
    assert max(heights) * 20_000 <= ground.BLOCK_ENTRIES


@pytest.mark.parametrize(
    ("function", "given"),
    [
        (ground._least, "x y one n"),
        (ground._mean_cost, "x y one n"),
        (plans._soft_totals, "y n n one one x m n"),
        (plans._soft_pull, "y n n one one x n"),
    ],
)
@pytest.mark.parametrize("d", [3, 50])
def test_a_pass_over_a_block_stays_within_the_budget(function, given, d):
    n = 20_000
    m = ground.BLOCK_ENTRIES // n
    shapes = {"x": (m, d), "y": (n, d), "m": (m,), "n": (n,), "one": ()}
    arguments = [jax.ShapeDtypeStruct(shapes[k], jnp.float32) for k in given.split()]
    largest = max(_sizes(jax.make_jaxpr(function)(*arguments).jaxpr))
    # the coordinates' differences are fused into their sum of squares, and never stored
    assert largest <= ground.BLOCK_ENTRIES * (1 if d <= ground.FUSED_DIMENSIONS else d)


def test_a_certificate_of_a_large_problem_holds_no_matrix(without_newton):
    c = gpa.divergence(P, Q, tolerance=5e-3)
    held = jax.tree.leaves([list(vars(a).values()) for a in (c, c.plan, c.potential)])
    assert max(np.size(a) for a in held if isinstance(a, np.ndarray)) <= Q.size


@few_f
@pytest.mark.parametrize("part", [10_000, 300])
def test_pairs_that_matter_bracket_it_too(f, part, tight, without_newton, monkeypatch):
    # from the first stage on in which a quarter of all pairs do
    monkeypatch.setattr(stages, "PAIRS_FROM", 1)
    monkeypatch.setattr(stages, "PAIRS_SHARE", 0.25)
    monkeypatch.setattr(stages, "MULTISCALE_POINTS", part)
    c = gpa.divergence(P, Q, f=f, tolerance=1e-3)
    lower, upper = tight[str(f)]
    assert c.gap <= 1e-3
    assert c.lower <= upper
    assert lower <= c.upper
    assert np.linalg.norm(c.velocity, axis=1).max() <= 1 + 1e-9
    # what it holds is found anew when it is asked for
    whole = c.plan.matrix()
    np.testing.assert_allclose(whole.sum(axis=1), 1 / len(P), rtol=1e-9)
    np.testing.assert_allclose(whole.sum(axis=0) * len(Q), c.density_ratio, atol=1e-9)


@pytest.mark.parametrize("all_measured", [2**26, 0], ids=["whole", "tiles"])
def test_pairs_hold_the_least_of_every_row_and_each_column(all_measured, monkeypatch):
    monkeypatch.setattr(nearest, "TILED_ENTRIES", all_measured)
    rng = np.random.default_rng(0)
    points = np.concatenate([rng.normal(size=(300, 3)), np.zeros((3, 3))])
    between, _, _ = check_clouds(points, 3 * points[::-1] + 1e-9, 1.0, (None, None))
    for width in (1e-9, 0.3):
        psi = rng.normal(size=303)
        pairs = sparse.Pairs(between, psi, sparse.width_of(between, psi, width / sparse.WIDTH))
        sums = between.costs() + psi
        np.testing.assert_allclose(pairs.least(psi), sums.min(axis=1), rtol=1e-14)
        assert set(pairs.costs.indices) == set(range(303))
        near = np.count_nonzero(sums <= sums.min(axis=1, keepdims=True) + pairs.width)
        assert near - 303 <= pairs.count <= near + 303
        # of a column that is nobody's choice the best row, up to what float32 tells apart
        reach = sums.min(axis=1)[:, None] - between.costs()
        kept = np.full(reach.shape, -np.inf)
        kept[pairs.rows, pairs.costs.indices] = reach[pairs.rows, pairs.costs.indices]
        np.testing.assert_allclose(kept.max(axis=0), reach.max(axis=0), atol=1e-5)


def test_tiles_leave_out_pairs_that_are_far(monkeypatch):
    monkeypatch.setattr(nearest, "TILED_ENTRIES", 0)
    measured = []

    def counted(x, y):
        measured.append(len(x) * len(y))
        return ground.distances(x, y)

    monkeypatch.setattr(nearest, "distances", counted)
    line = np.linspace(0, 1, 4000)[:, None]
    between, _, _ = check_clouds(line, line + 0.1, 1.0, (None, None))
    assert nearest.near_pairs(between, np.zeros(4000), 1e-3).nnz >= 4000
    assert sum(measured) < 0.15 * 4000**2
