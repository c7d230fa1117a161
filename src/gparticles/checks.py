"""What the user gives, checked; every refusal is one line that names the mend."""

import math
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np

from gparticles.errors import InputError


def plain_array(values: Any, name: str) -> np.ndarray:
    """What NumPy makes of values, none of which is masked.

    Raises:
        InputError: a masked entry, or rows of different lengths.
    """
    check_unmasked(values, name)
    if hasattr(values, "toarray"):
        raise InputError(f"{name}: is a sparse matrix; give its toarray()")
    try:
        return np.asarray(values)
    except ValueError:
        raise InputError(f"{name}: rows of different lengths; give a rectangular array") from None


def dense(matrix: Any, name: str = "X") -> np.ndarray:
    """An array of a matrix that may be sparse, none of whose entries is masked."""
    return plain_array(matrix.toarray() if hasattr(matrix, "toarray") else matrix, name)


def check_unmasked(values: Any, name: str) -> None:
    """Refuses a masked array, of which NumPy would take what stands behind the mask."""
    if isinstance(values, (list, tuple)) and any(np.ma.isMaskedArray(part) for part in values):
        values = np.ma.array(values)
    mask = np.atleast_1d(values.mask if isinstance(values, np.ma.MaskedArray) else False)
    if mask.any():
        where = [int(i) for i in np.argwhere(mask)[0]]
        raise InputError(
            f"{name}: entry {tuple(where) if len(where) > 1 else where[0]} is masked "
            f"({_rows(mask)} of {len(mask)} rows); fill or remove such rows"
        )


def _rows(marked: np.ndarray) -> int:
    """How many rows have a marked entry."""
    return int(marked.reshape(len(marked), -1).any(axis=1).sum())


def check_points(points: Any, name: str) -> np.ndarray:
    """An array of at least one finite point, shape (n, *event) with at least one coordinate.

    Raises:
        InputError: strings, objects, NaN, infinite or masked values, wrong rank, no rows or no
            columns.
    """
    array = plain_array(points, name)
    if array.dtype.kind == "O":
        array = _numbers(array, name)
    if array.dtype.kind not in "fiub":
        raise InputError(f"{name}: entries are of kind {array.dtype}; give numbers")
    if array.ndim < 2:
        raise InputError(
            f"{name}: shape {array.shape}; give one row per point, as in x.reshape(-1, 1)"
        )
    if array.shape[0] == 0 or math.prod(array.shape[1:]) == 0:
        raise InputError(f"{name}: shape {array.shape} holds no data; give at least one point")
    if array.dtype.kind == "f":
        check_finite(array, name)
    return array


def _numbers(objects: np.ndarray, name: str) -> np.ndarray:
    """Float64 of what frames hold as objects, such as pandas's Int64 and decimals."""
    for where, entry in np.ndenumerate(objects):
        if not isinstance(entry, Real | Decimal):
            text = " ".join(repr(entry).split())[:40]
            raise InputError(f"{name}: entry {where} is {text}; give numbers, none of them missing")
    return objects.astype(np.float64)


def check_finite(array: np.ndarray, name: str) -> None:
    """Refuses NaN and infinite entries, naming the first."""
    bad = ~np.isfinite(array)
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        raise InputError(
            f"{name}: entry {where} is {array[where]}; remove or fill such rows "
            f"({_rows(bad)} of {len(array)} rows)"
        )


def check_same_shape(source: np.ndarray, target: np.ndarray) -> None:
    if source.shape[1:] != target.shape[1:]:
        raise InputError(
            f"source points have shape {source.shape[1:]} and target points {target.shape[1:]}; "
            "both need the same columns"
        )


def check_weights(weights: Any, n: int, name: str) -> np.ndarray:
    """Weights that sum to one, in float64; None gives equal ones.

    Raises:
        InputError: wrong length, negative, non-finite or masked entries, or a sum of zero.
    """
    if weights is None:
        return np.full(n, 1 / n)
    array = plain_array(weights, name)
    if array.shape != (n,) or array.dtype.kind not in "fiub":
        raise InputError(f"{name}: shape {array.shape}; give one number per point, ({n},)")
    array = array.astype(np.float64)
    if not np.all(np.isfinite(array)) or np.any(array < 0):
        raise InputError(f"{name}: entries must be finite and not negative")
    if not array.sum() > 0:
        raise InputError(f"{name}: they sum to zero; at least one must be positive")
    return array / array.sum()


