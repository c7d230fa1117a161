"""Classes of samples: positions, means, weights that balance them, and labels that are missing."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from gparticles.checks import check_points, known_labels, label_indices
from gparticles.errors import InputError

# labelled samples whose labels an unlabelled one follows
NEIGHBOURS = 15


@dataclass(frozen=True)
class Grouped:
    """Points (n, k), weights (n,) that sum to one, and each point's class (n,), below ``count``."""

    points: np.ndarray
    weights: np.ndarray
    index: np.ndarray
    count: int

    def means(self, rows: np.ndarray) -> np.ndarray:
        """The weighted mean of rows, shape (n, d), in every class: (count, d).

        A class of no weight, which none of these points has, gets the mean of all.
        """
        overall = mean_of(rows, self.weights)
        if self.count == 1:
            return overall[None]
        means = np.tile(overall, (self.count, 1))
        for k in range(self.count):
            chosen = self.index == k
            share = self.weights[chosen].sum()
            if share > 0:
                means[k] = agreed(self.weights[chosen] @ rows[chosen] / share, rows[chosen])
        return means


def mean_of(rows: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The mean of rows, shape (n, d) -> (d,), with weights that sum to one."""
    return agreed(weights @ rows, rows)


def agreed(mean: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The mean of rows without rounding in columns where they all agree, shape (d,).

    Rounding would move such columns, and could be taken for a spread.
    """
    return np.where((rows == rows[0]).all(axis=0), rows[0], mean)


def grouped(
    points: np.ndarray,
    weights: np.ndarray,
    labels: np.ndarray | None = None,
    *,
    classes: np.ndarray | None = None,
) -> Grouped:
    """Points with the positions of their labels among the classes; one class without labels."""
    count = 1 if classes is None else len(classes)
    return Grouped(points, weights, positions(len(points), labels, classes), count)


def positions(n: int, labels: np.ndarray | None, classes: np.ndarray | None) -> np.ndarray:
    """Each label's position among the sorted classes, shape (n,); 0 without classes.

    Raises:
        InputError: a label that is none of the classes.
    """
    if classes is None or labels is None:
        return np.zeros(n, np.int32)
    return label_indices(labels, classes, "labels")


def guess(points: np.ndarray, labelled: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """For every point, shape (k, d), the label that most of its nearest labelled points have.

    Args:
        points: without label.
        labelled: points with label, shape (n, d), and the labels, (n,).
    """
    from sklearn.neighbors import KNeighborsClassifier

    model = KNeighborsClassifier(min(NEIGHBOURS, len(labelled[0]))).fit(*labelled)
    return np.asarray(model.predict(points))


def filled(points: np.ndarray, labels: ArrayLike, name: str) -> tuple[np.ndarray, int]:
    """Labels without gaps, by the nearest labelled points of the same cloud; how many were gaps.

    Args:
        points: shape (n, d).
        labels: shape (n,); missing are None, NaN, NaT, NA and "".
        name: for messages.
    """
    array, known = known_labels(labels, len(points), name)
    if not known.any():
        raise InputError(f"{name}: all are missing; leave them out, or give some")
    if not known.all():
        array[~known] = guess(points[~known], (points[known], array[known]))
    return array, int((~known).sum())


def class_weights(labels: ArrayLike, like: ArrayLike) -> np.ndarray:
    """Weights that give classes the proportions that they have in another cloud.

    w_i = q_c / (n p_c) for a point of class c, with p and q the classes' shares here and there;
    classes that only one of the two has count nothing here, and points without a label (None, NaN
    or "") weigh 1 / n. They sum to one.

    Args:
        labels: of these points, shape (n,).
        like: of the other cloud, shape (m,).

    Raises:
        InputError: no class is in both.

    >>> class_weights(["a", "a", "a", "b"], ["a", "b"]).round(2).tolist()
    [0.17, 0.17, 0.17, 0.5]
    """
    (one, here), (other, there) = (
        known_labels(column, len(np.asarray(column)), name)
        for column, name in ((labels, "labels"), (like, "like"))
    )
    one, other = one.astype(str), other.astype(str)
    classes = np.intersect1d(one[here], other[there])
    if len(classes) == 0:
        raise InputError("labels and like have no class in common; weights cannot balance them")
    weights = np.where(here, 0.0, 1 / len(one))
    common = np.isin(other[there], classes).sum()
    for name in classes:
        rows = here & (one == name)
        share = (other[there] == name).sum() / common
        weights[rows] = share / rows.sum() * here.mean()
    return weights / weights.sum()


def pooled(points: np.ndarray, batches: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
    """All points, every batch shifted so that its mean is the mean of the batches' means.

    With labels likewise every class of a batch, onto the mean of the batches that have this class.

    Args:
        points: shape (n, k).
        batches, labels: shape (n,), without gaps.
    """
    points = check_points(points, "points")
    moved = points.astype(np.float64)
    classes = np.zeros(len(points), int) if labels is None else labels
    for label in np.unique(classes):
        parts = [(batches == name) & (classes == label) for name in np.unique(batches)]
        parts = [part for part in parts if part.any()]
        rows = [points[part] for part in parts]
        means = np.array([agreed(r.mean(axis=0, dtype=np.float64), r) for r in rows])
        middle = agreed(np.mean(means, axis=0), means)
        for part, mean in zip(parts, means, strict=True):
            moved[part] += middle - mean
    return moved
