"""``gparticles.trajectory``: from snapshots to one field, and what can be asked of it."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import numpy as np

from gparticles import compiled
from gparticles.checks import (
    check_count,
    check_number,
    check_points,
    check_seed,
    known_labels,
)
from gparticles.divergence import KL, AbstractF
from gparticles.errors import InputError
from gparticles.flow.saving import read_arrays, read_record, write_arrays, write_record
from gparticles.numerics import own_settings
from gparticles.timecourse.field import Field, carried, empty_field, match_field, velocities
from gparticles.timecourse.legs import FlowSettings, Leg, Transition, connect, thinned
from gparticles.timecourse.snapshots import Snapshot, check_snapshots

# chosen on the samplers of known fields: docs/trajectories.md
LIPSCHITZ, SMOOTHING, STEPS, FIT_STEPS = 0.3, 0.3, 60, 400


class Population(NamedTuple):
    """An estimate of a population at one time: points, shape (k, d), and weights, shape (k,)."""

    points: np.ndarray
    weights: np.ndarray


class Fates(NamedTuple):
    """Where cells end: the names of the late classes, and each cell's probabilities of them.

    Attributes:
        classes: sorted, shape (c,).
        probabilities: shape (n, c), a row for each cell; rows sum to one.
    """

    classes: np.ndarray
    probabilities: np.ndarray


@dataclass(frozen=True, repr=False)
class Trajectory:
    """A population over time: made by ``gparticles.trajectory``.

    Attributes:
        snapshots: what it was made of, in the order of time.
        legs: the ways between each two of them.
        field: v(x, t), in data units per unit of time.
        unexplained: the share of the ways' squared velocity that the field leaves, on cells that
            were kept from its fit: cells that pass one place in different directions, and error.
        unit: of the times, as in "hours", or "".
        settings: what it was asked for.
        dtype: of what it returns.
    """

    snapshots: tuple[Snapshot, ...]
    legs: tuple[Leg, ...]
    field: Field
    unexplained: float
    unit: str
    settings: dict[str, Any]
    dtype: np.dtype

    @property
    def times(self) -> np.ndarray:
        """The times of the snapshots, ascending."""
        return np.array([snapshot.time for snapshot in self.snapshots])

    def __repr__(self) -> str:
        cells = " + ".join(str(len(s.points)) for s in self.snapshots)
        unit = f" {self.unit}" if self.unit else ""
        return (
            f"Trajectory({cells} cells in {self.snapshots[0].points.shape[1]} columns, "
            f"{self.times[0]:g} to {self.times[-1]:g}{unit})"
        )

    def at(self, t: float, *, extrapolate: bool = False) -> np.ndarray:
        """The cells of the first snapshot at time t, shape (m, d).

        Args:
            t: in the unit of the times.
            extrapolate: allow times outside of the snapshots', with a warning.

        Raises:
            InputError: a time that is not covered.
        """
        first = self.snapshots[0]
        return self.carry(first.points, first.time, t, extrapolate=extrapolate)

    def carry(self, points: Any, t0: float, t1: float, *, extrapolate: bool = False) -> np.ndarray:
        """Cells that are at ``points`` at time t0, as they are at time t1, before or after it.

        Args:
            points: shape (k, d), data units.
            t0, t1: in the unit of the times.
            extrapolate: as for ``at``.

        Returns:
            Shape (k, d), in the dtype of the course's points.

        Raises:
            InputError: points of other columns, or a time that is not covered.
        """
        cells = self._points(points)
        times = np.array([self._time(t, extrapolate=extrapolate) for t in (t0, t1)])
        compiled.make_room()
        return carried(self.field, cells, times)[-1].astype(self.dtype)

    def velocity(self, points: Any, t: float, *, extrapolate: bool = False) -> np.ndarray:
        """v(x, t) at points, shape (k, d), data units per unit of time.

        Args, Raises: as for ``carry``.
        """
        cells, time = self._points(points), self._time(t, extrapolate=extrapolate)
        return velocities(self.field, cells, time).astype(self.dtype)

    def population(self, t: float) -> Population:
        """The population at time t, from the two snapshots around it alone.

        Cells of the earlier one on their way, and cells of the later one on their way back. At the
        time of a snapshot it is that snapshot.

        Raises:
            InputError: a time that is not covered.
        """
        time = self._time(t)
        k = int(np.clip(np.searchsorted(self.times, time, side="right") - 1, 0, len(self.legs) - 1))
        return Population(self.legs[k].place(time).astype(self.dtype), self.legs[k].weights)

    @property
    def growth(self) -> np.ndarray:
        """Descendants that each cell has in the next snapshot, beside the mean of its own, (n,).

        By the plan of the potential between the two: a cell grows where what arrives near its
        descendants, eta, is less than the next snapshot has there. NaN in the last snapshot.
        Two samples of one law differ as well, so where nothing grows this is noise and not one.
        """
        values = self._column()
        for snapshot, leg in zip(self.snapshots[:-1], self.legs, strict=True):
            grown = leg.transition.growth(snapshot.points)
            values[snapshot.rows] = grown / (snapshot.weights @ grown)
        return values

    @property
    def density_ratio(self) -> np.ndarray:
        """eta / q at the cells of each snapshot but the first: what arrives beside what is there.

        NaN in the first snapshot, and for cells that were left out of a large one.
        """
        values = self._column()
        for leg in self.legs:
            values[leg.transition.rows] = leg.transition.ratio
        return values

    def fates(self, labels: Any) -> Fates:
        """The probabilities that a cell's descendants at the last time are of each class.

        The plans of all steps after a cell's own, multiplied, with growth: of a cell whose
        descendants divide, more are counted.

        Args:
            labels: classes of all cells, shape (n,); those of the last snapshot count, and others
                may be missing.

        Raises:
            InputError: a cell of the last snapshot without a class, or one class only.
        """
        count = sum(len(snapshot.rows) for snapshot in self.snapshots)
        last = self.snapshots[-1].rows
        classes, index = late_classes(labels, np.isin(np.arange(count), last))
        chances = np.zeros((count, len(classes)))
        chances[last, index] = 1.0
        for snapshot, leg in zip(self.snapshots[-2::-1], self.legs[::-1], strict=True):
            step: Transition = leg.transition
            chances[snapshot.rows] = step.of_descendants(snapshot.points, chances[step.rows])
        return Fates(classes, chances)

    def save(self, directory: str | Path, *, overwrite: bool = False) -> Path:
        """Writes ``trajectory.json`` and ``trajectory.safetensors`` into a directory.

        Raises:
            InputError: a trajectory is there already.
        """
        directory = Path(directory)
        if (directory / RECORD).exists() and not overwrite:
            raise InputError(
                f"{directory}: holds a trajectory already; use overwrite=True to replace it"
            )
        directory.mkdir(parents=True, exist_ok=True)
        record = {
            "unexplained": self.unexplained,
            "unit": self.unit,
            "settings": self.settings,
            "dtype": self.dtype.name,
            "times": self.times.tolist(),
            "rates": [leg.transition.rate for leg in self.legs],
        }
        checksum = write_arrays(directory / "trajectory.safetensors", _arrays_of(self))
        write_record(directory / RECORD, {"trajectory": record, "checksum": checksum})
        return directory

    def _column(self) -> np.ndarray:
        return np.full(sum(len(snapshot.rows) for snapshot in self.snapshots), np.nan)

    def _points(self, points: Any) -> np.ndarray:
        array = check_points(points, "points")
        width = self.snapshots[0].points.shape[1]
        if array.ndim != 2 or array.shape[1] != width:
            raise InputError(
                f"points: shape {array.shape}, and the course has {width} columns; give the same"
            )
        return array

    def _time(self, t: Any, *, extrapolate: bool = False) -> float:
        number = isinstance(t, (int, float, np.integer, np.floating)) and not isinstance(t, bool)
        if not number or not np.isfinite(t):
            raise InputError(f"t is {t!r}: give a number, in the unit of the times")
        first, last = self.times[[0, -1]]
        if first <= t <= last:
            return float(t)
        outside = f"t is {t:g}, outside of the snapshots' times, {first:g} to {last:g}"
        if not extrapolate:
            raise InputError(f"{outside}; give a time within, or extrapolate=True")
        warnings.warn(f"{outside}: extrapolated, which no data support", stacklevel=3)
        return float(t)


def late_classes(labels: Any, late: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The classes of the last snapshot's cells, sorted, and the number of each cell's own.

    Args:
        labels: classes of all cells, shape (n,); others than the last may be missing.
        late: which cells are the last, bool, shape (n,).

    Raises:
        InputError: one of them without a class, or one class only.
    """
    array, known = known_labels(labels, len(late), "labels")
    missing = late & ~known
    if missing.any():
        raise InputError(
            f"labels (--fates): cell {int(np.argmax(missing))} of the last snapshot has none; "
            "give all of these a class"
        )
    classes, index = np.unique(array[late], return_inverse=True)
    if len(classes) < 2:
        raise InputError(
            f"labels (--fates): all cells of the last snapshot are {str(classes[0])!r}; "
            "give two classes"
        )
    return classes, index


