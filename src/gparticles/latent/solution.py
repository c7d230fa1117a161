"""A finished flow in a latent space, seen from the original space."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from gparticles.checks import check_points, known_labels
from gparticles.divergence import AbstractF
from gparticles.divergence.certified import DEFAULT_TOLERANCE, Certificate, divergence
from gparticles.errors import InputError
from gparticles.flow import Flow, load_flow
from gparticles.flow.lazily import is_lazy, over_blocks
from gparticles.flow.saving import read_arrays, read_record, write_arrays, write_record
from gparticles.flow.serialisation import decode, encode
from gparticles.flow.solution import result_dtype
from gparticles.latent.alignment import ColumnMap, GaussianMap
from gparticles.latent.autoencoder import Autoencoder, Network
from gparticles.latent.classes import guess, positions
from gparticles.latent.codecs import PCA, AbstractCodec, Identity, Transformer
from gparticles.latent.counterparts import Counterparts
from gparticles.latent.deformations import Deformations
from gparticles.latent.overlap import Plan
from gparticles.latent.residuals import Residuals

# entries of wide points that are decoded at once, so that memory stays bounded
BLOCK_ENTRIES = 2**24


@dataclass(frozen=True, repr=False)
class LatentFlow:
    """A finished flow in a latent space, seen from the original space.

    Attributes:
        particles: the moved source in the original space, shape (m, *event), in its dtype.
        latent: the ``gparticles.Flow`` in the latent space, with its own particles and history.
        latent_target: the encoded target, shape (n, latent_dim).
        codec: the fitted codec.
        residuals: what is added back after decoding, and how.
        columns: the map of columns before the codec, or None.
        alignment: the affine map of latents before the flow, or None.
        labelled: the source's latents and labels, by which missing labels of new points are
            guessed; None without labels.
        lost: the share of the variance of the source and of the target outside the latent space.
        bounds: (low, high) in data units, or None.
        weights: of source and target, shapes (m,) and (n,), each summing to one.
        notes: what the user should know, one line each.
        counterparts: what was estimated of the part that both clouds share, or None.
    """

    particles: np.ndarray
    latent: Flow
    latent_target: np.ndarray
    codec: AbstractCodec
    residuals: Residuals
    columns: ColumnMap | None
    alignment: GaussianMap | None
    labelled: tuple[np.ndarray, np.ndarray] | None
    lost: tuple[float, float]
    bounds: tuple[float, float] | None
    weights: tuple[np.ndarray, np.ndarray]
    notes: tuple[str, ...]
    counterparts: Counterparts | None = None

    @property
    def history(self) -> dict[str, np.ndarray]:
        """The latent flow's history."""
        return self.latent.history

    @property
    def outcome(self) -> str:
        """How the latent flow ended, in words."""
        return self.latent.outcome

    @property
    def decoder_lipschitz(self) -> float | None:
        """The decoder's Lipschitz constant a, data units per latent unit; None where unknown."""
        return self.codec.lipschitz

    @property
    def lipschitz(self) -> float | None:
        """L / a in nats per data unit: what the latent flow's L is for decoded points (T8)."""
        slope = self.decoder_lipschitz
        return None if slope is None else self.latent.lipschitz / slope

    def divergence_bound(
        self,
        *,
        f: AbstractF | None = None,
        lipschitz: float = 1.0,
        tolerance: float = DEFAULT_TOLERANCE,
    ) -> Certificate:
        """D^{aL} of the latent particles from the latent target, which bounds D^L in data space.

        D^L(Dec#P | Dec#Q) <= D^{aL}(P | Q) with a = Lip(Dec), since phi o Dec is aL-Lipschitz
        for every L-Lipschitz phi; equal for an isometric decoder, such as a PCA's without
        standardising. It speaks of decoded latents: once residuals are added back, or points
        clipped to bounds, it says nothing.

        Args:
            f: the divergence; ``KL()`` by default.
            lipschitz: L in nats per data unit, of the original space.
            tolerance: as in ``gparticles.divergence``.

        Returns:
            The certificate of D^{aL}; its ``upper`` bounds D^L in the original space.

        Raises:
            InputError: the decoder's Lipschitz constant is not known.
        """
        slope = self.decoder_lipschitz
        if slope is None:
            raise InputError(
                "the decoder's Lipschitz constant is not known; use gpa.PCA, or give it as "
                "gpa.Transformer(codec, lipschitz=...)"
            )
        return divergence(
            self.latent.particles,
            self.latent_target,
            f=f,
            lipschitz=slope * lipschitz,
            p_weights=self.weights[0],
            q_weights=self.weights[1],
            tolerance=tolerance,
        )

    def __call__(self, points: ArrayLike, labels: ArrayLike | None = None) -> np.ndarray:
        """Carries new points of the source's kind along the flow, in the original space.

        Args:
            points: shape (k, *event), data units; a ``dask.array`` or ``dask.dataframe`` is moved
                block by block when Dask computes the result.
            labels: shape (k,), needed if and only if the flow is class-conditional; where one is
                missing (None, NaN or ""), the nearest labelled samples of the source say it.

        Returns:
            The moved points, shape (k, *event), in the dtype of ``points`` if it is a float.

        Raises:
            InputError: wrong shape, NaN, or what the latent flow refuses.
        """
        if is_lazy(points):
            return over_blocks(self, points, labels)
        array = check_points(points, "points")
        event = self.particles.shape[1:]
        if array.shape[1:] != event:
            raise InputError(
                f"points have shape {array.shape[1:]}, the flow's {event}; give the same columns"
            )
        before = encoded(self.codec, array, self.columns)
        known = self._labels(before, labels)
        index = positions(len(array), known, self.classes)
        start = before if self.alignment is None else self.alignment(before, index)
        moved = decoded(self, array, (before, self.latent(start, known), index))
        if self.counterparts is None:
            return moved
        lonely = self.counterparts.alone(before)
        return self.counterparts.placed(array, moved, lonely, bounds=self.bounds)

    @property
    def classes(self) -> np.ndarray | None:
        """The classes of a flow with labels, sorted."""
        return self.latent.classes

    def _labels(self, latents: np.ndarray, labels: ArrayLike | None) -> np.ndarray | None:
        if labels is None or self.labelled is None:
            # for the latent flow to refuse, where it has classes or none
            return None if labels is None else np.asarray(labels)
        array, known = known_labels(labels, len(latents), "labels")
        if not known.all():
            array[~known] = guess(latents[~known], self.labelled)
        return array

    def __repr__(self) -> str:
        shape = " x ".join(map(str, self.particles.shape))
        dim = self.latent_target.shape[1]
        return f"LatentFlow({shape} particles through {dim} dimensions: {self.outcome})"

    def save(self, directory: str | Path, *, overwrite: bool = False) -> Path:
        """Writes the flow, its codec and residuals into a directory, made if needed.

        Raises:
            InputError: one is there already, or the codec is an object of another library, which
                only pickle could store.
        """
        directory = Path(directory)
        if (directory / "latent.json").exists() and not overwrite:
            raise InputError(f"{directory}: holds a flow already; use overwrite=True to replace it")
        if isinstance(self.codec, Transformer):
            raise InputError(
                f"a codec made of a {type(self.codec.fitted).__name__} cannot be saved without "
                "pickle; use gpa.PCA, or save .latent and that object on their own"
            )
        arrays: dict[str, np.ndarray] = {}
        record = {name: encode(getattr(self, name), arrays) for name in _SAVED}
        self.latent.save(directory / "flow", overwrite=overwrite)
        checksum = write_arrays(directory / "latent.safetensors", arrays)
        write_record(directory / "latent.json", {"latent": record, "checksum": checksum})
        return directory


