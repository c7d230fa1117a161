"""Times as users write them: numbers, hours, days or dates."""

import re
from typing import Any

import numpy as np

from gparticles.checks import check_labels, plain_array
from gparticles.errors import InputError

HOURS = {"s": 1 / 3600, "m": 1 / 60, "h": 1.0, "d": 24.0, "w": 168.0}
_NAMES = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_WORDS = {letter: letter for letter in HOURS} | {
    form: word[0]
    for word in ("sec", "min", "hr", "hour", "day", "week", "second", "minute")
    for form in (word, f"{word}s")
}
# "12", "12h", "12 hours", "day 2", "d2"; the unit stands on one side
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?"
_TIME = re.compile(rf"\s*(?:([a-z]+)[\s_.-]*)?({_NUMBER})[\s_]*([a-z]*)\s*")
_MEND = "give numbers, or text such as '12h', 'day 2' or '2024-05-31'"


def read_times(times: Any, n: int, *, name: str = "times") -> tuple[np.ndarray, str]:
    """Times as numbers, and the unit they are in.

    Args:
        times: shape (n,): numbers, text with hours, days or dates, or NumPy's own dates and
            durations.
        n: how many.
        name: what messages call them.

    Returns:
        Float64 of shape (n,), and "hours" or another unit, or "" for plain numbers. Dates become
        days since the first; text of several units becomes hours.

    Raises:
        InputError: another number of them, missing or infinite ones, or text that is no time.

    >>> read_times(["0h", "12h", "2 days"], 3)
    (array([ 0., 12., 48.]), 'hours')
    """
    array = plain_array(times, name)
    if array.shape == (n,) and array.dtype.kind == "f" and not np.isfinite(array).all():
        bad = ~np.isfinite(array)
        raise InputError(
            f"{name}: entry {int(np.argmax(bad))} is {array[bad][0]} ({int(bad.sum())} of {n}); "
            "give every cell a time, or remove such cells"
        )
    array = check_labels(times, n, name)
    if array.dtype.kind in "iuf":
        return array.astype(np.float64), ""
    if array.dtype.kind == "m":
        return array / np.timedelta64(1, "h"), "hours"
    if array.dtype.kind == "M":
        return _days(array), "days"
    return _of_text(array.astype(str), name)


def _of_text(texts: np.ndarray, name: str) -> tuple[np.ndarray, str]:
    words, index = np.unique(texts, return_inverse=True)
    parts = [_TIME.fullmatch(word.lower()) for word in words]
    units = [None if part is None else _unit(part[1], part[3]) for part in parts]
    if all(unit is not None for unit in units):
        numbers = np.array([float(part[2]) for part in parts if part is not None])
        return _in_one_unit(numbers, [unit or "" for unit in units], (index, name))
    try:
        dates = np.array([np.datetime64(word.strip(), "s") for word in words])
    except ValueError:
        wrong = next(w for w, unit in zip(words, units, strict=True) if unit is None)
        raise InputError(f"{name}: {str(wrong)[:40]!r} is no time; {_MEND}") from None
    return _days(dates)[index], "days"


def _unit(before: str | None, after: str) -> str | None:
    """The unit's letter, "" where there is none, and None where the words are no unit."""
    if before and after:
        return None
    word = before or after
    # E7.5 is an embryo's seventh and a half day
    return "d" if before == "e" else _WORDS.get(word, None if word else "")


def _in_one_unit(
    numbers: np.ndarray, units: list[str], where: tuple[np.ndarray, str]
) -> tuple[np.ndarray, str]:
    (index, name), kinds = where, set(units)
    if len(kinds) == 1:
        unit = units[0]
        return numbers[index], _NAMES.get(unit, "")
    if "" in kinds:
        raise InputError(f"{name}: some have a unit and others none; give all of them one")
    return (numbers * np.array([HOURS[unit] for unit in units]))[index], "hours"


def _days(dates: np.ndarray) -> np.ndarray:
    return (dates - dates.min()) / np.timedelta64(1, "D")
