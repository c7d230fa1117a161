"""What is read from a run folder: damage and strangers' values are refused before they are used."""

import json
import math
import tomllib
from collections.abc import Callable
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, create_model

from gparticles.errors import InputError, printable

Kind = TypeVar("Kind")

_MEND = "restore it from a copy, or run it again"
_TEXTS = ("title", "sentence", "unit", "note")
_NUMBERS = ("fresh", "resampled", "smoothed")


def parsed_toml(text: str) -> dict[str, Any]:
    """What TOML says.

    Raises:
        ValueError: it is none, a number of it has thousands of digits, or it is nested too deeply.
    """
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except tomllib.TOMLDecodeError:
        raise
    except ValueError:
        raise ValueError("a number of it has thousands of digits") from None


def brief(value: Any) -> str:
    """A value in at most 60 characters."""
    try:
        text = printable(repr(value))
    except ValueError:
        text = "a number of thousands of digits"
    return text if len(text) <= 60 else f"{text[:57]}..."


def built(kind: Callable[..., Kind], values: dict[str, Any], path: Path) -> Kind:
    """An instance of a dataclass from what was read.

    Args:
        kind: the dataclass, whose annotations say what its fields may be.
        values: by field.
        path: of the file, for the message.

    Raises:
        InputError: a value that is missing, unknown, or of another type than its field's.
    """
    try:
        return kind(**dict(_model(kind).model_validate(values)))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise InputError(
            f"{path}: is damaged ({printable(where)}: {first['msg']}); {_MEND}"
        ) from None


@cache
def _model(kind: Any) -> type[BaseModel]:
    hints = get_type_hints(kind)
    config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")
    typed = {field.name: (hints[field.name], ...) for field in fields(kind)}
    make: Any = create_model
    return make(kind.__name__, __config__=config, **typed)


def read_metrics(path: Path) -> dict[str, dict[str, Any]]:
    """What ``metrics.json`` holds: an entry for each metric.

    Raises:
        InputError: it cannot be read, or an entry is not what a run writes.
    """
    try:
        metrics = json.loads(path.read_text(encoding="utf-8"))
        entries = TypeAdapter(dict[str, dict[str, Any]]).validate_python(metrics)
    except (OSError, ValueError, RecursionError):
        raise InputError(f"{path}: is damaged; {_MEND}") from None
    for name, entry in entries.items():
        wrong = next((key for key, value in entry.items() if not _fits(key, value)), None)
        if wrong is not None or printable(name) != name:
            raise InputError(f"{path}: is damaged ({printable(name)}.{wrong}); {_MEND}")
    return entries


def _fits(key: str, value: Any) -> bool:
    if key in _TEXTS:
        return value is None or (isinstance(value, str) and printable(value) == value)
    if key in _NUMBERS:
        return value is None or _is_number(value)
    return key != "value" or value is None or isinstance(value, str) or _is_number(value)


def _is_number(value: Any) -> bool:
    """Whether it can be a float."""
    try:
        return isinstance(value, (int, float)) and not math.isnan(float(value))
    except OverflowError:
        return False
