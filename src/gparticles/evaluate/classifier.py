"""The classifier two-sample test: can a classifier tell generated points from real ones?"""

import math
from typing import Any, NamedTuple

import numpy as np

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
    from sklearn.base import clone
    from sklearn.model_selection import StratifiedKFold
    from sklearn.preprocessing import StandardScaler

    size = min(len(x), len(y))
    folds = min(folds, size)
    points = np.concatenate([subsample(rows(z), size, seed=seed) for z in (x, y)])
    origin = np.repeat([0, 1], size)
    splits = StratifiedKFold(folds, shuffle=True, random_state=seed % 2**32)
    scores = []
    for train, test in splits.split(points, origin):
        scaler: Any = StandardScaler().fit(points[train])
        model: Any = Trees(seed % 2**32) if classifier is None else clone(classifier)
        model.fit(scaler.transform(points[train]), origin[train])
        scores.append(np.mean(model.predict(scaler.transform(points[test])) == origin[test]))
    value = float(np.mean(scores))
    # a share of all right or all wrong answers has an error too: half a point is added
    share = (value * 2 * size + 0.5) / (2 * size + 1)
    margin = 1.96 * math.sqrt(share * (1 - share) / (2 * size))
    return Accuracy(value, max(value - margin, 0.0), min(value + margin, 1.0))


class Trees:
    """ExtraTreesClassifier of scikit-learn, to the bit, without what that spends on checks.

    Args:
        seed: of the trees.
        count: of trees.
        leaf: rows that a leaf has at least.
    """

    def __init__(self, seed: int, *, count: int = _TREES, leaf: int = _LEAF):
        self._seed, self._count, self._leaf = seed, count, leaf

    def fit(
        self, points: np.ndarray, origin: np.ndarray, weights: np.ndarray | None = None
    ) -> None:
        """Learns which of two clouds, 0 or 1, rows come from, which may have weights."""
        from sklearn import config_context
        from sklearn.tree import ExtraTreeClassifier
        from sklearn.utils import check_random_state

        draws, points = check_random_state(self._seed), points.astype(np.float32)
        with config_context(skip_parameter_validation=True):
            self._trees = [
                ExtraTreeClassifier(
                    max_features="sqrt",
                    min_samples_leaf=self._leaf,
                    random_state=draws.randint(np.iinfo(np.int32).max),
                ).fit(points, origin, sample_weight=weights, check_input=False)
                for _ in range(self._count)
            ]

    def shares(self, points: np.ndarray) -> np.ndarray:
        """How surely rows are of either cloud, shape (n, 2)."""
        points = points.astype(np.float32)
        shares: Any = [t.predict_proba(points, check_input=False) for t in self._trees]
        return np.sum(shares, axis=0) / self._count

    def predict(self, points: np.ndarray) -> np.ndarray:
        return self.shares(points).argmax(axis=1)