def check_number(value: Any, name: str, *, allow_inf: bool = False) -> float:
    """A positive number."""
    number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(
        value, bool
    )
    if not number or not value > 0 or (math.isinf(value) and not allow_inf):
        hint = "above 0, or inf" if allow_inf else "above 0 and finite"
        raise InputError(f"{name} is {value!r}: it must be a number {hint}")
    return float(value)


def check_count(value: Any, name: str) -> int:
    """A positive whole number."""
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not whole or value < 1:
        raise InputError(f"{name} is {value!r}: it must be a whole number of at least 1")
    return int(value)


def check_seed(seed: Any) -> None:
    """A whole number that is not negative."""
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise InputError(f"seed is {seed!r}: it must be a whole number, not negative")


def check_labels(labels: Any, n: int, name: str) -> np.ndarray:
    """Labels that are all there, shape (n,): whole numbers, other numbers, text or dates.

    Raises:
        InputError: another number of them, or what ``known_labels`` says is missing.
    """
    array, known = known_labels(labels, n, name)
    if not known.all():
        raise InputError(
            f"{name}: entry {int(np.argmin(known))} is missing ({int((~known).sum())} of {n}); "
            "give every point a label"
        )
    return array


def known_labels(labels: Any, n: int, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Labels, shape (n,), and a mask of those that are there.

    Missing are None, NaN, NaT, pandas's NA and empty text, never words such as "nan"; what stands
    in their places in the array means nothing.

    Raises:
        InputError: another number of labels than of points, or a masked one.
    """
    # of a list, NumPy would make "nan" a word as soon as a word is in it
    array = plain_array(labels, name)
    if isinstance(labels, (list, tuple)) and array.dtype.kind in "US":
        array = np.array(labels, object)
    if array.shape != (n,):
        raise InputError(f"{name}: shape {array.shape}; give one label per point, ({n},)")
    if array.dtype.kind in "biu":
        return array, np.ones(n, bool)
    known = np.fromiter((not _missing(label) for label in array), bool, n)
    if known.any() and not known.all():
        array = array.copy()
        # one of those that are there, so that all entries have one kind
        array[~known] = array[known][:1]
    return _one_kind(array), known


def _missing(label: Any) -> bool:
    if label is None or (isinstance(label, (str, bytes)) and not label):
        return True
    try:
        # NaN and NaT alone differ from themselves
        return bool(label != label)
    except TypeError:
        # pandas's NA says neither
        return True


def _one_kind(labels: np.ndarray) -> np.ndarray:
    """Labels as NumPy's own numbers or text; floats that are whole become whole numbers."""
    if labels.dtype.kind == "O":
        plain = np.array(labels.tolist())
        same = plain.shape == labels.shape and plain.dtype.kind in "biufU"
        labels = plain if same else labels.astype(str)
    whole = labels.dtype.kind == "f" and np.all(labels == np.round(labels))
    return labels.astype(np.int64) if whole and np.all(np.abs(labels) < 2**63) else labels


def label_indices(labels: np.ndarray, classes: np.ndarray, name: str) -> np.ndarray:
    """Positions of labels in the sorted classes of the target, int32.

    Raises:
        InputError: a label does not occur in the target, where the divergence is infinite.
    """
    if labels.dtype.kind != classes.dtype.kind and "U" in (labels.dtype.kind, classes.dtype.kind):
        labels, classes = labels.astype(str), classes.astype(str)
    # numbers as text are not in the order of the numbers: "10" comes before "2"
    order = np.argsort(classes)
    nearest = np.searchsorted(classes, labels, sorter=order).clip(max=len(classes) - 1)
    positions = order[nearest]
    absent = classes[positions] != labels
    if absent.any():
        raise InputError(
            f"{name}: {str(labels[absent][0])!r} does not occur among the target's labels "
            f"({', '.join(map(str, classes[:10]))}); drop these points or add such targets"
        )
    return positions.astype(np.int32)


def at_least(name: str, value: Any, least: int) -> None:
    """InputError where the value is below the least, or not a number."""
    # written so that NaN is refused too
    if not value >= least:
        raise InputError(f"{name} is {value}; give {least} or more")
