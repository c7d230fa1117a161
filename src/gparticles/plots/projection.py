"""From points of any shape to the two or three columns that can be drawn, and the part shown."""

from collections.abc import Sequence

import numpy as np

from gparticles.checks import check_points
from gparticles.errors import InputError
from gparticles.plots.style import flat, spaced

# rows times columns of the target that its principal components are computed from
MAX_ENTRIES = 20_000_000


class Projection:
    """Points of any shape as at most two or three columns that can be drawn.

    One to three coordinates are shown as they are; more by the first two principal components of
    the target, in units of ``scale``.

    Args:
        target: shape (n, *event), data units.
        scale: what the columns are divided by before the components are computed.
        columns: their names.

    Raises:
        InputError: no finite target, or another number of names than of columns.
    """

    def __init__(
        self,
        target: np.ndarray,
        *,
        scale: float | np.ndarray = 1.0,
        columns: Sequence[str] | None = None,
    ):
        target = check_points(target, "target")
        size = flat(target[:1]).shape[1]
        if columns is not None and len(columns) != size:
            raise InputError(f"{len(columns)} names for {size} columns; give one for each")
        self.size = size
        self.principal = size > 3
        self.dim = 2 if self.principal else size
        self.columns = columns or [f"x{k + 1}" for k in range(size)]
        self.scale = np.broadcast_to(scale, target.shape[1:]).reshape(-1)
        if self.principal:
            every = 1 + len(target) * size // MAX_ENTRIES + len(target) // 5000
            rows = flat(target[::every]) / self.scale
            self.mean = rows.mean(axis=0)
            self.basis, self.shares = _principal(rows - self.mean)

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """The columns that are drawn, shape (n, dim), float64."""
        rows = flat(points)
        if rows.shape[1] != self.size:
            raise InputError(f"points have {rows.shape[1]} columns and the target {self.size}")
        return (rows / self.scale - self.mean) @ self.basis.T if self.principal else rows

    def names(self) -> list[str]:
        """What the axes are called."""
        if not self.principal:
            return list(self.columns)
        return [
            f"principal component {k + 1} of the target ({s:.0%})"
            for k, s in enumerate(self.shares)
        ]

    def pairs(self, points: np.ndarray) -> np.ndarray:
        """Two columns for the page: the outer two of three, and one beside its rank.

        The outer two show the spiral of the Swiss roll; the rank of one column over the number of
        points is its empirical distribution function.
        """
        drawn = self(points)
        if self.dim == 1:
            rank = np.empty(len(drawn))
            rank[np.argsort(drawn[:, 0], kind="stable")] = np.arange(1, len(drawn) + 1)
            return np.column_stack([drawn[:, 0], rank / len(drawn)])
        return drawn[:, [0, -1]]

    def pair_names(self) -> list[str]:
        """What the axes of ``pairs`` are called."""
        names = self.names()
        return [names[0], "share of points below"] if self.dim == 1 else [names[0], names[-1]]


def _principal(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The first two principal directions of centred rows, shape (2, d), and their shares."""
    n, d = rows.shape
    # the smaller of covariance and Gram matrix has the same eigenvalues
    if d <= n:
        values, vectors = np.linalg.eigh(rows.T @ rows)
        basis = vectors[:, :-3:-1].T
    else:
        values, vectors = np.linalg.eigh(rows @ rows.T)
        basis = (rows.T @ vectors[:, :-3:-1]).T
    shares = np.pad(np.maximum(values[:-3:-1], 0), (0, 2))[:2]
    total = max(float(np.maximum(values, 0).sum()), np.finfo(float).tiny)
    basis = _completed(basis, shares > 1e-12 * total)
    # of the two signs, the one whose largest entry is positive
    largest = np.abs(basis).argmax(axis=1)
    return basis * np.sign(basis[[0, 1], largest])[:, None], shares / total


def _completed(basis: np.ndarray, usable: np.ndarray) -> np.ndarray:
    """Two orthonormal rows, coordinate axes in the place of directions in which nothing varies."""
    kept = basis[usable[: len(basis)]]
    axes = np.eye(3, kept.shape[1])
    orthonormal, _ = np.linalg.qr(np.concatenate([kept, axes]).T)
    return orthonormal.T[:2]


def limits(clouds: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The box to show: all points, or where a few lie very far out, all but these.

    A column is cut where its range is more than five times that of every cloud's middle 90 %.

    Args:
        clouds: each of shape (n, dim); points that are not finite do not count.

    Returns:
        Lower and upper corner, shape (dim,) each.
    """
    finite = [cloud[np.isfinite(cloud).all(axis=1)] for cloud in clouds]
    finite = [cloud for cloud in finite if len(cloud)]
    if not finite:
        return np.zeros(clouds[0].shape[1]), np.ones(clouds[0].shape[1])
    low = np.min([cloud.min(axis=0) for cloud in finite], axis=0)
    high = np.max([cloud.max(axis=0) for cloud in finite], axis=0)
    inner = np.array([np.quantile(cloud, [0.05, 0.95], axis=0) for cloud in finite])
    inner_low, inner_high = inner[:, 0].min(axis=0), inner[:, 1].max(axis=0)
    middle = inner_high - inner_low
    far = (high - low > 5 * middle) & (middle > 0)
    low = np.where(far, np.maximum(low, inner_low - 0.5 * middle), low)
    high = np.where(far, np.minimum(high, inner_high + 0.5 * middle), high)
    span = np.where(high > low, high - low, np.maximum(np.abs(high), 1.0))
    return low - 0.05 * span, high + 0.05 * span


def limits_over_time(
    frames: np.ndarray, target: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The box of a film: first and last frame, target, and the bulk of what lies between.

    Args:
        frames: shape (frames, m, dim).
        target: shape (n, dim), or None.
    """
    if not len(frames):
        raise InputError("no frames to draw; give one at least")
    clouds = [frames[0], frames[-1]] if target is None else [frames[0], frames[-1], target]
    for frame in frames[spaced(len(frames), 6)]:
        finite = frame[np.isfinite(frame).all(axis=1)]
        if len(finite):
            # a few that stray on the way do not make the end small
            clouds.append(np.quantile(finite, [0.01, 0.99], axis=0))
    return limits(clouds)


def outside(points: np.ndarray, box: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Which points, shape (n, dim), a box does not show; shape (n,)."""
    inside = (points >= box[0]) & (points <= box[1])
    return np.logical_not(inside.all(axis=1))
