"""What a flow keeps on the way: history, potentials and a thinned trajectory, within a budget."""

import math
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from gparticles.errors import InputError
from gparticles.flow.checks import check_count
from gparticles.flow.stepping import Info

MIB = 2**20


@dataclass(frozen=True)
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
            raise InputError("memory budgets must be above 0 MiB; use potentials=False to keep none")


def tree_bytes(tree: Any) -> int:
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
    """Collects what chunks return; ``take_unsaved`` hands a checkpoint what is new."""

    def __init__(self, template: Any, pieces: list[dict[str, np.ndarray]] | None = None):
        self._evaluations = jax.tree.structure(template)
        self._saved = list(pieces or [])
        self._unsaved: list[dict[str, np.ndarray]] = []

    def add_rows(self, infos: Info, rows: int) -> None:
        self._unsaved.append(
            {f"info.{k}": np.asarray(v)[:rows] for k, v in infos._asdict().items()}
        )

    def add_evaluations(self, evaluations: Any, count: int) -> None:
        leaves = jax.tree.leaves(evaluations)
        self._unsaved.append(
            {f"evaluation.{i:03d}": np.array(leaf[:count]) for i, leaf in enumerate(leaves)}
        )

    def add_frame(self, step: int, particles: Any) -> None:
        frame = {"frame.particles": np.array(particles)[None], "frame.step": np.array([step])}
        self._unsaved.append(frame)

    def take_unsaved(self) -> dict[str, np.ndarray]:
        pieces = _joined(self._unsaved)
        self._saved.append(pieces)
        self._unsaved = []
        return pieces

    def everything(self) -> dict[str, np.ndarray]:
        return _joined([*self._saved, *self._unsaved])

    def evaluations(self, arrays: dict[str, np.ndarray], count: int) -> Any:
        names = sorted(name for name in arrays if name.startswith("evaluation."))
        return self._evaluations.unflatten([arrays[name][:count] for name in names])


def _joined(pieces: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    names = {name for piece in pieces for name in piece}
    return {name: np.concatenate([p[name] for p in pieces if name in p]) for name in sorted(names)}


def history_of(arrays: dict[str, np.ndarray], rows: int) -> dict[str, np.ndarray]:
    """The history of a flow, without ``held_out`` where nothing was held out."""
    history = {
        name: arrays.get(f"info.{name}", np.zeros(0, np.float32))[:rows] for name in Info._fields
    }
    if not np.isfinite(history["held_out"]).any():
        del history["held_out"]
    return history
