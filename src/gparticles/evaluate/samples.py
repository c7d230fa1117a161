"""What metrics work on: clouds in common units, with the matrices that several metrics share."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from gparticles.checks import plain_array
from gparticles.evaluate import distances, manifold, memorisation, tails
from gparticles.evaluate.pairwise import nearest, rows, squared_distances
from gparticles.flow.scaling import column_spread, robust_spread

MAX_POINTS = 2000
# multiplications that one search for nearest targets may take, beyond the first 2000 points
_SEARCH = 2e11
# particles of a larger cloud that are searched for at most, at random: some six seconds
_SEARCHED = 200_000


@dataclass(frozen=True)
class Units:
    """z = (x - centre) / divisor, in which metrics are computed so that no unit overflows.

    Attributes:
        centre: shape (d,), data units.
        divisor: a number, or shape (d,) where columns have units of their own.
        factor: what a length in z is multiplied by to be reported.
        name: the unit of a reported length.
    """

    centre: np.ndarray
    divisor: Any
    factor: float
    name: str

    @classmethod
    def of(cls, target: np.ndarray, *, each_column: bool) -> "Units":
        """The target's: its median and its robust spread, or that of each of its columns."""
        flat = rows(target)
        centre = np.median(flat, axis=0)
        if each_column:
            return cls(centre, column_spread(flat, flat), 1.0, "column spreads")
        spread = robust_spread(flat - centre, flat - centre)
        return cls(centre, spread, spread, "data units")

    def inward(self, points: np.ndarray) -> np.ndarray:
        return (rows(points) - self.centre) / self.divisor

    def outward(self, points: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        return (self.centre + self.divisor * points).reshape(len(points), *shape)

    def called(self, power: int) -> str:
        return self.name if power == 1 else f"{self.name}^{power}"


class Sample:
    """A cloud in common units, in random order, so that its first rows are a subsample.

    Args:
        raw: shape (n, *event), data units.
        units: the common ones.
        labels: shape (n,), or None.
        seed: of the order.
    """

    def __init__(self, raw: Any, units: Units, *, labels: Any = None, seed: int = 0):
        order = np.random.default_rng(seed).permutation(len(raw))
        self.all_raw = plain_array(raw, "points")[order]
        self.all_labels = None if labels is None else plain_array(labels, "labels")[order]
        self.units = units
        self._known: dict[Any, Any] = {}

    def __len__(self) -> int:
        return min(len(self.all_raw), MAX_POINTS)

    @cached_property
    def everything(self) -> np.ndarray:
        """All points, shape (n, d)."""
        return self.units.inward(self.all_raw)

    @cached_property
    def points(self) -> np.ndarray:
        """At most 2000 of them."""
        return self.everything[:MAX_POINTS]

    @property
    def raw(self) -> np.ndarray:
        """The same points as they came."""
        return self.all_raw[:MAX_POINTS]

    @property
    def labels(self) -> np.ndarray | None:
        """The same points' labels."""
        return None if self.all_labels is None else self.all_labels[:MAX_POINTS]

    @cached_property
    def within(self) -> np.ndarray:
        """Their squared distances."""
        return squared_distances(self.points, self.points)

    @cached_property
    def median_distance(self) -> float:
        return distances.median_distance(self.within)

    @cached_property
    def moments(self) -> distances.GaussianFit:
        return distances.moments(self.points)

    @cached_property
    def squared_radii(self) -> np.ndarray:
        return manifold.squared_radii(self.within)

    def mean_within(self, key: str, kernel: distances.Kernel) -> float:
        """The mean of a function of squared distances, kept under this key."""
        return self.remembered(key, lambda: distances.mean_within(kernel, self.within))

    @cached_property
    def norms(self) -> np.ndarray:
        """Distances from the common centre."""
        return tails.norms(self.points)

    def features(self, extract: Any) -> np.ndarray:
        """What a feature extractor makes of the points as they came, once for each extractor."""
        return self.remembered(extract, lambda: rows(extract(self.raw)))

    def remembered(self, key: Any, compute: Callable[[], Any]) -> Any:
        """What was computed under this key, or is now."""
        if key not in self._known:
            self._known[key] = compute()
        return self._known[key]


class Setting(NamedTuple):
    """What decides which metrics apply.

    Attributes:
        shape: of one point.
        fewest: points in the smaller of both clouds.
        heavy_tailed: whether the target's norms are so.
        in_unit_range: whether all of the target's entries are in [0, 1].
        labelled: whether particles, targets and held-out points have labels.
    """

    shape: tuple[int, ...]
    fewest: int
    heavy_tailed: bool
    in_unit_range: bool
    labelled: bool

    @property
    def dim(self) -> int:
        return int(np.prod(self.shape))


class Comparison:
    """One cloud against the held-out points, with what metrics share.

    Args:
        x: the cloud to judge.
        y: the held-out points.
        target: the points that the flow was fitted to.
        seed: of whatever a metric draws.
    """

    def __init__(self, x: Sample, y: Sample, target: Sample, *, seed: int = 0):
        self.x, self.y, self.target, self.seed = x, y, target, seed

    @cached_property
    def matrices(self) -> distances.Matrices:
        """Squared distances, units^2."""
        between = squared_distances(self.x.points, self.y.points)
        return distances.Matrices(between, self.x.within, self.y.within)

    @cached_property
    def manifold(self) -> manifold.Manifold:
        return manifold.manifold_of(self.matrices.xy, self.x.squared_radii, self.y.squared_radii)

    @cached_property
    def memorisation(self) -> memorisation.Memorisation:
        targets = self.target.everything
        usual = self.y.remembered(
            "usual distance", lambda: memorisation.typical(self.y.points, targets)
        )
        allowed = min(int(_SEARCH / targets.size), _SEARCHED)
        points = self.x.everything[: max(allowed, MAX_POINTS)]
        distance, index = nearest(points, targets)
        result = memorisation.memorisation_of(distance, index, (len(targets), usual))
        # diversity grows with the number of points, so all clouds are compared by as many
        same = memorisation.memorisation_of(
            distance[:MAX_POINTS], index[:MAX_POINTS], (len(targets), usual)
        )
        return result._replace(diversity=same.diversity)
