"""Dense layers whose operator norm is at most 1 by construction.

Each layer holds free parameters and computes its weight from them, once per gradient evaluation:
nothing is projected after an optimiser step and nothing is stateful. ``Fixed`` holds a weight that
was computed before; ``resolve`` turns every layer of a potential into that.
"""

import math
from abc import abstractmethod
from typing import TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray
from numpy.typing import ArrayLike

from gparticles.divergence.interior_point import few_threads

Weight = Float[Array, "out in"]
Tree = TypeVar("Tree")


class AbstractWeight(eqx.Module):
    """A matrix of shape (out, in), computed from free parameters of any shape."""

    @abstractmethod
    def __call__(self) -> Weight:
        """The weight; its spectral norm is at most 1 unless the class says otherwise."""


class Fixed(AbstractWeight):
    """A weight that is stored as it is; whoever computed it answers for its norm."""

    raw: Array

    def __call__(self) -> Weight:
        return self.raw


class Unconstrained(AbstractWeight):
    """A free weight with no bound on its norm, for L = inf and for soft potentials."""

    raw: Array

    def __init__(self, out_size: int, in_size: int, *, key: PRNGKeyArray):
        self.raw = glorot(key, out_size, in_size)

    def __call__(self) -> Weight:
        return self.raw


class Frobenius(AbstractWeight):
    """V / |V|_F: the loosest bound, since the Frobenius norm exceeds the spectral one.

    It is what the reference implementation calls spectral normalisation.
    """

    raw: Array

    def __init__(self, out_size: int, in_size: int, *, key: PRNGKeyArray):
        self.raw = glorot(key, out_size, in_size)

    def __call__(self) -> Weight:
        return self.raw / _norm(self.raw)


class Spectral(AbstractWeight):
    """V / b with b >= |V|_2 from Gram iteration, a true bound at every number of iterations.

    |V|_2 <= |G^(2^k)|_F^(1 / 2^(k+1)), G = V^T V (Delattre et al. 2023, arXiv 2305.16173); after
    eight squarings the bound exceeds the norm by at most rank^(1/512), 1 % at rank 128. A truncated
    power iteration, the usual choice, stays *below* the norm and so bounds nothing.
    """

    raw: Array

    def __init__(self, out_size: int, in_size: int, *, key: PRNGKeyArray):
        self.raw = glorot(key, out_size, in_size)

    def __call__(self) -> Weight:
        return self.raw / jnp.maximum(gram_bound(self.raw), _TINY)


class Orthogonal(AbstractWeight):
    """Orthonormal rows or columns by the Cayley map: every singular value is 1.

    For a tall matrix with raw parameters U (m, m) and V (n - m, m), and A = U - U^T + V^T V, the
    weight is [(I + A)^-1 (I - A); -2 V (I + A)^-1] (Trockman and Kolter 2021, arXiv 2104.07167).
    """

    raw: Array
    wide: bool = eqx.field(static=True)

    def __init__(self, out_size: int, in_size: int, *, key: PRNGKeyArray):
        self.wide = in_size > out_size
        shape = (max(out_size, in_size), min(out_size, in_size))
        self.raw = jax.random.normal(key, shape, jnp.float32) / math.sqrt(shape[0])

    def __call__(self) -> Weight:
        tall = cayley(self.raw)
        return tall.T if self.wide else tall


class AOL(AbstractWeight):
    """V D with D_jj = (sum_k |V^T V|_jk)^(-1/2): almost orthogonal, cheap, no inverse.

    Prach and Lampert 2022, arXiv 2208.03160, theorem 1. A wide matrix is treated by its
    transpose, whose norm is the same and whose Gram matrix is the smaller one.
    """

    raw: Array

    def __init__(self, out_size: int, in_size: int, *, key: PRNGKeyArray):
        self.raw = jnp.eye(out_size, in_size, dtype=jnp.float32) + 0.5 * glorot(
            key, out_size, in_size
        )

    def __call__(self) -> Weight:
        wide = self.raw.shape[1] > self.raw.shape[0]
        tall = self.raw.T if wide else self.raw
        sums = jnp.sum(jnp.abs(tall.T @ tall), axis=1)
        scaled = tall * jax.lax.rsqrt(jnp.maximum(sums, _TINY))[None, :]
        return scaled.T if wide else scaled


class UnitRows(AbstractWeight):
    """Every row has norm 1 on its own: one scalar head per row, each 1-Lipschitz."""

    raw: Array

    def __init__(self, out_size: int, in_size: int, *, key: PRNGKeyArray):
        self.raw = jax.random.normal(key, (out_size, in_size), jnp.float32)

    def __call__(self) -> Weight:
        return self.raw / _norm(self.raw, axis=1)


# of raw parameters, in the Frobenius norm
_LARGEST = 200.0
# columns that are eliminated one by one before products take over
_PANEL = 64
_TINY = 1e-18  # its square is still a normal float32, and no trained weight is that small

LAYERS: dict[str, type[AbstractWeight]] = {
    "orthogonal": Orthogonal,
    "spectral": Spectral,
    "frobenius": Frobenius,
    "aol": AOL,
}


def glorot(key: PRNGKeyArray, out_size: int, in_size: int) -> Weight:
    """Uniform in +-sqrt(6 / (in + out)) (Glorot and Bengio 2010, eq. 16)."""
    limit = math.sqrt(6 / (out_size + in_size))
    return jax.random.uniform(key, (out_size, in_size), jnp.float32, -limit, limit)


