"""From one snapshot to the next: flows both ways, and where every cell is on the way."""

from typing import Any, NamedTuple

import numpy as np

from gparticles.divergence import AbstractF
from gparticles.flow import ExactPotential, Store, transport
from gparticles.timecourse.snapshots import Snapshot

# places kept on the way, its two ends included
PLACES = 21
# cells of a snapshot that flows and field are made of; growth and fates are of all cells
MOST_CELLS = 1000
# cells whose plan is held at once
BLOCK = 10_000


class FlowSettings(NamedTuple):
    """What every flow between two snapshots is run with, and the cells of the largest snapshot."""

    f: AbstractF
    lipschitz: float
    smoothing: float
    steps: int
    size: int
    seed: int


class Leg(NamedTuple):
    """The way from one snapshot to the next.

    Attributes:
        begin, end: the times of the two.
        path: positions at equal shares of the time between, shape (places, k, d), float32. The
            first and the last, with the weights, are the two snapshots themselves.
        weights: of these k ways, shape (k,), summing to one.
        origins: the cell that each belongs to, a number for each of either snapshot, shape (k,).
        transition: where cells go, at once.
        divergence: of the two snapshots, and of the moved first from the second, nats.
    """

    begin: float
    end: float
    path: np.ndarray
    weights: np.ndarray
    origins: np.ndarray
    transition: "Transition"
    divergence: np.ndarray

    def place(self, time: float) -> np.ndarray:
        """Positions at a time of this leg, shape (k, d), float64."""
        share = (time - self.begin) / (self.end - self.begin) * (len(self.path) - 1)
        before = int(np.clip(np.floor(share), 0, len(self.path) - 2))
        rest = share - before
        return (1 - rest) * self.path[before].astype(np.float64) + rest * self.path[before + 1]


class Transition(NamedTuple):
    """The plan of the smoothed potential from one snapshot to the next, at any points.

    A cell x goes to y_j with a share proportional to q_j exp(-psi_j - rate |x - y_j|). What
    arrives is eta; where the next snapshot has more mass than that, cells have divided.

    Attributes:
        targets: y, shape (n, d), data units.
        rows: where they stand among all cells, shape (n,).
        exponents: log q_j - psi_j, shape (n,), psi in units of the smoothing.
        rate: L over the smoothing, per data unit.
        ratio: eta / q, shape (n,).
    """

    targets: np.ndarray
    rows: np.ndarray
    exponents: np.ndarray
    rate: float
    ratio: np.ndarray

    def growth(self, points: np.ndarray) -> np.ndarray:
        """How many descendants each cell has beside the mean of them, shape (k,)."""
        return self._expected(points, self._grown[:, None])[:, 0]

    def of_descendants(self, points: np.ndarray, values: np.ndarray) -> np.ndarray:
        """The mean over each cell's descendants of values of the targets, (n, c) to (k, c)."""
        grown = self._grown[:, None]
        sums = self._expected(points, np.concatenate([grown * values, grown], axis=1))
        return sums[:, :-1] / sums[:, -1:]

    @property
    def _grown(self) -> np.ndarray:
        """How many descendants there are of each cell that arrives at a target, shape (n,)."""
        return 1 / np.maximum(self.ratio, np.finfo(float).tiny)

    def _expected(self, points: np.ndarray, values: np.ndarray) -> np.ndarray:
        """The mean of values where cells go, (n, c) to (k, c)."""
        # in blocks: the plan of a large snapshot is larger than its cells by far
        parts = (points[at : at + BLOCK] for at in range(0, len(points), BLOCK))
        plan = {"exponents": self.exponents, "rate": self.rate}
        return np.concatenate([_shares(part, self.targets, **plan) @ values for part in parts])


def connect(first: Snapshot, second: Snapshot, settings: FlowSettings) -> Leg:
    """Flows from each of two snapshots to the other, and the ways that they make.

    A flow's speed is no clock of the data's: a particle is placed by the share of its way's
    length. What is left between where a flow ends and the snapshot is closed along straight lines
    by exact optimal transport, with the square of the share of the time: late, since what is
    left is mostly noise, but so that both ends are the snapshots.
    """
    forth, back = _flow(first, second, settings), _flow(second, first, settings)
    there, near = _closed(forth, first, second)
    here, far = _closed(back, second, first)
    path = np.concatenate([there.path, here.path[::-1]], axis=1)
    weights = np.concatenate([there.weights, here.weights]) / 2
    origins = np.concatenate([near, len(first.points) + far])
    history = forth.history["divergence"]
    return Leg(
        begin=first.time,
        end=second.time,
        path=path.astype(np.float32),
        weights=weights,
        origins=origins,
        transition=_transition(forth, first, second),
        divergence=np.array([history[0], history[-1]]),
    )


