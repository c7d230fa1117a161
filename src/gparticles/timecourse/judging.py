"""The test of a course: a snapshot is left out and estimated from the two around it."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from gparticles.divergence import KL
from gparticles.errors import InputError
from gparticles.timecourse.course import LIPSCHITZ, SMOOTHING, STEPS, Population
from gparticles.timecourse.legs import MOST_CELLS, FlowSettings, connect, thinned
from gparticles.timecourse.snapshots import Snapshot, check_snapshots

# splits of the left-out snapshot into halves
SPLITS = 5


class LeftOut(NamedTuple):
    """How near estimates come to a snapshot that none of them has seen.

    Attributes:
        time: of the snapshot.
        w2: Wasserstein-2 distances to it by estimate, units of the points: "flow" is
            ``Trajectory.population``; "stay" the snapshot before it; "mean shift" that snapshot
            moved as a whole; "exact transport" straight lines of exact optimal transport between
            the two around it; and "its halves", one half of the snapshot from the other.
        energy: energy distances, likewise.
    """

    time: float
    w2: dict[str, float]
    energy: dict[str, float]


class Projection(NamedTuple):
    """Principal components: z = (x - centre) loadings.

    Attributes:
        centre: shape (d,).
        loadings: orthonormal columns, shape (d, k).
    """

    centre: np.ndarray
    loadings: np.ndarray

    def __call__(self, points: np.ndarray) -> np.ndarray:
        return (np.asarray(points, np.float64) - self.centre) @ self.loadings


def principal(points: np.ndarray, dim: int) -> Projection:
    """The first ``dim`` principal components of points, or as many as there are."""
    centre = np.asarray(points, np.float64).mean(axis=0)
    _, _, rows = np.linalg.svd(points - centre, full_matrices=False)
    return Projection(centre, rows[:dim].T)


def leave_out(
    points: Any,
    times: Any,
    *,
    left: Sequence[float] | None = None,
    latent_dim: int | None = None,
    lipschitz: float = LIPSCHITZ,
    smoothing: float = SMOOTHING,
    steps: int = STEPS,
    seed: int = 0,
) -> list[LeftOut]:
    """Leaves inner snapshots out, each in turn, and measures how near its estimates are.

    Args:
        points: all cells, shape (n, d).
        times: of each, as for ``gparticles.trajectory``.
        left: the times to leave out; every inner one by default.
        latent_dim: measure in so many principal components of the other snapshots.
        lipschitz, smoothing, steps, seed: as for ``gparticles.trajectory``.

    Raises:
        InputError: fewer than three times, or one to leave out that is no inner one.
    """
    snapshots, _ = check_snapshots(points, times, None)
    moments = [snapshot.time for snapshot in snapshots]
    inner = moments[1:-1]
    if not inner:
        raise InputError("leave out: there are two times; leaving one out needs three")
    wrong = [time for time in left or () if time not in inner]
    if wrong:
        raise InputError(
            f"leave out: {wrong[0]:g} is no inner time; choose of "
            f"{', '.join(f'{time:g}' for time in inner)}"
        )
    size = min(MOST_CELLS, max(len(snapshot.points) for snapshot in snapshots))
    settings = FlowSettings(KL(), lipschitz, smoothing, steps, size, seed)
    return [_judged(snapshots, moments.index(time), settings, latent_dim) for time in left or inner]


def _judged(
    snapshots: list[Snapshot], k: int, settings: FlowSettings, latent_dim: int | None
) -> LeftOut:
    parts = [thinned(snapshot, settings.seed) for snapshot in snapshots[k - 1 : k + 2]]
    if latent_dim is not None:
        rest = [s.points for s in snapshots if s is not snapshots[k]]
        project = principal(np.concatenate(rest), latent_dim)
        parts = [part._replace(points=project(part.points)) for part in parts]
    before, truth, after = parts
    estimates = {
        "flow": _of_flow(before, after, truth.time, settings),
        **baselines(before, after, truth.time),
    }
    target = Population(truth.points, truth.weights)
    pairs = halves(truth.points, settings.seed)
    return LeftOut(
        time=truth.time,
        w2={name: w2_between(one, target) for name, one in estimates.items()}
        | {"its halves": float(np.mean([w2_between(*pair) for pair in pairs]))},
        energy={name: energy_between(one, target) for name, one in estimates.items()}
        | {"its halves": float(np.mean([energy_between(*pair) for pair in pairs]))},
    )


def _of_flow(before: Snapshot, after: Snapshot, time: float, settings: FlowSettings) -> Population:
    leg = connect(before, after, settings)
    return Population(leg.place(time), leg.weights)


def baselines(before: Snapshot, after: Snapshot, time: float) -> dict[str, Population]:
    """What needs no flow: the snapshot before, moved as a whole, and exact optimal transport."""
    share = (time - before.time) / (after.time - before.time)
    shift = after.weights @ after.points - before.weights @ before.points
    rows, columns, mass = _plan(before, after)
    straight = (1 - share) * before.points[rows] + share * after.points[columns]
    return {
        "stay": Population(before.points, before.weights),
        "mean shift": Population(before.points + share * shift, before.weights),
        "exact transport": Population(straight, mass),
    }


def _plan(before: Snapshot, after: Snapshot) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    import ot
    from scipy.spatial.distance import cdist

    cost = cdist(before.points, after.points, "sqeuclidean")
    plan = np.asarray(ot.emd(before.weights, after.weights, cost, numItermax=10**7))
    rows, columns = np.nonzero(plan)
    mass = plan[rows, columns]
    return rows, columns, mass / mass.sum()


def halves(points: np.ndarray, seed: int) -> list[tuple[Population, Population]]:
    """Random halves of a cloud, some times over."""
    rng = np.random.default_rng(seed)
    middle = len(points) // 2
    pairs = []
    for _ in range(SPLITS):
        order = rng.permutation(len(points))
        sides = (points[order[:middle]], points[order[middle:]])
        first, second = (Population(side, np.full(len(side), 1 / len(side))) for side in sides)
        pairs.append((first, second))
    return pairs


def w2_between(first: Population, second: Population) -> float:
    """The exact Wasserstein-2 distance of two weighted clouds."""
    import ot
    from scipy.spatial.distance import cdist

    cost = cdist(first.points, second.points, "sqeuclidean")
    return float(np.sqrt(max(ot.emd2(first.weights, second.weights, cost, numItermax=10**7), 0)))


def energy_between(first: Population, second: Population) -> float:
    """The energy distance 2 E|X - Y| - E|X - X'| - E|Y - Y'| of two weighted clouds."""
    from scipy.spatial.distance import cdist

    (x, p), (y, q) = first, second
    return float(2 * p @ cdist(x, y) @ q - p @ cdist(x, x) @ p - q @ cdist(y, y) @ q)
