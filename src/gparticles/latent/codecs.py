"""Codecs: to a latent space of few dimensions and back, with the decoder's Lipschitz constant."""

import abc
import dataclasses
from collections.abc import Callable
from typing import Any, Protocol

import equinox as eqx
import numpy as np

from gparticles.checks import check_count, plain_array
from gparticles.errors import InputError
from gparticles.latent.classes import agreed

LATENT_DIM = 50
# squares of it, summed over many rows, are still finite
_FARTHEST = 1e140


class Coder(Protocol):
    """A fitted object of another library, such as scikit-learn's."""

    def transform(self, X: Any) -> Any: ...

    def inverse_transform(self, X: Any) -> Any: ...


class AbstractCodec(eqx.Module):
    """Encodes points, shape (k, d), to latents, shape (k, latent_dim), and decodes them.

    To add one of your own, subclass it. ``fit`` changes nothing in place: it returns the fitted
    codec. Arrays are NumPy's, in float64.
    """

    @abc.abstractmethod
    def fit(self, points: np.ndarray, *, seed: int = 0) -> "AbstractCodec":
        """The codec fitted to points, shape (n, d); itself where nothing is left to fit."""

    @abc.abstractmethod
    def encode(self, points: np.ndarray) -> np.ndarray:
        """Latents of points: (k, d) -> (k, latent_dim), data units to latent units."""

    @abc.abstractmethod
    def decode(self, latents: np.ndarray) -> np.ndarray:
        """Points of latents: (k, latent_dim) -> (k, d)."""

    @property
    def is_fitted(self) -> bool:
        """Whether ``gparticles.latent_transport`` uses it as it is; False where it is to fit."""
        return False

    @property
    def begins(self) -> bool:
        """Whether flows begin with latents that it draws by ``begin``; it then encodes nothing."""
        return False

    @property
    @abc.abstractmethod
    def lipschitz(self) -> float | None:
        """Lip(decode), data units per latent unit in Euclidean norms; None where unknown."""


