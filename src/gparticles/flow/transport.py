"""The driver: prepares a problem, loops over compiled chunks, and wraps up a Flow."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from gparticles.compiled import make_room
from gparticles.divergence import KL, AbstractF
from gparticles.flow import checkpoint as checkpoints
from gparticles.flow.checkpoint import Checkpoint
from gparticles.flow.exact import ExactPotential
from gparticles.flow.exact_transport import exact_transport
from gparticles.flow.integrators import AbstractIntegrator, Euler, evaluations
from gparticles.flow.outcome import describe, failure
from gparticles.flow.preparation import Prepared, Settings, prepare
from gparticles.flow.progress import Callback as Callback
from gparticles.flow.progress import Progress as Progress
from gparticles.flow.recording import (
    MIB,
    Recording,
    Store,
    evaluations_of,
    frame_of,
    frame_steps,
    history_of,
    rows_of,
    tree_bytes,
)
from gparticles.flow.solution import Flow, Ride, stored_slots
from gparticles.flow.step_sizes import Cooldown
from gparticles.flow.stepping import Chunk, State, run_chunk
from gparticles.flow.stopping import AbstractStop, HeldOut
from gparticles.potential import AbstractPotential, is_certified

# a chunk is aimed at this many seconds, so that progress and Ctrl-C are prompt
CHUNK_SECONDS = 0.3
CHUNK_MIB = 32


def transport(
    source: Any,
    target: Any,
    *,
    f: AbstractF | None = None,
    lipschitz: float | None = None,
    potential: AbstractPotential | ExactPotential | None = None,
    integrator: AbstractIntegrator | None = None,
    reverse: bool = False,
    steps: int | None = None,
    step_size: float | Cooldown | Callable | None = None,
    fit_steps: int | None = None,
    optimizer: optax.GradientTransformation | None = None,
    batch_size: int | None = None,
    bounds: tuple[float, float] | None = None,
    source_weights: Any = None,
    target_weights: Any = None,
    labels: Any = None,
    target_labels: Any = None,
    scale: float | str = "auto",
    stop: AbstractStop | None = None,
    store: Store | None = None,
    callbacks: Sequence[Callback] = (),
    checkpoint: Checkpoint | None = None,
    seed: int = 0,
) -> Flow:
    """Moves the source along the gradient flow of the Lipschitz-regularised f-divergence.

    dY/dt = -grad phi(Y), with phi the L-Lipschitz maximiser of E_P phi - inf_nu {nu +
    E_Q f*(phi - nu)}, refitted at every velocity evaluation (Gu, Birmpa, Pantazis, Rey-Bellet and
    Katsoulakis 2024, SIAM J. Math. Data Sci. 6(4), eq. 2.9). Working units are the data's divided
    by ``scale``.

    Args:
        source: the points that move, shape (m, *event).
        target: the points they move to, shape (n, *event).
        f: the divergence; ``KL()`` by default.
        lipschitz: L in nats per working unit; the potential's or 1 by default; ``inf`` for the
            unregularised f-divergence.
        potential: phi before the first fit; a smooth dense network by default.
            ``ExactPotential()`` for the flow without a network, on small data.
        integrator: ``Euler()`` by default.
        reverse: descend D(target|source) and not D(source|target).
        steps: how many steps to take.
        step_size: dt in working units squared per nat: a number, ``Cooldown()`` for steps that
            shorten towards the end, a schedule ``step -> dt``, or None for one that suits every
            data set.
        fit_steps: optimiser steps per velocity evaluation.
        optimizer: any Optax optimiser; its state persists along the flow.
        batch_size: points of each cloud per optimiser step; all of them by default.
        bounds: (low, high) in data units, in which particles are kept.
        source_weights, target_weights: shapes (m,) and (n,), not negative; equal by default.
        labels, target_labels: classes of the points, shapes (m,) and (n,): one phi per class.
        scale: "auto" divides by one robust spread, "columns" by one per column as well, "log"
            takes logarithms of distances from the centre, for heavy tails; a number divides by
            itself, 1.0 means raw units.
        stop: a rule that may end the flow before its last step.
        store: what is kept for replay and pictures.
        callbacks: called with a ``Progress`` after every chunk of steps.
        checkpoint: where and how often to save, and whether to resume.
        seed: of the network, of batches and of the held-out part. Same seed, same machine: same
            bits.

    Returns:
        The finished flow. Where a value becomes non-finite the flow ends at the last finite step
        and its outcome says so.

    Raises:
        InputError: anything that cannot be used, in one line that names the mend.
    """
    given = dict(locals())
    make_room()
    if isinstance(potential, ExactPotential):
        return exact_transport(source, target, given)
    settings = Settings(
        f=KL() if f is None else f,
        lipschitz=lipschitz,
        potential=potential,
        integrator=Euler() if integrator is None else integrator,
        reverse=reverse,
        steps=steps,
        step_size=step_size,
        fit_steps=fit_steps,
        optimizer=optimizer,
        batch_size=batch_size,
        bounds=bounds,
        scale=scale,
        stop=stop,
        store=Store() if store is None else store,
        seed=seed,
    )
    prepared = prepare(
        source, target, (source_weights, target_weights), (labels, target_labels), settings
    )
    return _Run(prepared, tuple(callbacks), checkpoint).finish()


@dataclass
class _Run:
    """The loop over chunks; everything that computes is ``run_chunk``."""

    prepared: Prepared
    callbacks: tuple[Callback, ...]
    checkpoint: Checkpoint | None

    def finish(self) -> Flow:
        state, recording, writer = self._start()
        try:
            state, said = self._loop(state, recording, writer)
        except KeyboardInterrupt as interrupt:
            if writer is not None and self._last_good is not None:
                writer.save(self._last_good, recording, int(self._last_good.step))
            raise interrupt
        return self._wrap(state, recording, said)

    def _start(self) -> tuple[State, Recording, checkpoints.Writer | None]:
        p = self.prepared
        state = p.state
        recording = Recording(p.evaluation)
        if self.checkpoint is None:
            self._prepare_loop(recording, state)
            return state, recording, None
        fingerprint = checkpoints.digest(
            p.problem, p.state, p.describe(), checkpoints.described(p.problem.rule.optimiser)
        )
        parts: list[dict] = []
        if self.checkpoint.resume and self.checkpoint.record.exists():
            state, pieces, parts = checkpoints.load(self.checkpoint, fingerprint, state)
            recording = Recording(p.evaluation, pieces)
        self._prepare_loop(recording, state)
        return state, recording, checkpoints.Writer(self.checkpoint, fingerprint, parts)

    def _prepare_loop(self, recording: Recording, state: State) -> None:
        p = self.prepared
        self._last_good = state
        self._frames = frame_steps(p.settings.store, tree_bytes(state.particles), p.steps)
        widest = int(np.max(np.diff(self._frames))) if len(self._frames) > 1 else 1
        per_step = max(1, tree_bytes(p.evaluation) * (1 if p.problem.store_every else 0))
        affordable = max(1, int(CHUNK_MIB * MIB // per_step))
        self._capacity = max(1, min(widest, affordable, 256))
        if recording.is_empty:
            recording.add(0, frame_of(0, state.particles))

    def _limit(self, step: int, rate: float) -> int:
        """The step at which the next chunk ends: a frame, or as far as the time allows."""
        following = int(self._frames[np.searchsorted(self._frames, step, side="right")])
        # nothing is known of the rate before the second chunk, and a step may take seconds
        timely = max(1, int(rate * CHUNK_SECONDS))
        return min(following, step + self._capacity, step + timely)

    def _loop(
        self, state: State, recording: Recording, writer: checkpoints.Writer | None
    ) -> tuple[State, str | None]:
        p = self.prepared
        began = saved = time.monotonic()
        rate, begun_at = 0.0, int(state.step)
        while int(state.step) < p.steps and not bool(state.stopped):
            before = int(state.step)
            limit = self._limit(before, rate)
            clock = time.monotonic()
            following, chunk = jax.block_until_ready(self._chunk(state, limit))
            if bool(following.failed):
                failed_at = int(following.step) - 1
                if failed_at > before:
                    state, chunk = self._chunk(state, failed_at)
                    self._record(recording, chunk, before, state)
                return state, failure(p, failed_at, following)
            self._record(recording, chunk, before, following)
            state = self._last_good = following
            now = time.monotonic()
            if before > begun_at:
                rate = (int(state.step) - before) / max(now - clock, 1e-6)
            if writer is not None and now - saved >= writer.checkpoint.seconds:
                writer.save(state, recording, int(state.step))
                saved = now
            if self._tell(state, chunk, int(state.step) - before, now - began):
                return state, "stopped: a callback asked for it"
        return state, None

    def _chunk(self, state: State, limit: int) -> tuple[State, Chunk]:
        return run_chunk(
            self.prepared.problem, state, jnp.asarray(limit, jnp.int32), self._capacity
        )

    def _record(self, recording: Recording, chunk: Chunk, before: int, state: State) -> None:
        p, after = self.prepared, int(state.step)
        piece = rows_of(chunk.infos, after - before)
        if p.problem.store_every:
            count = self._stored(after) - self._stored(before)
            piece |= evaluations_of(chunk.evaluations, count)
        if after in self._frames or bool(state.stopped):
            piece |= frame_of(after, state.particles)
        recording.add(after, piece)

    def _stored(self, steps: int) -> int:
        """How many evaluations the first ``steps`` steps store."""
        every = self.prepared.problem.store_every
        if every == 0:
            return 0
        if every > 1:
            return math.ceil(steps / every)
        return evaluations(self.prepared.problem.integrator.rows(), steps)

    def _tell(self, state: State, chunk: Chunk, rows: int, seconds: float) -> bool:
        if not self.callbacks:
            return False
        latest = {k: float(v[rows - 1]) for k, v in chunk.infos._asdict().items()}
        p = self.prepared
        progress = Progress(
            int(state.step), p.steps, seconds, latest, lambda: p.to_data(state.particles)
        )
        # every callback is called, also after one that asks to stop
        answers = [callback(progress) for callback in self.callbacks]
        return any(answers)

    def _wrap(self, state: State, recording: Recording, said: str | None) -> Flow:
        p = self.prepared
        steps, working = int(state.step), state.particles
        if isinstance(p.problem.stop, HeldOut) and math.isfinite(float(state.stop[1])):
            steps, working = int(state.stop[2]), state.stop[3]
        arrays = recording.everything()
        # the last frame is the returned particles, wherever between two frames the flow ended
        kept = arrays["frame.step"] < steps
        last = frame_of(steps, working)
        frames, frame_numbers = (
            np.concatenate([arrays[name][kept], last[name]])
            for name in ("frame.particles", "frame.step")
        )
        return Flow(
            particles=p.to_data(working),
            history=history_of(arrays, steps),
            trajectory=p.to_data(frames),
            trajectory_steps=frame_numbers,
            outcome=describe(p, steps, state, said),
            notes=p.notes,
            lipschitz=p.lipschitz / p.scaling.unit,
            certified=is_certified(p.potential),
            classes=p.classes,
            scaling=p.scaling,
            bounds=p.settings.bounds,
            settings=p.describe(),
            ride=self._ride(recording, arrays, steps),
        )

    def _ride(self, recording: Recording, arrays: dict, steps: int) -> Ride | None:
        problem = self.prepared.problem
        every = problem.store_every
        if every == 0:
            return None
        return Ride(
            f=problem.rule.f,
            integrator=problem.integrator,
            bounds=jax.tree.map(np.asarray, problem.bounds),
            step_sizes=np.asarray(problem.step_sizes)[:steps],
            slots=stored_slots(problem.integrator, steps, every),
            evaluations=recording.evaluations(arrays, self._stored(steps)),
            stride=1 if every == 1 else 0,
            reverse=problem.rule.reverse,
        )
