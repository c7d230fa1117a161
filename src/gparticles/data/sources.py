"""Where particles start when there is no source: noise whose moments or range are the target's.

The target's statistics are computed in float64. The result has the target's shape per row, and
its dtype where that is float32 or float64 (a large offset would not survive float32), else float32.
A column that is constant, or varies by rounding alone, comes out as that constant.
"""

from collections.abc import Callable

import numpy as np

from gparticles.data.sizes import check_size
from gparticles.errors import InputError

Array = np.ndarray

# of the largest singular value; smaller ones are rounding
_NEGLIGIBLE = 1e-9
# of the largest value of a column, in units of its dtype's precision; a smaller range is rounding
_ROUNDING = 8


def fitted_gaussian(target: Array, n: int, *, seed: int = 0) -> Array:
    """Draw from the Gaussian with the target's mean and covariance.

    With X the centred rows, Z X / sqrt(rows - 1) has exactly the sample covariance when Z is
    standard normal, whatever the rank of X; so nothing is inverted, and constant columns, repeated
    rows and more columns than rows need no care. Where there are more rows than columns, the
    triangular factor of X stands for X, since both have the same Gram matrix.

    Args:
        target: shape (rows, ...), finite; a single row gives a point mass.
        n: number of rows to draw.
        seed: of the generator.

    Returns:
        Shape (n, ...), data units.

    Raises:
        InputError: a target with no rows or with values that are not finite numbers; n below 1.

    >>> fitted_gaussian(np.eye(3), 5).shape
    (5, 3)
    """
    rows = _flat(target, n)
    mean, _ = mean_and_spread(rows)
    factor = _factor(rows - mean)
    noise = np.random.default_rng(seed).standard_normal((n, len(factor)))
    return _like(target, mean + noise @ factor / np.sqrt(max(len(rows) - 1, 1)))


def uniform_noise(target: Array, n: int, *, seed: int = 0) -> Array:
    """Draw each column uniformly between the target's smallest and largest value in it.

    Arguments, result and errors as for `fitted_gaussian`.

    >>> bool(uniform_noise(np.eye(3), 5).max() <= 1)
    True
    """
    rows = _flat(target, n)
    low, high = rows.min(axis=0), rows.max(axis=0)
    drawn = np.random.default_rng(seed).random((n, rows.shape[1]))
    return _like(target, low + (high - low) * drawn)


def logistic_noise(target: Array, n: int, *, seed: int = 0) -> Array:
    """Draw each column from the logistic distribution with the target's mean and variance in it.

    A logistic variable of scale s has standard deviation s pi / sqrt(3). Arguments, result and
    errors as for `fitted_gaussian`.

    >>> logistic_noise(np.eye(3), 5).shape
    (5, 3)
    """
    rows = _flat(target, n)
    mean, spread = mean_and_spread(rows)
    return _like(target, mean + _logistic(spread, n, seed=seed))


def projected_logistic_noise(target: Array, n: int, *, seed: int = 0) -> Array:
    """Draw `logistic_noise` and project it, at right angles, onto the flat that the target spans.

    Where the target has fewer rows than columns, such as 200 images of 784 pixels, it lies in a
    flat of at most rows - 1 dimensions, and most of the noise is off it; particles that start in it
    have no way to go at right angles to it. Variances are smaller than the target's, since a part
    of the noise is gone. The reference projects its noise as well, but onto the noise's own
    principal components. Arguments, result and errors as for `fitted_gaussian`.

    >>> projected_logistic_noise(np.eye(3), 5).sum(axis=1).round(6).tolist()
    [1.0, 1.0, 1.0, 1.0, 1.0]
    """
    rows = _flat(target, n)
    mean, spread = mean_and_spread(rows)
    centred = rows - mean
    _, sizes, axes = np.linalg.svd(_factor(centred), full_matrices=False)
    axes = axes[sizes > _NEGLIGIBLE * sizes.max()]
    projected = _logistic(spread, n, seed=seed) @ axes.T @ axes
    # rounding moves columns that are constant
    return _like(target, mean + np.where(np.any(centred, axis=0), projected, 0.0))


def without_rounding(target: Array) -> Array:
    """The rows in float64, shape (n, d), with columns that vary by rounding alone made constant.

    >>> without_rounding(np.array([[0.3, 1.0], [0.1 + 0.2, 2.0]])).tolist()
    [[0.3, 1.0], [0.3, 2.0]]
    """
    rows = target.reshape(len(target), -1).astype(np.float64)
    precision = np.finfo(target.dtype if target.dtype.kind == "f" else np.float64).eps
    low, high = rows.min(axis=0), rows.max(axis=0)
    with np.errstate(over="ignore"):
        constant = high - low <= _ROUNDING * precision * np.maximum(-low, high)
    return np.where(constant, rows[0], rows) if constant.any() else rows


def mean_and_spread(rows: Array) -> tuple[Array, Array]:
    """Mean and sample standard deviation of each column; of a constant one exactly it and 0.

    The mean of many times 3.7 is 3.7 to rounding, and their spread then 1e-15.
    """
    constant = (rows == rows[0]).all(axis=0)
    spread = rows.std(axis=0, ddof=min(1, len(rows) - 1))
    return np.where(constant, rows[0], rows.mean(axis=0)), np.where(constant, 0.0, spread)


def _logistic(spread: Array, n: int, *, seed: int) -> Array:
    """Logistic noise of mean 0 with this standard deviation in each column, shape (n, d)."""
    scale = spread * np.sqrt(3) / np.pi
    return scale * np.random.default_rng(seed).logistic(size=(n, len(spread)))


def _factor(centred: Array) -> Array:
    """At most d rows with the Gram matrix, and so the span, of all rows."""
    if len(centred) <= centred.shape[1]:
        return centred
    return np.asarray(np.linalg.qr(centred, mode="r"))


def _flat(target: Array, n: int) -> Array:
    target = np.asarray(target)
    if target.ndim < 2 or target.size == 0:
        raise InputError(
            f"the target has shape {target.shape}; give rows of at least one number, shape (n, d)"
        )
    check_size(n, target[0].size)
    if target.dtype.kind not in "biuf":
        raise InputError(f"the target holds {target.dtype}; give numbers")
    if not np.isfinite(target).all():
        raise InputError("the target holds values that are not finite; remove those rows")
    return without_rounding(target)


def _like(target: Array, rows: Array) -> Array:
    target = np.asarray(target)
    dtype = target.dtype if target.dtype in (np.float32, np.float64) else np.float32
    return rows.reshape(len(rows), *target.shape[1:]).astype(dtype)


SOURCES: dict[str, Callable[..., Array]] = {
    "gaussian": fitted_gaussian,
    "uniform": uniform_noise,
    "logistic": logistic_noise,
    "projected-logistic": projected_logistic_noise,
}
"""The sources by the names that recipes and the command use; each takes (target, n, *, seed)."""
