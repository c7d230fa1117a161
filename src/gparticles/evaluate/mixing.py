"""How well batches are mixed and how well labels stay apart, after an integration."""

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from gparticles.checks import plain_array
from gparticles.errors import InputError
from gparticles.evaluate.pairwise import rows, squared_distances, subset

NEIGHBOURS = 15
PERPLEXITY = 30.0
# C of the logistic regression on points of unit variance: what is learnt must hold elsewhere
STRENGTH = 0.01
# distances are formed for so many points at once
_BLOCK = 1000
_HALVINGS = 60
_SILHOUETTE_POINTS = 5000


def neighbour_mixing(points: Any, batches: Any, *, k: int = NEIGHBOURS) -> float:
    """The share of neighbours from other batches over its expectation, averaged over points.

    Of the k nearest neighbours of a point of batch b, a share (N - n_b) / (N - 1) comes from other
    batches when the batches are mixed at random; each point's share is divided by that. 1 is
    perfect mixing, 0 none; above 1, points prefer the other batch, which happens where every
    point is laid on one of it. Without bias at perfect mixing.

    Args:
        points: shape (N, d), data units.
        batches: shape (N,), at least two different values.
        k: how many neighbours.

    Returns:
        A number without unit.

    Raises:
        InputError: one batch only, or another number of batches than of points.
    """
    flat, codes = _checked(points, batches, "batches")
    counts = np.bincount(codes)
    index, _ = _neighbours(flat, min(k, len(flat) - 1))
    other = (codes[index] != codes[:, None]).mean(axis=1)
    expected = (len(codes) - counts[codes]) / (len(codes) - 1)
    return float((other / expected).mean())


def silhouette(points: Any, labels: Any, *, seed: int = 0) -> float:
    """The mean silhouette of groups of points.

    (b - a) / max(a, b), a the mean distance of a point to its own group and b that to the nearest
    other one (Rousseeuw 1987), by scikit-learn; above 5000 points of a random 5000. Of batches it
    should be near 0; of labels, high. At most 1, at least -1, without unit; 0 for groups of one law
    up to terms of order 1 / n.

    Raises:
        InputError: one group only.
    """
    from sklearn.metrics import silhouette_score

    flat, codes = _checked(points, labels, "labels")
    chosen = subset(len(flat), _SILHOUETTE_POINTS, seed=seed)
    return float(silhouette_score(flat[chosen], codes[chosen]))


def ilisi(points: Any, batches: Any, *, perplexity: float = PERPLEXITY) -> float:
    """The median `lisi` of batches: from 1 (apart) to their number (mixed, equal sizes)."""
    return float(np.median(lisi(points, batches, perplexity=perplexity)))


def clisi(points: Any, labels: Any, *, perplexity: float = PERPLEXITY) -> float:
    """The median `lisi` of labels: 1 where neighbours agree, which is good, and above elsewhere."""
    return float(np.median(lisi(points, labels, perplexity=perplexity)))


def lisi(points: Any, groups: Any, *, perplexity: float = PERPLEXITY) -> np.ndarray:
    """The local inverse Simpson index: how many groups a neighbourhood effectively holds.

    1 / sum_g p_g^2, with p_g the share of group g among the 3 * perplexity nearest neighbours
    of a point, weighted by exp(-beta distance), and beta such that the weights' entropy is ln
    perplexity (Korsunsky et al. 2019, methods). Not rescaled to 0..1 as some packages do.

    Bias: downward at finite perplexity, since even perfectly mixed neighbours vary:
    about 1 / (1 + (G - 1) / perplexity) of G for G equal groups.

    Args:
        points: shape (N, d), data units.
        groups: shape (N,).
        perplexity: effective number of neighbours, reduced to a third of N where that is less.

    Returns:
        Shape (N,), from 1 to the number of groups, without unit.

    Raises:
        InputError: one group only, or another number of groups than of points.
    """
    flat, codes = _checked(points, groups, "labels")
    perplexity = min(perplexity, len(flat) / 3)
    index, distance = _neighbours(flat, min(max(int(3 * perplexity), 1), len(flat) - 1))
    weights = _weights(distance, perplexity)
    shares = np.stack(
        [(weights * (codes[index] == code)).sum(axis=1) for code in range(codes.max() + 1)]
    )
    return 1 / (shares**2).sum(axis=0)


def _weights(distance: np.ndarray, perplexity: float) -> np.ndarray:
    """Rows exp(-beta distance) / sum of entropy ln perplexity, beta by bisection."""
    # a mean distance of one in every row brackets beta by the same numbers
    scaled = distance - distance[:, :1]
    mean = scaled.mean(axis=1, keepdims=True)
    scaled = scaled / np.where(mean > 0, mean, 1)
    low, high = np.full(len(distance), -20.0), np.full(len(distance), 20.0)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        flat = _entropy(_softmax(-np.exp(middle)[:, None] * scaled)) > np.log(perplexity)
        low, high = np.where(flat, middle, low), np.where(flat, high, middle)
    return _softmax(-np.exp((low + high) / 2)[:, None] * scaled)


def _entropy(weights: np.ndarray) -> np.ndarray:
    return -(weights * np.log(np.maximum(weights, 1e-300))).sum(axis=1)


def _softmax(scores: np.ndarray) -> np.ndarray:
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)


