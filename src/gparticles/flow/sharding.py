"""Particles split over devices and hosts by JAX's own partitioner; all else is on each of them.

Rows of particles lie on the devices of one mesh axis. phi is the same everywhere, so a fit needs
the sums of its gradient over devices and nothing else. Rows are filled up to equal shares with
copies of the last one that have no weight.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh

from gparticles.devices import axis_of, everywhere, fetched, in_rows, mesh_of
from gparticles.errors import InputError
from gparticles.flow.stepping import Problem, State
from gparticles.potential.fitting import Cloud

# targets beyond this number are split too; fewer would cost more in sums than they save
SPLIT_TARGETS = 2**16


def is_first() -> bool:
    """Whether this process is the one that writes, of all that carry out one flow."""
    return jax.process_index() == 0


def of_first(record: Any, devices: Any) -> Any:
    """What the first process of those that carry out one flow holds, for all of them.

    Args:
        record: of what JSON knows.
        devices: of the flow, as for ``mesh_of``.
    """
    if jax.process_count() == 1 or mesh_of(devices) is None:
        return record
    mine = json.dumps(record).encode()
    length = int(multihost_utils.broadcast_one_to_all(np.array(len(mine), np.int32)))
    letters = np.frombuffer(mine.ljust(length)[:length], np.uint8).astype(np.int32)
    shared = np.asarray(multihost_utils.broadcast_one_to_all(letters))
    return json.loads(bytes(shared.astype(np.uint8)))


@dataclass(frozen=True)
class Placement:
    """Where the rows of a problem lie.

    Attributes:
        mesh: None for everything on one device.
        particles, targets: how many rows of each there are.
    """

    mesh: Mesh | None
    particles: int
    targets: int

    @property
    def several_hosts(self) -> bool:
        return self.mesh is not None and jax.process_count() > 1

    @property
    def writes(self) -> bool:
        """Whether this process is the one that writes files."""
        return not self.several_hosts or is_first()

    def placed(self, problem: Problem, state: State) -> tuple[Problem, State]:
        """The same on the mesh, from arrays that every process has as a whole.

        Raises:
            InputError: what gives the velocity cannot be split.
        """
        if self.mesh is None:
            return problem, state
        fields = {name: getattr(problem, name) for name in Problem.__dataclass_fields__}
        fields = jax.tree.map(self._everywhere, fields) | {
            "velocity": jax.tree.map(self._everywhere, problem.velocity.split()),
            "weights": self._rows(np.asarray(problem.weights), weights=True),
            "labels": None if problem.labels is None else self._rows(np.asarray(problem.labels)),
        }
        fields["target"] = self.target_placed(problem.target)
        return Problem(**fields), self.state_placed(state)

    def target_placed(self, target: Cloud) -> Cloud:
        """The target on the mesh, from arrays that every process has as a whole."""
        if self.mesh is None:
            return target
        if self.targets < SPLIT_TARGETS:
            return jax.tree.map(self._everywhere, target)
        return Cloud(
            self._rows(np.asarray(target.points)),
            self._rows(np.asarray(target.weights), weights=True),
            None if target.labels is None else self._rows(np.asarray(target.labels)),
        )

    def state_placed(self, state: State) -> State:
        """A state of whole arrays on the mesh."""
        if self.mesh is None:
            return state
        particles = state.particles.shape

        def like_particles(leaf: Any) -> jax.Array:
            return self._rows(leaf) if np.shape(leaf) == particles else self._everywhere(leaf)

        return jax.tree.map(self._everywhere, state)._replace(
            particles=self._rows(state.particles),
            history=self._rows(state.history, axis=1),
            stop=jax.tree.map(like_particles, state.stop),
        )

    def state_whole(self, state: State) -> State:
        """A state of arrays of NumPy that knows nothing of devices."""
        if self.mesh is None:
            return state
        filled = state.particles.shape

        def whole(leaf: Any) -> np.ndarray:
            return self.rows(leaf) if np.shape(leaf) == filled else fetched(leaf)

        history = fetched(state.history)[:, : self.particles]
        return jax.tree.map(whole, state)._replace(history=history)

    def rows(self, particles: Any) -> np.ndarray:
        """The particles there are, as one array of NumPy."""
        return fetched(particles)[: self.particles]

    def agreed(self, *values: int) -> tuple[int, ...]:
        """What the first process holds, for all: clocks differ, and collectives must not."""
        if not self.several_hosts:
            return values
        shared = multihost_utils.broadcast_one_to_all(np.array(values, np.int32))
        return tuple(int(value) for value in shared)

    def check_same(self, description: str) -> None:
        """Whether all processes are about to compute the same thing.

        Raises:
            InputError: their data, settings, versions or checkpoints differ.
        """
        if not self.several_hosts:
            return
        mine = np.frombuffer(hashlib.sha256(description.encode()).digest(), np.uint8)
        everyone = multihost_utils.process_allgather(mine)
        differing = np.flatnonzero((np.asarray(everyone) != everyone[0]).any(axis=1))
        if len(differing):
            raise InputError(
                f"process {differing[0]} has other data, settings, versions or checkpoints than "
                "process 0; start all of them with the same command, files and packages"
            )

    def note(self) -> tuple[str, ...]:
        """What the user should know, one line each."""
        if self.mesh is None:
            return ()
        count = self.mesh.shape[axis_of(self.mesh)]
        return (
            f"particles were split over {count} devices: the same bits come from the same number",
        )

    def _everywhere(self, leaf: Any) -> Any:
        assert self.mesh is not None
        return everywhere(self.mesh, leaf) if hasattr(leaf, "dtype") else leaf

    def _rows(self, array: Any, *, axis: int = 0, weights: bool = False) -> jax.Array:
        assert self.mesh is not None
        return in_rows(self.mesh, array, axis=axis, weights=weights)
