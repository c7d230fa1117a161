"""Colours, users' names, and small helpers that the figures share."""

import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, fontManager
from matplotlib.ft2font import FT2Font
from matplotlib.text import Text

from gparticles.errors import InputError

# Okabe and Ito's
PARTICLES = "#0072B2"
TARGET = "#D55E00"
GREY = "#666666"
PALE = "#dddddd"
# perceptually uniform, and made for readers who do not see red and green apart
FIELD = "cividis"

# more points than this only make ink
MAX_DRAWN = 5000

# letters of a name beside an axis
MAX_LETTERS = 64
# for halves of characters, as in names that are not UTF-8, and what no font has
UNKNOWN = "\ufffd"


def flat(points: Any) -> np.ndarray:
    """Rows of coordinates, float64, shape (n, d), at least one."""
    if np.size(points) == 0:
        raise InputError(f"points of shape {np.shape(points)} hold none; give one at least")
    return np.asarray(points, np.float64).reshape(len(points), -1)


def step_name(step: int) -> str:
    """What a frame is called; step -1 is the source before an affine map to step 0."""
    return f"step {step}" if step >= 0 else "source"


def spaced(length: int, count: int) -> np.ndarray:
    """At most ``count`` indices below ``length``, evenly spaced, the first and last included.

    >>> spaced(10, 4).tolist()
    [0, 3, 6, 9]
    """
    return np.unique(np.linspace(0, length - 1, min(length, count)).round().astype(int))


def save_png(figure: Figure, path: Path, *, dpi: int) -> Path:
    """Writes a figure with no date or version inside, so that the same run gives the same file."""
    engine = figure.get_layout_engine()
    if engine is not None:
        # at this resolution, and once: matplotlib would draw everything twice for it
        figure.dpi = dpi
        engine.execute(figure)
        figure.set_layout_engine("none")
    figure.savefig(path, format="png", dpi=dpi, metadata={"Software": None})
    return path


def legend_above(axes: Axes) -> None:
    # above the axes, where no point is
    legend = axes.legend(
        frameon=False,
        fontsize=9,
        ncols=2,
        loc="lower center",
        bbox_to_anchor=(0.5, 1),
        markerscale=2,
    )
    literal(*legend.get_texts())


def literal(*texts: Text) -> None:
    """Makes texts show what a user wrote: no formula, one line, in fonts that have the letters."""
    for text in texts:
        words = one_line(text.get_text())
        fonts = _fonts(words)
        if fonts is None:
            words = "".join(c if _fonts(c) is not None else UNKNOWN for c in words)
        text.set_parse_math(False)
        text.set_usetex(False)
        text.set_fontfamily([*rcParams["font.family"], *(fonts or ())])
        text.set_text(words)


def one_line(name: str, *, most: int = MAX_LETTERS) -> str:
    """At most so many letters of a name, and nothing that breaks lines or cannot be encoded.

    >>> one_line("a\\tb", most=2)
    'a…'
    """
    plain = "".join(_shown(c) for c in str(name))
    return plain if len(plain) <= most else f"{plain[: most - 1]}…"


def _shown(character: str) -> str:
    if character.isspace():
        return " "
    kind = unicodedata.category(character)
    # marks that only steer how text is set are left out
    return "" if kind == "Cf" else UNKNOWN if kind in ("Cc", "Cs") else character


def pictured(names: Iterable[str], kind: str) -> list[str]:
    """What pictures call each name: itself, or ``kind`` and its number where no font has it."""
    return [
        name if _fonts(one_line(name)) is not None else f"{kind} {k + 1}"
        for k, name in enumerate(names)
    ]


def names_in_words(names: Sequence[str], kind: str) -> str:
    """Which number is which name, for those that not every machine can draw; or nothing.

    >>> names_in_words(["age", "\u5e74\u9f84"], "column")
    'Where a picture cannot show a name, it shows its number: column 2 is \u5e74\u9f84.'
    """
    rare = [
        f"{kind} {k + 1} is {name}"
        for k, name in enumerate(names)
        if not name.isascii() and _missing(one_line(name))
    ]
    numbers = ", ".join(rare)
    return f"Where a picture cannot show a name, it shows its number: {numbers}." if rare else ""


@cache
def _fonts(words: str) -> tuple[str, ...] | None:
    """Families that have the letters which the usual font lacks; None where no font has them."""
    missing, families = _missing(words), []
    for font in fontManager.ttflist if missing else ():
        # the last resort draws a box for everything
        has = missing & _letters(font.fname) if "Last Resort" not in font.name else set()
        if has:
            missing -= has
            families.append(font.name)
        if not missing:
            break
    return None if missing else tuple(families)


def _missing(words: str) -> set[int]:
    usual = findfont(FontProperties(family=rcParams["font.family"]))
    return {ord(c) for c in words} - _letters(str(usual))


@cache
def _letters(path: str) -> frozenset[int]:
    """The characters of a font file; none where it holds pictures of one size, as some emoji's."""
    try:
        font = FT2Font(path)
    except (OSError, RuntimeError):
        return frozenset()
    return frozenset(font.get_charmap()) if font.scalable else frozenset()


def tidy(axes: Axes, *, grid: bool = False) -> None:
    """No box, and a faint grid where values are read off."""
    axes.spines[["top", "right"]].set_visible(False)
    if grid:
        axes.grid(visible=True, which="major", color=PALE, linewidth=0.5)
        axes.set_axisbelow(True)
