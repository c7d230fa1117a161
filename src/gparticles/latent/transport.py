"""Transport in a latent space: the source and target encoded, aligned, moved there, decoded."""

import dataclasses
from typing import Any

import numpy as np

from gparticles.checks import check_points, check_same_shape, check_weights
from gparticles.errors import InputError
from gparticles.flow import transport
from gparticles.flow.preparation import check_bounds, check_seed
from gparticles.latent.alignment import GaussianMap
from gparticles.latent.classes import Grouped, filled, grouped
from gparticles.latent.codecs import LATENT_DIM, AbstractCodec, as_codec
from gparticles.latent.residuals import Moments, Residuals, moments
from gparticles.latent.solution import LatentFlow, decoded, decoded_rows, encoded, flat


def latent_transport(
    source: Any,
    target: Any,
    *,
    codec: Any = None,
    latent_dim: int = LATENT_DIM,
    keep_residual: bool = True,
    centre_residual: bool = True,
    scale_residual: bool = False,
    align: GaussianMap | None = None,
    bounds: tuple[float, float] | None = None,
    **settings: Any,
) -> LatentFlow:
    """Moves the source onto the target in a latent space, and back to the original one.

    The codec is fitted to source and target together, both are encoded, ``gparticles.transport``
    moves the latents, from where ``align`` takes them, and they are decoded. What the codec loses
    of a point is added back after decoding (``Residuals``). The flow's potential, scale, L and
    steps are those of the latent space. With ``labels`` and ``target_labels`` the flow is
    class-conditional, and residuals and the alignment are centred class by class; a missing label
    (None, NaN or "") becomes the one that most of the nearest labelled latents of the same cloud
    have, and a note says how many did.

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
        align: a ``GaussianMap`` that is fitted and goes before the flow; None for none.
        bounds: (low, high) in data units, to which decoded points are clipped.
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
    weights = (
        check_weights(settings.get("source_weights"), len(source), "source_weights"),
        check_weights(settings.get("target_weights"), len(target), "target_weights"),
    )
    if align is not None and not isinstance(align, GaussianMap):
        raise InputError(f"align is {align!r}: give a gpa.GaussianMap(), or None")
    asked = as_codec(codec, latent_dim)
    fitted = _fitted(asked, (source, target), int(seed))
    latents = encoded(fitted, source), encoded(fitted, target)
    labels, gaps = _labels(latents, settings)
    clouds = _clouds(latents, weights, labels)
    of_source, of_target = (
        _moments(fitted, points, cloud)
        for points, cloud in zip((source, target), clouds, strict=True)
    )
    align = None if align is None else align.fit(*clouds)
    start = latents[0] if align is None else align(latents[0], clouds[0].index)
    moved = transport(start, latents[1], **(settings | labels))
    flow = LatentFlow(
        particles=source,
        latent=moved,
        latent_target=latents[1],
        codec=fitted,
        residuals=residuals.fit(of_source, of_target),
        alignment=align,
        labelled=(latents[0], labels["labels"]) if labels else None,
        lost=(of_source.lost, of_target.lost),
        bounds=bounds,
        weights=weights,
        notes=(*_notes(asked, fitted), *gaps, *moved.notes),
    )
    particles = decoded(flow, source, (latents[0], moved.particles, clouds[0].index))
    return dataclasses.replace(flow, particles=particles)


def _labels(
    latents: tuple[np.ndarray, np.ndarray], settings: dict[str, Any]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Both clouds' labels without gaps, by the names of transport's arguments; {} without."""
    names = ("labels", "target_labels")
    # one without the other is for ``transport`` to refuse
    if any(settings.get(name) is None for name in names):
        return {}, ()
    found, notes = {}, ()
    for name, cloud in zip(names, latents, strict=True):
        found[name], missing = filled(cloud, settings[name], name)
        if missing:
            notes += (
                f"{name}: {missing} were missing; each became that of most of its nearest "
                "labelled samples",
            )
    return found, notes


def _clouds(
    latents: tuple[np.ndarray, np.ndarray],
    weights: tuple[np.ndarray, np.ndarray],
    labels: dict[str, Any],
) -> tuple[Grouped, Grouped]:
    given = labels.get("labels"), labels.get("target_labels")
    classes = None if given[1] is None else np.unique(given[1])
    source, target = (
        grouped(z, w, name, classes=classes)
        for z, w, name in zip(latents, weights, given, strict=True)
    )
    return source, target


def _fitted(
    codec: AbstractCodec, clouds: tuple[np.ndarray, np.ndarray], seed: int
) -> AbstractCodec:
    if codec.is_fitted:
        return codec
    return codec.fit(np.concatenate([flat(cloud) for cloud in clouds]), seed=seed)


def _moments(codec: AbstractCodec, points: np.ndarray, cloud: Grouped) -> Moments:
    back = decoded_rows(codec, cloud.points)
    if back.shape[1] != points[0].size:
        raise InputError(
            f"codec: it decodes to {back.shape[1]} columns, the points have {points[0].size}; "
            "give one that was fitted to such points"
        )
    return moments(flat(points), back, cloud)


def _notes(asked: AbstractCodec, fitted: AbstractCodec) -> tuple[str, ...]:
    wanted, found = getattr(asked, "latent_dim", 0), getattr(fitted, "latent_dim", 0)
    if found < wanted:
        return (
            f"latent_dim is {found} and not {wanted}: the points have no more dimensions, so "
            "nothing is lost",
        )
    return ()
