"""The smoothing lowered in stages: first on all pairs, then on those that still matter."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from gparticles import compiled
from gparticles.divergence.bounds import Lower, Upper, lower_bound, upper_bound
from gparticles.divergence.f_divergences import AbstractF
from gparticles.divergence.ground import BLOCK_ENTRIES, Ground
from gparticles.divergence.nearest import estimated_pairs
from gparticles.divergence.plans import AbstractPlan, SoftPlan
from gparticles.divergence.sinkhorn import block_costs, iteration_of, mean_cost
from gparticles.divergence.sparse import (
    MOST_PAIRS,
    Pairs,
    PairsPlan,
    iterated,
    width_of,
)

# the first smoothing is the mean cost over this, and each stage divides by the second, or on some
# of the pairs by the third
START_SHARE = 16.0
STAGE_FACTOR = 4.0
PAIRS_FACTOR = 2.0
# a stage ends when what more iterations can win is this share of the gap
SLACK_SHARE = 0.1
MAX_CHUNKS = 12
# below this share of the mean cost float32 cannot tell costs apart
LEAST_SMOOTHING = 1e-6
# clouds beyond this size start from the potential of a quarter of their points
MULTISCALE_POINTS = 3000
COARSE_SHARE = 4
# the gap at which that potential is good enough, where few pairs matter in the end and where not
COARSE_GAP, DENSE_GAP = 0.01, 0.1
# and how much larger than there the first smoothing of all points is at most
COARSE_FACTOR = 4.0
# iterations go over some of the pairs where there are so many, and this share of them matters
PAIRS_FROM, PAIRS_SHARE = 2**20, 1 / 16
# of the gap, or of what it is at most: what one more iteration may move
ENOUGH, MODEST_GAP = 0.05, 2e-3
# times that a smoothing is tried on pairs found anew
TRIES = 6
# of the gap before: what is no progress
STALE = 0.9


class Candidate(NamedTuple):
    """What may prove the bounds.

    Attributes:
        psi: shape (n,), nats.
        plan: between the clouds.
        gap: of their bounds, or an estimate of it.
        smoothing: nats; 0 where there is none.
        bounds: true ones, where they are known.
        pairs: on which the plan is, or None for all.
    """

    psi: np.ndarray
    plan: AbstractPlan
    gap: float
    smoothing: float = 0.0
    bounds: tuple[Lower, Upper] | None = None
    pairs: Pairs | None = None


def iterates(f: AbstractF, ground: Ground) -> Iterator[Candidate]:
    """Potentials ever nearer to the optimum.

    Large clouds start from a part of their points.
    """
    mean = mean_cost(ground)
    psi, smoothing, settled = np.zeros(len(ground.q)), mean / START_SHARE, True
    if max(ground.shape) > MULTISCALE_POINTS:
        psi, smoothing, settled = *_from_a_part(f, ground), False
    iteration = None
    while smoothing >= LEAST_SMOOTHING * mean:
        if _few_matter(ground, psi, smoothing):
            yield from _on_pairs(f, ground, (psi, smoothing), settled=settled)
            return
        iteration = iteration_of(f, ground) if iteration is None else iteration
        for chunk in range(MAX_CHUNKS):
            iterate = iteration.advance(psi, smoothing, first=chunk == 0)
            if not math.isfinite(iterate.slack):
                return
            psi, width = iterate.psi, iterate.upper - iterate.lower
            gap = width / max(abs(iterate.upper), 1e-300)
            yield Candidate(psi, SoftPlan(ground, psi, smoothing), gap, smoothing)
            if iterate.slack <= SLACK_SHARE * width:
                break
        settled = True
        smoothing /= STAGE_FACTOR


def _few_matter(ground: Ground, psi: np.ndarray, smoothing: float) -> bool:
    pairs = len(ground.p) * len(ground.q)
    if pairs < PAIRS_FROM:
        return False
    return _pairs_at(ground, psi, smoothing) <= _most_pairs(ground)


def _pairs_at(ground: Ground, psi: np.ndarray, smoothing: float) -> float:
    return estimated_pairs(ground, psi, width_of(ground, psi, smoothing))


def _most_pairs(ground: Ground) -> float:
    return min(PAIRS_SHARE * len(ground.p) * len(ground.q), MOST_PAIRS)


def _on_pairs(
    f: AbstractF, ground: Ground, begin: tuple[np.ndarray, float], *, settled: bool
) -> Iterator[Candidate]:
    """Stages on the pairs that matter, found anew after each.

    Args:
        begin: psi and the smoothing.
        settled: whether psi is the best of a larger smoothing.
    """
    (psi, smoothing), tries, before = begin, 0, math.inf
    least = LEAST_SMOOTHING * mean_cost(ground)
    while smoothing >= least:
        pairs = Pairs(ground, psi, width_of(ground, psi, smoothing))
        plan = PairsPlan(pairs, psi, smoothing)
        lower = lower_bound(f, ground, psi, least=pairs.least)
        upper = upper_bound(f, ground, plan)
        gap = (upper.value - lower.value) / max(upper.value, 1e-300)
        yield Candidate(psi, upper.plan, gap, smoothing, (lower, upper), pairs)
        if settled or tries == TRIES or gap > STALE * before:
            # the pairs serve a smaller smoothing too
            smoothing, tries, before = smoothing / PAIRS_FACTOR, 0, math.inf
        else:
            before = gap
        enough = ENOUGH * min(gap, MODEST_GAP)
        psi, settled = iterated(f, pairs, psi, smoothing, enough=enough)
        tries += 1


def _from_a_part(f: AbstractF, ground: Ground) -> tuple[np.ndarray, float]:
    """The potential of a quarter of the points, at the smoothing its own sampling error merits."""
    rng = np.random.default_rng(0)
    sizes = (max(1, size // COARSE_SHARE) for size in ground.shape)
    rows, columns = (
        np.sort(rng.choice(size, part, replace=False))
        for size, part in zip(ground.shape, sizes, strict=True)
    )
    part, last = ground.part(rows, columns), None
    more = len(ground.p) * len(ground.q) / (len(part.p) * len(part.q))
    few = len(part.p) * len(part.q) >= PAIRS_FROM
    for last in iterates(f, part):
        if few and last.pairs is not None and last.gap <= COARSE_GAP:
            if more * last.pairs.count <= _most_pairs(ground):
                break
        elif not few and last.gap <= DENSE_GAP:
            break
    if last is None:
        return np.zeros(len(ground.q)), mean_cost(ground) / START_SHARE
    # the potential of a part is rough: as large a smoothing as leaves few pairs
    smoothing = COARSE_FACTOR * last.smoothing
    while smoothing > last.smoothing and (
        more * _pairs_at(part, last.psi, smoothing) > _most_pairs(ground)
    ):
        smoothing /= PAIRS_FACTOR
    return _extended(f, part, (last.psi, smoothing), ground.y), smoothing


def _extended(
    f: AbstractF, part: Ground, at: tuple[np.ndarray, float], points: np.ndarray
) -> np.ndarray:
    """psi at other targets: the best for what the part's rows send there."""
    psi, smoothing = at
    _, phi = Pairs(part, psi, width_of(part, psi, smoothing)).shares(psi, smoothing)
    sends = jnp.asarray(phi + smoothing * np.log(part.p), jnp.float32)
    x, slope, e = (jnp.asarray(a, jnp.float32) for a in (part.x, part.slope, smoothing))
    height = max(1, BLOCK_ENTRIES // len(part.x))
    parts = [
        _best_of(f, (x, sends), jnp.asarray(points[at : at + height], jnp.float32), slope, e)
        for at in range(0, len(points), height)
    ]
    return np.concatenate([np.asarray(psi, np.float64) for psi in parts])


@compiled.jit
def _best_of(f: AbstractF, rows: tuple[Array, Array], y: Array, slope: Array, e: Array) -> Array:
    x, sends = rows
    exponents = (sends[:, None] - block_costs(x, y, slope)) / e
    return f.proximal(jax.scipy.special.logsumexp(exponents, axis=0), e)
