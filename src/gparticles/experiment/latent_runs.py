"""Runs through a latent space: a recipe's ``[latent]``, and what is shown and judged of them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from gparticles.divergence import KL, parse_f
from gparticles.errors import InputError
from gparticles.experiment.config import Config, Latent, Noise, Potential
from gparticles.experiment.inputs import Inputs
from gparticles.experiment.provenance import SourceLaw, balanced_labels, stream
from gparticles.flow import Flow
from gparticles.flow.exact import MOST_ENTRIES
from gparticles.latent import (
    PCA,
    AbstractCodec,
    Autoencoder,
    Deformations,
    GaussianMap,
    LatentFlow,
    Residuals,
    latent_bound,
    latent_transport,
)
from gparticles.latent.bound import MEANING
from gparticles.latent.classes import positions
from gparticles.latent.registration import SMALLEST

CODECS: dict[str, Callable[..., AbstractCodec]] = {
    "pca": PCA,
    "autoencoder": Autoencoder,
    "deformations": Deformations,
}


# by the studies of docs/experiments/new-images.md
IMAGE_FLOW: dict[str, Any] = {
    "potential": Potential(preset="exact", smoothing=1.2),
    "steps": 8,
    "step_size": 0.75,
}
# registrations of a folder's images that are worth their time
_MOST_PAIRS, _USUAL_MATES = 2000, 6
# what the command writes where none is given
USUAL_SOURCE = Noise(noise="gaussian")
_FLOW_KEYS = (
    *("latent", "potential", "f", "lipschitz", "integrator", "steps", "step_size"),
    *("cooldown", "fit_steps", "learning_rate", "batch_size", "bounds", "scale", "stop"),
)


def usual_for_images(config: Config, inputs: Inputs) -> Config | None:
    """The configuration for a folder of images of which nothing is asked but new ones, or None."""
    plain = config.source in (None, USUAL_SOURCE)
    asked = config.reverse or any(getattr(config, key) is not None for key in _FLOW_KEYS)
    count = len(inputs.target)
    mates = min(_USUAL_MATES, max(2, _MOST_PAIRS // max(count, 1)))
    if inputs.like.kind != "images" or asked or not plain or count < 2:
        return None
    # of fewer pixels there is too little to bend
    if min(inputs.target.shape[1:3]) < SMALLEST:
        return None
    if len(inputs.source) * count * mates > MOST_ENTRIES:
        return None
    conditional = config.conditional
    if conditional is None:
        conditional = inputs.table.labels is not None
    latent = Latent(codec="deformations", mates=mates)
    return config.model_copy(
        update={**IMAGE_FLOW, "source": None, "latent": latent, "conditional": conditional}
    )


def chosen_codec(latent: Latent) -> AbstractCodec:
    """The recipe's codec, not fitted.

    Raises:
        InputError: an option that this codec does not have.
    """
    options = latent.codec_options()
    make = CODECS[latent.codec]
    unknown = sorted(set(options) - set(getattr(make, "__dataclass_fields__", options)))
    if unknown:
        raise InputError(f"latent.{unknown[0]}: the codec {latent.codec} has none; leave it out")
    return make(**options)


def fitted_codec(latent: Latent, inputs: Inputs, *, seed: int) -> AbstractCodec:
    """The recipe's codec, fitted to source and target together.

    Raises:
        InputError: as ``chosen_codec``, or too few points.
    """
    return chosen_codec(latent).fit(_flat(inputs.source, inputs.target), seed=seed)


def in_its_space(config: Config, inputs: Inputs) -> tuple[AbstractCodec | None, Inputs]:
    """The codec of the recipe's latent space, and the clouds there; or None, and these.

    Raises:
        InputError: an option that this codec does not have, or too few points.
    """
    if config.latent is None:
        return None, inputs
    codec = chosen_codec(config.latent)
    if isinstance(codec, Deformations):
        return begun(config, inputs, codec)
    codec = fitted_codec(config.latent, inputs, seed=config.seed)
    return codec, encoded(inputs, codec)


def begun(config: Config, inputs: Inputs, codec: Deformations) -> tuple[Deformations, Inputs]:
    """The codec fitted to the target's images, and latents that begin with them.

    Raises:
        InputError: a source is given, or the target's points are no images.
    """
    if config.source not in (None, USUAL_SOURCE):
        raise InputError(
            "source: new images begin as deformations of the target's; leave source out"
        )
    kinds = kinds_of(inputs.target_labels, inputs.target_labels)
    fitted, mates = codec.fit_images(inputs.target, kinds, seed=config.seed)
    wanted = kinds_of(inputs.labels, inputs.target_labels)
    wanted = np.zeros(len(inputs.source), int) if wanted is None else wanted
    start = fitted.begin(wanted, seed=stream(config.seed, "source"))
    moved = replace(
        inputs,
        source=start.latents,
        labels=start.images,
        target=mates.latents,
        target_labels=mates.images,
        tabular=False,
    )
    return fitted, moved


def kinds_of(labels: np.ndarray | None, known: Any) -> np.ndarray | None:
    """Labels as positions in the sorted ones that are known."""
    return None if labels is None else np.searchsorted(np.unique(known), labels)


def as_images(flow: Flow, codec: Deformations, inputs: Inputs) -> LatentFlow:
    """A flow of latents that were begun, seen from the images that they decode to.

    Args:
        flow: finished.
        codec: fitted.
        inputs: what it moved, in the latent space.
    """
    lost = 0.0 if codec.fields_kept is None else 1 - codec.fields_kept
    return LatentFlow(
        particles=codec.decode(flow.particles),
        latent=flow,
        latent_target=inputs.target,
        codec=codec,
        residuals=Residuals(keep=False),
        columns=None,
        alignment=None,
        labelled=None,
        lost=(0.0, lost),
        bounds=None,
        weights=(_equal(flow.particles), _equal(inputs.target)),
        notes=(
            "images are deformations of the training images, which a saved flow contains",
            "the flow ends before particles rest: longer ones come nearer to the training images",
        ),
    )


def _equal(points: np.ndarray) -> np.ndarray:
    return np.full(len(points), 1 / len(points))


def new_points(
    flow: Flow | LatentFlow, law: SourceLaw, n: int, *, seed: int
) -> tuple[np.ndarray, np.ndarray | None]:
    """Points of the source's law carried along a stored flow, shape (n, *event), and their labels.

    Raises:
        InputError: the source was a file.
    """
    codec = flow.codec if isinstance(flow, LatentFlow) else None
    if not isinstance(codec, Deformations):
        values, labels = law.draw(n, seed=seed)
        return flow(values, labels=labels), labels
    labels = None
    if law.labels is not None:
        labels = balanced_labels(law.labels, n, seed=stream(seed, "labels"))
    kinds = kinds_of(labels, law.labels)
    start = codec.begin(np.zeros(n, int) if kinds is None else kinds, seed=seed)
    assert isinstance(flow, LatentFlow)
    return codec.decode(flow.latent(start.latents, start.images)), labels


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
    if isinstance(flow, Flow) or flow.codec.begins:
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
    if flow.codec.begins:
        notes = (*flow.latent.notes, *flow.notes)
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
