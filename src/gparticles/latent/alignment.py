"""The affine part of a batch effect, column by column and between Gaussians, before the flow."""

import dataclasses

import equinox as eqx
import numpy as np

from gparticles.errors import InputError
from gparticles.latent.classes import Grouped

SHRINKAGE = 0.5
# shares of a column's size below which its deviation is rounding
_TINY = 1e-9


class ColumnMap(eqx.Module):
    """x' = m_t + (s_t / s_s) (x - m_s), column by column, in the original space.

    Means and standard deviations of source and target; a column that is constant in either is only
    shifted.

    Attributes:
        source, target: m_s and m_t, shapes (d,); None before ``fit``, which returns a map that has
            them.
        gain: s_t / s_s, shape (d,).
    """

    source: np.ndarray | None = None
    target: np.ndarray | None = None
    gain: np.ndarray | None = None

    def fit(self, source: Grouped, target: Grouped) -> "ColumnMap":
        """The map between two clouds, whatever their classes; changes nothing in place."""
        means = [cloud.weights @ cloud.points for cloud in (source, target)]
        below, above = (
            np.sqrt(cloud.weights @ (cloud.points - mean) ** 2)
            for cloud, mean in zip((source, target), means, strict=True)
        )
        known = np.minimum(below, above) > _TINY * np.maximum(*np.abs(means))
        gain = np.where(known, above / np.where(known, below, 1), 1.0)
        return ColumnMap(means[0], means[1], gain)

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Points of shape (k, d), matched."""
        if self.source is None or self.target is None or self.gain is None:
            raise InputError("ColumnMap: not fitted; call fit, which returns the fitted one")
        return self.target + self.gain * (points - self.source)

    def __repr__(self) -> str:
        return "ColumnMap()"


class GaussianMap(eqx.Module):
    """z' = m_t + M (z - m_s), the optimal transport map between two Gaussians.

    M = C_s^-1/2 (C_s^1/2 C_t C_s^1/2)^1/2 C_s^-1/2 (Peyré and Cuturi 2019, remark 2.31), for the
    covariances of source and target, shrunk towards multiples of the identity: C becomes
    (1 - a) C + a (tr C / k) I, which keeps few samples in many dimensions from deciding what they
    cannot know (Ledoit and Wolf 2004). At a = 1, M is one number times the identity. With classes,
    m_s and m_t are those of each class, and C_s and C_t are taken within classes.

    Args:
        shrinkage: a, from 0 to 1. At 0 there must be more samples than dimensions.

    Attributes:
        source, target: m_s and m_t of every class, shapes (c, k); c = 1 without classes. None
            before ``fit``, which returns a map that has them.
        matrix: M, shape (k, k).

    Raises:
        InputError: ``shrinkage`` is out of its range, or the covariance has no inverse.
    """

    shrinkage: float = SHRINKAGE
    source: np.ndarray | None = eqx.field(default=None, kw_only=True)
    target: np.ndarray | None = eqx.field(default=None, kw_only=True)
    matrix: np.ndarray | None = eqx.field(default=None, kw_only=True)

    def __check_init__(self) -> None:
        if not 0 <= self.shrinkage <= 1:
            raise InputError(f"shrinkage is {self.shrinkage}: it must be from 0 to 1")

    def fit(self, source: Grouped, target: Grouped) -> "GaussianMap":
        """The map between two clouds of the same classes; changes nothing in place."""
        matrix = between(*(self._covariance(cloud) for cloud in (source, target)))
        means = source.means(source.points), target.means(target.points)
        return dataclasses.replace(self, source=means[0], target=means[1], matrix=matrix)

    def _covariance(self, cloud: Grouped) -> np.ndarray:
        rows = cloud.points - cloud.means(cloud.points)[cloud.index]
        found = (rows * cloud.weights[:, None]).T @ rows
        round_one = np.trace(found) / len(found) * np.eye(len(found))
        return (1 - self.shrinkage) * found + self.shrinkage * round_one

    def __call__(self, latents: np.ndarray, index: np.ndarray) -> np.ndarray:
        """Latents of shape (k, latent_dim) moved, given the position of each one's class."""
        if self.source is None or self.target is None or self.matrix is None:
            raise InputError("GaussianMap: not fitted; call fit, which returns the fitted one")
        return self.target[index] + (latents - self.source[index]) @ self.matrix.T

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
