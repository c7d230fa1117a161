"""How many rows can be drawn."""

from typing import Any

from gparticles.errors import InputError

MOST_NUMBERS = 2**32
"""Numbers in one draw: 32 GiB in float64."""


def check_size(n: Any, dim: Any = 1, *, least: int = 1) -> None:
    """Refuses fewer rows than one, and fewer columns than `least` or more than memory holds.

    Raises:
        InputError: n or dim is too small or too large.

    >>> check_size(10, 3)
    """
    for name, value, lowest in (("n", n, 1), ("dim", dim, least)):
        # written so that NaN is refused too
        if not value >= lowest:
            raise InputError(f"{name} is {value}; give {lowest} or more")
    if n > MOST_NUMBERS // dim:
        most = max(1, MOST_NUMBERS // dim)
        columns = f"rows of {dim} columns" if dim <= MOST_NUMBERS else "rows of so many columns"
        raise InputError(
            f"n is too large for {columns}; give at most {most} rows, or fewer columns"
        )
