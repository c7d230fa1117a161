"""Snapshots: the cells of a population by the time at which they were measured."""

from typing import Any, NamedTuple

import numpy as np

from gparticles.checks import check_points, check_weights
from gparticles.errors import InputError
from gparticles.timecourse.clock import read_times


class Snapshot(NamedTuple):
    """Cells measured at one time.

    Attributes:
        time: when.
        points: shape (n, d), data units, float64.
        weights: shape (n,), summing to one.
        rows: where they stand among all cells, shape (n,).
    """

    time: float
    points: np.ndarray
    weights: np.ndarray
    rows: np.ndarray


def check_snapshots(points: Any, times: Any, weights: Any) -> tuple[list[Snapshot], str]:
    """Cells sorted into snapshots, and the unit of their times.

    Raises:
        InputError: points or times that cannot be used, one time only, or one with a single cell.
    """
    array = check_points(points, "points")
    if array.ndim != 2:
        raise InputError(f"points: shape {array.shape}; give one row per cell, shape (n, d)")
    clock, unit = read_times(times, len(array))
    moments, index = np.unique(clock, return_inverse=True)
    if len(moments) < 2:
        raise InputError(
            f"times: all cells are of time {moments[0]:g}; a trajectory needs two times or more"
        )
    every = check_weights(weights, len(array), "weights")
    snapshots = []
    for k, time in enumerate(moments):
        rows = np.flatnonzero(index == k)
        if len(rows) < 2:
            raise InputError(
                f"times: {time:g} has one cell (row {rows[0]}); two or more say something of a "
                "population: leave this cell out, or join times"
            )
        of_rows = every[rows]
        if not of_rows.sum() > 0:
            raise InputError(f"weights: those of time {time:g} are all zero; leave this time out")
        cells = array[rows].astype(np.float64)
        snapshots.append(Snapshot(float(time), cells, of_rows / of_rows.sum(), rows))
    return snapshots, unit