def trajectory(
    points: Any,
    times: Any,
    *,
    weights: Any = None,
    f: AbstractF | None = None,
    lipschitz: float = LIPSCHITZ,
    smoothing: float = SMOOTHING,
    steps: int = STEPS,
    fit_steps: int = FIT_STEPS,
    seed: int = 0,
) -> Trajectory:
    """One velocity field through snapshots of a population at several times.

    From each snapshot to the next and back runs the flow without a network
    (``gparticles.ExactPotential``); cells are placed on their ways by length, and a field v(x, t)
    is matched to the velocities of all of them by least squares, with held-out cells (Gu, Birmpa,
    Pantazis, Rey-Bellet and Katsoulakis 2024; the field as in flow matching, Lipman et al. 2023).
    Snapshots do not determine trajectories: what turns within a law that stays leaves no trace.

    Args:
        points: all cells, shape (n, d), such as principal components.
        times: of each, shape (n,): numbers, or text with hours, days or dates.
        weights: shape (n,), not negative; equal by default.
        f: the divergence of the flows; ``KL()`` by default, under which masses may differ.
        lipschitz: L of the flows, in nats per tenth of a spread. The larger, the sooner a
            difference of mass is growth and not movement.
        smoothing: of the flows, nats; the plan is blurred over smoothing / lipschitz tenths of a
            spread.
        steps: of each flow.
        fit_steps: the most that the field is fitted.
        seed: of the field, its held-out cells, and of the part of snapshots beyond 1000 cells.

    Raises:
        InputError: anything that cannot be used, in one line that names the mend.

    >>> import numpy as np
    >>> cells = np.random.default_rng(0).normal(size=(60, 2))
    >>> moved = trajectory(np.concatenate([cells, cells + 5.0]), np.repeat([0, 10], 60))
    >>> bool(abs(moved.at(5.0).mean() - cells.mean() - 2.5) < 0.5)
    True
    """
    snapshots, unit = check_snapshots(points, times, weights)
    check_seed(seed)
    parts = [thinned(snapshot, seed) for snapshot in snapshots]
    settings = FlowSettings(
        f=KL() if f is None else f,
        lipschitz=check_number(lipschitz, "lipschitz"),
        smoothing=check_number(smoothing, "smoothing"),
        steps=check_count(steps, "steps"),
        size=max(len(part.points) for part in parts),
        seed=seed,
    )
    legs = [connect(*pair, settings) for pair in pairwise(parts)]
    fit = match_field(legs, steps=check_count(fit_steps, "fit_steps"), seed=seed)
    kind = np.asarray(points).dtype
    described = settings._asdict() | {"f": str(settings.f), "fit_steps": int(fit_steps)}
    return Trajectory(
        snapshots=tuple(snapshots),
        legs=tuple(legs),
        field=fit.field,
        unexplained=fit.unexplained,
        unit=unit,
        settings=described,
        dtype=kind if kind.kind == "f" else np.dtype(np.float64),
    )


