"""Dates and times that are text: in which way they are written, and the same way back."""

import re
from collections.abc import Sequence
from datetime import datetime

import numpy as np

_DAYS = (
    *("%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y"),
    *("%d-%m-%Y", "%m-%d-%Y", "%d %b %Y", "%d-%b-%Y", "%b %d, %Y", "%d.%m.%y", "%d/%m/%y"),
    *("%m/%d/%y", "%Y-%m"),
)
_TIMES = ("%H:%M", "%H:%M:%S")
FORMATS = (
    *_DAYS,
    *(f"{day}{between}{time}" for day in _DAYS for between in " T" for time in _TIMES),
    *(f"{day}T{time}{end}" for day in _DAYS[:1] for time in _TIMES for end in ("Z", ".%f")),
    *_TIMES,
)
"""How dates may be written, those that are clearest first; %f has six digits."""

_LOOKS = re.compile(
    r"(\d{4}[-/.]\d{1,2}([-/.]\d{1,2})?|\d{1,2}[-/. ](\d{1,2}|[A-Za-z]{3})[-/. ]\d{2,4}"
    r"|[A-Za-z]{3} \d{1,2}, \d{4}|\d{1,2}:\d{2})([T ]?\d{1,2}:\d{2}.*|:\d{2})?"
)


def look_like_dates(cells: Sequence[str]) -> bool:
    """Whether each cell is written like a date or a time, in whatever way."""
    return all(_LOOKS.fullmatch(cell.strip()) for cell in cells)


def formats_of(cells: Sequence[str]) -> list[str]:
    """The ways in which all of the cells may be written, letter for letter.

    >>> formats_of(["2024-02-29", "2023-12-01"]), formats_of(["2024-02-29", "1.12.2023"])
    (['%Y-%m-%d'], [])
    """
    return [one for one in FORMATS if all(_read(cell, one) is not None for cell in cells)]


def stamps_of(cells: Sequence[str], form: str) -> np.ndarray | None:
    """Microseconds from 1970, int64, shape (n,); None where a cell is written otherwise."""
    times = [_read(cell, form) for cell in cells]
    if any(time is None for time in times):
        return None
    return np.array(times, "M8[us]").view(np.int64)


def written(stamps: np.ndarray, form: str) -> np.ndarray:
    """Text of microseconds from 1970, shape (n,)."""
    made = np.empty(len(stamps), object)
    made[:] = [time.strftime(form) for time in stamps.view("M8[us]").tolist()]
    return made


def _read(cell: str, form: str) -> datetime | None:
    try:
        time = datetime.strptime(cell, form)
    except ValueError:
        return None
    # leading zeros and capitals would not come back
    return time if time.strftime(form) == cell else None
