"""The classifier two-sample test: can a classifier tell generated points from real ones?"""

import math
from typing import Any, NamedTuple

import numpy as np

from gparticles.checks import plain_array
from gparticles.evaluate.pairwise import rows, subsample

FOLDS = 5
_TREES, _LEAF = 30, 5


class Accuracy(NamedTuple):
    """A share of right answers.

    Attributes:
        value: the share, 0 to 1.
        low, high: ends of its 95 % confidence interval (normal approximation).
    """

    value: float
    low: float
    high: float


def c2st(x: Any, y: Any, *, classifier: Any = None, folds: int = FOLDS, seed: int = 0) -> Accuracy:
    """The accuracy, cross-validated, of a classifier that tells the rows of x from those of y.

    Lopez-Paz and Oquab 2017, section 3, with stratified folds in the place of one split. 1/2 means
    that the classifier sees no difference, 1 that it tells them apart. Columns are standardised.

    Bias: none at equal distributions; elsewhere downward, since a weak classifier sees less than
    there is. Repeated rows are recognised from their twins in other folds.

    Args:
        x, y: shapes (m, *event) and (n, *event); the larger is subsampled to the smaller's size.
        classifier: scikit-learn's; by default 30 extremely randomised trees (Geurts et al. 2006),
            with leaves of at least 5 rows. The paper's nearest neighbours are blind to noise in
            many dimensions: noisy images and clean ones are all nearest to clean ones.
        folds: of the cross-validation.
        seed: of subsample and folds.

    Returns:
        The accuracy and its interval, without unit.
    """
    from sklearn.model_selection import StratifiedKFold, cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    size = min(len(x), len(y))
    folds = min(folds, size)
    points = np.concatenate(
        [rows(subsample(plain_array(z, "points"), size, seed=seed)) for z in (x, y)]
    )
    origin = np.repeat([0, 1], size)
    model = _trees(seed % 2**32) if classifier is None else classifier
    splits = StratifiedKFold(folds, shuffle=True, random_state=seed % 2**32)
    scores = cross_val_score(make_pipeline(StandardScaler(), model), points, origin, cv=splits)
    value = float(np.mean(scores))
    # a share of all right or all wrong answers has an error too: half a point is added
    share = (value * 2 * size + 0.5) / (2 * size + 1)
    margin = 1.96 * math.sqrt(share * (1 - share) / (2 * size))
    return Accuracy(value, max(value - margin, 0.0), min(value + margin, 1.0))


def _trees(seed: int) -> Any:
    from sklearn.ensemble import ExtraTreesClassifier

    return ExtraTreesClassifier(_TREES, min_samples_leaf=_LEAF, random_state=seed)
