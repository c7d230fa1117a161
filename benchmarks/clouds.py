"""The clouds that several benchmarks share: pairs of source and target, float64, no noise added."""

import numpy as np
from common import Clouds
from sklearn.datasets import make_swiss_roll


def swiss_roll(points: int, seed: int) -> Clouds:
    """N(0, 9 I) and scikit-learn's Swiss roll, 3-D."""
    source = np.random.default_rng(seed).normal(0.0, 3.0, (points, 3))
    return source, make_swiss_roll(points, random_state=seed)[0]


def gaussians(points: int, seed: int) -> Clouds:
    """N(0, I) and N(m, I) in 50 dimensions, every coordinate of m 0.5."""
    source, target = np.random.default_rng(seed).normal(size=(2, points, 50))
    return source, target + 0.5
