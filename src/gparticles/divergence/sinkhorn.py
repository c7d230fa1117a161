"""Semi-relaxed Sinkhorn: the entropically smoothed problem, smoothing lowered in stages.

    max over psi of  sum_i p_i softmin_j (psi_j + C_ij) - inf_nu {nu + sum_j q_j f*(psi_j - nu)}

with softmin_j a_j = -e log sum_j q_j exp(-a_j / e). Alternating maximisation: the rows have a
closed form, every psi_j a one-dimensional one (``AbstractF.proximal``). Chizat, Peyre, Schmitzer
and Vialard (2018, Math. Comp. 87) give it for unbalanced transport, Schmitzer (2019, SIAM J. Sci.
Comput. 41(3)) the stabilised kernel and the stages. In float32: what it returns is a start for the
float64 bounds, which do not trust it.

Two forms of one iteration: where the kernel fits in memory it is stored for a chunk of iterations,
each two products with it; beyond the budget blocks of rows are computed anew in every sweep.
"""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from gparticles.divergence.f_divergences import AbstractF, Wasserstein1
from gparticles.divergence.ground import FUSED_DIMENSIONS, Ground, distances

# float32 entries of a stored kernel: 2**26 are 256 MiB, and the costs as much again
KERNEL_ENTRIES = 2**26
SWEEP_ENTRIES = 2**22
# iterations between two looks at the bounds
CHUNK = 20
SWEEPS = 5
# the first smoothing is the mean cost over this, and each stage divides by the second
START_SHARE = 16.0
STAGE_FACTOR = 4.0
# a stage ends when what more iterations can win is this share of the gap
SLACK_SHARE = 0.1
MAX_CHUNKS = 12
# below this share of the mean cost float32 cannot tell costs apart
LEAST_SMOOTHING = 1e-6
# clouds beyond this size start from the potential of a quarter of their points
MULTISCALE_POINTS = 3000
COARSE_SHARE = 4
# after the first few iterations of a chunk steps are lengthened (Thibault, Chizat, Dossal and
# Papadakis 2021, Algorithms 14(5)): a third fewer iterations where the smoothing is small
PLAIN, RELAXATION = 4, 1.6
# what the kernel's columns may be multiplied by before it is rebuilt, as a logarithm
MOST_CHANGE = 60.0
TINY = 1e-37


class Look(NamedTuple):
    """Where the iteration stands: psi (n,) and smoothing, nats, with float32 estimates."""

    psi: np.ndarray
    smoothing: float
    lower: float
    upper: float
    slack: float


class _Clouds(NamedTuple):
    """Float32 copies, padded with points of weight zero so that few shapes are compiled."""

    x: Float[Array, "m d"]
    y: Float[Array, "n d"]
    p: Float[Array, " m"]
    q: Float[Array, " n"]
    slope: Float[Array, ""]


def looks(f: AbstractF, ground: Ground) -> Iterator[Look]:
    """Potentials ever nearer to the optimum, a look after every chunk of iterations.

    Large clouds start from a part of their points.
    """
    mean = mean_cost(ground)
    psi, smoothing = np.zeros(len(ground.q)), mean / START_SHARE
    if max(ground.shape) > MULTISCALE_POINTS:
        psi, smoothing = _from_a_part(f, ground)
    iteration = _iteration(f, ground)
    while smoothing >= LEAST_SMOOTHING * mean:
        for chunk in range(MAX_CHUNKS):
            look = iteration.advance(psi, smoothing, first=chunk == 0)
            if not math.isfinite(look.slack):
                return
            yield look
            psi = look.psi
            if look.slack <= SLACK_SHARE * (look.upper - look.lower):
                break
        smoothing /= STAGE_FACTOR


