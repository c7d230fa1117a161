"""Runs through a latent space: a recipe's ``[latent]``, and what is shown and judged of them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from gparticles.divergence import KL, parse_f
from gparticles.errors import InputError
from gparticles.experiment.config import Config, Latent
from gparticles.experiment.inputs import Inputs
from gparticles.flow import Flow
from gparticles.latent import (
    PCA,
    AbstractCodec,
    Autoencoder,
    GaussianMap,
    LatentFlow,
    latent_bound,
    latent_transport,
)
from gparticles.latent.bound import MEANING
from gparticles.latent.classes import positions

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


def in_its_space(config: Config, inputs: Inputs) -> tuple[AbstractCodec | None, Inputs]:
    """The codec of the recipe's latent space, and the clouds there; or None, and these.

    Raises:
        InputError: as ``fitted_codec``.
    """
    if config.latent is None:
        return None, inputs
    codec = fitted_codec(config.latent, inputs, seed=config.seed)
    return codec, encoded(inputs, codec)


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


def bound_entry(config: Config, inputs: Inputs, flow: Flow | LatentFlow) -> dict[str, Any]:
    """``latent_bound`` for ``metrics.json``; nothing where the flow is in the data themselves."""
    if isinstance(flow, Flow):
        return {}
    f = KL() if config.f is None else parse_f(config.f)
    found = latent_bound(flow, inputs.source, f=f)
    told = {"title": "latent bound", "value": found.after, "sentence": found.sentence}
    return {"latent_bound": {**told, "note": MEANING, **found.record()}}


def as_shown(flow: Flow | LatentFlow) -> Flow:
    """What is drawn of a flow: of a table's, its latents; of images', these decoded.

    An affine map before the flow is drawn too: the first frame is the source, as step -1.
    """
    if isinstance(flow, Flow):
        return flow
    lost = " and ".join(f"{share:.2g}" for share in flow.lost)
    told = f"moved in {flow.latent_target.shape[1]} latent dimensions, outside of which lie {lost} "
    notes = (*flow.notes, f"{told}of the variance of source and target")
    if flow.alignment is not None:
        notes = (*notes, "an affine map takes the source to where the flow begins, at step 0")
    latents, steps = _from_source(flow)
    moving = {"trajectory": latents, "trajectory_steps": steps}
    if flow.particles.ndim == 2:
        notes = (*notes, "pictures and metrics show the latent space")
        return replace(flow.latent, notes=notes, **moving)
    frames = [_decoded(flow, frame) for frame in latents]
    moving["trajectory"] = np.stack(frames) if frames else flow.particles[None][:0]
    return replace(flow.latent, notes=notes, particles=flow.particles, **moving)


def _from_source(flow: LatentFlow) -> tuple[np.ndarray, np.ndarray]:
    """Frames of the latents and their steps, with the source before them if it was mapped."""
    latents, steps = flow.latent.trajectory, flow.latent.trajectory_steps
    if flow.alignment is None or len(latents) == 0:
        return latents, steps
    labels = None if flow.labelled is None else flow.labelled[1]
    index = positions(latents.shape[1], labels, flow.classes)
    start = flow.alignment.inverse(latents[0].astype(np.float64), index)
    return np.concatenate([start[None].astype(latents.dtype), latents]), np.append(-1, steps)


def decoded(codec: AbstractCodec, latents: np.ndarray, inputs: Inputs) -> np.ndarray:
    """Points like the target's from latents that no point of the data is behind."""
    rows = codec.decode(latents.astype(np.float64))
    return rows.reshape(len(latents), *inputs.target.shape[1:]).astype(inputs.target.dtype)


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
