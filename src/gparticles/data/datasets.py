"""Samplers with a seed: the distributions of the experiments, and noise fitted to a target.

Every sampler takes the number of rows first and everything else by keyword, draws from its own
generator (the same seed gives the same bits; no global state), computes in float64 and returns
float32 in raw units. A sampler whose rows have a class has a twin ``..._labelled``.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from gparticles.checks import at_least
from gparticles.data.cifar import cifar10, cifar10_split
from gparticles.data.expression import expression
from gparticles.data.handwriting import digits, digits_split, mnist, mnist_split
from gparticles.data.patches import patches, patches_split
from gparticles.data.shapes import lorenz, sierpinski
from gparticles.data.sizes import check_size
from gparticles.errors import InputError

Array = np.ndarray


def gaussian(
    n: int, *, dim: int = 2, mean: ArrayLike = 0.0, std: ArrayLike = 1.0, seed: int = 0
) -> Array:
    """Draw from N(mean, diag(std^2)).

    Args:
        n: number of rows.
        dim: number of columns.
        mean: a number, or shape (dim,); data units.
        std: a number, or shape (dim,), not negative; data units.
        seed: of the generator.

    Returns:
        Shape (n, dim), float32, data units.

    Raises:
        InputError: n or dim below 1, or a negative std.

    >>> gaussian(3, dim=2, mean=10.0, std=0.5).shape
    (3, 2)
    """
    check_size(n, dim)
    at_least("std", np.min(std), 0)
    noise = np.random.default_rng(seed).standard_normal((n, dim))
    return (np.asarray(mean) + np.asarray(std) * noise).astype(np.float32)


def gaussian_mixture_grid(
    n: int, *, side: int = 2, spacing: float = 4.0, std: float = 0.5, seed: int = 0
) -> Array:
    """Draw from side^2 equal Gaussians centred on a square grid around the origin, shape (n, 2).

    `spacing` is the distance of neighbouring centres and `std` each Gaussian's, both in data
    units. InputError where n or side is below 1 or std is negative.

    >>> gaussian_mixture_grid(5).shape
    (5, 2)
    """
    return gaussian_mixture_grid_labelled(n, side=side, spacing=spacing, std=std, seed=seed)[0]


def gaussian_mixture_grid_labelled(
    n: int, *, side: int = 2, spacing: float = 4.0, std: float = 0.5, seed: int = 0
) -> tuple[Array, Array]:
    """`gaussian_mixture_grid` and each row's mode, shape (n,), 0 to side^2 - 1 along the rows."""
    at_least("side", side, 1)
    axis = spacing * (np.arange(side) - (side - 1) / 2)
    centres = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    return _mixture(n, centres, std=std, seed=seed)


def gaussian_mixture_circle(
    n: int, *, modes: int = 8, radius: float = 4.0, std: float = 0.3, seed: int = 0
) -> Array:
    """Draw from equal Gaussians centred evenly on a circle around the origin, shape (n, 2).

    `radius` and `std` (of each Gaussian) are in data units. InputError where n or modes is below
    1 or std is negative.

    >>> gaussian_mixture_circle(5, modes=3).shape
    (5, 2)
    """
    return gaussian_mixture_circle_labelled(n, modes=modes, radius=radius, std=std, seed=seed)[0]


def gaussian_mixture_circle_labelled(
    n: int, *, modes: int = 8, radius: float = 4.0, std: float = 0.3, seed: int = 0
) -> tuple[Array, Array]:
    """`gaussian_mixture_circle` and each row's mode, shape (n,), counted from the x axis."""
    at_least("modes", modes, 1)
    angle = 2 * np.pi * np.arange(modes) / modes
    centres = radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return _mixture(n, centres, std=std, seed=seed)


def swiss_roll(n: int, *, noise: float = 0.0, seed: int = 0) -> Array:
    """Draw from the Swiss roll in three dimensions, raw units.

    (t cos t, 21 V, t sin t) with t = 1.5 pi (1 + 2 U) and U, V uniform on [0, 1]: the
    distribution of `sklearn.datasets.make_swiss_roll`, in its order of axes.

    Args:
        n: number of rows.
        noise: standard deviation of the Gaussian noise added to every coordinate, data units.
        seed: of the generator.

    Returns:
        Shape (n, 3), float32, data units: about -9.5 to 12.6, 0 to 21 and -11.0 to 14.1.

    Raises:
        InputError: n below 1, or a negative noise.

    >>> swiss_roll(200, seed=1).shape
    (200, 3)
    """
    check_size(n)
    at_least("noise", noise, 0)
    generator = np.random.default_rng(seed)
    t = 1.5 * np.pi * (1 + 2 * generator.random(n))
    height = 21 * generator.random(n)
    points = np.stack([t * np.cos(t), height, t * np.sin(t)], axis=1)
    return (points + noise * generator.standard_normal((n, 3))).astype(np.float32)


def two_moons(n: int, *, noise: float = 0.05, seed: int = 0) -> Array:
    """Draw from two interleaved half circles of radius 1, shape (n, 2).

    `noise` is the standard deviation of the Gaussian noise added to every coordinate, in data
    units. InputError where n is below 1 or noise is negative.

    >>> two_moons(4).shape
    (4, 2)
    """
    return two_moons_labelled(n, noise=noise, seed=seed)[0]


def two_moons_labelled(n: int, *, noise: float = 0.05, seed: int = 0) -> tuple[Array, Array]:
    """`two_moons` and each row's moon, shape (n,): 0 is the upper, 1 the lower."""
    check_size(n)
    at_least("noise", noise, 0)
    generator = np.random.default_rng(seed)
    moon = generator.integers(2, size=n)
    angle = np.pi * generator.random(n)
    sign = 1 - 2 * moon
    points = np.stack([moon + sign * np.cos(angle), moon / 2 + sign * np.sin(angle)], axis=1)
    points += noise * generator.standard_normal((n, 2))
    return points.astype(np.float32), moon