def _norm(matrix: Array, axis: int | None = None) -> Array:
    # the maximum is taken below the root, whose gradient is infinite at 0
    squares = jnp.sum(matrix * matrix, axis=axis, keepdims=axis is not None)
    return jnp.sqrt(jnp.maximum(squares, _TINY * _TINY))


def cayley(raw: Float[Array, "n m"]) -> Float[Array, "n m"]:
    """A matrix with orthonormal columns from an unconstrained tall one, n >= m."""
    size = raw.shape[1]
    # beyond this float32 would lose the identity beside A; no rotation of use is lost by it
    raw = raw * jnp.minimum(1.0, _LARGEST / _norm(raw))
    top, bottom = raw[:size], raw[size:]
    skewed = top - top.T + bottom.T @ bottom
    identity = jnp.eye(size, dtype=raw.dtype)
    inverted = inverse(identity + skewed)
    weight = jnp.concatenate([inverted @ (identity - skewed), -2 * bottom @ inverted])
    # large parameters make I + A ill-conditioned; one step of Newton and Schulz squares the error
    return weight @ (1.5 * identity - 0.5 * (weight.T @ weight))


@jax.custom_jvp
def inverse(matrix: Float[Array, "n n"]) -> Float[Array, "n n"]:
    """The inverse of a nonsingular matrix, on CPUs without LAPACK.

    Its threads would wait for each other longer than they work wherever another process runs.
    """
    return jax.lax.platform_dependent(matrix, cpu=_gauss_jordan, default=jnp.linalg.inv)


@inverse.defjvp
def _inverse_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    inverted = inverse(primals[0])
    return inverted, -inverted @ tangents[0] @ inverted


def _gauss_jordan(matrix: Array) -> Array:
    """Elimination with partial pivoting, a panel of columns at a time."""
    n = matrix.shape[0]
    both = jnp.concatenate([matrix, jnp.eye(n, dtype=matrix.dtype)], axis=1)
    free, order = jnp.ones(n, bool), []
    for start in range(0, n, _PANEL):
        panel = both[:, start : min(start + _PANEL, n)]
        pivots, free, _ = _eliminated(panel, panel[:, :0], free)
        chosen = panel[pivots]
        identity = jnp.eye(len(chosen), dtype=matrix.dtype)
        within, _, solved = _eliminated(chosen, identity, jnp.ones(len(chosen), bool))
        rows = solved[within] @ both[pivots]
        both = (both - panel @ rows).at[pivots].set(rows)
        order.append(pivots)
    return both[jnp.concatenate(order)][:, n:]


def _eliminated(left: Array, right: Array, free: Array) -> tuple[Array, Array, Array]:
    """The pivot row of each column of left, the rows still free, and right after elimination."""
    count = left.shape[1]

    def body(k: Array, carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        pivots, free, both = carry
        column = jax.lax.dynamic_index_in_dim(both, k, 1, keepdims=False)
        pivot = jnp.argmax(jnp.where(free, jnp.abs(column), -1.0)).astype(jnp.int32)
        row = both[pivot] / column[pivot]
        is_pivot = jnp.arange(len(column)) == pivot
        both = jnp.where(is_pivot[:, None], row[None], both - column[:, None] * row[None])
        return pivots.at[k].set(pivot), free & ~is_pivot, both

    start = (jnp.zeros(count, jnp.int32), free, jnp.concatenate([left, right], axis=1))
    pivots, free, both = jax.lax.fori_loop(0, count, body, start)
    return pivots, free, both[:, count:]


def gram_bound(matrix: Float[Array, "out in"], iterations: int = 8) -> Float[Array, ""]:
    """An upper bound of the spectral norm by repeated squaring of the Gram matrix.

    Args:
        iterations: squarings; the bound is too large by at most rank^(1 / 2^(iterations + 1)).
    """
    wide = matrix.shape[1] > matrix.shape[0]
    scale = jnp.maximum(jnp.max(jnp.abs(matrix)), _TINY)
    unit = matrix / scale
    gram = unit @ unit.T if wide else unit.T @ unit
    log_bound = jnp.zeros((), matrix.dtype)
    for k in range(iterations):
        norm = _norm(gram)
        log_bound += jnp.log(norm) / 2 ** (k + 1)
        gram = (gram / norm) @ (gram / norm)
    norm = _norm(gram)
    log_bound += jnp.log(norm) / 2 ** (iterations + 1)
    # 2e-6 covers the rounding of the float32 sums
    return scale * jnp.exp(log_bound) * (1 + 2e-6)


def resolve(potential: Tree) -> Tree:
    """The same potential with every constrained weight computed once and stored as ``Fixed``."""

    def is_weight(node: object) -> bool:
        return isinstance(node, AbstractWeight)

    def fix(node: object) -> object:
        return Fixed(node()) if isinstance(node, AbstractWeight) else node

    return jax.tree.map(fix, potential, is_leaf=is_weight)


def spectral_norm(weight: ArrayLike) -> float:
    """The largest singular value in float64, rounded up by float64's own error."""
    matrix = np.asarray(weight, dtype=np.float64)
    with few_threads(matrix.size):
        return float(np.linalg.norm(matrix, 2)) * (1 + 1e-12)


def largest_row_norm(weight: ArrayLike) -> float:
    """The largest Euclidean norm of a row in float64: the slope of the steepest scalar head."""
    matrix = np.asarray(weight, dtype=np.float64)
    return float(np.max(np.linalg.norm(matrix, axis=1))) * (1 + 1e-12)
