"""Arrays and JSON on disk: written to a temporary name and moved into place, checked on reading."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from gparticles.errors import InputError
from gparticles.outputs import replace_file

# bumped whenever a file written before could no longer be read
SCHEMA = 1

write_atomically = replace_file

REMEDY = "restore it from a copy, or make it anew"


def write_arrays(path: Path, arrays: dict[str, np.ndarray]) -> str:
    """Writes a safetensors file; returns the checksum that ``read_arrays`` wants."""
    # order="C" and not ascontiguousarray, which gives scalars an axis
    data = safetensors.numpy.save({name: np.array(a, order="C") for name, a in arrays.items()})
    replace_file(path, data)
    return hashlib.sha256(data).hexdigest()


def read_arrays(path: Path, checksum: str) -> dict[str, np.ndarray]:
    """The arrays of a file.

    Raises:
        InputError: it is missing, truncated or damaged.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); save it again") from None
    if hashlib.sha256(data).hexdigest() != checksum:
        raise InputError(f"{path}: damaged or truncated (its checksum differs); {REMEDY}")
    try:
        return safetensors.numpy.load(data)
    except safetensors.SafetensorError as error:
        raise InputError(f"{path}: damaged ({error}); {REMEDY}") from None


def write_record(path: Path, record: dict[str, Any]) -> None:
    text = json.dumps({"schema": SCHEMA, **record}, indent=1)
    replace_file(path, text.encode())


def read_record(path: Path) -> dict[str, Any]:
    """The JSON record of a saved flow or checkpoint.

    Raises:
        InputError: it is missing or damaged, or of a newer schema.
    """
    try:
        record = json.loads(path.read_text())
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except ValueError:
        raise InputError(f"{path}: damaged or truncated (not JSON); {REMEDY}") from None
    schema = record.get("schema") if isinstance(record, dict) else None
    if not isinstance(schema, int):
        raise InputError(f"{path}: damaged (it names no schema); {REMEDY}")
    if schema > SCHEMA:
        raise InputError(
            f"{path}: written by a newer gparticles (schema {schema}, this one reads up to "
            f"{SCHEMA}); update gparticles"
        )
    return record
