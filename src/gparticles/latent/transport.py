"""Transport in a latent space: the source and target encoded, aligned, moved there, decoded."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from gparticles.checks import (
    check_points,
    check_same_shape,
    check_seed,
    check_weights,
    known_labels,
)
from gparticles.errors import InputError
from gparticles.flow import Flow, transport
from gparticles.flow.settings import check_bounds
from gparticles.latent.alignment import ColumnMap, GaussianMap
from gparticles.latent.classes import Grouped, agreed, class_weights, filled, grouped
from gparticles.latent.codecs import LATENT_DIM, PCA, AbstractCodec, Coder, as_codec
from gparticles.latent.counterparts import Counterparts, counterparts
from gparticles.latent.overlap import Overlap, chosen
from gparticles.latent.residuals import ResidualMoments, Residuals, moments
from gparticles.latent.scales import held_back, silent
from gparticles.latent.solution import LatentFlow, decoded, decoded_rows, encoded, flat

# as ``transport`` calls them
_LABELS = ("labels", "target_labels")
_WEIGHTS = ("source_weights", "target_weights")


def latent_transport(
    source: ArrayLike,
    target: ArrayLike,
    *,
    codec: AbstractCodec | Coder | None = None,
    latent_dim: int = LATENT_DIM,
    keep_residual: bool = True,
    centre_residual: bool = True,
    scale_residual: bool = False,
    columns: ColumnMap | None = None,
    align: GaussianMap | None = None,
    overlap: Overlap | None = None,
    own: ArrayLike | None = None,
    bounds: tuple[float, float] | None = None,
    names: Sequence[object] | None = None,
    most_targets: int | None = None,
    **settings: Any,
) -> LatentFlow:
    """Moves the source onto the target in a latent space, and back to the original one.

    The source's columns go through ``columns``. Then the codec is fitted to source and target
    together, both are encoded, ``gparticles.transport`` moves the latents, from where ``align``
    takes them, and they are decoded. What the codec loses of a point is added back after decoding
    (``Residuals``). The flow's potential, scale, L and steps are those of the latent space. With
    ``labels`` and ``target_labels`` the flow is class-conditional, and residuals and the alignment
    are centred class by class; a missing label (None, NaN or "") becomes the one that most of the
    nearest labelled latents of the same cloud have, and a note says how many did.

    Args:
        source: the points that move, shape (m, *event).
        target: the points they move to, shape (n, *event).
        codec: a ``PCA``, an ``Autoencoder``, an ``AbstractCodec`` of your own, or any fitted object
            with ``transform`` and ``inverse_transform``; ``PCA(latent_dim)`` by default. One that
            is fitted is used as it is.
        latent_dim: of the default codec; of no effect with another.
        keep_residual: add back what the codec loses.
        centre_residual: of these residuals, move the source's mean onto the target's first.
        scale_residual: and bring their standard deviations, column by column, to the target's.
        columns: a ``ColumnMap`` that is fitted and goes before the codec; None for none. With
            labels, it sees the source's classes in the target's proportions.
        align: a ``GaussianMap`` that is fitted and goes before the flow; None for none.
        overlap: an ``Overlap``, which estimates what has a counterpart; by this source and target
            are weighted in all that follows, and source samples without any are moved by the
            mean move of the others. Of no effect where labels or weights are given, which say it.
            None for none.
        own: a mask of target rows that are the source's own samples, in their order, shape (n,):
            the overlap is that with the other rows.
        bounds: (low, high) in data units, to which decoded points are clipped.
        names: what the columns are called in notes; they are numbered from 0 without.
        most_targets: of a larger target without labels, the flow sees a random part of so many; the
            maps before it see all. None for all.
        settings: the other arguments of ``gparticles.transport``.

    Returns:
        The finished flow, in the original space.

    Raises:
        InputError: anything that cannot be used, in one line that names the mend.
    """
    residuals = Residuals(keep_residual, centre_residual, scale_residual)
    source, target = check_points(source, "source"), check_points(target, "target")
    check_same_shape(source, target)
    bounds = check_bounds(bounds)
    seed = settings.get("seed", 0)
    check_seed(seed)
    weights = _weights(source, target, settings)
    check_maps(columns=columns, align=align, overlap=overlap)
    estimate = _estimate(overlap, own, settings, sizes=(len(source), len(target)))
    asked = as_codec(codec, latent_dim)
    rows = flat(source), flat(target)
    if columns is not None:
        parts = None if estimate is None else estimate(_probe(asked, rows, int(seed)), weights)
        both = weights if parts is None else parts.weights
        before = grouped(rows[0], _balanced(both[0], settings))
        columns = columns.fit(before, grouped(rows[1], both[1]))
        rows = columns(rows[0]), rows[1]
    fitted = asked if asked.is_fitted else asked.fit(np.concatenate(rows), seed=int(seed))
    latents = encoded(fitted, rows[0]), encoded(fitted, rows[1])
    parts = None if estimate is None else estimate(latents, weights)
    if parts is not None:
        weights = parts.weights
        settings = settings | dict(zip(_WEIGHTS, weights, strict=True))
    labels, gaps = _labels(latents, settings)
    clouds = _clouds(latents, weights, labels)
    of_source, of_target = (
        _moments(fitted, points, cloud) for points, cloud in zip(rows, clouds, strict=True)
    )
    align = None if align is None else align.fit(*clouds)
    start = latents[0] if align is None else align(latents[0], clouds[0].index)
    moved = _flow((start, latents[1]), weights[1], settings | labels, most_targets=most_targets)
    quiet = None if columns is None else columns.quiet
    if residuals.scale and quiet is None:
        quiet = silent(rows[0], weights[0])
    restored = residuals.fit(of_source, of_target, quiet=quiet)
    flow = LatentFlow(
        particles=source,
        latent=moved,
        latent_target=latents[1],
        codec=fitted,
        residuals=restored,
        columns=columns,
        alignment=align,
        labelled=(latents[0], labels["labels"]) if labels else None,
        lost=(of_source.lost, of_target.lost),
        bounds=bounds,
        weights=weights,
        notes=(
            *_lowered(asked, fitted),
            *gaps,
            *_held_back((columns, restored, align), rows[0].shape[1], names),
            *moved.notes,
        ),
    )
    particles = decoded(flow, source, (latents[0], moved.particles, clouds[0].index))
    if parts is not None:
        ways = (source, particles), (latents[0], moved.particles)
        parts, particles = parts.completed(*ways, bounds=bounds)
        flow = dataclasses.replace(flow, notes=(*parts.notes, *flow.notes))
    return dataclasses.replace(flow, particles=particles, counterparts=parts)


def _flow(
    clouds: tuple[np.ndarray, np.ndarray],
    weights: np.ndarray,
    settings: dict[str, Any],
    *,
    most_targets: int | None,
) -> Flow:
    """The flow of latents, onto a random part of a large target without classes."""
    start, target = clouds
    if most_targets is None or settings.get("labels") is not None:
        return transport(start, target, **settings)
    rows = chosen(weights, most_targets, seed=int(settings.get("seed", 0)))
    if len(rows) < most_targets:
        return transport(start, target, **settings)
    weighted: dict[str, Any] = settings | {"target_weights": weights[rows]}
    return transport(start, target[rows], **weighted)


Estimate = Callable[
    [tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]], Counterparts | None
]


def _weights(
    source: np.ndarray, target: np.ndarray, settings: dict[str, Any]
) -> tuple[np.ndarray, np.ndarray]:
    one, other = (
        check_weights(settings.get(name), len(cloud), name)
        for name, cloud in zip(_WEIGHTS, (source, target), strict=True)
    )
    for name, cloud in zip(_LABELS, (source, target), strict=True):
        if settings.get(name) is not None:
            known_labels(settings[name], len(cloud), name)
    return one, other


def _estimate(
    overlap: Overlap | None,
    own: ArrayLike | None,
    settings: dict[str, Any],
    *,
    sizes: tuple[int, int],
) -> Estimate | None:
    """What estimates counterparts from latents and weights; None where settings say them."""
    if overlap is None or any(settings.get(name) is not None for name in (*_LABELS, *_WEIGHTS)):
        return None
    mask = None if own is None else np.asarray(own, bool)
    if mask is not None and (mask.shape != sizes[1:] or mask.sum() != sizes[0]):
        raise InputError(
            f"own marks {mask.sum()} of {mask.size} rows: of {sizes[1]} target rows it must mark "
            f"the {sizes[0]} of the source; leave it out where the target has none of these"
        )
    seed = int(settings.get("seed", 0))
    return lambda latents, weights: counterparts(overlap, latents, weights, own=mask, seed=seed)


def _probe(
    asked: AbstractCodec, rows: tuple[np.ndarray, np.ndarray], seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Latents before columns are matched, in which the first estimate is made.

    Of a codec that is yet to fit these are principal components within the clouds, so that
    the shift between them, which may be large, takes the place of none.
    """
    if asked.is_fitted:
        return encoded(asked, rows[0]), encoded(asked, rows[1])
    within = np.concatenate([r - agreed(r.mean(axis=0), r) for r in rows])
    codec = PCA(getattr(asked, "latent_dim", LATENT_DIM)).fit(within, seed=seed)
    return codec.encode(rows[0]), codec.encode(rows[1])


