"""From a checked configuration to the objects that ``gparticles.transport`` takes."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gparticles.divergence import parse_f
from gparticles.errors import InputError
from gparticles.experiment.config import Config, Keep, Potential, Stop
from gparticles.experiment.inputs import Inputs
from gparticles.flow import (
    Cooldown,
    ExactPotential,
    HeldOut,
    KineticEnergy,
    Store,
    parse_integrator,
)
from gparticles.flow.settings import default_optimiser, default_potential
from gparticles.flow.stopping import AbstractStop
from gparticles.potential import (
    LAYERS,
    SYMMETRIES,
    AbstractPotential,
    Averaged,
    LipschitzConv,
    LipschitzMLP,
    activations,
    smooth_mlp,
    soft_mlp,
    tight_mlp,
)


def arguments(config: Config, inputs: Inputs) -> dict[str, Any]:
    """Everything that ``transport`` is called with, but callbacks and the checkpoint."""
    asked = _asked(config, inputs)
    if inputs.mixed is None or config.potential is not None:
        return asked
    classes = None if inputs.target_labels is None else len(np.unique(inputs.target_labels))
    chosen = inputs.mixed.settings(classes=classes, seed=config.seed)
    return asked | {name: value for name, value in chosen.items() if asked[name] is None}


def _asked(config: Config, inputs: Inputs) -> dict[str, Any]:
    return {
        "source": inputs.source,
        "target": inputs.target if inputs.drawn is None else inputs.drawn,
        "labels": inputs.labels,
        "target_labels": inputs.target_labels,
        "f": None if config.f is None else parse_f(config.f),
        "lipschitz": config.lipschitz,
        "potential": _potential(config, inputs),
        "integrator": None if config.integrator is None else parse_integrator(config.integrator),
        "reverse": config.reverse,
        "steps": config.steps,
        "step_size": _step_size(config),
        "fit_steps": config.fit_steps,
        "optimizer": _given(config.learning_rate, default_optimiser),
        "batch_size": config.batch_size,
        "bounds": None if config.bounds is None else tuple(config.bounds),
        "scale": _scale(config, inputs),
        "stop": None if config.stop is None else _stop(config.stop),
        "store": _given(config.store, _store),
        "devices": config.devices,
        "seed": config.seed,
    }


def _given(value: Any, make: Callable[[Any], Any]) -> Any:
    return None if value is None else make(value)


def _step_size(config: Config) -> float | Cooldown | None:
    if config.cooldown is None:
        return config.step_size
    return Cooldown(config.cooldown, config.step_size)


def _scale(config: Config, inputs: Inputs) -> float | str:
    if inputs.mixed is not None:
        return "auto"
    if config.scale is not None:
        return config.scale
    return "columns" if inputs.tabular else "auto"


def _stop(stop: Stop) -> AbstractStop | None:
    if stop.rule == "none":
        return None
    rule = KineticEnergy if stop.rule == "kinetic-energy" else HeldOut
    return rule(**stop.model_dump(exclude={"rule"}, exclude_none=True))


def _store(keep: Keep) -> Store:
    return Store(**keep.model_dump(exclude_none=True))


def _potential(config: Config, inputs: Inputs) -> AbstractPotential | ExactPotential | None:
    chosen = config.potential
    if chosen is None or chosen == Potential():
        return None
    if chosen.preset == "exact":
        return _exact(chosen)
    if chosen.smoothing is not None:
        raise InputError('potential.smoothing: only the preset "exact" has one; leave it out')
    shape = inputs.target.shape[1:]
    lipschitz = 1.0 if config.lipschitz is None else config.lipschitz
    body = _body(chosen, shape, lipschitz, seed=config.seed)
    if chosen.symmetry is not None:
        body = Averaged(body, symmetry=SYMMETRIES[chosen.symmetry])
    if inputs.target_labels is None:
        return body
    return body.per_class(len(np.unique(inputs.target_labels)), seed=config.seed)


def _exact(chosen: Potential) -> ExactPotential:
    sizes = chosen.model_dump(exclude={"preset", "smoothing"}, exclude_none=True)
    if sizes:
        raise InputError(
            f'potential.{min(sizes)}: the preset "exact" has no network; leave {min(sizes)} out'
        )
    return ExactPotential() if chosen.smoothing is None else ExactPotential(chosen.smoothing)


def _body(chosen: Potential, shape: tuple[int, ...], lipschitz: float, *, seed: int) -> Any:
    size = math.prod(shape)
    common: dict[str, Any] = {"lipschitz": lipschitz, "seed": seed}
    if chosen.preset == "soft":
        return _soft(chosen, size, common)
    if chosen.preset == "default":
        base = default_potential(shape, lipschitz, None, seed)
    else:
        base = (tight_mlp if chosen.preset == "tight" else smooth_mlp)(size, **common)
    return _changed(base, chosen, shape, common)


def _changed(base: Any, chosen: Potential, shape: tuple[int, ...], common: dict[str, Any]) -> Any:
    """The preset's network with what the recipe says put in the place of its own."""
    weights = {
        "layer": LAYERS[chosen.layer] if chosen.layer else type(base.layers[0].matrix),
        "activation": (
            activations.parse_activation(chosen.activation)
            if chosen.activation
            else base.activation
        ),
    }
    if chosen.preset == "conv":
        sizes = {"channels": chosen.width, "depth": chosen.depth}
        given = {k: v for k, v in sizes.items() if v is not None}
        return LipschitzConv(shape, **given, **weights, **common)
    width, depth = len(base.layers[0].bias), len(base.layers)
    sizes = {"width": chosen.width or width, "depth": chosen.depth or depth}
    return LipschitzMLP(math.prod(shape), **sizes, **weights, **common)


def _soft(chosen: Potential, size: int, common: dict[str, Any]) -> AbstractPotential:
    if chosen.layer is not None:
        raise InputError("potential.layer: the soft preset has free layers; leave layer out")
    given = chosen.model_dump(include={"width", "depth"}, exclude_none=True)
    if chosen.activation is not None:
        given["activation"] = activations.parse_activation(chosen.activation)
    return soft_mlp(size, **given, **common)
