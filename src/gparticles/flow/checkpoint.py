"""Checkpoints: a run cut off at any moment continues to the same bits."""

import hashlib
import re
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gparticles.checks import check_number
from gparticles.errors import InputError
from gparticles.flow.recording import Recording
from gparticles.flow.saving import read_arrays, read_record, write_arrays, write_record

_RECORD = "checkpoint.json"
_FILES = re.compile(r"(?:state|part)-\d{8,}\.safetensors")
# other versions may give other bits
_PACKAGES = ("gparticles", "jax", "equinox", "optax")
_VERSIONS = " ".join(f"{name} {version(name)}" for name in _PACKAGES)


@dataclass(frozen=True)
class Checkpoint:
    """Where and how often a flow saves what it would need to continue.

    Attributes:
        directory: made at the first save, so that a refused input leaves nothing behind.
        seconds: between saves.
        resume: continue from the directory's checkpoint where there is one.
    """

    directory: str | Path
    seconds: float = 10.0
    resume: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        check_number(self.seconds, "checkpoint seconds")

    @property
    def record(self) -> Path:
        return Path(self.directory) / _RECORD


def digest(*trees: Any) -> str:
    """A fingerprint of data and settings, so that no run continues another one's checkpoint."""
    found = hashlib.sha256()
    found.update(_VERSIONS.encode())
    for leaf in jax.tree.leaves(trees):
        array = np.asarray(leaf)
        found.update(f"{array.dtype}{array.shape}".encode())
        found.update(array.tobytes())
    # functions are told apart by name, since their addresses change from process to process
    structure = re.sub(r" at 0x[0-9a-f]+", "", str(jax.tree.structure(trees)))
    found.update(structure.encode())
    return found.hexdigest()


def described(value: Any, depth: int = 12) -> str:
    """A function by its code, its defaults and what it closes over; anything else by its repr.

    An optimiser is a pair of closures: only what these hold tells two learning rates apart.
    """
    if isinstance(value, (tuple, list)):
        return f"({','.join(described(v, depth - 1) for v in value)})"
    code = getattr(value, "__code__", None)
    if code is None or depth == 0:
        return re.sub(r" at 0x[0-9a-f]+", "", repr(value))
    cells = [cell.cell_contents for cell in value.__closure__ or ()]
    held = described([*cells, *(value.__defaults__ or ())], depth - 1)
    return f"{value.__module__}.{value.__qualname__}:{code.co_code.hex()}{held}"


def _named(tree: Any) -> dict[str, np.ndarray]:
    return {f"leaf{i}": np.asarray(leaf) for i, leaf in enumerate(jax.tree.leaves(tree))}


class Writer:
    """Saves a flow's state; what was recorded since the last save goes to a file of its own.

    The record is replaced last and names every other file, so that a process killed at any moment
    leaves either the checkpoint before or the new one.
    """

    def __init__(self, checkpoint: Checkpoint, fingerprint: str, parts: list[dict]):
        self.checkpoint = checkpoint
        self.fingerprint = fingerprint
        self.parts = parts

    def save(self, state: Any, recording: Recording, step: int) -> None:
        directory = Path(self.checkpoint.directory)
        directory.mkdir(parents=True, exist_ok=True)
        parts = self.parts
        pieces = recording.unsaved(step)
        if pieces:
            name = f"part-{step:08d}.safetensors"
            checksum = write_arrays(directory / name, pieces)
            # an interrupted save may have listed this part already
            parts = [part for part in parts if part["file"] != name]
            parts.append({"file": name, "checksum": checksum})
        name = f"state-{step:08d}.safetensors"
        checksum = write_arrays(directory / name, _named(state))
        record = {
            "step": step,
            "fingerprint": self.fingerprint,
            "state": {"file": name, "checksum": checksum},
            "parts": parts,
        }
        write_record(self.checkpoint.record, record)
        self.parts = parts
        recording.mark_saved(step)
        for old in directory.glob("state-*.safetensors"):
            if old.name != name:
                old.unlink(missing_ok=True)


def load(checkpoint: Checkpoint, fingerprint: str, template: Any) -> tuple[Any, list, list[dict]]:
    """The state, the recorded pieces and the list of part files of a checkpoint.

    Raises:
        InputError: it is damaged, of a newer schema, or belongs to other data or settings.
    """
    directory = Path(checkpoint.directory)
    record = read_record(checkpoint.record)
    if record.get("fingerprint") != fingerprint:
        raise InputError(
            f"{directory}: the checkpoint was made with other data, settings or versions; "
            "give the same ones, or start anew in another folder"
        )
    try:
        arrays = _read(directory, record["state"])
        leaves, structure = jax.tree.flatten(template)
        state = structure.unflatten(
            [_like(leaf, arrays[f"leaf{i}"]) for i, leaf in enumerate(leaves)]
        )
        parts = list(record["parts"])
        pieces = [_read(directory, part) for part in parts]
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{directory}: damaged checkpoint ({error!r}); start anew in another folder"
        ) from None
    return state, pieces, parts


def _read(directory: Path, named: dict[str, str]) -> dict[str, np.ndarray]:
    """The arrays of a file of this folder; a record from elsewhere may name any other."""
    if _FILES.fullmatch(named["file"]) is None:
        raise ValueError(f"{named['file']} is no file of a checkpoint")
    return read_arrays(directory / named["file"], named["checksum"])


def _like(leaf: Any, array: np.ndarray) -> jax.Array:
    if (array.shape, array.dtype) != (np.shape(leaf), np.asarray(leaf).dtype):
        raise ValueError(f"an array of shape {array.shape} where {np.shape(leaf)} is due")
    return jnp.asarray(array)
