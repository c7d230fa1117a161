"""Times as users write them: numbers, hours, days or dates."""

import re
from datetime import UTC, datetime
from typing import Any

import numpy as np

from gparticles.checks import known_labels
from gparticles.errors import InputError

# of a year 365.25 days, of which a month is a twelfth
HOURS = {"seconds": 1 / 3600, "minutes": 1 / 60, "hours": 1.0, "days": 24.0, "weeks": 168.0}
HOURS |= {"months": 730.5, "years": 8766.0}
# "m" alone may be minutes or months
_SHORT = {"seconds": "s sec", "minutes": "min", "hours": "h hr", "days": "d", "weeks": "w wk"}
_SHORT |= {"months": "mo", "years": "y yr"}
_WORDS = {
    form: unit
    for unit, short in _SHORT.items()
    for word in (unit[:-1], *short.split())
    for form in (word, f"{word}s")
}
# "12", "12h", "12 hours", "day 2", "d2"; the unit stands on one side
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?"
_TIME = re.compile(rf"\s*(?:([a-z]+)([\s_.-]*))?({_NUMBER})[\s_]*([a-z]*)\s*")
_DATE = re.compile(r"\d{4}-\d\d(-\d\d.*)?")
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
    array, known = known_labels(times, n, name)
    bad = ~known
    if array.dtype.kind == "f":
        bad |= ~np.isfinite(array)
    if bad.any():
        raise InputError(
            f"{name}: entry {int(np.argmax(bad))} is missing or infinite ({bad.sum()} of {n}); "
            "give every cell a time, or remove such cells"
        )
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
    units = [None if part is None else _unit(part[1], part[4]) for part in parts]
    matched = [part for part in parts if part is not None]
    if None not in units:
        _check_dashes([part[2] for part in matched if part[1]], name)
        numbers = np.array([float(part[3]) for part in matched])
        return _in_one_unit(numbers, [unit or "" for unit in units], (index, name))
    dates = [_date(word.strip()) for word in words]
    for word, part, unit, date in zip(words, parts, units, dates, strict=True):
        if unit is None and date is None:
            short = part is not None and "m" in (part[1], part[4])
            mend = "write min for minutes, or mo for months" if short else _MEND
            raise InputError(f"{name}: {str(word)[:40]!r} is no time; {mend}")
    if None in dates:
        raise InputError(f"{name}: some are dates and others not; give all of them as dates")
    moments = np.array(dates, "datetime64[us]")
    return _days(moments)[index], "days"


def _unit(before: str | None, after: str) -> str | None:
    """The unit's name, "" where there is none, and None where the words are no unit."""
    if before and after:
        return None
    word = before or after
    if before == "e" or re.fullmatch("[hdw]p[a-z]", after):
        # E7.5 is an embryo's seventh and a half day, 24hpf are hours post fertilisation
        word = "d" if before else after[0]
    return _WORDS.get(word, None if word else "")


def _check_dashes(between: list[str | None], name: str) -> None:
    """Refuses words before numbers that have a dash, perhaps a sign, where others have nothing."""
    texts = [(text or "").strip() for text in between]
    if "" in texts and any("-" in text for text in texts):
        raise InputError(
            f"{name}: some have a dash before the number and others none; write what is before 0 "
            "as in '-1 d'"
        )


def _date(word: str) -> datetime | None:
    """The moment of a date or a month, in Greenwich time where it has a zone; None of others."""
    if not _DATE.fullmatch(word):
        return None
    try:
        moment = datetime.fromisoformat(f"{word}-01" if len(word) == len("2024-05") else word)
    except ValueError:
        return None
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)


def _in_one_unit(
    numbers: np.ndarray, units: list[str], where: tuple[np.ndarray, str]
) -> tuple[np.ndarray, str]:
    (index, name), kinds = where, set(units)
    if len(kinds) == 1:
        return numbers[index], units[0]
    if "" in kinds:
        raise InputError(f"{name}: some have a unit and others none; give all of them one")
    return (numbers * np.array([HOURS[unit] for unit in units]))[index], "hours"


def _days(dates: np.ndarray) -> np.ndarray:
    return (dates - dates.min()) / np.timedelta64(1, "D")