RECORD = "trajectory.json"
_OF_SNAPSHOTS = ("points", "weights", "rows")
_OF_LEGS = ("path", "weights", "origins", "divergence")
_OF_TRANSITIONS = ("targets", "rows", "exponents", "ratio")


def _arrays_of(course: Trajectory) -> dict[str, np.ndarray]:
    arrays: dict[str, np.ndarray] = {}
    for k, snapshot in enumerate(course.snapshots):
        arrays |= {f"snapshot{k}.{name}": getattr(snapshot, name) for name in _OF_SNAPSHOTS}
    for k, leg in enumerate(course.legs):
        arrays |= {f"leg{k}.{name}": getattr(leg, name) for name in _OF_LEGS}
        step = leg.transition
        arrays |= {f"transition{k}.{name}": getattr(step, name) for name in _OF_TRANSITIONS}
    parts = jax.tree.leaves(eqx.filter(course.field, eqx.is_array))
    return arrays | {f"field{k}": np.asarray(part) for k, part in enumerate(parts)}


def load_trajectory(directory: str | Path) -> Trajectory:
    """Reads what ``Trajectory.save`` wrote.

    Raises:
        InputError: there is none, or it is damaged, or of a newer schema.
    """
    directory = Path(directory)
    if not (directory / RECORD).exists():
        raise InputError(f"{directory}: holds no trajectory ({RECORD} is missing)")
    record = read_record(directory / RECORD)
    try:
        arrays = read_arrays(directory / "trajectory.safetensors", record["checksum"])
        return _restored(record["trajectory"], arrays)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise InputError(f"{directory}: damaged trajectory ({error}); save it again") from None


