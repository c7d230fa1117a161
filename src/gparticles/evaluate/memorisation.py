"""Are generated points copies of the training targets?"""

from typing import Any, NamedTuple

import numpy as np

from gparticles.evaluate.pairwise import nearest, rows

# of the typical distance of a held-out point to its nearest target
COPY_TOLERANCE = 0.01


class Memorisation(NamedTuple):
    """How near generated points are to the training targets.

    Attributes:
        copy_rate: share of generated points at a training target, 0 to 1.
        nearest_ratio: median distance to the nearest target over that of held-out points; nan
            where most held-out points lie on targets.
        diversity: share of the targets that are some generated point's nearest, 0 to 1.
    """

    copy_rate: float
    nearest_ratio: float
    diversity: float


def memorisation(generated: Any, targets: Any, held_out: Any) -> Memorisation:
    """Copies, relative nearness and diversity of generated points.

    With d(x) the distance of x to its nearest training target and D the median of d over held-out
    points: copy_rate is the share of generated x with d(x) <= 0.01 D (a tolerance for rounding and
    for a last step beside the target); nearest_ratio is median d(x) / D, about 1 for fresh
    points and 0 for copies (an idea of Meehan et al. 2020, who test ranks in the place of medians);
    diversity is the number of targets nearest to some x over the smaller of the numbers of targets
    and of x.

    Bias: in one or two dimensions fresh points fall on targets by chance, so read copy_rate beside
    that of fresh points; diversity falls below 1 for fresh points too and grows with their number,
    so only equal numbers compare.

    Args:
        generated, targets, held_out: shapes (m, *event), (n, *event) and (k, *event), data units.

    Returns:
        Three numbers without unit.
    """
    among = rows(targets)
    distance, index = nearest(rows(generated), among)
    return memorisation_of(distance, index, (len(among), typical(rows(held_out), among)))


def typical(held_out: np.ndarray, among: np.ndarray) -> float:
    """D: the median distance of held-out points to their nearest of the targets."""
    return float(np.median(nearest(held_out, among)[0]))


def memorisation_of(
    distance: np.ndarray, index: np.ndarray, known: tuple[int, float]
) -> Memorisation:
    """`memorisation` from nearest distances, indices, and (number of targets, D)."""
    count, usual = known
    return Memorisation(
        copy_rate=float((distance <= COPY_TOLERANCE * usual).mean()),
        nearest_ratio=float(np.median(distance)) / usual if usual > 0 else float("nan"),
        diversity=len(np.unique(index)) / min(count, len(index)),
    )
