"""The data sets of peers.py: targets, where particles start, and points to choose and judge by.

Settings are chosen on clouds of their own (`choosing=True`): other seeds for the samplers, and for
the digits, of which there are finitely many, images that no reported run trains on or is judged by.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from sklearn.decomposition import PCA

from gparticles.data import (
    digits,
    fitted_gaussian,
    gaussian_mixture_grid,
    mnist_split,
    student_t,
    swiss_roll,
)

TARGETS = 200
COMPONENTS = 50
# of the halves into which the digits are divided, once for all seeds
HALVES = 12345
Cloud = np.ndarray


class Sample(NamedTuple):
    """One seed's points, all in data units, float64.

    Attributes:
        source: where particles start, shape (m, d): the Gaussian fitted to the targets.
        target: what methods are given, shape (200, d).
        held_out: points to judge by, shape (k, d).
        fresh: more points of the target's law, for the floor; where images are too few, a part of
            what else is left.
        centre, unit: for methods that want data near 0 and of size 1: the targets' median, and
            their median distance of two over sqrt(2 d).
    """

    source: Cloud
    target: Cloud
    held_out: Cloud
    fresh: Cloud
    centre: Cloud
    unit: float


class Data(NamedTuple):
    """A data set: its name in words, how many particles, by what it is judged, how it is drawn."""

    title: str
    particles: int
    metric: str
    draw: Callable[[int, bool], tuple[Cloud, Cloud, Cloud]]


def sampled(sampler: Callable[..., Cloud], **options: object) -> Callable:
    """Targets and 2 x 2000 others from a sampler; the seeds of the streams never meet."""

    def draw(seed: int, choosing: bool) -> tuple[Cloud, Cloud, Cloud]:
        start = 1000 * (seed + 1) + 500 * choosing
        sizes = (TARGETS, 2000, 2000)
        clouds = [sampler(n, seed=start + k, **options) for k, n in enumerate(sizes)]
        return clouds[0], clouds[1], clouds[2]

    return draw


def half(images: Cloud, choosing: bool) -> Cloud:
    """One of the two halves, as rows."""
    order = np.random.default_rng(HALVES).permutation(len(images))
    kept = order[: len(order) // 2] if choosing else order[len(order) // 2 :]
    return images[kept].reshape(len(kept), -1).astype(np.float64)


def small_digits(seed: int, choosing: bool) -> tuple[Cloud, Cloud, Cloud]:
    """200 of scikit-learn's 8 x 8 digits; 350 to judge by, and what is left of that half."""
    rows = half(digits(seed=0)[0], choosing)
    rows = rows[np.random.default_rng([seed, 1]).permutation(len(rows))]
    return rows[:TARGETS], rows[TARGETS : TARGETS + 350], rows[TARGETS + 350 :]


def mnist_latents(seed: int, choosing: bool) -> tuple[Cloud, Cloud, Cloud]:
    """50 principal components of 200 MNIST digits, and others encoded by the same."""
    images, _, held_out, _ = mnist_split(seed=0)
    rows = half(images, choosing)
    rows = rows[np.random.default_rng([seed, 2]).permutation(len(rows))]
    judges = rows[-1000:] if choosing else held_out.reshape(len(held_out), -1)
    codec = PCA(COMPONENTS, svd_solver="full").fit(rows[:TARGETS])
    parts = (rows[:TARGETS], judges, rows[TARGETS : TARGETS + 800])
    encoded = [codec.transform(part.astype(np.float64)) for part in parts]
    return encoded[0], encoded[1], encoded[2]


DATA = {
    "swiss-roll": Data("Swiss roll, 3-D", 2000, "w2", sampled(swiss_roll)),
    "mixture": Data("four Gaussians, 2-D", 2000, "w2", sampled(gaussian_mixture_grid)),
    "student-t": Data("Student-t 1.5, 2-D", 2000, "energy", sampled(student_t, dof=1.5)),
    "digits": Data("digits 8 x 8, 64-D", 1000, "w2", small_digits),
    "mnist-latent": Data("MNIST, 50 components", 1000, "w2", mnist_latents),
}


def draw(name: str, seed: int, *, choosing: bool = False) -> Sample:
    """All points of one seed."""
    target, held_out, fresh = (
        np.asarray(cloud, np.float64) for cloud in DATA[name].draw(seed, choosing)
    )
    source = fitted_gaussian(target, DATA[name].particles, seed=seed)
    apart = np.linalg.norm(target[:, None] - target, axis=2)[np.triu_indices(len(target), 1)]
    unit = float(np.median(apart)) / np.sqrt(2 * target.shape[1])
    return Sample(source, target, held_out, fresh, np.median(target, axis=0), unit)
