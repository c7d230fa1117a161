"""The page of a time course: an animation over real time, curves, and the left-out test."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gparticles.outputs import replace_file
from gparticles.report.page import Page, in_place, part, script_json, template
from gparticles.report.words import readable

# of a snapshot, in the animation
MAX_CELLS = 400


class Film(NamedTuple):
    """What moves: two columns of the cells, over time, and of the snapshots.

    Attributes:
        times: of the frames, shape (k,).
        cells: shape (k, m, 2).
        snapshots: time and cells, shape (n, 2), of each.
        names: of the two columns.
        unit: of the times, or "".
    """

    times: np.ndarray
    cells: np.ndarray
    snapshots: Sequence[tuple[float, np.ndarray]]
    names: tuple[str, str]
    unit: str


@dataclass(frozen=True, kw_only=True)
class CoursePage(Page):
    """What the page says besides.

    Attributes:
        film: what moves.
        left_out: one row for each time: the time, and numbers as text in the order of ``columns``.
        columns: of that table.
        left_out_words: what the table means, or why there is none.
    """

    film: Film
    left_out: Sequence[tuple[str, Sequence[str]]]
    columns: Sequence[str]
    left_out_words: str


def write_course_report(path: Path, page: CoursePage, pictures: Sequence[tuple[Path, str]]) -> Path:
    """Writes the page: one file that needs no network.

    Args:
        path: of the page.
        page: its words and numbers; all of them are escaped.
        pictures: PNG files with their captions.
    """
    html = template("course.html.jinja").render(
        page=page,
        pictures=in_place(pictures),
        most=MAX_CELLS,
        data=script_json(packed_film(page.film)),
        css=part("page.css"),
        js=part("course.js"),
    )
    replace_file(path, readable(html).encode())
    return path


def packed_film(film: Film) -> dict[str, Any]:
    """Numbers of four digits, in a box that holds everything that is shown."""
    everything = np.concatenate(
        [film.cells.reshape(-1, 2), *(cells for _, cells in film.snapshots)]
    )
    low, high = everything.min(axis=0), everything.max(axis=0)
    extent = np.where(high > low, high - low, 1.0)

    def shares(cells: np.ndarray) -> list[list[float]]:
        return np.round((cells - low) / extent, 4).tolist()

    return {
        "times": np.round(film.times, 6).tolist(),
        "cells": [shares(frame) for frame in film.cells],
        "snapshots": [
            {"time": float(time), "cells": shares(cells)} for time, cells in film.snapshots
        ],
        "names": list(film.names),
        "unit": film.unit,
    }
