"""Two weighted clouds and the cost L |x - y| between them, never stored beyond a stated budget."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from numpy.typing import ArrayLike

from gparticles import compiled
from gparticles.checks import check_number, check_points, check_same_shape, check_weights
from gparticles.devices import in_rows
from gparticles.divergence.abstract_f import library
from gparticles.divergence.tiles import Tiles, tiles_of
from gparticles.errors import InputError

# entries of the largest block of costs that a float64 pass holds
BLOCK_ENTRIES = 2**22
# below this many entries NumPy is done before JAX has compiled
SMALL_ENTRIES = 2**16
# up to this dimension the coordinates' differences are fused into one pass
FUSED_DIMENSIONS = 16
# up to so many pairs what a product of measures costs is computed, and beyond it is bounded
PRODUCT_ENTRIES = 2**24
# beyond these, products with the plan would leave float32
COST_RANGE = (1e-25, 1e25)

# NumPy's or JAX's, and the same of both in one call
Arrays = TypeVar("Arrays", np.ndarray, jax.Array)
Number = float | jax.Array
Weights = tuple[ArrayLike | None, ArrayLike | None]


def distances(x: Arrays, y: Arrays) -> Arrays:
    """|x_i - y_j| from the differences of coordinates, shape (k, n); NumPy or JAX.

    Nothing cancels: the relative error is that of a sum of d squares.
    """
    xp = library(x)
    if xp is np:
        from scipy.spatial import distance

        return xp.asarray(distance.cdist(x, y))
    if x.shape[1] > FUSED_DIMENSIONS:
        return xp.sqrt(xp.sum((x[:, None] - y[None]) ** 2, axis=-1))
    squares = xp.zeros((x.shape[0], y.shape[0]), x.dtype)
    for k in range(x.shape[1]):
        squares = squares + (x[:, k, None] - y[None, :, k]) ** 2
    return xp.sqrt(squares)


@dataclass(frozen=True, eq=False)
class Ground:
    """Weighted clouds in coordinates that neither over- nor underflow.

    Attributes:
        x, y: points, shapes (m, d) and (n, d), float64: the data less their common ``centre``,
            divided by ``unit``, their largest entry.
        p, q: positive weights that sum to one, shapes (m,) and (n,).
        slope: L in nats per unit, so that the cost is slope |x - y|, in nats.
        lipschitz: L in nats per data unit.
        mesh: the devices over which passes over all pairs split their rows; None for one.
    """

    x: np.ndarray
    y: np.ndarray
    p: np.ndarray
    q: np.ndarray
    slope: float
    lipschitz: float
    centre: np.ndarray
    unit: float
    mesh: Mesh | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """The numbers of points, (m, n)."""
        return len(self.x), len(self.y)

    @property
    def is_small(self) -> bool:
        """Whether NumPy is done with all pairs before JAX has compiled."""
        return len(self.x) * len(self.y) <= SMALL_ENTRIES

    @cached_property
    def span(self) -> float:
        """A lower bound of L times the pooled clouds' diameter, at least half of it, nats."""
        both = np.concatenate([self.x, self.y])
        return self.slope * float(np.linalg.norm(both - both[0], axis=1).max())

    @cached_property
    def tiles(self) -> tuple[Tiles, Tiles]:
        """Groups of neighbours of x and of y."""
        return tiles_of(self.x), tiles_of(self.y)

    def to_unit(self, points: np.ndarray) -> np.ndarray:
        """Points (k, d) of the data in the coordinates of x and y."""
        return (points - self.centre) / self.unit

    def costs(self) -> np.ndarray:
        """The whole cost matrix, shape (m, n), nats; for small clouds."""
        return self.slope * distances(self.x, self.y)

    def blocks(self) -> Iterator[slice]:
        """Slices of the rows, each of at most ``BLOCK_ENTRIES`` costs."""
        height = max(1, BLOCK_ENTRIES // len(self.y))
        return (slice(at, at + height) for at in range(0, len(self.x), height))

    def placed(self, rows: np.ndarray, *, axis: int = 0, weights: bool = False) -> jax.Array:
        """Rows on the devices, in equal shares; those of one device as they are."""
        if self.mesh is None:
            return jnp.asarray(rows)
        return in_rows(self.mesh, rows, axis=axis, weights=weights)

    def c_transform(self, psi: np.ndarray) -> np.ndarray:
        """min_j (psi_j + L |x_i - y_j|), shape (m,), nats, in float64 and bounded memory."""
        return _swept(self, _least, psi)

    def product_cost(self, a: np.ndarray, b: np.ndarray) -> float:
        """sum_ij a_i b_j L |x_i - y_j|, nats; of many pairs at least that, by way of one point."""
        if len(self.x) * len(self.y) <= PRODUCT_ENTRIES:
            return float(a @ _swept(self, _mean_cost, b))
        middle = (self.q @ self.y)[None]
        to, onwards = (distances(points, middle)[:, 0] for points in (self.x, self.y))
        return self.slope * float((a @ to) * b.sum() + a.sum() * (b @ onwards))

    def at(self, points: np.ndarray) -> "Ground":
        """The same target from other points (k, d), in its coordinates and equally weighted."""
        return replace(self, x=points, p=np.full(len(points), 1 / len(points)))

    def part(self, rows: np.ndarray, columns: np.ndarray) -> "Ground":
        """Some of the points, their weights scaled to sum to one again."""
        p, q = self.p[rows], self.q[columns]
        return replace(self, x=self.x[rows], y=self.y[columns], p=p / p.sum(), q=q / q.sum())


def _least(x: Arrays, y: Arrays, slope: Number, psi: Arrays) -> Arrays:
    return library(psi).min(slope * distances(x, y) + psi[None, :], axis=1)


def _mean_cost(x: Arrays, y: Arrays, slope: Number, b: Arrays) -> Arrays:
    return library(b).matmul(slope * distances(x, y), b)


_COMPILED = {
    _least: compiled.jit(_least, static_argnames=()),
    _mean_cost: compiled.jit(_mean_cost, static_argnames=()),
}


def _swept(ground: Ground, function: Callable[..., np.ndarray], vector: np.ndarray) -> np.ndarray:
    if ground.is_small:
        return function(ground.x, ground.y, ground.slope, vector)
    with jax.enable_x64(True):
        y, v = jnp.asarray(ground.y), jnp.asarray(vector)
        parts = [
            np.asarray(_COMPILED[function](ground.placed(x), y, ground.slope, v))[: len(x)]
            for x in (ground.x[rows] for rows in ground.blocks())
        ]
    return np.concatenate(parts)


def check_clouds(
    p: Any, q: Any, lipschitz: Any, weights: tuple[Any, Any]
) -> tuple[Ground, np.ndarray, np.ndarray]:
    """Checks what the user gives and leaves out points of weight zero.

    Args:
        p, q: points, shapes (m, *event) and (n, *event), data units.
        lipschitz: L, nats per data unit.
        weights: of p and of q, not negative; None for equal ones.

    Returns:
        The clouds in common units, and which rows of p and of q are in them.

    Raises:
        InputError: points, weights or L that cannot be used.
    """
    slope = check_number(lipschitz, "lipschitz")
    x, y = check_points(p, "p"), check_points(q, "q")
    check_same_shape(x, y)
    first = check_weights(weights[0], len(x), "p_weights")
    second = check_weights(weights[1], len(y), "q_weights")
    rows, columns = np.flatnonzero(first), np.flatnonzero(second)
    x, y = (a.reshape(len(a), -1).astype(np.float64) for a in (x[rows], y[columns]))
    # halves, so that opposite ends of the floating-point range do not overflow
    low, high = (op(np.concatenate([x, y]), axis=0) for op in (np.min, np.max))
    centre = low / 2 + high / 2
    unit = float(np.max(high / 2 - low / 2)) or 1.0
    ground = Ground(
        (x - centre) / unit,
        (y - centre) / unit,
        first[rows],
        second[columns],
        slope * unit,
        slope,
        centre,
        unit,
    )
    if ground.span > 0 and not COST_RANGE[0] < ground.span < COST_RANGE[1]:
        raise InputError(
            f"lipschitz times the clouds' diameter is about {ground.span:.3g} nats, outside "
            f"{COST_RANGE[0]:g} to {COST_RANGE[1]:g}; choose another lipschitz or other units"
        )
    return ground, rows, columns
