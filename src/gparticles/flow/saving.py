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
    """Writes a JSON record with its schema and a digest, by which ``read_record`` knows damage."""
    # as it will be read: JSON knows neither tuples nor keys that are numbers
    record = json.loads(json.dumps({"schema": SCHEMA, **record}))
    text = json.dumps({**record, "digest": _digest(record)}, indent=1)
    replace_file(path, text.encode())


def read_record(path: Path) -> dict[str, Any]:
    """The JSON record of a saved flow or checkpoint.

    Raises:
        InputError: it is missing or damaged, was changed, or is of a newer schema.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError):
        raise InputError(f"{path}: damaged or truncated (not JSON); {REMEDY}") from None
    schema = record.get("schema") if isinstance(record, dict) else None
    if type(schema) is not int or schema < 1:
        raise InputError(f"{path}: damaged (it names no schema); {REMEDY}")
    if schema > SCHEMA:
        raise InputError(
            f"{path}: written by a newer gparticles (schema {schema}, this one reads up to "
            f"{SCHEMA}); update gparticles"
        )
    # records from before there were digests have none
    if "digest" in record and record.pop("digest") != _digest(record):
        raise InputError(f"{path}: damaged or changed (its digest differs); {REMEDY}")
    return record


def _digest(record: dict[str, Any]) -> str:
    # of what the text says and not of how it is laid out
    text = json.dumps(record, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