def thinned(snapshot: Snapshot, seed: int) -> Snapshot:
    """At most ``MOST_CELLS`` of a snapshot's cells."""
    if len(snapshot.points) <= MOST_CELLS:
        return snapshot
    rng = np.random.default_rng(seed)
    kept = np.sort(rng.choice(len(snapshot.points), MOST_CELLS, replace=False))
    weights = snapshot.weights[kept]
    return Snapshot(
        snapshot.time, snapshot.points[kept], weights / weights.sum(), snapshot.rows[kept]
    )


def _flow(source: Snapshot, target: Snapshot, settings: FlowSettings) -> Any:
    # all clouds as large as the largest, by repeating cells and sharing their weight: one
    # compiled program then serves every flow of the course
    (x, p), (y, q) = (_repeated(part, settings.size) for part in (source, target))
    return transport(
        x,
        y,
        source_weights=p,
        target_weights=q,
        f=settings.f,
        lipschitz=settings.lipschitz,
        potential=ExactPotential(settings.smoothing),
        steps=settings.steps,
        store=Store(frames=settings.steps + 1),
        seed=settings.seed,
    )


def _repeated(snapshot: Snapshot, size: int) -> tuple[np.ndarray, np.ndarray]:
    rows = np.arange(size) % len(snapshot.points)
    copies = np.bincount(rows)
    return snapshot.points[rows], (snapshot.weights / copies)[rows]


class _Ways(NamedTuple):
    path: np.ndarray
    weights: np.ndarray


def _closed(flow: Any, source: Snapshot, target: Snapshot) -> tuple[_Ways, np.ndarray]:
    """Ways that end at the target's own points, and the source's cell of each."""
    import ot
    from scipy.spatial.distance import cdist

    moved = by_length(flow.trajectory[:, : len(source.points)].astype(np.float64))
    cost = cdist(moved[-1], target.points, "sqeuclidean")
    plan = np.asarray(ot.emd(source.weights, target.weights, cost, numItermax=10**7))
    rows, columns = np.nonzero(plan)
    left = target.points[columns] - moved[-1][rows]
    shares = np.linspace(0, 1, PLACES)[:, None, None]
    mass = plan[rows, columns]
    return _Ways(moved[:, rows] + shares**2 * left, mass / mass.sum()), rows


def by_length(path: np.ndarray) -> np.ndarray:
    """Positions at equal shares of every way's length, shape (places, m, d).

    Args:
        path: positions after every step, shape (steps + 1, m, d).
    """
    return at_shares(path, np.linalg.norm(np.diff(path, axis=0), axis=2))


def at_shares(path: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """Positions at equal shares of what adds up along every way, shape (places, m, d).

    Args:
        path: positions after every step, shape (steps + 1, m, d).
        parts: what every step adds, not negative, shape (steps, m).
    """
    # what never moves is anywhere on its way at any time
    gone = np.concatenate([np.zeros((1, path.shape[1])), np.cumsum(parts, axis=0)])
    wanted = np.linspace(0, 1, PLACES)[:, None] * gone[-1]
    before = (gone[:, None] <= wanted[None]).sum(axis=0) - 1
    before = np.clip(before, 0, len(path) - 2)
    cells = np.arange(path.shape[1])
    step = parts[before, cells]
    rest = np.clip((wanted - gone[before, cells]) / np.where(step > 0, step, 1.0), 0, 1)
    start, stop = path[before, cells], path[before + 1, cells]
    return start + rest[..., None] * (stop - start)


def _transition(flow: Any, source: Snapshot, target: Snapshot) -> Transition:
    potential = flow.potential(0)
    n = len(target.points)
    smoothing = potential.smoothing
    # copies of a cell are one again: equal psi, and weights that sum to the cell's
    values = np.asarray(potential.values)[:n] / smoothing
    with np.errstate(divide="ignore"):
        exponents = np.log(target.weights) - values
    rate = float(potential.lipschitz / (smoothing * flow.scaling.unit))
    shares = _shares(source.points, target.points, exponents=exponents, rate=rate)
    arriving = source.weights @ shares
    used = target.weights > 0
    ratio = np.where(used, arriving / np.where(used, target.weights, 1.0), 1.0)
    return Transition(target.points, target.rows, exponents, rate, ratio)


def _shares(
    points: np.ndarray, targets: np.ndarray, *, exponents: np.ndarray, rate: float
) -> np.ndarray:
    """Where cells go, shape (k, n); rows sum to one."""
    from scipy.spatial.distance import cdist
    from scipy.special import softmax

    return softmax(exponents - rate * cdist(points, targets), axis=1)
