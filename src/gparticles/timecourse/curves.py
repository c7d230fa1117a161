"""Columns over continuous time, for a group of cells: genes through the components they load on."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from gparticles.errors import InputError
from gparticles.timecourse.course import Trajectory
from gparticles.timecourse.field import carried

TIMES = 41
# of the cells, at which the band begins and ends
BAND = (0.1, 0.9)


class Curves(NamedTuple):
    """Columns of a group of cells over time.

    Attributes:
        names: of the columns, in number g.
        times: shape (k,).
        mean: over the cells, shape (k, g).
        low, high: between which lie 80 % of the cells, shape (k, g).
    """

    names: tuple[str, ...]
    times: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray


class Columns(NamedTuple):
    """Columns that a course's points load on: x(t) = x + (z(t) - z) loadings^T.

    What the components do not hold of a cell stays with it.

    Attributes:
        names: in number g.
        values: x of the cells, shape (n, g).
        loadings: shape (g, d).
    """

    names: tuple[str, ...]
    values: np.ndarray
    loadings: np.ndarray


def curves(
    course: Trajectory, columns: Columns, *, group: Any = None, times: Sequence[float] | None = None
) -> Curves:
    """Carries a group's cells over the whole course and reads their columns.

    Args:
        course: made of all n cells, in the order of ``columns.values``.
        columns: what to read.
        group: a mask or row numbers of cells, of any times; those of the first snapshot by default.
        times: at which; evenly over the course by default.

    Raises:
        InputError: an empty group, or one that names cells that are not there.
    """
    rows = _rows(course, group)
    first, last = course.times[[0, -1]]
    wanted = np.linspace(first, last, TIMES) if times is None else np.atleast_1d(times)
    inside = wanted.dtype.kind in "iuf" and np.all((first <= wanted) & (wanted <= last))
    if wanted.ndim != 1 or len(wanted) == 0 or not inside:
        raise InputError(f"times: give numbers between {first:g} and {last:g}")
    wanted = wanted.astype(np.float64)
    parts = []
    for snapshot in course.snapshots:
        mine = np.isin(snapshot.rows, rows)
        if mine.any():
            places = moved(course, snapshot.points[mine], (snapshot.time, wanted))
            change = (places - snapshot.points[mine]) @ columns.loadings.T
            parts.append(columns.values[snapshot.rows[mine]] + change)
    everything = np.concatenate(parts, axis=1)
    low, high = np.quantile(everything, BAND, axis=1)
    return Curves(columns.names, wanted, everything.mean(axis=1), low, high)


def _rows(course: Trajectory, group: Any) -> np.ndarray:
    if group is None:
        return course.snapshots[0].rows
    array = np.asarray(group)
    count = sum(len(snapshot.rows) for snapshot in course.snapshots)
    if array.dtype.kind == "b" and array.shape == (count,):
        array = np.flatnonzero(array)
    if array.ndim != 1 or array.dtype.kind not in "iu" or len(array) == 0:
        raise InputError(f"group: give a mask of the {count} cells that holds some, or row numbers")
    if array.min() < 0 or array.max() >= count:
        raise InputError(f"group: rows are numbered 0 to {count - 1}")
    return array


def moved(course: Trajectory, points: np.ndarray, when: tuple[float, np.ndarray]) -> np.ndarray:
    """Cells of one time at all times, shape (k, m, d); ``when`` is the one and the others."""
    own, times = when
    order = np.argsort(times)
    ascending = times[order]
    later = ascending >= own
    ahead = carried(course.field, points, np.array([own, *ascending[later]]))[1:]
    behind = carried(course.field, points, np.array([own, *ascending[~later][::-1]]))[1:]
    places = np.empty((len(times), *points.shape))
    places[order] = np.concatenate([behind[::-1], ahead])
    return places
