"""What a flow keeps on the way: history, potentials and a thinned trajectory, within a budget."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import PyTree

from gparticles.checks import check_count
from gparticles.errors import InputError
from gparticles.flow.stepping import Info

MIB = 2**20


class Progress(NamedTuple):
    """What a callback sees after every chunk.

    ``latest`` holds the last row of the history; ``particles()`` fetches them in data units.
    """

    step: int
    steps: int
    seconds: float
    latest: dict[str, float]
    particles: Callable[[], np.ndarray]


Callback = Callable[[Progress], Any]


@dataclass(frozen=True, kw_only=True)
class Store:
    """What a flow keeps.

    Attributes:
        potentials: keep them, so that new points can ride the flow.
        budget: MiB for potentials; beyond it only those of every so many steps are kept.
        frames: particle positions kept on the way, the first and the last included.
        frames_budget: MiB for these; beyond it fewer frames are kept.
    """

    potentials: bool = True
    budget: float = 256.0
    frames: int = 50
    frames_budget: float = 128.0

    def __post_init__(self) -> None:
        check_count(self.frames, "frames")
        if not (self.budget > 0 and self.frames_budget > 0):
            raise InputError("budgets must be above 0 MiB; use potentials=False to keep none")


def tree_bytes(tree: PyTree) -> int:
    return sum(math.prod(leaf.shape) * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))


def thinning(store: Store, bytes_per_step: int, steps: int) -> int:
    """Keep the potentials of every so many steps: 1 keeps all, 0 none."""
    if not store.potentials:
        return 0
    return max(1, math.ceil(bytes_per_step * steps / (store.budget * MIB)))


def frame_steps(store: Store, particle_bytes: int, steps: int) -> np.ndarray:
    """The steps after which a frame is kept, 0 for the source; the last step is always kept."""
    affordable = int(store.frames_budget * MIB // max(particle_bytes, 1))
    frames = max(2, min(store.frames, affordable, steps + 1))
    return np.unique(np.round(np.linspace(0, steps, frames)).astype(int))


class Recording:
    """Collects what chunks return; ``unsaved`` gives a checkpoint what is new.

    Everything of one chunk is one piece, added at once and marked with the step it ends at: an
    interrupt between two statements can leave a piece too many, which the next save then ignores,
    but never half of one.
    """

    def __init__(self, template: PyTree, pieces: list[dict[str, np.ndarray]] | None = None):
        self._evaluations = template
        self._pieces = [(0, piece) for piece in pieces or []]
        self._saved = len(self._pieces)

    def add(self, step: int, piece: dict[str, np.ndarray]) -> None:
        self._pieces.append((step, piece))

    @property
    def is_empty(self) -> bool:
        return not self._pieces

    def unsaved(self, step: int) -> dict[str, np.ndarray]:
        """What was added since the last save and ends by ``step``."""
        return _joined([piece for end, piece in self._pieces[self._saved :] if end <= step])

    def mark_saved(self, step: int) -> None:
        self._pieces = [(end, piece) for end, piece in self._pieces if end <= step]
        self._saved = len(self._pieces)

    def end_with(self, frame: dict[str, np.ndarray], step: int) -> None:
        """Makes a frame the last one, in the place of those of its step or later."""
        for _, piece in self._pieces:
            if "frame.step" in piece:
                kept = piece["frame.step"] < step
                piece |= {name: piece[name][kept] for name in frame} if not kept.all() else {}
        self.add(step, frame)

    def taken(self) -> dict[str, np.ndarray]:
        """Everything, at the end: it is no longer held here, so that nothing is there twice."""
        pieces = [piece for _, piece in self._pieces]
        self._pieces = []
        names = sorted({name for piece in pieces for name in piece})
        return {name: _moved([p.pop(name) for p in pieces if name in p]) for name in names}

    def evaluations(self, arrays: dict[str, np.ndarray], count: int) -> PyTree:
        leaves, structure = jax.tree.flatten(self._evaluations)
        empty = [np.zeros((0, *leaf.shape), leaf.dtype) for leaf in leaves]
        stored = [arrays.get(f"evaluation.{i:03d}", none) for i, none in enumerate(empty)]
        return structure.unflatten([leaf[:count] for leaf in stored])


def rows_of(infos: Info, rows: int) -> dict[str, np.ndarray]:
    return {f"info.{name}": np.asarray(v)[:rows] for name, v in infos._asdict().items()}


def evaluations_of(evaluations: PyTree, count: int) -> dict[str, np.ndarray]:
    # cut by NumPy: JAX would compile a program for every length
    leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(evaluations)]
    return {f"evaluation.{i:03d}": leaf[:count].copy() for i, leaf in enumerate(leaves)}


def frame_of(step: int, particles: Any) -> dict[str, np.ndarray]:
    # JAX's arrays never change, so no copy is needed
    return {"frame.particles": np.asarray(particles)[None], "frame.step": np.array([step])}


def _moved(parts: list[np.ndarray]) -> np.ndarray:
    """All parts in one array, each of which goes as soon as it is there."""
    whole = np.empty((sum(map(len, parts)), *parts[0].shape[1:]), parts[0].dtype)
    begin = 0
    while parts:
        part = parts.pop(0)
        whole[begin : begin + len(part)] = part
        begin += len(part)
    return whole


def _joined(pieces: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    names = {name for piece in pieces for name in piece}
    return {name: np.concatenate([p[name] for p in pieces if name in p]) for name in sorted(names)}


def history_of(arrays: dict[str, np.ndarray], rows: int) -> dict[str, np.ndarray]:
    """The history of a flow, without ``held_out`` where nothing was held out."""
    history = {
        name: arrays.get(f"info.{name}", np.zeros(0, np.float32))[:rows] for name in Info._fields
    }
    del history["moved"]
    if not np.isfinite(history["held_out"]).any():
        del history["held_out"]
    return history