def _restored(record: dict[str, Any], arrays: dict[str, np.ndarray]) -> Trajectory:
    times: Sequence[float] = record["times"]

    def fields(kind: str, k: int, names: Sequence[str]) -> dict[str, np.ndarray]:
        return {name: arrays[f"{kind}{k}.{name}"] for name in names}

    snapshots = [
        Snapshot(time=time, **fields("snapshot", k, _OF_SNAPSHOTS)) for k, time in enumerate(times)
    ]
    legs = [
        Leg(
            begin=times[k],
            end=times[k + 1],
            transition=Transition(rate=rate, **fields("transition", k, _OF_TRANSITIONS)),
            **fields("leg", k, _OF_LEGS),
        )
        for k, rate in enumerate(record["rates"])
    ]
    return Trajectory(
        snapshots=tuple(snapshots),
        legs=tuple(legs),
        field=_field_of(arrays, snapshots[0].points.shape[1]),
        unexplained=record["unexplained"],
        unit=record["unit"],
        settings=record["settings"],
        dtype=np.dtype(record["dtype"]),
    )


def _field_of(arrays: dict[str, np.ndarray], dim: int) -> Field:
    with own_settings():
        variable, fixed = eqx.partition(empty_field(dim), eqx.is_array)
        leaves, tree = jax.tree.flatten(variable)
        stored = [arrays[f"field{k}"] for k in range(len(leaves))]
        for leaf, array in zip(leaves, stored, strict=True):
            if leaf.shape != array.shape:
                raise ValueError(f"a field of shape {array.shape} and not {leaf.shape}")
        restored = jax.tree.unflatten(tree, [jax.numpy.asarray(a) for a in stored])
        return eqx.combine(restored, fixed)
