"""What a flow returns, and how it carries points it has not seen."""

import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gparticles import notebook
from gparticles.checks import check_labels, check_points, label_indices
from gparticles.compiled import make_room
from gparticles.errors import InputError
from gparticles.flow.exact import SoftRide
from gparticles.flow.lazily import is_lazy, over_blocks
from gparticles.flow.network import Ride
from gparticles.flow.saving import read_arrays, read_record, write_arrays, write_record
from gparticles.flow.scaling import AbstractScaling
from gparticles.flow.serialisation import decode, encode
from gparticles.flow.stepping import AbstractRide
from gparticles.potential import AbstractPotential

# new points are moved in blocks of this many, so that memory stays bounded
BLOCK = 65_536


@dataclass(frozen=True, repr=False)
class Flow:
    """A finished flow.

    Attributes:
        particles: the moved source, shape (m, *event), in the source's dtype and units.
        history: arrays of shape (steps,): ``time``, ``divergence`` (nats), ``kinetic_energy``,
            ``mean_speed``, ``max_speed`` (nats per working unit), and ``held_out`` where a part
            of the target was held out. Row n describes the particles before step n.
        trajectory: some of the particles' positions on the way, shape (frames, m, *event).
        trajectory_steps: the steps these frames belong to, shape (frames,).
        outcome: how it ended, in words.
        notes: what the user should know, one line each.
        lipschitz: L in raw units, nats per data unit (geometric mean where columns are scaled).
        certified: whether every potential's slope was bounded by L whatever its weights.
        classes: the labels the flow knows, sorted, or None.
        scaling: what was subtracted and divided by.
        settings: what the flow was asked for, by name.
        ride: what moves new points, or None where no potentials were stored.
    """

    particles: np.ndarray
    history: dict[str, np.ndarray]
    trajectory: np.ndarray
    trajectory_steps: np.ndarray
    outcome: str
    notes: tuple[str, ...]
    lipschitz: float
    certified: bool
    classes: np.ndarray | None
    scaling: AbstractScaling
    bounds: tuple[float, float] | None
    settings: dict[str, Any]
    ride: AbstractRide | None = field(default=None)

    @property
    def scale(self) -> Any:
        """What the data were divided by: a number, or one per column; at the centre if bent."""
        return float(self.scaling.scale) if np.ndim(self.scaling.scale) == 0 else self.scaling.scale

    @property
    def centre(self) -> np.ndarray:
        """What was subtracted from the data, shape (*event)."""
        return self.scaling.centre

    @property
    def steps(self) -> int:
        """The number of steps taken."""
        return len(self.history["time"])

    @property
    def choice(self) -> dict[str, Any] | None:
        """What ``potential="auto"`` chose, from what and why; None where nothing was chosen."""
        return self.settings.get("choice")

    def __repr__(self) -> str:
        shape = " x ".join(map(str, self.particles.shape))
        return f"Flow({shape} particles, {self.steps} steps: {self.outcome})"

    def _repr_html_(self) -> str:
        return notebook.html(self, "flow_html")

    def __call__(self, points: Any, labels: Any = None) -> np.ndarray:
        """Carries new points along the flow.

        Args:
            points: shape (k, *event), data units; a ``dask.array`` or ``dask.dataframe`` is moved
                block by block when Dask computes the result.
            labels: shape (k,), needed if and only if the flow is class-conditional.

        Returns:
            The moved points, shape (k, *event), in the dtype of ``points`` if it is a float.

        Raises:
            InputError: no potentials were stored, wrong shape, NaN, or labels that the flow does
                not know.
        """
        ride = self._ride()
        if is_lazy(points):
            return over_blocks(self, points, labels)
        array, indices = self._check(points, labels)
        make_room()
        # a flow that failed at its first step has nothing to ride
        blocks = [
            ride.move(self.scaling.to_working(block), label_block)
            if self.steps
            else self.scaling.to_working(block)
            for block, label_block in _blocks(array, indices)
        ]
        working = np.concatenate(blocks)
        _warn_of_escapes(working)
        return finish(self.scaling, working, self.bounds, result_dtype(array))

    def velocity(self, points: Any, t: float, labels: Any = None) -> np.ndarray:
        """dY/dt at points and at a time of the flow, data units per unit of ``history["time"]``.

        The potential is the one that moved the particles at the last step begun by time t.

        Args:
            points: shape (k, *event), data units.
            t: between 0 and the last entry of ``history["time"]``; later times use that entry.
            labels: as for a call.
        """
        ride = self._ride()
        if self.steps == 0:
            raise InputError(f"this flow took no step, so it has no velocity: {self.outcome}")
        array, indices = self._check(points, labels)
        step = int(np.searchsorted(self.history["time"], t, side="right")) - 1
        if step < 0:
            raise InputError(f"t is {t}: times begin at 0")
        working = self.scaling.to_working(array)
        velocity = ride.drift(int(ride.slots[step]), working, indices)
        return self.scaling.velocity_to_data(velocity, working)

    def potential(self, step: int = -1) -> AbstractPotential:
        """The potential phi at the beginning of a step, a function of points in working units."""
        ride = self._ride()
        return ride.potential(int(ride.slots[step]))

    def save(self, directory: str | Path, *, overwrite: bool = False) -> Path:
        """Writes ``flow.json`` and ``flow.safetensors`` into a directory, and makes it if needed.

        Raises:
            InputError: a flow is there already, or it holds a function that cannot be saved.
        """
        directory = Path(directory)
        if (directory / "flow.json").exists() and not overwrite:
            raise InputError(f"{directory}: holds a flow already; use overwrite=True to replace it")
        arrays: dict[str, np.ndarray] = {}
        fields = {name: getattr(self, name) for name in _SAVED}
        record = {name: encode(value, arrays) for name, value in fields.items()}
        history = {name: encode(values, arrays) for name, values in self.history.items()}
        classes = None if self.classes is None else self.classes.tolist()
        directory.mkdir(parents=True, exist_ok=True)
        checksum = write_arrays(directory / "flow.safetensors", arrays)
        described = {"flow": record, "history": history, "classes": classes}
        write_record(
            directory / "flow.json",
            {**described, "settings": self.settings, "checksum": checksum},
        )
        return directory

    def _ride(self) -> AbstractRide:
        if self.ride is None:
            reasons = [note for note in self.notes if "cannot ride" in note]
            nothing_stored = (
                "no potentials were stored, so new points cannot ride this flow; "
                "run it with store=gpa.Store()"
            )
            raise InputError(reasons[0] if reasons else nothing_stored)
        return self.ride

    def _check(self, points: Any, labels: Any) -> tuple[np.ndarray, np.ndarray | None]:
        array = check_points(points, "points")
        if array.shape[1:] != self.particles.shape[1:]:
            raise InputError(
                f"points have shape {array.shape[1:]}, the flow's {self.particles.shape[1:]}; "
                "give the same columns"
            )
        if (labels is None) != (self.classes is None):
            need = "needs one label per point" if labels is None else "takes no labels"
            raise InputError(f"labels: this flow {need}")
        if labels is None or self.classes is None:
            return array, None
        checked = check_labels(labels, len(array), "labels")
        return array, label_indices(checked, self.classes, "labels")