_SAVED = (
    "particles",
    "latent_target",
    "codec",
    "residuals",
    "columns",
    "alignment",
    "labelled",
    "lost",
    "bounds",
    "weights",
    "notes",
    "counterparts",
)
# what a saved flow may be made of
_MAPS = (GaussianMap, ColumnMap, Residuals, Plan, Counterparts)
_KNOWN = (PCA, Identity, Autoencoder, Network, Deformations, *_MAPS)


def load_latent_flow(directory: str | Path, *, classes: Iterable[type] = ()) -> LatentFlow:
    """Reads what ``LatentFlow.save`` wrote.

    Args:
        directory: where ``latent.json`` is.
        classes: codecs and equinox modules of your own that it is made of.

    Raises:
        InputError: there is no such flow, or it is damaged, truncated or of a newer schema.
    """
    directory, classes = Path(directory), tuple(classes)
    if not (directory / "latent.json").exists():
        raise InputError(f"{directory}: holds no latent flow (latent.json is missing)")
    record = read_record(directory / "latent.json")
    try:
        arrays = read_arrays(directory / "latent.safetensors", record["checksum"])
        known = (*_KNOWN, *classes)
        # flows that were saved before there was an overlap know nothing of it
        kept = {"counterparts": None} | record["latent"]
        fields = {name: decode(kept[name], arrays, known) for name in _SAVED}
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{directory}: damaged flow ({error}); save it again") from None
    return LatentFlow(latent=load_flow(directory / "flow", classes=classes), **fields)


def flat(points: np.ndarray) -> np.ndarray:
    """One row for each point, in float64."""
    return points.reshape(len(points), -1).astype(np.float64)


def decoded_rows(codec: AbstractCodec, latents: np.ndarray) -> np.ndarray:
    """Decoded, one flat row each: a codec fitted to images decodes to images."""
    return codec.decode(latents).reshape(len(latents), -1)


def _blocks(points: np.ndarray) -> Iterator[slice]:
    rows = max(1, BLOCK_ENTRIES // max(1, points[0].size))
    return (slice(begin, begin + rows) for begin in range(0, len(points), rows))


def encoded(
    codec: AbstractCodec, points: np.ndarray, columns: ColumnMap | None = None
) -> np.ndarray:
    """Latents of points of any shape, shape (n, latent_dim)."""
    blocks = _blocks(points)
    return np.concatenate([codec.encode(matched(points[part], columns)) for part in blocks])


def matched(points: np.ndarray, columns: ColumnMap | None) -> np.ndarray:
    """One flat row for each point, its columns mapped, in float64."""
    return flat(points) if columns is None else columns(flat(points))


def decoded(
    flow: LatentFlow, points: np.ndarray, latents: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> np.ndarray:
    """Moved points in the original space, from latents before and after the move and classes."""
    moved = np.empty(points.shape, result_dtype(points))
    for part in _blocks(points):
        before = decoded_rows(flow.codec, _as_seen(flow.latent, latents[0][part]))
        after = decoded_rows(flow.codec, latents[1][part])
        rows = matched(points[part], flow.columns)
        rows = flow.residuals.restore(rows, before, after, index=latents[2][part])
        if flow.bounds is not None:
            rows = np.clip(rows, *flow.bounds)
        moved[part] = rows.reshape(points[part].shape)
    return moved


def _as_seen(flow: Flow, latents: np.ndarray) -> np.ndarray:
    # the flow works in float32: rounded as there, latents that it leaves in place stay in place
    return flow.scaling.to_data(flow.scaling.to_working(latents), np.float64)
