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

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from gparticles import compiled
from gparticles.divergence.f_divergences import AbstractF
from gparticles.divergence.ground import FUSED_DIMENSIONS, Ground, distances

# float32 entries of a stored kernel: 2**26 are 256 MiB, and the costs as much again
KERNEL_ENTRIES = 2**26
SWEEP_ENTRIES = 2**22
# iterations between two estimates of the bounds
CHUNK = 20
SWEEPS = 5
# after the first few iterations of a chunk steps are lengthened (Thibault, Chizat, Dossal and
# Papadakis 2021, Algorithms 14(5)): a third fewer iterations where the smoothing is small
PLAIN, RELAXATION = 4, 1.6
# what the kernel's columns may be multiplied by before it is rebuilt, as a logarithm
MOST_CHANGE = 60.0

Scalar = Float[Array, ""]
Kernel = Float[Array, "m n"]
Marginals = tuple[Float[Array, " m"], Float[Array, " n"]]


class Iterate(NamedTuple):
    """Where the iteration stands: psi (n,) and smoothing, nats, with float32 estimates."""

    psi: np.ndarray
    smoothing: float
    lower: float
    upper: float
    slack: float


class Columns(NamedTuple):
    """Of every target: its weight q, its potential psi and what arrives over q; shape (n,)."""

    q: Float[Array, " n"]
    psi: Float[Array, " n"]
    ratio: Float[Array, " n"]


class _Clouds(NamedTuple):
    """Float32 copies, padded with points of weight zero so that few shapes are compiled.

    Rows (x, p) lie on the devices in equal shares: whole, or in blocks one after the other.
    """

    x: Float[Array, "*m d"]
    y: Float[Array, "n d"]
    p: Float[Array, "*m"]
    q: Float[Array, " n"]
    slope: Float[Array, ""]


