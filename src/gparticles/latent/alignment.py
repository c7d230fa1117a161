"""The affine part of a batch effect, column by column and between Gaussians, before the flow."""

import dataclasses

import equinox as eqx
import numpy as np

from gparticles.errors import InputError
from gparticles.latent.classes import Grouped, mean_of
from gparticles.latent.scales import DOUBTFUL, FARTHEST, LARGEST, gains, near, silent

SHRINKAGE = 0.5
# shares of a column's size below which its deviation is rounding
_TINY = 1e-9


class ColumnMap(eqx.Module):
    """x' = m_t + (s_t / s_s) (x - m_s), column by column, in the original space.

    Means and standard deviations of source and target. A column that has (almost) no spread in
    either is only shifted (``gparticles.latent.scales.gains``). Where s_t / s_s is more than twice
    that of most columns, so is the part of x - m_s beyond three times what any sample of the source
    had.

    Attributes:
        source, target: m_s and m_t, shapes (d,), data units; None before ``fit``, which returns a
            map that has them.
        gain: s_t / s_s, shape (d,).
        reach: where scaling ends, distances from m_s, shape (d,), data units.
        quiet: the columns that are only shifted though they vary somewhere, shape (d,), bool.
    """

    source: np.ndarray | None = None
    target: np.ndarray | None = None
    gain: np.ndarray | None = None
    reach: np.ndarray | None = None
    quiet: np.ndarray | None = None

    def fit(self, source: Grouped, target: Grouped) -> "ColumnMap":
        """The map between two clouds, whatever their classes; changes nothing in place."""
        means = [mean_of(cloud.points, cloud.weights) for cloud in (source, target)]
        below, above = (
            np.sqrt(cloud.weights @ (cloud.points - mean) ** 2)
            for cloud, mean in zip((source, target), means, strict=True)
        )
        rounding = _TINY * np.maximum(*np.abs(means))
        quiet = silent(source.points, source.weights)
        scaled = gains(below, above, rounding=rounding, quiet=quiet)
        reach = scaled.reach(np.abs(source.points - means[0]).max(axis=0))
        return ColumnMap(means[0], means[1], scaled.gain, reach, scaled.held)

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Points of shape (k, d), matched."""
        if self.source is None or self.target is None or self.gain is None:
            raise InputError("ColumnMap: not fitted; call fit, which returns the fitted one")
        away = points - self.source
        scaled = near(away, self.reach)
        return self.target + self.gain * scaled + (away - scaled)

    def __repr__(self) -> str:
        return "ColumnMap()"


class GaussianMap(eqx.Module):
    """z' = m_t + M (z - m_s), the optimal transport map between two Gaussians.

    M = C_s^-1/2 (C_s^1/2 C_t C_s^1/2)^1/2 C_s^-1/2 (Peyré and Cuturi 2019, remark 2.31), for the
    covariances of source and target, shrunk towards multiples of the identity: C becomes
    (1 - a) C + a (tr C / k) I, which keeps few samples in many dimensions from deciding what they
    cannot know (Ledoit and Wolf 2004). At a = 1, M is one number times the identity. With classes,
    m_s and m_t are those of each class, and C_s and C_t are taken within classes. In a direction in
    which the source has (almost) no spread beside the target, M is 1, and so it is for the part of
    z - m_s beyond three times the longest of the source where M more than doubles somewhere.

    Args:
        shrinkage: a, from 0 to 1. At 0 there must be more samples than dimensions.

    Attributes:
        source, target: m_s and m_t of every class, shapes (c, k); c = 1 without classes. None
            before ``fit``, which returns a map that has them.
        matrix: M, shape (k, k).
        reach: where M ends, a distance from m_s in latent units.
        held: in how many directions M is held back to 1.

    Raises:
        InputError: ``shrinkage`` is out of its range, or the covariance has no inverse.
    """

    shrinkage: float = SHRINKAGE
    source: np.ndarray | None = eqx.field(default=None, kw_only=True)
    target: np.ndarray | None = eqx.field(default=None, kw_only=True)
    matrix: np.ndarray | None = eqx.field(default=None, kw_only=True)
    reach: float | None = eqx.field(default=None, kw_only=True)
    held: int = eqx.field(default=0, kw_only=True)

    def __check_init__(self) -> None:
        if not 0 <= self.shrinkage <= 1:
            raise InputError(f"shrinkage is {self.shrinkage}: it must be from 0 to 1")

    def fit(self, source: Grouped, target: Grouped) -> "GaussianMap":
        """The map between two clouds of the same classes; changes nothing in place."""
        means = source.means(source.points), target.means(target.points)
        below, above = (_covariance(c, m) for c, m in zip((source, target), means, strict=True))
        matrix = between(self._shrunk(below), self._shrunk(above))
        # columns that are constant in both stay out of it, so that rounding does not move them
        fixed = (np.diag(below) == 0) & (np.diag(above) == 0)
        matrix[fixed], matrix[:, fixed] = 0, 0
        matrix[fixed, fixed] = 1
        matrix, held, doubtful = _limited(matrix, _typical(source, (below, above)))
        away = np.linalg.norm(source.points - means[0][source.index], axis=1)
        reach = FARTHEST * float(away.max()) if doubtful else None
        arrays = {"source": means[0], "target": means[1], "matrix": matrix}
        return dataclasses.replace(self, **arrays, reach=reach, held=held)

    def _shrunk(self, covariance: np.ndarray) -> np.ndarray:
        round_one = np.trace(covariance) / len(covariance) * np.eye(len(covariance))
        return (1 - self.shrinkage) * covariance + self.shrinkage * round_one

    def __call__(self, latents: np.ndarray, index: np.ndarray) -> np.ndarray:
        """Latents of shape (k, latent_dim) moved, given the position of each one's class."""
        if self.source is None or self.target is None or self.matrix is None:
            raise InputError("GaussianMap: not fitted; call fit, which returns the fitted one")
        away = latents - self.source[index]
        mapped = away
        if self.reach is not None:
            length = np.linalg.norm(away, axis=1, keepdims=True)
            mapped = np.where(
                length > self.reach, away * self.reach / np.maximum(length, 1e-300), away
            )
        return self.target[index] + mapped @ self.matrix.T + (away - mapped)

    def inverse(self, latents: np.ndarray, index: np.ndarray) -> np.ndarray:
        """Where mapped latents, shape (k, latent_dim), came from; the nearest where M is singular.

        Raises:
            InputError: not fitted.
        """
        if self.source is None or self.target is None or self.matrix is None:
            raise InputError("GaussianMap: not fitted; call fit, which returns the fitted one")
        back = np.linalg.lstsq(self.matrix, (latents - self.target[index]).T, rcond=None)[0]
        return self.source[index] + back.T

    def __repr__(self) -> str:
        return f"GaussianMap(shrinkage={self.shrinkage})"


