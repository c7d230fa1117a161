"""Checks that the samplers share."""

from typing import Any

from gparticles.errors import InputError


def at_least(name: str, value: Any, least: int) -> None:
    """InputError where the value is below the least, or not a number."""
    # written so that NaN is refused too
    if not value >= least:
        raise InputError(f"{name} is {value}; give {least} or more")