def mean_cost(ground: Ground) -> float:
    """The mean of L |x - y| over some of the pairs, nats; 1 where all are zero."""
    x, y = (a[:: max(1, len(a) // 200)] for a in (ground.x, ground.y))
    return ground.slope * float(distances(x, y).mean()) or 1.0


class _Stored:
    """Iterations with a stored kernel exp((phi_i - psi_j - C_ij) / e), rebuilt between chunks."""

    def __init__(self, f: AbstractF, ground: Ground):
        self.f, self.n = f, len(ground.q)
        self.clouds = _padded(ground)
        self.costs = _costs(self.clouds)
        self.kernel: Array = jnp.zeros((), jnp.float32)  # made by the first advance

    def advance(self, psi: np.ndarray, smoothing: float, *, first: bool) -> Iterate:
        e = jnp.float32(smoothing)
        if first:
            self.kernel = _kernel(self.costs, self.clouds, _pad(psi, self.clouds), e)
        after, self.kernel, estimates = _stored_chunk(
            self.f, self.clouds, self.costs, self.kernel, _pad(psi, self.clouds), e
        )
        return Iterate(_back(after, self.n), smoothing, *(float(v) for v in estimates))


class _Swept:
    """Iterations that compute the kernel anew, in blocks of rows."""

    def __init__(self, f: AbstractF, ground: Ground):
        self.f, self.n = f, len(ground.q)
        self.clouds = _padded(ground, in_blocks=True)

    def advance(self, psi: np.ndarray, smoothing: float, *, first: bool) -> Iterate:
        e, now = jnp.float32(smoothing), _pad(psi, self.clouds)
        for _ in range(SWEEPS):
            after, _ = _sweep(self.f, self.clouds, now, e)
            now = after if first else now + RELAXATION * (after - now)
        _, estimates = _sweep(self.f, self.clouds, now, e)
        return Iterate(_back(now, self.n), smoothing, *(float(v) for v in estimates))


def iteration_of(f: AbstractF, ground: Ground) -> _Stored | _Swept:
    m, n = ground.shape
    return _Stored(f, ground) if m * n <= KERNEL_ENTRIES else _Swept(f, ground)


def bucket(n: int) -> int:
    """n rounded up to one of eight sizes per octave."""
    step = 1 << max(5, n.bit_length() - 4)
    return -(-n // step) * step


def _padded(ground: Ground, *, in_blocks: bool = False) -> _Clouds:
    def grown(points: np.ndarray, weights: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
        extra = size - len(points)
        points = np.concatenate([points, np.repeat(points[:1], extra, axis=0)])
        weights = np.concatenate([weights, np.zeros(extra)])
        return points.astype(np.float32), weights.astype(np.float32)

    m, n = (bucket(size) for size in ground.shape)
    height = max(1, SWEEP_ENTRIES // n) if in_blocks else m
    x, p = grown(ground.x, ground.p, -(-m // height) * height)
    if in_blocks:
        x, p = x.reshape(-1, height, x.shape[1]), p.reshape(-1, height)
    y, q = map(jnp.asarray, grown(ground.y, ground.q, n))
    axis = p.ndim - 1
    rows = ground.placed(x, axis=axis), ground.placed(p, axis=axis, weights=True)
    return _Clouds(rows[0], y, rows[1], q, jnp.float32(ground.slope))


def _pad(psi: np.ndarray, clouds: _Clouds) -> Array:
    extra = clouds.q.shape[0] - len(psi)
    return jnp.asarray(np.concatenate([psi, np.zeros(extra)]), jnp.float32)


def _back(psi: Array, n: int) -> np.ndarray:
    return np.asarray(psi[:n], np.float64)


def block_costs(x: Array, y: Array, slope: Array) -> Array:
    """slope |x_i - y_j| in float32."""
    if x.shape[1] <= FUSED_DIMENSIONS:
        return slope * distances(x, y)
    # a matrix product: what cancels between near points is the bounds' affair, not the start's
    product = jnp.matmul(x, y.T, precision=jax.lax.Precision.HIGHEST)
    squares = jnp.sum(x * x, axis=1)[:, None] + jnp.sum(y * y, axis=1)[None] - 2 * product
    return slope * jnp.sqrt(jnp.maximum(squares, 0))


@partial(compiled.jit, static_argnames=())
def _costs(clouds: _Clouds) -> Array:
    return block_costs(clouds.x, clouds.y, clouds.slope)


@partial(compiled.jit, static_argnames=())
def _kernel(costs: Array, clouds: _Clouds, psi: Array, e: Array) -> Array:
    """pi_ij / (p_i q_j) of the row-exact plan; zero where q_j is, so that padding is inert."""
    exponents = jnp.where(clouds.q[None] > 0, -(costs + psi[None]) / e, -jnp.inf)
    top = jnp.max(exponents, axis=1, keepdims=True)
    weights = jnp.exp(exponents - top)
    return weights / (weights @ clouds.q)[:, None]


def _product(a: Array, b: Array) -> Array:
    return jnp.matmul(a, b, precision=jax.lax.Precision.HIGHEST)


def updated(
    f: AbstractF, arriving: Float[Array, " n"], psi: Float[Array, " n"], e: Scalar
) -> Float[Array, " n"]:
    """The psi that are best for what arrives: the one update of every form of the iteration.

    Args:
        arriving: what the rows send to every target over its weight, by the kernel of psi.
        psi: nats.
        e: the smoothing, nats.
    """
    return f.proximal(jnp.log(jnp.maximum(arriving, _tiny(psi))) + psi / e, e)


def column_change(
    f: AbstractF, kernel: Kernel, marginals: Marginals, psi: Float[Array, " n"], e: Scalar
) -> Callable[[Array], Array]:
    """One iteration with a stored kernel: from the logarithm of its columns' factors to the next.

    Args:
        kernel: pi_ij / (p_i q_j) of psi.
        marginals: p and q, shapes (m,) and (n,).
    """
    p, q = marginals

    def iterated(change: Array) -> Array:
        # change is (psi_start - psi) / e, what multiplies the columns of the kernel
        rows = _product(kernel, q * jnp.exp(change))
        arriving = _product(p / jnp.maximum(rows, _tiny(psi)), kernel)
        return (psi - updated(f, arriving, psi, e)) / e

    return iterated


def centred(f: AbstractF, psi: Float[Array, " n"], q: Float[Array, " n"]) -> Float[Array, " n"]:
    """psi, nats, less its optimal shift; 0 at targets of weight zero."""
    used = q > 0
    # padding must not be the maximum from which the shift is sought
    shifted = psi - f.excess_shift(jnp.where(used, psi, jnp.min(psi)), q)
    return jnp.where(used, shifted, 0.0)


def penalty_and_slack(f: AbstractF, columns: Columns, price: Scalar) -> tuple[Scalar, Scalar]:
    """What is paid for where mass arrives, and what more iterations can win at most; both nats.

    sum_j q_j f(r_j) with f less its tangent at 1, and Young's sum_j q_j (f(r_j) + f*(psi_j) -
    psi_j r_j), which is zero at the optimum.

    Args:
        price: what carrying mass between targets costs at most, see ``AbstractF.penalty``.
    """
    q, psi, ratio = columns
    used = q > 0
    penalty = jnp.where(used, f.penalty(jnp.where(used, ratio, 1.0), price), 0.0)
    young = penalty + f.excess_conjugate(psi) - psi * ratio
    return q @ penalty, q @ jnp.where(used, young, 0.0)


def _tiny(like: Array) -> float:
    return float(jnp.finfo(like.dtype).tiny)


@compiled.jit
def _stored_chunk(
    f: AbstractF, clouds: _Clouds, costs: Array, kernel: Array, psi: Array, e: Array
) -> tuple[Array, Array, tuple[Array, ...]]:
    iterated = column_change(f, kernel, (clouds.p, clouds.q), psi, e)

    def body(k: Array, change: Array) -> Array:
        relaxed = change + jnp.where(k < PLAIN, 1.0, RELAXATION) * (iterated(change) - change)
        return jnp.clip(relaxed, -MOST_CHANGE, MOST_CHANGE)

    change = jax.lax.fori_loop(0, CHUNK, body, jnp.zeros_like(psi))
    psi = centred(f, psi - e * change, clouds.q)
    kernel = _kernel(costs, clouds, psi, e)
    return psi, kernel, _estimates(f, clouds, costs, kernel, psi)


def _estimates(
    f: AbstractF, clouds: _Clouds, costs: Array, kernel: Array, psi: Array
) -> tuple[Array, ...]:
    """Estimates of the bounds, and of what more iterations at this smoothing can win."""
    p, q = clouds.p, clouds.q
    least = jnp.min(jnp.where(q[None] > 0, costs + psi[None], jnp.inf), axis=1)
    columns = Columns(q, psi, _product(p, kernel))
    penalty, slack = penalty_and_slack(f, columns, _price(psi, q))
    cost = p @ _product(kernel * costs, q)
    return p @ least - q @ f.excess_conjugate(psi), cost + penalty, slack


@compiled.jit
def _sweep(f: AbstractF, clouds: _Clouds, psi: Array, e: Array) -> tuple[Array, tuple[Array, ...]]:
    """One iteration in blocks of rows; the numbers are those of psi before it."""

    def block(carry: tuple[Array, ...], rows: tuple[Array, Array]) -> tuple[tuple, None]:
        ratio, least, cost = carry
        x, p = rows
        costs = block_costs(x, clouds.y, clouds.slope)
        sums = jnp.where(clouds.q[None] > 0, costs + psi[None], jnp.inf)
        smallest = jnp.min(sums, axis=1)
        weights = jnp.exp((smallest[:, None] - sums) / e)
        shares = p / _product(weights, clouds.q)
        ratio = ratio + _product(shares, weights)
        cost = cost + shares @ _product(weights * costs, clouds.q)
        return (ratio, least + p @ smallest, cost), None

    q = clouds.q
    start = tuple(jnp.zeros(shape, q.dtype) for shape in (q.shape, (), ()))
    (ratio, least, cost), _ = jax.lax.scan(block, start, (clouds.x, clouds.p))
    penalty, slack = penalty_and_slack(f, Columns(q, psi, ratio), _price(psi, q))
    estimates = (least - q @ f.excess_conjugate(psi), cost + penalty, slack)
    return centred(f, updated(f, ratio, psi, e), q), estimates


def _price(psi: Array, q: Array) -> Array:
    """How much psi varies: at the optimum the least price that keeps every share in its place."""
    used = q > 0
    return jnp.max(jnp.where(used, psi, -jnp.inf)) - jnp.min(jnp.where(used, psi, jnp.inf))