_SAVED = (
    "particles",
    "trajectory",
    "trajectory_steps",
    "outcome",
    "notes",
    "lipschitz",
    "certified",
    "scaling",
    "bounds",
    "ride",
)


def load_flow(directory: str | Path, *, classes: Iterable[type] = ()) -> Flow:
    """Reads what ``Flow.save`` wrote.

    Args:
        directory: where ``flow.json`` is.
        classes: equinox modules of your own that the flow's potential is made of.

    Raises:
        InputError: there is no flow, or it is damaged, truncated or of a newer schema.
    """
    directory = Path(directory)
    if not (directory / "flow.json").exists():
        raise InputError(f"{directory}: holds no flow (flow.json is missing)")
    record = read_record(directory / "flow.json")
    try:
        arrays = read_arrays(directory / "flow.safetensors", record["checksum"])
        fields = {
            name: decode(record["flow"][name], arrays, (Ride, SoftRide, *classes))
            for name in _SAVED
        }
        history = {k: decode(v, arrays) for k, v in record["history"].items()}
        known = _class_names(record["classes"])
        return Flow(**fields, history=history, classes=known, settings=record["settings"])
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{directory}: damaged flow ({error}); save it again") from None


def result_dtype(array: np.ndarray) -> np.dtype:
    """Floats keep their kind; integers, which cannot hold moved points, become float64."""
    return array.dtype if array.dtype.kind == "f" else np.dtype(np.float64)


def finish(
    scaling: AbstractScaling,
    working: Any,
    bounds: tuple[float, float] | None,
    dtype: np.dtype,
    *,
    in_place: bool = False,
) -> np.ndarray:
    """Working units to the user's, inside the bounds to the last bit.

    Args:
        scaling, bounds, dtype: of the flow, and of the user.
        working: shape (..., m, *event).
        in_place: the result may take the place of ``working``.
    """
    working = np.asarray(working)
    rows = working.reshape(-1, *scaling.centre.shape)
    finished = rows if in_place and rows.dtype == dtype else np.empty(rows.shape, dtype)
    for part in scaling.parts(len(rows)):
        points = scaling.to_data(rows[part], np.float64)
        finished[part] = points if bounds is None else np.clip(points, *bounds)
    return finished.reshape(working.shape)


def _blocks(array: np.ndarray, indices: np.ndarray | None) -> Iterable[tuple[np.ndarray, Any]]:
    for begin in range(0, len(array), BLOCK):
        part = slice(begin, begin + BLOCK)
        yield array[part], None if indices is None else indices[part]


def _warn_of_escapes(working: np.ndarray) -> None:
    lost = ~np.isfinite(working.reshape(len(working), -1)).all(axis=1)
    if lost.any():
        warnings.warn(
            f"{int(lost.sum())} of {len(working)} points left the domain where the velocity is "
            "finite; they are NaN (points nearer to the flow's source stay inside)",
            stacklevel=3,
        )


def _class_names(names: Any) -> np.ndarray | None:
    """The names of classes that a record holds; a TypeError where it holds something else."""
    if names is None:
        return None
    if not isinstance(names, list) or not all(isinstance(n, str | int | float) for n in names):
        raise TypeError("classes is not a list of names")
    return np.array(names)