def _covariance(cloud: Grouped, means: np.ndarray) -> np.ndarray:
    """Within classes, shape (k, k)."""
    rows = cloud.points - means[cloud.index]
    return (rows * cloud.weights[:, None]).T @ rows


def _typical(source: Grouped, covariances: tuple[np.ndarray, np.ndarray]) -> float | None:
    """The gain of all columns together that the source is not silent in; None of none."""
    heard = ~silent(source.points, source.weights)
    below, above = (float(np.diag(covariance)[heard].sum()) for covariance in covariances)
    return max(1.0, float(np.sqrt(above / below))) if below > 0 else None


def _limited(matrix: np.ndarray, typical: float | None) -> tuple[np.ndarray, int, bool]:
    """M with 1 in the place of gains that are chance, how many these were, and whether any is
    doubtful."""
    values, vectors = np.linalg.eigh(matrix)
    largest = DOUBTFUL if typical is None else LARGEST * typical
    doubtful = bool(np.any(values > DOUBTFUL * (typical or 1.0)))
    wild = values > largest
    if wild.any():
        matrix = (vectors * np.where(wild, 1.0, values)) @ vectors.T
    return matrix, int(wild.sum()), doubtful


def between(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """M for covariances C_s and C_t, shapes (k, k).

    The identity where C_s is 0: points that coincide can only be shifted.

    Raises:
        InputError: C_s is singular otherwise.
    """
    if not source.any():
        return np.eye(len(source))
    root, inverse = _powers(source)
    if np.linalg.matrix_rank(inverse) < len(inverse):
        raise InputError(
            "shrinkage is 0 and the samples span fewer dimensions than there are; give one above 0"
        )
    return inverse @ _powers(root @ target @ root)[0] @ inverse


def _powers(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The square root of a symmetric matrix, and its pseudo-inverse."""
    values, vectors = np.linalg.eigh(matrix)
    values = np.maximum(values, 0)
    known = values > 1e-12 * values.max(initial=0)
    roots = np.sqrt(values)
    inverses = np.where(known, 1 / np.where(known, roots, 1), 0)
    return (vectors * roots) @ vectors.T, (vectors * inverses) @ vectors.T
