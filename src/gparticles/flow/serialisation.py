"""Modules to JSON plus arrays and back, without pickle: only known classes are ever built."""

import dataclasses
import math
from collections.abc import Callable, Iterable
from typing import Any

import equinox as eqx
import jax
import numpy as np

from gparticles.divergence import f_divergences
from gparticles.errors import InputError
from gparticles.flow import integrators, scaling
from gparticles.potential import activations, convolution, lipschitz, networks, symmetry

_FUNCTIONS: dict[str, Callable] = {
    name: getattr(jax.nn, name)
    for name in ("relu", "elu", "leaky_relu", "softplus", "tanh", "sigmoid", "relu6", "hard_tanh")
}


def _classes(extra: Iterable[type] = ()) -> dict[str, type]:
    phi = (activations, convolution, lipschitz, networks, symmetry)
    rooms = (f_divergences, integrators, scaling, *phi)
    found = {
        name: value
        for room in rooms
        for name, value in vars(room).items()
        if isinstance(value, type) and issubclass(value, eqx.Module)
    }
    return found | {cls.__name__: cls for cls in extra}


def encode(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    """A JSON description of ``value``; its arrays are put into ``arrays`` under numbered names.

    Raises:
        InputError: it holds a function or an object that could not be found again.
    """
    if isinstance(value, np.ndarray) and value.dtype.kind == "U":
        # safetensors holds numbers
        return {"text": value.tolist()}
    if isinstance(value, (jax.Array, np.ndarray, np.generic)):
        name = f"array{len(arrays)}"
        arrays[name] = np.asarray(value)
        return {"array": name}
    if isinstance(value, eqx.Module):
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        described = {name: encode(v, arrays) for name, v in fields.items()}
        return {"module": type(value).__name__, "fields": described}
    if isinstance(value, (tuple, list)):
        return {"tuple": [encode(v, arrays) for v in value]}
    if isinstance(value, float):
        return {"float": str(value)} if not math.isfinite(value) else value
    if value is None or isinstance(value, (bool, int, str)):
        return value
    for name, function in _FUNCTIONS.items():
        if value is function:
            return {"function": name}
    raise InputError(
        f"cannot save {value!r}: use an activation of gparticles.activations, or make it a module "
        "(equinox.Module) and name its class to load_flow"
    )


def decode(data: Any, arrays: dict[str, np.ndarray], classes: Iterable[type] = ()) -> Any:
    """What ``encode`` described.

    Raises:
        InputError: the description names a class or a function that is not known here.
    """
    known = _classes(classes)

    def build(node: Any) -> Any:
        if not isinstance(node, dict):
            return node
        if "array" in node:
            return arrays[node["array"]]
        if "text" in node:
            return np.array(node["text"], np.str_)
        if "tuple" in node:
            return tuple(build(v) for v in node["tuple"])
        if "float" in node:
            return float(node["float"])
        if "function" in node:
            return _FUNCTIONS[node["function"]]
        return _build_module(node, known, build)

    return build(data)


def _build_module(node: dict, known: dict[str, type], build: Callable) -> Any:
    name = node["module"]
    if name not in known:
        raise InputError(f"unknown class {name!r}: give it as load_flow(..., classes=({name},))")
    # fields are stored as they were after __init__, which must not run again
    module = object.__new__(known[name])
    for field, value in node["fields"].items():
        object.__setattr__(module, field, build(value))
    return module
