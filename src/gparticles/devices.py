"""Devices over which rows are split by JAX's own partitioner, and arrays that lie on them."""

from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from gparticles.errors import InputError

AXIS = "particles"


def mesh_of(devices: Any) -> Mesh | None:
    """The mesh over which rows are split; None for one device.

    Args:
        devices: None, a number, "all", or a mesh of the user's with an axis "particles" or with
            one axis only.

    Raises:
        InputError: there are fewer devices, or the mesh has no such axis.
    """
    if devices is None:
        return None
    if isinstance(devices, Mesh):
        if AXIS not in devices.axis_names and len(devices.axis_names) > 1:
            raise InputError(
                f"devices: the mesh has the axes {', '.join(devices.axis_names)}; name the one "
                f'that splits particles "{AXIS}"'
            )
        return devices
    there = jax.devices()
    if devices == "all":
        count = len(there)
    elif isinstance(devices, (int, np.integer)) and not isinstance(devices, bool) and devices > 0:
        count = int(devices)
    else:
        raise InputError(
            f'devices is {devices!r}: give None, a number, "all", or a jax.sharding.Mesh'
        )
    if count > len(there):
        raise InputError(f'devices is {count}: there are {len(there)}; give "all", or fewer')
    if jax.process_count() > 1 and count < len(there):
        raise InputError(f'devices is {count}: on several hosts give "all"')
    return None if count == 1 else Mesh(np.array(there[:count]), (AXIS,))


def axis_of(mesh: Mesh) -> str:
    """The axis that splits rows."""
    return AXIS if AXIS in mesh.axis_names else mesh.axis_names[0]


def everywhere(mesh: Mesh, array: Any) -> jax.Array:
    """The whole array on every device."""
    return _put(mesh, np.asarray(array), PartitionSpec())


def in_rows(mesh: Mesh, array: Any, *, axis: int = 0, weights: bool = False) -> jax.Array:
    """The rows of an array shared out equally, filled up with copies of the last one.

    Args:
        mesh: the devices.
        array: one that every process has whole.
        axis: along which rows lie.
        weights: fill up with zeros, so that the copies have no weight.
    """
    array = np.asarray(array)
    missing = -array.shape[axis] % mesh.shape[axis_of(mesh)]
    pad = [(0, missing if number == axis else 0) for number in range(array.ndim)]
    filled = np.pad(array, pad) if weights else np.pad(array, pad, mode="edge")
    # an empty array comes back from a compiled program unsplit, and would be another program
    spec = PartitionSpec(*[None] * axis, axis_of(mesh)) if filled.size else PartitionSpec()
    return _put(mesh, filled, spec)


def _put(mesh: Mesh, array: np.ndarray, spec: PartitionSpec) -> jax.Array:
    sharding = NamedSharding(mesh, spec)
    return jax.make_array_from_callback(array.shape, sharding, lambda index: array[index])


def fetched(array: Any) -> np.ndarray:
    """A whole array, also where other processes hold parts of it."""
    if not isinstance(array, jax.Array) or array.is_fully_addressable or array.is_fully_replicated:
        return np.asarray(array)
    return np.asarray(multihost_utils.process_allgather(array, tiled=True))