def label_auc(
    train: tuple[Any, Any], test: tuple[Any, Any], *, strength: float = STRENGTH
) -> float:
    """How well labels learnt on one cloud hold on another: area under the ROC curve.

    A logistic regression (scikit-learn's, C = strength) on points centred by the training cloud and
    divided by one number, the root of its mean variance per column. With more than two
    labels, the mean over labels of one against the rest.

    Bias: none for the classifier that was fitted, which is one of many.

    Args:
        train, test: (points, labels), shapes (m, d) and (m,), (n, d) and (n,).
        strength: C of scikit-learn, the inverse of the regularisation.

    Returns:
        0 to 1, 1/2 by chance; nan where fewer than two labels are in both clouds.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score

    (x, known), (y, truth) = (
        (cloud, plain_array(labels, "labels")) for cloud, labels in (train, test)
    )
    if known.dtype.kind != truth.dtype.kind:
        # numbers of a sampler beside text of a file
        known, truth = known.astype(str), truth.astype(str)
    common = np.intersect1d(known, truth)
    if len(common) < 2:
        return float("nan")
    (x, known), (y, truth) = (_of_labels(*cloud, common) for cloud in ((x, known), (y, truth)))
    centre, unit = x.mean(axis=0), np.sqrt(x.var(axis=0).mean()) or 1.0
    model = LogisticRegression(C=strength, max_iter=1000)
    with warnings.catch_warnings():
        # a ranking does not need the last digits of the fit
        warnings.simplefilter("ignore")
        model.fit((x - centre) / unit, known)
    scores = model.predict_proba((y - centre) / unit)
    areas = [
        roc_auc_score(truth == label, column)
        for label, column in zip(model.classes_, scores.T, strict=True)
    ]
    return float(np.mean(areas))


def _of_labels(points: Any, labels: Any, kept: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    chosen = np.isin(labels, kept)
    return rows(points)[chosen], np.asarray(labels)[chosen]


def label_auc_across_batches(
    points: Any, batches: Any, labels: Any, *, strength: float = STRENGTH
) -> dict[tuple[Any, Any], float]:
    """`label_auc` from every batch to every other one.

    Args:
        points: shape (N, d).
        batches, labels: shapes (N,).
        strength: as for `label_auc`.

    Returns:
        (training batch, test batch) to area.

    Raises:
        InputError: one batch or one label only.
    """
    flat, _ = _checked(points, batches, "batches")
    _checked(points, labels, "labels")
    batches, labels = plain_array(batches, "batches"), plain_array(labels, "labels")
    return {
        (one, other): label_auc(
            (flat[batches == one], labels[batches == one]),
            (flat[batches == other], labels[batches == other]),
            strength=strength,
        )
        for one, other in _ordered_pairs(np.unique(batches).tolist())
    }


def mixing(points: Any, batches: Any, labels: Any = None) -> dict[str, dict[str, Any]]:
    """All measures of mixing of one embedding, as ``metrics.json`` holds them.

    Args:
        points: shape (N, d).
        batches: shape (N,).
        labels: shape (N,), or None.

    Returns:
        Name to value, unit and what is ideal.
    """
    groups = len(np.unique(plain_array(batches, "batches")))
    measures = {
        "neighbour_mixing": (neighbour_mixing(points, batches), 1.0),
        "batch_silhouette": (silhouette(points, batches), 0.0),
        "ilisi": (ilisi(points, batches), float(groups)),
    }
    if labels is not None:
        areas = label_auc_across_batches(points, batches, labels)
        measures["label_silhouette"] = silhouette(points, labels), 1.0
        measures["clisi"] = clisi(points, labels), 1.0
        measures["label_auc_across_batches"] = float(np.nanmean(list(areas.values()))), 1.0
    return {k: {"value": v, "ideal": ideal, "unit": "1"} for k, (v, ideal) in measures.items()}


def _ordered_pairs(names: list[Any]) -> Iterator[tuple[Any, Any]]:
    return ((one, other) for one in names for other in names if one != other)


def _checked(points: Any, groups: Any, name: str) -> tuple[np.ndarray, np.ndarray]:
    flat = rows(points)
    names, codes = np.unique(plain_array(groups, name), return_inverse=True)
    if codes.shape != (len(flat),):
        raise InputError(f"{len(flat)} points but {name} of shape {codes.shape}; give one for each")
    if len(names) < 2:
        raise InputError(f"{name}: all are {names[0]!r}; give at least two different ones")
    return flat, codes


def _neighbours(points: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices and distances of each point's k nearest others, nearest first, shapes (N, k)."""
    index = np.empty((len(points), k), np.int64)
    distance = np.empty((len(points), k))
    for begin in range(0, len(points), _BLOCK):
        block = np.arange(begin, min(begin + _BLOCK, len(points)))
        squared = squared_distances(points[block], points)
        # never its own neighbour, though copies of it may be
        squared[np.arange(len(block)), block] = np.inf
        near = np.argpartition(squared, k - 1, axis=1)[:, :k]
        nearby = np.take_along_axis(squared, near, axis=1)
        order = np.argsort(nearby, axis=1, kind="stable")
        index[block] = np.take_along_axis(near, order, axis=1)
        distance[block] = np.sqrt(np.take_along_axis(nearby, order, axis=1))
    return index, distance
