"""Codecs as JSON and arrays, from which they are built again; nothing read is executed."""

import math
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np


def packed(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    """What JSON can hold of a value; arrays in it are put among ``arrays`` and named.

    Args:
        value: an instance of a dataclass, an array, a sequence, or a plain value.
        arrays: those of other values, to which these are added.
    """
    if isinstance(value, np.ndarray):
        name = str(len(arrays))
        arrays[name] = value
        return {"array": name}
    if is_dataclass(value) and not isinstance(value, type):
        kept = {f.name: packed(getattr(value, f.name), arrays) for f in fields(value)}
        return {"is": type(value).__name__, **kept}
    if isinstance(value, (tuple, list)):
        return [packed(entry, arrays) for entry in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return {"number": str(value)}
    return value


def unpacked(
    record: Any, arrays: Mapping[str, np.ndarray], kinds: Mapping[str, Callable[..., Any]]
) -> Any:
    """The value that ``packed`` was given, with tuples for all sequences.

    Args:
        record: of JSON.
        arrays: by their names.
        kinds: the dataclasses that may be in it, by their names.

    Raises:
        KeyError, TypeError, ValueError: it is no such record.
    """
    if isinstance(record, list):
        return tuple(unpacked(entry, arrays, kinds) for entry in record)
    if not isinstance(record, dict):
        return record
    if "array" in record:
        return arrays[record["array"]]
    if "number" in record:
        return float(record["number"])
    values = {name: unpacked(entry, arrays, kinds) for name, entry in record.items()}
    return kinds[values.pop("is")](**values)
