"""What a metric is, and those of a feature extractor that may or may not be there."""

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gparticles.evaluate import distances, sentences
from gparticles.evaluate.memorisation import memorisation
from gparticles.evaluate.samples import MAX_POINTS, Comparison, Setting


def _always(_: Setting) -> bool:
    return True


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One number about a cloud beside held-out points.

    Attributes:
        name: the key in ``metrics.json``.
        title: for people.
        measure: from a `Comparison` to a number, or to (number, low, high).
        sentence: from a `sentences.Reading` to what it means.
        power: of the data's unit in the number; 0 where it has ``unit``.
        unit: where the power is 0.
        note: what exactly is computed.
        points: how many of each cloud are compared at most.
        fewest: how many each cloud must have.
        applies: whether the metric suits the data.
        expected: of equal distributions or of the held-out points, for the sentence; or None.
        unknown: the sentence where there is no number.
    """

    name: str
    title: str
    measure: Callable[[Comparison], Any]
    sentence: sentences.Sentence
    power: int = 0
    unit: str = "1"
    note: str = ""
    points: int = MAX_POINTS
    fewest: int = 2
    applies: Callable[[Setting], bool] = _always
    expected: Callable[[Comparison], float] | None = None
    unknown: str = "It cannot be told from these points."

    def suits(self, setting: Setting) -> bool:
        """Whether it is computed for these data."""
        return setting.fewest >= self.fewest and self.applies(setting)


def with_interval(mean: distances.BlockMean) -> Any:
    """A mean over blocks as (value, low, high), or alone where there is one block."""
    if not np.isfinite(mean.error):
        return mean.value
    margin = 1.96 * mean.error
    return mean.value, mean.value - margin, mean.value + margin


@dataclass(frozen=True)
class Features:
    """A feature extractor of images with pixels in [0, 1], which may or may not be there.

    Attributes:
        name: as in FD-NAME and KD-NAME.
        shapes: of the points it takes.
        module, function: where it is; images (n, *shape) to features (n, k).
    """

    name: str
    shapes: tuple[tuple[int, ...], ...]
    module: str
    function: str

    def suits(self, setting: Setting) -> bool:
        """Whether the points are images as it takes them, and it is there."""
        there = importlib.util.find_spec(self.module) is not None
        return there and setting.shape in self.shapes and setting.in_unit_range

    def __call__(self, images: np.ndarray) -> np.ndarray:
        extract = getattr(importlib.import_module(self.module), self.function)
        # particles and noise may leave the range of pixels, of which the extractor knows nothing
        return np.asarray(extract(np.clip(images, 0, 1)))

    def metrics(self) -> tuple[Metric, ...]:
        """The Frechet and the kernel distance of its features, and how near they are to trained."""

        def frechet(c: Comparison) -> float:
            return distances.frechet_distance(c.x.features(self), c.y.features(self))

        def kernel(c: Comparison) -> Any:
            mean = distances.kid(c.x.features(self), c.y.features(self), seed=c.seed)
            return with_interval(mean)

        def nearest(c: Comparison) -> float:
            clouds = (cloud.features(self) for cloud in (c.x, c.target, c.y))
            return memorisation(*clouds).nearest_ratio

        distance = sentences.nearness(f"To the features of {self.name}")
        near = sentences.near_as_seen(f"In the features of {self.name}")
        fd = f"squared Frechet distance of {self.name}'s features"
        kd = f"kernel distance of {self.name}'s features, kernel of degree 3"
        ratio = f"as the distance to training points, of {self.name}'s features"
        return (
            self._metric("fd", f"FD-{self.name}", (frechet, distance, fd)),
            self._metric("kd", f"KD-{self.name}", (kernel, distance, kd)),
            self._metric(
                "nearest", f"distance to training images, {self.name}", (nearest, near, ratio)
            ),
        )

    def _metric(self, short: str, title: str, how: tuple[Any, sentences.Sentence, str]) -> Metric:
        measure, sentence, note = how
        return Metric(
            name=f"{short}_{self.name.lower()}",
            title=title,
            measure=measure,
            sentence=sentence,
            note=note,
            applies=self.suits,
        )
