"""Which part of a run its pictures and its report show: thinned, so that they stay small."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gparticles.checks import check_points
from gparticles.errors import InputError
from gparticles.flow import Flow
from gparticles.plots.images import picked
from gparticles.plots.style import spaced

MAX_PARTICLES = 5000
MAX_TARGET = 2000
MAX_IMAGES = 100


@dataclass(frozen=True)
class Shown:
    """What is shown of a run.

    Attributes:
        chosen: indices of the particles, shape (m,); images are sorted by class.
        target: some of the target's points, shape (n, *event), data units.
        target_rows: how many points the target has.
        columns: their names, or None.
    """

    chosen: np.ndarray
    target: np.ndarray
    target_rows: int
    columns: tuple[str, ...] | None = None


def choose(
    flow: Flow,
    target: np.ndarray,
    *,
    labels: np.ndarray | None = None,
    target_labels: np.ndarray | None = None,
    columns: Sequence[str] | None = None,
) -> Shown:
    """Evenly spaced rows: 5000 particles and 2000 targets at most, or 100 images of each.

    Args:
        flow: the flow.
        target: shape (n, *event), data units.
        labels, target_labels: classes, by which images are sorted.
        columns: their names.

    Raises:
        InputError: no finite target, or another number of labels than of points.
    """
    target = check_points(target, "target")
    for classes, count in ((labels, len(flow.particles)), (target_labels, len(target))):
        if classes is not None and len(classes) != count:
            raise InputError(f"{len(classes)} labels for {count} points; give one for each")
    names = None if columns is None else tuple(columns)
    if flow.particles.ndim > 2:
        chosen = picked(len(flow.particles), labels, most=MAX_IMAGES)
        rows = picked(len(target), target_labels, most=MAX_IMAGES)
    else:
        chosen = spaced(len(flow.particles), MAX_PARTICLES)
        rows = spaced(len(target), MAX_TARGET)
    return Shown(chosen, target[rows], len(target), names)
