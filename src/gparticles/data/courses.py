"""Snapshots in time of populations whose velocity, fates and growth are known."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from gparticles.checks import at_least, check_seed
from gparticles.errors import InputError

# by what the spread falls from one further column to the next, as of principal components
DECAY = 0.85
# of `growth`: the rate of return, the noise, the first mean and how fast mass grows with column 0
RETURN, NOISE, FIRST, GROWTH = 0.5, 0.5, -2.0, 0.4


class Course(NamedTuple):
    """Snapshots, and the truth behind them.

    Attributes:
        points: all cells, no individual twice, shape (n, dim).
        times: when each was taken, shape (n,).
        velocity: ``(points, t) -> velocities``, both of shape (k, dim).
        fates: what becomes of each cell, shape (n,).
        growth: ``(points, t) -> rates`` relative to the mean, shape (k,), per unit of time.
    """

    points: np.ndarray
    times: np.ndarray
    velocity: Callable[[np.ndarray, float], np.ndarray]
    fates: np.ndarray
    growth: Callable[[np.ndarray, float], np.ndarray]


def rotation(
    n: int = 100, *, times: Sequence[float] = (0, 1, 2, 3), dim: int = 2, **shape: float | int
) -> Course:
    """Cells that turn about the origin by a rate: dx/dt = rate (-x1, x0) in two columns.

    With ``centre=0`` every snapshot has one and the same law: nothing in the snapshots says that
    the cells turn.

    Args:
        n: cells at each time.
        times: of the snapshots.
        dim: columns; those after the second stand still.
        shape: ``rate`` in radians per unit of time (0.7), ``centre``, the distance of the cells'
            mean from the origin (3.0), and ``seed``.
    """
    rng, settings = _begun(n, times, dim, shape, {"rate": 0.7, "centre": 3.0})
    rate, clock = settings["rate"], np.repeat(np.asarray(times, float), n)
    start = _cloud(rng, len(clock), dim)
    start[:, 0] += settings["centre"]
    cosine, sine = np.cos(rate * clock), np.sin(rate * clock)
    points = start.copy()
    points[:, 0] = cosine * start[:, 0] - sine * start[:, 1]
    points[:, 1] = sine * start[:, 0] + cosine * start[:, 1]

    def velocity(at: np.ndarray, _: float) -> np.ndarray:
        turned = np.zeros_like(at)
        turned[:, 0], turned[:, 1] = -rate * at[:, 1], rate * at[:, 0]
        return turned

    return Course(points, clock, velocity, (start[:, 1] > 0).astype(int), _no_growth)


def branching(
    n: int = 100, *, times: Sequence[float] = (0, 1, 2, 3), dim: int = 2, **shape: float | int
) -> Course:
    """A stem that forks: dx0/dt = rate, dx1/dt = push tanh(2 x1).

    A cell's fate is the sign of its second column, from the beginning.

    Args:
        n, times, dim: as for ``rotation``.
        shape: ``rate`` (1.0) and ``push`` (1.0), per unit of time, and ``seed``.
    """
    rng, settings = _begun(n, times, dim, shape, {"rate": 1.0, "push": 1.0})
    rate, push = settings["rate"], settings["push"]
    clock = np.repeat(np.asarray(times, float), n)
    points = _cloud(rng, len(clock), dim)
    points[:, :2] *= 0.6
    fates = (points[:, 1] > 0).astype(int)
    points[:, 0] += rate * clock
    # the solution of dx/dt = a tanh(2 x): sinh(2 x) grows by exp(2 a t)
    points[:, 1] = np.arcsinh(np.sinh(2 * points[:, 1]) * np.exp(2 * push * clock)) / 2

    def velocity(at: np.ndarray, _: float) -> np.ndarray:
        moved = np.zeros_like(at)
        moved[:, 0], moved[:, 1] = rate, push * np.tanh(2 * at[:, 1])
        return moved

    return Course(points, clock, velocity, fates, _no_growth)


def growth(
    n: int = 100, *, times: Sequence[float] = (0, 1, 2, 3), dim: int = 2, **shape: float | int
) -> Course:
    """An Ornstein-Uhlenbeck process to the origin whose cells divide the faster the larger x0 is.

    dX = -X / 2 dt + dW / 2, and mass grows at the rate 0.4 x0: Gaussian at every time, with mean
    dm/dt = -m / 2 + 0.4 S e0 and covariance dS/dt = -S + 1 / 4. The velocity is that of the
    probability flow, -x / 2 + S^-1 (x - m) / 8, which growth has no part in.

    Args:
        n, times, dim: as for ``rotation``.
        shape: ``seed``.
    """
    rng, _ = _begun(n, times, dim, shape, {})
    clock = np.repeat(np.asarray(times, float), n)
    first = _spreads(dim) ** 2
    begun = min(times)

    def moments(t: float) -> tuple[np.ndarray, np.ndarray]:
        since = t - begun
        rest = NOISE**2 / (2 * RETURN)
        variance = rest + (first - rest) * np.exp(-2 * RETURN * since)
        mean = np.full(dim, FIRST) * np.exp(-RETURN * since) * (np.arange(dim) < 2)
        slow, fast = np.exp(-RETURN * since), np.exp(-2 * RETURN * since)
        mean[0] += GROWTH / RETURN * (rest * (1 - slow) + (first[0] - rest) * (slow - fast))
        return mean, variance

    known = {time: moments(time) for time in set(clock.tolist())}
    means, variances = (np.stack([known[t][k] for t in clock.tolist()]) for k in (0, 1))
    points = means + np.sqrt(variances) * rng.standard_normal(means.shape)

    def velocity(at: np.ndarray, t: float) -> np.ndarray:
        mean, variance = moments(t)
        return -RETURN * at + NOISE**2 / 2 * (at - mean) / variance

    def rates(at: np.ndarray, t: float) -> np.ndarray:
        return GROWTH * (at[:, 0] - moments(t)[0][0])

    return Course(points, clock, velocity, (points[:, 1] > means[:, 1]).astype(int), rates)


COURSES = {"rotation": rotation, "branching": branching, "growth": growth}


def _no_growth(points: np.ndarray, _: float) -> np.ndarray:
    return np.zeros(len(points))


def _begun(
    n: int,
    times: Sequence[float],
    dim: int,
    shape: dict[str, float | int],
    defaults: dict[str, float],
) -> tuple[np.random.Generator, dict[str, float]]:
    at_least("n", n, 1)
    at_least("dim", dim, 2)
    if len(times) == 0 or not np.isfinite(np.asarray(times, float)).all():
        raise InputError("times: are missing or infinite; give those of the snapshots")
    unknown = set(shape) - {*defaults, "seed"}
    if unknown:
        raise InputError(
            f"{min(unknown)}: is no setting of this course; it has {', '.join([*defaults, 'seed'])}"
        )
    seed = shape.get("seed", 0)
    check_seed(seed)
    return np.random.default_rng(int(seed)), defaults | {k: float(v) for k, v in shape.items()}


def _spreads(dim: int) -> np.ndarray:
    return DECAY ** np.maximum(np.arange(dim) - 1, 0)


def _cloud(rng: np.random.Generator, n: int, dim: int) -> np.ndarray:
    return _spreads(dim) * rng.standard_normal((n, dim))
