"""Are images new where grain does not count, and do they show what their labels say?

Noise of a few grey levels moves an image far from every other one in pixels, and changes nothing
of what it shows. So distances to training images are measured again after a slight blur.
"""

from typing import Any

import numpy as np

from gparticles.evaluate import sentences
from gparticles.evaluate.memorisation import memorisation
from gparticles.evaluate.metric import Features, Metric
from gparticles.evaluate.samples import Comparison, Setting

# of the longer side, the standard deviation of the blur: a pixel of 28
BLUR_SHARE = 1 / 28


def without_grain(images: Any) -> np.ndarray:
    """Images after a Gaussian blur of a 28th of their longer side.

    Args:
        images: shape (n, h, w) or (n, h, w, c).

    >>> without_grain(np.ones((2, 8, 8))).shape
    (2, 8, 8)
    """
    from scipy.ndimage import gaussian_filter

    images = np.asarray(images, np.float64)
    sigma = BLUR_SHARE * max(images.shape[1:3])
    return gaussian_filter(images, (0, sigma, sigma, 0)[: images.ndim], mode="nearest")


def _images(setting: Setting) -> bool:
    return len(setting.shape) in (2, 3)


def _nearest_without_grain(c: Comparison) -> float:
    clouds = [
        cloud.remembered("without grain", lambda cloud=cloud: without_grain(cloud.raw))
        for cloud in (c.x, c.target, c.y)
    ]
    return memorisation(*clouds).nearest_ratio


NEAREST_WITHOUT_GRAIN = Metric(
    name="nearest_without_grain",
    title="distance to training images, without grain",
    measure=_nearest_without_grain,
    sentence=sentences.near_as_seen("Without grain"),
    fewest=1,
    note="as the distance to training points, after a Gaussian blur of a 28th of the longer side",
    applies=_images,
)


def read_as_labelled(features: Features) -> Metric:
    """The share of digits that a classifier of digits takes for those of their labels."""

    def measure(c: Comparison) -> float:
        from gparticles.evaluate.features import digit_probabilities

        if c.x.labels is None:
            return float("nan")
        kinds = digit_probabilities(np.clip(c.x.raw, 0, 1)).argmax(axis=1)
        return float((kinds.astype(str) == np.asarray(c.x.labels).astype(str)).mean())

    return Metric(
        name="read_as_labelled",
        title="read as labelled",
        measure=measure,
        sentence=sentences.read_right,
        unit="share",
        fewest=1,
        note=f"by the classifier {features.name}, which knows handwritten digits only",
        applies=lambda setting: setting.labelled and features.suits(setting),
    )