def student_t(
    n: int, *, dof: float, dim: int = 2, independent: bool = False, seed: int = 0
) -> Array:
    """Draw from the spherical multivariate Student-t, normal / sqrt(chi2(dof) / dof).

    Args:
        n: number of rows.
        dof: degrees of freedom, positive; moments of order dof and above are infinite.
        dim: number of columns.
        independent: a chi2 for each column, whose columns are independent Student-t variables: far
            out, points lie along the axes.
        seed: of the generator.

    Returns:
        Shape (n, dim), float32, data units.

    Raises:
        InputError: n or dim below 1, dof not positive, or so small that a draw overflows.

    >>> student_t(3, dof=0.5).shape
    (3, 2)
    """
    check_size(n, dim)
    if not dof > 0:
        raise InputError(f"dof is {dof}; give a positive number")
    generator = np.random.default_rng(seed)
    normal = generator.standard_normal((n, dim))
    with np.errstate(divide="ignore", over="ignore"):
        spread = np.sqrt(dof / generator.chisquare(dof, size=(n, dim if independent else 1)))
        points = (normal * spread).astype(np.float32)
    if not np.isfinite(points).all():
        raise InputError(f"a draw with dof = {dof} is too large for float32; give a larger dof")
    return points


def stretched_exponential(n: int, *, beta: float = 0.5, dim: int = 2, seed: int = 0) -> Array:
    """Draw from the density proportional to exp(-sum over k of |x_k|^beta).

    Exact: the columns are independent, and |x_k|^beta is Gamma(1 / beta) distributed. Below
    beta = 1 tails are heavier than exponential, with all moments finite.

    Args:
        n: number of rows.
        beta: positive; 2 is a Gaussian of variance 1/2, 1 is Laplace's distribution.
        dim: number of columns.
        seed: of the generator.

    Returns:
        Shape (n, dim), float32, data units.

    Raises:
        InputError: n or dim below 1, beta not positive, or so small that a draw overflows.

    >>> stretched_exponential(3, beta=0.4).shape
    (3, 2)
    """
    check_size(n, dim)
    if not beta > 0:
        raise InputError(f"beta is {beta}; give a positive number")
    generator = np.random.default_rng(seed)
    size = generator.gamma(1 / beta, size=(n, dim))
    with np.errstate(over="ignore"):
        points = (generator.choice([-1.0, 1.0], (n, dim)) * size ** (1 / beta)).astype(np.float32)
    if not np.isfinite(points).all():
        raise InputError(f"a draw with beta = {beta} is too large for float32; give a larger beta")
    return points


def draw(
    name: str, n: int, *, seed: int = 0, options: dict[str, Any] | None = None
) -> tuple[Array, Array | None]:
    """Draw from the sampler of this name, with labels where it has them.

    Args:
        name: a key of `SAMPLERS`.
        n: number of rows.
        seed: of the generator.
        options: the sampler's other keywords.

    Returns:
        values, shape (n, ...), float32; labels, shape (n,), int, or None.

    Raises:
        InputError: an unknown name or option, or a value that the sampler refuses.

    >>> values, labels = draw("mixture-grid", 6, options={"side": 3})
    >>> values.shape, labels.shape
    ((6, 2), (6,))
    """
    if name not in SAMPLERS:
        raise InputError(f"no sampler is called {name!r}; choose one of {', '.join(SAMPLERS)}")
    sampler = _LABELLED.get(name, SAMPLERS[name])
    try:
        drawn = sampler(n, seed=seed, **(options or {}))
    except InputError:
        raise
    except (TypeError, ValueError, OverflowError, MemoryError) as error:
        raise InputError(f"the sampler {name} cannot take these options: {error}") from error
    return drawn if isinstance(drawn, tuple) else (drawn, None)


def _mixture(n: int, centres: Array, *, std: float, seed: int) -> tuple[Array, Array]:
    check_size(n)
    at_least("std", std, 0)
    generator = np.random.default_rng(seed)
    mode = generator.integers(len(centres), size=n)
    points = centres[mode] + std * generator.standard_normal((n, centres.shape[1]))
    return points.astype(np.float32), mode


SAMPLERS: dict[str, Callable[..., Any]] = {
    "gaussian": gaussian,
    "mixture-grid": gaussian_mixture_grid,
    "mixture-circle": gaussian_mixture_circle,
    "swiss-roll": swiss_roll,
    "two-moons": two_moons,
    "student-t": student_t,
    "stretched-exponential": stretched_exponential,
    "sierpinski": sierpinski,
    "lorenz": lorenz,
    "digits": digits,
    "mnist": mnist,
    "patches": patches,
    "cifar10": cifar10,
    "expression": expression,
}
"""The samplers by the names that recipes use; each returns an array, or images and labels."""

SPLITS: dict[str, Callable[..., tuple[Array, Array, Array, Array]]] = {
    "digits": digits_split,
    "mnist": mnist_split,
    "patches": patches_split,
    "cifar10": cifar10_split,
}
"""Those that pick from a finite set: a sampler's rows and labels, and held-out rows and labels."""

_LABELLED: dict[str, Callable[..., tuple[Array, Array]]] = {
    "mixture-grid": gaussian_mixture_grid_labelled,
    "mixture-circle": gaussian_mixture_circle_labelled,
    "two-moons": two_moons_labelled,
    "digits": digits,
    "mnist": mnist,
    "expression": expression,
    "patches": patches,
    "cifar10": cifar10,
}