def mean_cost(ground: Ground) -> float:
    """The mean cost of some of the pairs, nats."""
    x, y = (a[:: max(1, len(a) // 200)] for a in (ground.x, ground.y))
    return ground.slope * float(distances(x, y).mean()) or 1.0


def _from_a_part(f: AbstractF, ground: Ground) -> tuple[np.ndarray, float]:
    """The potential of a quarter of the points, at the smoothing its own sampling error merits."""
    rng = np.random.default_rng(0)
    m, n = (max(1, size // COARSE_SHARE) for size in ground.shape)
    rows, columns = (
        np.sort(rng.choice(size, part, replace=False))
        for size, part in zip(ground.shape, (m, n), strict=True)
    )
    part = ground.part(rows, columns)
    look = None
    for look in looks(f, part):
        if look.upper - look.lower <= 0.1 * abs(look.upper):
            break
    if look is None:
        return np.zeros(len(ground.q)), mean_cost(ground) / START_SHARE
    return part.at(ground.y).c_transform(look.psi), look.smoothing


class _Stored:
    """Iterations with a stored kernel exp((phi_i - psi_j - C_ij) / e), rebuilt between chunks."""

    def __init__(self, f: AbstractF, ground: Ground):
        self.f, self.n = f, len(ground.q)
        self.clouds = _padded(ground)
        self.costs = _costs(self.clouds)
        self.kernel: Any = None

    def advance(self, psi: np.ndarray, smoothing: float, *, first: bool) -> Look:
        e = jnp.float32(smoothing)
        if first:
            self.kernel = _kernel(self.costs, self.clouds, _pad(psi, self.clouds), e)
        found, self.kernel, numbers = _stored_chunk(
            self.f, self.clouds, self.costs, self.kernel, _pad(psi, self.clouds), e
        )
        return Look(_back(found, self.n), smoothing, *(float(v) for v in numbers))


class _Swept:
    """Iterations that compute the kernel anew, in blocks of rows."""

    def __init__(self, f: AbstractF, ground: Ground):
        self.f, self.n = f, len(ground.q)
        self.clouds = _padded(ground)

    def advance(self, psi: np.ndarray, smoothing: float, *, first: bool) -> Look:
        e, now = jnp.float32(smoothing), _pad(psi, self.clouds)
        for _ in range(SWEEPS):
            found, _ = _sweep(self.f, self.clouds, now, e)
            now = found if first else now + RELAXATION * (found - now)
        _, numbers = _sweep(self.f, self.clouds, now, e)
        return Look(_back(now, self.n), smoothing, *(float(v) for v in numbers))


def _iteration(f: AbstractF, ground: Ground) -> _Stored | _Swept:
    m, n = ground.shape
    return _Stored(f, ground) if m * n <= KERNEL_ENTRIES else _Swept(f, ground)


def bucket(n: int) -> int:
    """n rounded up to one of eight sizes per octave."""
    step = 1 << max(5, n.bit_length() - 4)
    return -(-n // step) * step


def _padded(ground: Ground) -> _Clouds:
    def grown(points: np.ndarray, weights: np.ndarray) -> tuple[Array, Array]:
        extra = bucket(len(points)) - len(points)
        points = np.concatenate([points, np.repeat(points[:1], extra, axis=0)])
        weights = np.concatenate([weights, np.zeros(extra)])
        return jnp.asarray(points, jnp.float32), jnp.asarray(weights, jnp.float32)

    (x, p), (y, q) = grown(ground.x, ground.p), grown(ground.y, ground.q)
    return _Clouds(x, y, p, q, jnp.float32(ground.slope))


def _pad(psi: np.ndarray, clouds: _Clouds) -> Array:
    extra = clouds.q.shape[0] - len(psi)
    return jnp.asarray(np.concatenate([psi, np.zeros(extra)]), jnp.float32)


def _back(psi: Array, n: int) -> np.ndarray:
    return np.asarray(psi[:n], np.float64)


def _block_costs(x: Array, y: Array, slope: Array) -> Array:
    if x.shape[1] <= FUSED_DIMENSIONS:
        return slope * distances(x, y)
    # a matrix product: what cancels between near points is the bounds' affair, not the start's
    product = jnp.matmul(x, y.T, precision=jax.lax.Precision.HIGHEST)
    squares = jnp.sum(x * x, axis=1)[:, None] + jnp.sum(y * y, axis=1) - 2 * product
    return slope * jnp.sqrt(jnp.maximum(squares, 0))


@jax.jit
def _costs(clouds: _Clouds) -> Array:
    return _block_costs(clouds.x, clouds.y, clouds.slope)


@jax.jit
def _kernel(costs: Array, clouds: _Clouds, psi: Array, e: Array) -> Array:
    """pi_ij / (p_i q_j) of the row-exact plan; zero where q_j is, so that padding is inert."""
    exponents = jnp.where(clouds.q > 0, -(costs + psi) / e, -jnp.inf)
    top = jnp.max(exponents, axis=1, keepdims=True)
    weights = jnp.exp(exponents - top)
    return weights / (weights @ clouds.q)[:, None]


def _product(a: Array, b: Array) -> Array:
    return jnp.matmul(a, b, precision=jax.lax.Precision.HIGHEST)


def _centred(f: AbstractF, psi: Array, q: Array) -> Array:
    used = q > 0
    # padding must not be the maximum from which the shift is sought
    return psi - f.excess_shift(jnp.where(used, psi, jnp.min(psi)), q)


@eqx.filter_jit
def _stored_chunk(
    f: AbstractF, clouds: _Clouds, costs: Array, kernel: Array, psi: Array, e: Array
) -> tuple[Array, Array, tuple[Array, ...]]:
    p, q = clouds.p, clouds.q

    def body(k: Array, change: Array) -> Array:
        # change is (psi_start - psi) / e, what multiplies the columns of the kernel
        rows = _product(kernel, q * jnp.exp(change))
        mass = jnp.log(jnp.maximum(_product(p / jnp.maximum(rows, TINY), kernel), TINY))
        step = (psi - f.proximal(mass + psi / e, e)) / e - change
        relaxed = change + jnp.where(k < PLAIN, 1.0, RELAXATION) * step
        return jnp.clip(relaxed, -MOST_CHANGE, MOST_CHANGE)

    change = jax.lax.fori_loop(0, CHUNK, body, jnp.zeros_like(psi))
    found = _centred(f, psi - e * change, q)
    found = jnp.where(q > 0, found, 0.0)
    kernel = _kernel(costs, clouds, found, e)
    return found, kernel, _numbers(f, clouds, costs, kernel, found)


def _numbers(
    f: AbstractF, clouds: _Clouds, costs: Array, kernel: Array, psi: Array
) -> tuple[Array, ...]:
    """Estimates of the bounds, and of what more iterations at this smoothing can win."""
    p, q = clouds.p, clouds.q
    least = jnp.min(jnp.where(q > 0, costs + psi, jnp.inf), axis=1)
    ratio = _product(p, kernel)
    cost = p @ _product(kernel * costs, q)
    lower = p @ least - q @ f.excess_conjugate(psi)
    if not isinstance(f, Wasserstein1):
        return _finished(f, (q, psi, ratio), lower, cost)
    factors = jnp.minimum(1.0, 1 / jnp.maximum(ratio, TINY))
    rows = p * (1 - _product(kernel, q * factors))
    columns = q * (1 - ratio * factors)
    fill = rows @ _product(costs, columns) / jnp.maximum(jnp.sum(columns), TINY)
    kept = p @ _product(kernel * costs, q * factors)
    slack = jnp.abs(kept + fill - cost) + jnp.abs((q * psi) @ (1 - ratio))
    return lower, kept + fill, slack


def _finished(
    f: AbstractF, columns: tuple[Array, Array, Array], lower: Array, cost: Array
) -> tuple[Array, ...]:
    q, psi, ratio = columns
    # f less its tangent at 1: the same sum, since the ratio has mean one, without cancellation
    penalty = f(ratio) - f.slope_at_one * (ratio - 1)
    penalty = jnp.where(q > 0, penalty, 0.0)
    young = penalty + f.excess_conjugate(psi) - psi * ratio
    return lower, cost + q @ penalty, q @ jnp.where(q > 0, young, 0.0)


@eqx.filter_jit
def _sweep(f: AbstractF, clouds: _Clouds, psi: Array, e: Array) -> tuple[Array, tuple[Array, ...]]:
    """One iteration in blocks of rows; the numbers are those of psi before it."""
    n = clouds.q.shape[0]
    height = max(1, SWEEP_ENTRIES // n)
    count = -(-clouds.p.shape[0] // height)
    extra = count * height - clouds.p.shape[0]
    x = jnp.pad(clouds.x, ((0, extra), (0, 0))).reshape(count, height, -1)
    p = jnp.pad(clouds.p, (0, extra)).reshape(count, height)

    def block(carry: tuple[Array, ...], rows: tuple[Array, Array]) -> tuple[tuple, None]:
        ratio, least, cost = carry
        x, p = rows
        costs = _block_costs(x, clouds.y, clouds.slope)
        sums = jnp.where(clouds.q > 0, costs + psi, jnp.inf)
        smallest = jnp.min(sums, axis=1)
        weights = jnp.exp((smallest[:, None] - sums) / e)
        shares = p / _product(weights, clouds.q)
        ratio = ratio + _product(shares, weights)
        cost = cost + shares @ _product(weights * costs, clouds.q)
        return (ratio, least + p @ smallest, cost), None

    start = (jnp.zeros(n), jnp.zeros(()), jnp.zeros(()))
    (ratio, least, cost), _ = jax.lax.scan(block, start, (x, p))
    q = clouds.q
    mass = jnp.log(jnp.maximum(ratio, TINY)) + psi / e
    found = jnp.where(q > 0, _centred(f, f.proximal(mass, e), q), 0.0)
    lower = least - q @ f.excess_conjugate(psi)
    if isinstance(f, Wasserstein1):
        # the rounding to exact columns costs at most this
        unmet = jnp.sum(q * jnp.abs(ratio - 1)) / 2
        slack = 2 * unmet * jnp.max(jnp.abs(psi)) + jnp.abs((q * psi) @ (1 - ratio))
        return found, (lower, cost + slack, slack)
    return found, _finished(f, (q, psi, ratio), lower, cost)
