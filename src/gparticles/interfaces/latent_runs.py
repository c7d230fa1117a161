"""Runs through a latent space: a recipe's ``[latent]``, and what is shown and judged of them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from gparticles.errors import InputError
from gparticles.flow import Flow
from gparticles.interfaces.config import Config, Latent
from gparticles.interfaces.inputs import Inputs
from gparticles.latent import (
    PCA,
    AbstractCodec,
    Autoencoder,
    GaussianMap,
    LatentFlow,
    latent_transport,
)

CODECS: dict[str, Callable[..., AbstractCodec]] = {"pca": PCA, "autoencoder": Autoencoder}


def fitted_codec(latent: Latent, inputs: Inputs, *, seed: int) -> AbstractCodec:
    """The recipe's codec, fitted to source and target together.

    Raises:
        InputError: an option that this codec does not have, or too few points.
    """
    given = latent.codec_options()
    make = CODECS[latent.codec]
    unknown = sorted(set(given) - set(getattr(make, "__dataclass_fields__", given)))
    if unknown:
        raise InputError(f"latent.{unknown[0]}: the codec {latent.codec} has none; leave it out")
    return make(**given).fit(_flat(inputs.source, inputs.target), seed=seed)


def encoded(inputs: Inputs, codec: AbstractCodec) -> Inputs:
    """The same in the latent space, which has one unit for all of its dimensions."""
    fresh, held_out = inputs.fresh, inputs.held_out
    latents = codec.encode(_flat(inputs.target))
    return replace(
        inputs,
        source=codec.encode(_flat(inputs.source)),
        target=latents,
        held_out=None if held_out is None else codec.encode(_flat(held_out)),
        fresh=None if fresh is None else lambda n: codec.encode(_flat(fresh(n))),
        like=replace(inputs.like, columns=tuple(f"latent {k + 1}" for k in range(len(latents.T)))),
        tabular=False,
    )


def latent_run(
    config: Config, inputs: Inputs, codec: AbstractCodec, given: dict[str, Any]
) -> LatentFlow:
    """``latent_transport`` with a recipe's settings.

    Args:
        config: with its ``latent``.
        inputs: in data space.
        codec: fitted.
        given: the arguments of ``transport`` but for the clouds and bounds.
    """
    settings = {k: v for k, v in given.items() if k not in ("source", "target", "bounds")}
    bounds = None if config.bounds is None else (config.bounds[0], config.bounds[1])
    kept: dict[str, Any] = {} if config.latent is None else config.latent.residual_options()
    if config.latent is not None and config.latent.align:
        kept |= {"align": GaussianMap()}
    return latent_transport(
        inputs.source, inputs.target, codec=codec, bounds=bounds, **kept, **settings
    )


def as_shown(flow: Flow | LatentFlow) -> Flow:
    """What is drawn of a flow: of a table's, its latents; of images', these decoded."""
    if isinstance(flow, Flow):
        return flow
    lost = " and ".join(f"{share:.2g}" for share in flow.lost)
    told = f"moved in {flow.latent_target.shape[1]} latent dimensions, outside of which lie {lost} "
    notes = (*flow.notes, f"{told}of the variance of source and target")
    if flow.alignment is not None:
        notes = (*notes, "an affine map goes before the flow, which is drawn from its end on")
    if flow.particles.ndim == 2:
        return replace(flow.latent, notes=(*notes, "pictures and metrics show the latent space"))
    frames = [_decoded(flow, frame) for frame in flow.latent.trajectory]
    trajectory = np.stack(frames) if frames else flow.particles[None][:0]
    return replace(flow.latent, notes=notes, particles=flow.particles, trajectory=trajectory)


def seen_by(flow: Flow | LatentFlow) -> Callable[[np.ndarray], np.ndarray]:
    """From points of the data to points of what ``as_shown`` shows."""
    if isinstance(flow, LatentFlow) and flow.particles.ndim == 2:
        codec = flow.codec
        return lambda points: codec.encode(_flat(points))
    return lambda points: points


def _decoded(flow: LatentFlow, latents: np.ndarray) -> np.ndarray:
    event = flow.particles.shape[1:]
    return flow.codec.decode(latents.astype(np.float64)).reshape(len(latents), *event)


def _flat(*clouds: np.ndarray) -> np.ndarray:
    rows = [cloud.reshape(len(cloud), -1) for cloud in clouds]
    return np.concatenate(rows, dtype=np.float64)