class PCA(AbstractCodec):
    """Principal components of the points it is fitted to, by scikit-learn.

    z = V (x - c) / s and x = c + s V^T z, with V the leading right singular vectors of the centred
    points (Jolliffe 2002, ch. 3). The decoder's Lipschitz constant is the largest singular value of
    diag(s) V^T, 1 without standardising. Data of many rows and columns are decomposed by a
    randomised solver (Halko, Martinsson and Tropp 2011).

    Args:
        latent_dim: how many components, 50 by default. Where the points have fewer (n points span
            at most n - 1 dimensions) all are kept and nothing is lost.
        standardise: divide every column by its standard deviation s first; 1 for constant columns.

    Attributes:
        centre, units, components: c (d,), s (d,) or one number, and V (latent_dim, d); None before
            ``fit``, which returns a codec that has them.
        variance_kept: the share of the variance of what it was fitted to (of the standardised
            columns, where they are) that the components hold.

    Raises:
        InputError: ``latent_dim`` is not a whole number above 0; or later, when it is used: the
            points have other columns.

    >>> import numpy as np
    >>> points = np.random.default_rng(0).normal(size=(20, 6))
    >>> PCA(2).fit(points).encode(points).shape
    (20, 2)
    """

    latent_dim: int = LATENT_DIM
    standardise: bool = eqx.field(default=False, kw_only=True)
    variance_kept: float | None = eqx.field(default=None, kw_only=True)
    centre: np.ndarray | None = eqx.field(default=None, kw_only=True)
    units: np.ndarray | None = eqx.field(default=None, kw_only=True)
    components: np.ndarray | None = eqx.field(default=None, kw_only=True)

    def __check_init__(self) -> None:
        check_count(self.latent_dim, "latent_dim")

    def fit(self, points: np.ndarray, *, seed: int = 0) -> "PCA":
        """Fits to points, shape (n, d).

        Raises:
            InputError: fewer than two points.
        """
        if len(points) < 2:
            raise InputError("PCA: needs at least two points to have a direction; give more")
        centre, rows = centred(points, "PCA")
        units = deviations(rows, centre) if self.standardise else np.float64(1)
        rank = min(self.latent_dim, len(rows) - 1, rows.shape[1])
        components, kept = _principal(rows / units, rank, seed)
        arrays = {"centre": centre, "units": np.asarray(units), "components": components}
        return dataclasses.replace(self, latent_dim=rank, variance_kept=kept, **arrays)

    def encode(self, points: np.ndarray) -> np.ndarray:
        centre, units, components = self._fitted()
        points = plain_array(points, "points")
        if points.shape[1:] != centre.shape:
            raise InputError(
                f"points have {points.shape[1]} columns, the PCA {len(centre)}; give the same"
            )
        return ((points - centre) / units) @ components.T

    def decode(self, latents: np.ndarray) -> np.ndarray:
        centre, units, components = self._fitted()
        return centre + units * (latents @ components)

    @property
    def is_fitted(self) -> bool:
        """Whether it has components."""
        return self.components is not None

    @property
    def lipschitz(self) -> float:
        """The largest singular value of diag(s) V^T, to rounding."""
        _, units, components = self._fitted()
        decoder = units * components
        # of the small Gram matrix: quick however wide the data are
        return float(np.sqrt(np.linalg.eigvalsh(decoder @ decoder.T)[-1]))

    def _fitted(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        if self.centre is None or self.units is None or self.components is None:
            raise InputError("PCA: not fitted; call fit(points), which returns the fitted one")
        return self.centre, self.units, self.components

    def __repr__(self) -> str:
        return f"PCA({self.latent_dim}, standardise={self.standardise})"


def centred(points: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray]:
    """The mean of points, shape (d,), and the points less it, both in float64.

    Raises:
        InputError: their squares would overflow.
    """
    points = plain_array(points, "points").astype(np.float64)
    centre = agreed(points.mean(axis=0), points)
    rows = points - centre
    if not np.max(np.abs(rows)) < _FARTHEST:
        raise InputError(
            f"{name}: entries differ by {_FARTHEST:g} or more, which cannot be squared; remove or "
            "transform such entries"
        )
    return centre, rows


def deviations(rows: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Standard deviations of centred rows, shape (d,); 1 for constant columns."""
    spread = np.sqrt((rows**2).mean(axis=0))
    # rounding leaves a constant column of large numbers a tiny deviation that must not be a unit
    return np.where(spread > 1e-12 * np.abs(centre), spread, 1.0)


def _principal(centred: np.ndarray, rank: int, seed: int) -> tuple[np.ndarray, float]:
    from sklearn import decomposition

    total = float((centred**2).sum())
    # points that all coincide have no variance to take shares of
    with np.errstate(divide="ignore", invalid="ignore"):
        fitted = decomposition.PCA(rank, random_state=seed).fit(centred)
    held = float(np.sum(np.square(fitted.singular_values_)))
    components = np.asarray(fitted.components_)
    if total > 0:
        # constant columns stay out of all of them, rounding included
        components = components * centred.any(axis=0)
    return components, min(held / total, 1.0) if total > 0 else 1.0


class Identity(AbstractCodec):
    """Points are their own latents, as where they were encoded elsewhere."""

    @property
    def is_fitted(self) -> bool:
        """True: there is nothing to fit."""
        return True

    @property
    def lipschitz(self) -> float:
        """1."""
        return 1.0

    def fit(self, points: np.ndarray, *, seed: int = 0) -> "Identity":
        return self

    def encode(self, points: np.ndarray) -> np.ndarray:
        return points

    def decode(self, latents: np.ndarray) -> np.ndarray:
        return latents


class Transformer(AbstractCodec):
    """Any fitted object with ``transform`` and ``inverse_transform``, such as scikit-learn's.

    Args:
        fitted: the object; it is used as it is and never fitted here.
        lipschitz: Lip(inverse_transform), if you know it.

    Raises:
        InputError: a method is missing; or later, when it is used: it is not fitted, or the points
            it returns have another shape.
    """

    fitted: Coder = eqx.field(static=True)
    known_lipschitz: float | None = eqx.field(static=True)

    def __init__(self, fitted: Coder, *, lipschitz: float | None = None):
        for method in ("transform", "inverse_transform"):
            if not callable(getattr(fitted, method, None)):
                raise InputError(
                    f"codec: {type(fitted).__name__} has no {method}; give a gpa.PCA or a fitted "
                    "object with transform and inverse_transform"
                )
        self.fitted = fitted
        self.known_lipschitz = lipschitz

    @property
    def is_fitted(self) -> bool:
        """True: it is never fitted here."""
        return True

    @property
    def lipschitz(self) -> float | None:
        """What was given."""
        return self.known_lipschitz

    def fit(self, points: np.ndarray, *, seed: int = 0) -> "Transformer":
        return self

    def encode(self, points: np.ndarray) -> np.ndarray:
        return _called(self.fitted.transform, points)

    def decode(self, latents: np.ndarray) -> np.ndarray:
        return _called(self.fitted.inverse_transform, latents)


def _called(method: Callable, rows: np.ndarray) -> np.ndarray:
    from sklearn.exceptions import NotFittedError

    try:
        result = np.asarray(method(rows), np.float64)
    except NotFittedError:
        raise InputError("codec: it is not fitted; call its fit first") from None
    except ValueError as error:
        raise InputError(f"codec: {' '.join(str(error).split())}") from error
    if result.ndim != 2 or len(result) != len(rows):
        raise InputError(
            f"codec: {method.__name__} made shape {result.shape} of {rows.shape}; it must return "
            "one row for each row"
        )
    return result


def as_codec(codec: AbstractCodec | Coder | None, latent_dim: int) -> AbstractCodec:
    """The codec itself, one around a fitted object, or by default PCA."""
    if codec is None:
        return PCA(latent_dim)
    return codec if isinstance(codec, AbstractCodec) else Transformer(codec)