def check_maps(
    *,
    columns: ColumnMap | None = None,
    align: GaussianMap | None = None,
    overlap: Overlap | None = None,
) -> None:
    """Refuses what is none of these.

    Raises:
        InputError: with the name of the argument.
    """
    maps = (("columns", columns, ColumnMap), ("align", align, GaussianMap))
    for name, value, kind in (*maps, ("overlap", overlap, Overlap)):
        if value is not None and not isinstance(value, kind):
            raise InputError(f"{name} is {value!r}: give a gpa.{kind.__name__}(), or None")


def _balanced(weights: np.ndarray, settings: dict[str, Any]) -> np.ndarray:
    """The source's weights, times those that balance its classes where there are classes."""
    labels, others = settings.get("labels"), settings.get("target_labels")
    if labels is None or others is None:
        return weights
    balanced = weights * class_weights(labels, others)
    return balanced / balanced.sum() if balanced.sum() > 0 else weights


def _labels(
    latents: tuple[np.ndarray, np.ndarray], settings: dict[str, Any]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Both clouds' labels without gaps, by the names of transport's arguments; {} without."""
    # one without the other is for ``transport`` to refuse
    if any(settings.get(name) is None for name in _LABELS):
        return {}, ()
    labels, notes = {}, ()
    for name, cloud in zip(_LABELS, latents, strict=True):
        labels[name], missing = filled(cloud, settings[name], name)
        if missing:
            notes += (
                f"{name}: {missing} were missing; each became that of most of its nearest "
                "labelled samples",
            )
    return labels, notes


def _clouds(
    latents: tuple[np.ndarray, np.ndarray],
    weights: tuple[np.ndarray, np.ndarray],
    labels: dict[str, Any],
) -> tuple[Grouped, Grouped]:
    both = labels.get("labels"), labels.get("target_labels")
    classes = None if both[1] is None else np.unique(both[1])
    source, target = (
        grouped(z, w, name, classes=classes)
        for z, w, name in zip(latents, weights, both, strict=True)
    )
    return source, target


def _moments(codec: AbstractCodec, points: np.ndarray, cloud: Grouped) -> ResidualMoments:
    back = decoded_rows(codec, cloud.points)
    if back.shape[1] != points.shape[1]:
        raise InputError(
            f"codec: it decodes to {back.shape[1]} columns, the points have {points.shape[1]}; "
            "give one that was fitted to such points"
        )
    return moments(points, back, cloud)


def _lowered(asked: AbstractCodec, fitted: AbstractCodec) -> tuple[str, ...]:
    wanted, reached = getattr(asked, "latent_dim", 0), getattr(fitted, "latent_dim", 0)
    if reached < wanted:
        return (
            f"latent_dim is {reached} and not {wanted}: the points have no more dimensions, so "
            "nothing is lost",
        )
    return ()


def _held_back(
    maps: tuple[ColumnMap | None, Residuals, GaussianMap | None],
    total: int,
    names: Sequence[object] | None,
) -> tuple[str, ...]:
    """Notes on columns and directions that were shifted and not scaled."""
    columns, residuals, align = maps
    masks = (columns and columns.quiet, residuals.held)
    held = np.any([np.zeros(total, bool), *(mask for mask in masks if mask is not None)], axis=0)
    notes = held_back(np.flatnonzero(held), total, names)
    if align is None or not align.held:
        return notes
    return (
        *notes,
        f"align: in {align.held} latent directions the source has (almost) no spread beside the "
        "target, and was shifted, not scaled",
    )
