"""Samplers of thin sets: the Sierpinski carpet and the Lorenz attractor."""

import numpy as np

from gparticles.checks import at_least
from gparticles.data.sizes import check_size
from gparticles.errors import InputError

Array = np.ndarray

# Runge-Kutta step of a Lorenz trajectory; it ends between the first and the last of these steps,
# since trajectories that began alike still swing in time with each other at one moment
_LORENZ_STEP, _LORENZ_ENDS = 0.01, (1500, 2500)


def sierpinski(n: int, *, dim: int = 2, level: int = 4, side: float = 10.0, seed: int = 0) -> Array:
    """Draw from the Sierpinski carpet of a finite level.

    The square [0, side]^2 is divided into 3 x 3, the middle one is left out, and so on in each of
    the others, `level` times (W. Sierpinski, C. R. Acad. Sci. Paris 162, 1916): the points are
    uniform in the 8^level squares of side `side` / 3^level that remain. The squares take turns in
    random order, so that each holds n // 8^level points or one more, as in the experiments of
    arXiv 2210.17230, whose 4096 points are one in each of the 8^4.

    Args:
        n: number of rows.
        dim: number of columns, at least 2; beyond the second all are 0, which puts the carpet
            into a plane.
        level: how often the squares are divided.
        side: of the square, data units.
        seed: of the generator.

    Returns:
        Shape (n, dim), float32, data units.

    Raises:
        InputError: n or level below 1, dim below 2, level above 10, or a side that is not positive.

    >>> sierpinski(5, dim=3).shape
    (5, 3)
    """
    check_size(n, dim, least=2)
    _check(level, side)
    generator = np.random.default_rng(seed)
    kept = np.array([(a, b) for a in range(3) for b in range(3) if (a, b) != (1, 1)])
    turns = np.concatenate([generator.permutation(8**level) for _ in range(-(-n // 8**level))])
    # a square's number in base 8 says which of the eight to enter at each level
    digits = turns[:n, None] // 8 ** np.arange(level) % 8
    corner = (kept[digits] * 3 ** np.arange(level)[:, None]).sum(axis=1)
    points = np.zeros((n, dim), np.float32)
    points[:, :2] = (corner + generator.random((n, 2))) * (side / 3**level)
    return points


def in_sierpinski_holes(points: Array, *, level: int = 4, side: float = 10.0) -> Array:
    """Which points lie in a hole of the carpet: inside its square, but in none of what remains.

    A point is in a hole if, at some level up to `level`, the base-3 digits of both its coordinates
    are 1. Columns beyond the second are not looked at. Uniform points of the square are in
    a hole with probability 1 - (8/9)^level.

    Args:
        points: shape (n, dim), dim at least 2, data units.
        level, side: as for `sierpinski`.

    Returns:
        Shape (n,), bool.

    Raises:
        InputError: level below 1 or above 10, or a side that is not positive.

    >>> in_sierpinski_holes(np.array([[5.0, 5.0], [1.0, 1.0], [50.0, 50.0]])).tolist()
    [True, False, False]
    """
    _check(level, side)
    place = np.asarray(points, np.float64)[:, :2] / side
    inside = np.all((place >= 0) & (place < 1), axis=1)
    cell = np.floor(np.where(inside[:, None], place, 0.0) * 3**level).astype(np.int64)
    digits = cell[:, :, None] // 3 ** np.arange(level) % 3
    return inside & np.any(np.all(digits == 1, axis=1), axis=1)


def lorenz(
    n: int, *, sigma: float = 10.0, rho: float = 28.0, beta: float = 8 / 3, seed: int = 0
) -> Array:
    """Draw from the long-run distribution of the Lorenz system, shape (n, 3).

    dx/dt = sigma (y - x), dy/dt = x (rho - z) - y, dz/dt = x y - beta z (E. N. Lorenz,
    J. Atmos. Sci. 20, 1963, equations 25 to 27). Every row is the end of a trajectory of its
    own, which began at N((0, 0, rho - 1), 25 I) and ran for a random time between 15 and 25
    (Runge-Kutta of order 4, steps of 0.01), so that rows are independent.

    Args:
        n: number of rows.
        sigma, rho, beta: positive; the defaults are Lorenz's.
        seed: of the generator.

    Returns:
        Shape (n, 3), float32; by default about -20 to 20, -27 to 27 and 1 to 48.

    Raises:
        InputError: n below 1, a parameter that is not positive, or a trajectory that overflows.

    >>> lorenz(5).shape
    (5, 3)
    """
    check_size(n)
    for name, value in {"sigma": sigma, "rho": rho, "beta": beta}.items():
        _positive(name, value)
    start = np.array([0.0, 0.0, rho - 1.0])[:, None]
    generator = np.random.default_rng(seed)
    state = start + 5.0 * generator.standard_normal((3, n))
    end = generator.integers(*_LORENZ_ENDS, size=n)
    with np.errstate(over="ignore", invalid="ignore"):
        for step in range(end.max()):
            state = np.where(step < end, _runge_kutta(state, (sigma, rho, beta)), state)
    if not np.isfinite(state).all():
        raise InputError(
            f"the Lorenz system overflows with sigma = {sigma}, rho = {rho}, beta = {beta}; "
            "give smaller numbers"
        )
    return state.T.astype(np.float32)


def _runge_kutta(state: Array, parameters: tuple[float, float, float]) -> Array:
    half = _LORENZ_STEP / 2
    k1 = _lorenz_velocity(state, parameters)
    k2 = _lorenz_velocity(state + half * k1, parameters)
    k3 = _lorenz_velocity(state + half * k2, parameters)
    k4 = _lorenz_velocity(state + _LORENZ_STEP * k3, parameters)
    return state + _LORENZ_STEP / 6 * (k1 + 2 * (k2 + k3) + k4)


def _lorenz_velocity(state: Array, parameters: tuple[float, float, float]) -> Array:
    sigma, rho, beta = parameters
    x, y, z = state
    return np.stack([sigma * (y - x), x * (rho - z) - y, x * y - beta * z])


def _check(level: int, side: float) -> None:
    at_least("level", level, 1)
    if level > 10:
        raise InputError(f"level is {level}; give at most 10, which is 8^10 squares")
    _positive("side", side)


def _positive(name: str, value: float) -> None:
    if not (value > 0 and np.isfinite(value)):
        raise InputError(f"{name} is {value}; give a positive number")
