"""The driver of the flow without a network: a loop over steps, wrapped up as a Flow."""

import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np

from gparticles.checks import check_points, check_same_shape, check_seed, check_weights
from gparticles.flow.exact import Cloud, Report, Wishes, wishes_of
from gparticles.flow.exact_ride import confined
from gparticles.flow.exact_stepping import PlanSteps, SoftSteps
from gparticles.flow.integrators import Euler
from gparticles.flow.preparation import (
    check_bounds,
    working_bounds,
    working_points,
)
from gparticles.flow.progress import Progress
from gparticles.flow.recording import frame_steps
from gparticles.flow.scaling import AbstractScaling, choose_scaling
from gparticles.flow.solution import Flow, finish, result_dtype
from gparticles.flow.step_sizes import step_sizes_of
from gparticles.flow.stopping import Seen

TELL_SECONDS = 0.3


def exact_transport(source: Any, target: Any, given: Mapping[str, Any]) -> Flow:
    """Moves the source by the potential of the samples; see ``gparticles.transport``.

    Args:
        source, target: as there.
        given: the other arguments by name.
    """
    ready = prepare_exact(source, target, given)
    if ready.stepper.thinned:
        warnings.warn(ready.stepper.thinned, stacklevel=3)
    return ready.finish(tuple(given["callbacks"]))


def prepare_exact(source: Any, target: Any, given: Mapping[str, Any]) -> "ExactRun":
    """Checks everything that ``exact_transport`` is given, and takes no step.

    Raises:
        InputError: anything that cannot be used.
    """
    wishes = wishes_of(given)
    source, target = check_points(source, "source"), check_points(target, "target")
    check_same_shape(source, target)
    check_seed(wishes.seed)
    p = check_weights(given["source_weights"], len(source), "source_weights")
    q = check_weights(given["target_weights"], len(target), "target_weights")
    scaling = choose_scaling(source, target, wishes.scale)
    moving = working_points(scaling, source, "source")
    fixed = working_points(scaling, target, "target")
    box = working_bounds(check_bounds(wishes.bounds), scaling, (moving, fixed))
    sizes = step_sizes_of(
        wishes.steps, wishes.step_size, lipschitz=wishes.lipschitz, spread=scaling.spread
    )
    cloud = Cloud(fixed.reshape(len(fixed), -1).astype(np.float64), p, q)
    flat = None if box is None else (_flat(box[0]), _flat(box[1]))
    kind = SoftSteps if wishes.smoothing > 0 else PlanSteps
    return ExactRun(
        wishes=wishes,
        scaling=scaling,
        stepper=kind(wishes, cloud, flat, steps=len(sizes)),
        dtype=result_dtype(source),
        event=source.shape[1:],
        begin=confined(moving.reshape(len(moving), -1).astype(np.float64), flat),
        sizes=sizes,
    )


def _flat(side: Any) -> np.ndarray:
    return np.asarray(side, np.float64).ravel()


@dataclass
class ExactRun:
    """The loop over steps, and what becomes of it."""

    wishes: Wishes
    scaling: AbstractScaling
    stepper: Any
    dtype: np.dtype
    event: tuple[int, ...]
    begin: np.ndarray
    sizes: np.ndarray

    def finish(self, callbacks: Sequence[Any]) -> Flow:
        """All steps."""
        stop, points, sizes = self.wishes.stop, self.begin, self.sizes
        watched = None if stop is None else stop.init(self._shown(points))
        frames = frame_steps(self.wishes.store, points.nbytes, len(sizes))
        kept, numbers, rows, said = [points], [0], [], ""
        told = began = time.monotonic()
        now = 0.0
        for n, size in enumerate(sizes):
            before = points
            points, report = self.stepper.step(before, float(size))
            rows.append((now, *report))
            now += float(size)
            last = n + 1
            if last in frames:
                kept.append(points)
                numbers.append(last)
            if stop is not None:
                seen = Seen(
                    jnp.asarray(n),
                    jnp.asarray(report.kinetic_energy),
                    jnp.asarray(jnp.nan),
                    self._shown(before),
                )
                watched, ended = stop.update(watched, seen)
                if bool(ended):
                    said = f"stopped: {stop.reason()}"
                    break
            # at every frame, as of the flows with a network, and where those are far apart
            if last in frames or time.monotonic() - told > TELL_SECONDS:
                told = time.monotonic()
                if self._tell(callbacks, (last, len(sizes), told - began), rows, points):
                    said = "stopped: a callback asked for it"
                    break
        if numbers[-1] != len(rows):
            kept.append(points)
            numbers.append(len(rows))
        return self._wrap(np.stack(kept), np.array(numbers), rows, said)

    def _tell(
        self, callbacks: Sequence[Any], at: tuple[int, int, float], rows: list, points: np.ndarray
    ) -> bool:
        latest = dict(zip(_COLUMNS, rows[-1], strict=True))
        progress = Progress(*at, latest, lambda: self._to_data(points))
        return any([bool(callback(progress)) for callback in callbacks])  # noqa: C419 (all are told)

    def _shown(self, points: np.ndarray) -> Any:
        return jnp.asarray(points.reshape(len(points), *self.event), jnp.float32)

    def _to_data(self, points: np.ndarray) -> np.ndarray:
        bounds = check_bounds(self.wishes.bounds)
        shaped = points.reshape(*points.shape[:-1], *self.event)
        return finish(self.scaling, shaped, bounds, self.dtype)

    def _wrap(self, frames: np.ndarray, numbers: np.ndarray, rows: list, said: str) -> Flow:
        steps = len(rows)
        columns = zip(_COLUMNS, np.array(rows).T, strict=True)
        ride, notes = self.stepper.ride(self.sizes[:steps])
        outcome = f"{said} (step {steps})" if said else f"took all {steps} steps"
        return Flow(
            particles=self._to_data(frames[-1]),
            history=dict(columns),
            trajectory=self._to_data(frames),
            trajectory_steps=numbers,
            outcome=outcome,
            notes=notes,
            lipschitz=self.wishes.lipschitz / self.scaling.unit,
            certified=True,
            classes=None,
            scaling=self.scaling,
            bounds=check_bounds(self.wishes.bounds),
            settings=self.describe(),
            ride=ride,
        )

    def describe(self) -> dict[str, Any]:
        """The settings as they were used."""
        wishes = self.wishes
        return {
            "f": str(wishes.f),
            "lipschitz": wishes.lipschitz,
            "potential": f"ExactPotential(smoothing={wishes.smoothing:g})",
            "integrator": str(Euler()),
            "reverse": False,
            "steps": len(self.sizes),
            "step_size": float(self.sizes[0]),
            "bounds": None if wishes.bounds is None else list(wishes.bounds),
            "scale": wishes.scale,
            "stop": None if wishes.stop is None else str(wishes.stop),
            "seed": wishes.seed,
        }


_COLUMNS = ("time", *Report._fields)
