"""From arguments to a run, and from a run to a Flow."""

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import Mesh
from jaxtyping import PRNGKeyArray, PyTree

from gparticles import compiled
from gparticles.devices import mesh_of
from gparticles.divergence import AbstractF
from gparticles.flow import checkpoint as checkpoints
from gparticles.flow.auto import AUTO, chosen_flow
from gparticles.flow.checkpoint import Checkpoint
from gparticles.flow.drawing import DrawnTarget, drawn_cloud, drawn_target
from gparticles.flow.driver import AbstractRun, drive
from gparticles.flow.exact import ExactPotential
from gparticles.flow.integrators import AbstractIntegrator, evaluations
from gparticles.flow.problem import (
    check_samples,
    check_shares,
    choose,
    within_budget,
    working_problem,
)
from gparticles.flow.recording import (
    MIB,
    Callback,
    Progress,
    Recording,
    Store,
    evaluations_of,
    frame_of,
    frame_steps,
    history_of,
    rows_of,
    tree_bytes,
)
from gparticles.flow.scaling import AbstractScaling
from gparticles.flow.settings import Choice, Cooldown, Settings
from gparticles.flow.sharding import Placement
from gparticles.flow.solution import Flow, finish, result_dtype
from gparticles.flow.stepping import AbstractRide, Chunk, Problem, State, init
from gparticles.flow.stopping import AbstractStop
from gparticles.numerics import own_settings
from gparticles.potential import AbstractPotential

CHUNK_MIB = 32
# multiples and least sizes of what programs are compiled for
COMMON_STEPS, FEWEST_ROWS = 256, 8


def transport(
    source: Any,
    target: Any,
    *,
    f: AbstractF | None = None,
    lipschitz: float | None = None,
    potential: AbstractPotential | ExactPotential | str | None = None,
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
    devices: int | str | Mesh | None = None,
    seed: int = 0,
) -> Flow:
    """Moves the source along the gradient flow of the Lipschitz-regularised f-divergence.

    dY/dt = -grad phi(Y), with phi the L-Lipschitz maximiser of E_P phi - inf_nu {nu +
    E_Q f*(phi - nu)}, refitted at every velocity evaluation (Gu, Birmpa, Pantazis, Rey-Bellet and
    Katsoulakis 2024, SIAM J. Math. Data Sci. 6(4), eq. 2.9). Working units are the data's divided
    by ``scale``.

    Args:
        source: the points that move, shape (m, *event).
        target: the points they move to, shape (n, *event); or rows of a file that are drawn in
            parts and never held, ``gpa.FileRows``.
        f: the divergence; ``KL()`` by default.
        lipschitz: L in nats per working unit; the potential's or 1 by default; ``inf`` for the
            unregularised f-divergence.
        potential: phi before the first fit; a smooth dense network by default.
            ``ExactPotential()`` for the flow without a network, on small data. "auto" for what is
            best on held-out points of the target, and as many steps as are best: ``flow.choice``
            says which, and why; it takes about ten times as long.
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
        devices: over which the particles are split: None for one, a number, "all", or a
            ``jax.sharding.Mesh`` with an axis "particles". With ``jax.distributed`` "all" are those
            of every process, all of which make the same call with the same data.
        seed: of the network, of batches and of the held-out part. Same seed, same machine: same
            bits.

    Returns:
        The finished flow. Where a value becomes non-finite the flow ends at the last finite step
        and its outcome says so.

    Raises:
        InputError: anything that cannot be used, in one line that names the mend.
    """
    options = dict(locals())
    if potential == AUTO:
        return chosen_flow(transport, options)
    callbacks, checkpoint = options.pop("callbacks"), options.pop("checkpoint")
    return prepare(**options).run(callbacks=callbacks, checkpoint=checkpoint)


def prepare(
    source: Any,
    target: Any,
    *,
    source_weights: Any = None,
    target_weights: Any = None,
    labels: Any = None,
    target_labels: Any = None,
    **settings: Any,
) -> "Prepared":
    """Checks everything that ``transport`` checks and takes no step.

    Args:
        source, target, source_weights, target_weights, labels, target_labels, settings: as for
            ``transport``, but for ``callbacks`` and ``checkpoint``; None means the default.

    Returns:
        What can be run, once.

    Raises:
        InputError: what ``transport`` would raise.
    """
    compiled.make_room()
    chosen = Settings(**{name: value for name, value in settings.items() if value is not None})
    drawn = drawn_target(target, {"target_weights": target_weights, "target_labels": target_labels})
    samples = check_samples(
        source,
        target if drawn is None else drawn.part(0),
        weights=(source_weights, target_weights),
        labels=(labels, target_labels),
    )
    check_shares(samples, chosen)
    classes = samples.classes
    points = samples.source.points
    with own_settings():
        choice = choose(chosen, points.shape[1:], None if classes is None else len(classes))
    ends = None
    if drawn is not None:
        choice.velocity.of_parts()
        ends = drawn.ends
    with own_settings(x64=choice.velocity.x64):
        problem, particles, scaling = working_problem(samples, chosen, choice, ends=ends)
        state = init(problem, choice.potential, particles, _key(chosen.seed))
        evaluation = choice.velocity.evaluation(problem, state)
        problem, thinned = within_budget(problem, evaluation, chosen.store)
    placement = Placement(mesh_of(chosen.devices), len(points), len(problem.target.points))
    if placement.mesh is not None:
        # what cannot be split is refused before a run begins
        choice.velocity.split()
    for note in thinned:
        warnings.warn(note, stacklevel=3)
    uncertified = "nothing is certified: the potential's slope is not bounded by L"
    certified = () if choice.velocity.certified else (uncertified,)
    return Prepared(
        settings=chosen,
        problem=problem,
        state=state,
        choice=choice,
        evaluation=evaluation,
        scaling=scaling,
        classes=classes,
        dtype=result_dtype(points),
        notes=(*thinned, *certified, *placement.note(), *([drawn.note] if drawn else [])),
        placement=placement,
        drawn=drawn,
    )


@compiled.jit
def _folded(key: PRNGKeyArray) -> PRNGKeyArray:
    return jax.random.fold_in(key, 1)


def _key(seed: int) -> PRNGKeyArray:
    # the potential draws from the seed itself
    return _folded(jax.random.PRNGKey(seed))


@dataclass(frozen=True)
class Prepared:
    """A problem ready to run, and what is needed to say what came of it."""

    settings: Settings
    problem: Problem
    state: State
    choice: Choice
    evaluation: PyTree
    scaling: AbstractScaling
    classes: np.ndarray | None
    dtype: np.dtype
    notes: tuple[str, ...]
    placement: Placement
    drawn: DrawnTarget | None = None

    @property
    def steps(self) -> int:
        return self.problem.step_sizes.shape[0]

    def to_data(self, working: Any, *, in_place: bool = False) -> np.ndarray:
        bounds = self.settings.bounds
        return finish(self.scaling, working, bounds, self.dtype, in_place=in_place)

    def describe(self) -> dict[str, Any]:
        """The settings as they were used, for people and for fingerprints."""
        bounds, stop = self.settings.bounds, self.settings.stop
        return {
            "f": str(self.settings.f),
            "lipschitz": self.choice.lipschitz,
            "potential": self.choice.velocity.name_of(self.choice.potential),
            "integrator": str(self.settings.integrator),
            **self.choice.velocity.describe(),
            "steps": self.steps,
            "step_size": float(self.problem.step_sizes[0]),
            "bounds": None if bounds is None else list(bounds),
            "scale": self.settings.scale,
            "stop": None if stop is None else str(stop),
            "store_every": self.problem.store_every,
            "seed": self.settings.seed,
        }

    def run(
        self, *, callbacks: Sequence[Callback] = (), checkpoint: Checkpoint | None = None
    ) -> Flow:
        """Takes the steps; see ``transport``."""
        state, recording, writer = self._begin(checkpoint)
        frames = frame_steps(self.settings.store, tree_bytes(state.particles), self.steps)
        with own_settings(x64=self.problem.velocity.x64):
            problem, state = self.placement.placed(self._filled_up(), state)
        run = FlowRun(self, problem, recording, writer, frames)
        state, message = drive(run, state, tuple(callbacks))
        return self._flow(run, self.placement.state_whole(state), message)

    def _filled_up(self) -> Problem:
        """The problem with more step sizes than steps, so that flows of all lengths are alike."""
        sizes = np.pad(np.asarray(self.problem.step_sizes), (0, -self.steps % COMMON_STEPS))
        return replace(self.problem, step_sizes=jnp.asarray(sizes))

    def _begin(
        self, checkpoint: Checkpoint | None
    ) -> tuple[State, Recording, checkpoints.Writer | None]:
        fresh = Recording(self.evaluation)
        if checkpoint is None and not self.placement.several_hosts:
            return self.state, fresh, None
        fingerprint = checkpoints.digest(
            self.problem,
            self.state,
            self.describe(),
            checkpoints.described(self.settings.optimizer),
            *([] if self.drawn is None else [self.drawn.identity]),
        )
        resumed = checkpoint is not None and checkpoint.resume and checkpoint.record.exists()
        # a folder that one of the processes does not see would set them out from different steps
        self.placement.check_same(f"{fingerprint} {resumed}")
        if checkpoint is None:
            return self.state, fresh, None
        if not resumed:
            return self.state, fresh, checkpoints.Writer(checkpoint, fingerprint, [])
        with own_settings(x64=self.problem.velocity.x64):
            state, pieces, parts = checkpoints.load(checkpoint, fingerprint, self.state)
        recording = Recording(self.evaluation, pieces)
        return state, recording, checkpoints.Writer(checkpoint, fingerprint, parts)

    def with_part(self, problem: Problem, number: int) -> Problem:
        """The problem with another part of a target that is drawn."""
        assert self.drawn is not None
        count = len(self.problem.target.points)
        with own_settings():
            target = drawn_cloud(self.drawn, number, scaling=self.scaling, count=count)
            return replace(problem, target=self.placement.target_placed(target))

    def _flow(self, run: "FlowRun", state: State, message: str | None) -> Flow:
        taken, stop = int(state.step), self.settings.stop
        best = None if stop is None else stop.best(state.stop)
        steps, working = (taken, state.particles) if best is None else best
        # the last frame is the returned particles, wherever between two frames the flow ended
        run.recording.end_with(frame_of(steps, working), steps)
        arrays = run.recording.taken()
        frames, frame_numbers = arrays.pop("frame.particles"), arrays["frame.step"]
        ride, notes = self._ride(run, arrays, steps)
        return Flow(
            particles=self.to_data(working),
            history=history_of(arrays, steps),
            trajectory=self.to_data(frames, in_place=True),
            trajectory_steps=frame_numbers,
            outcome=self._outcome(steps, state, message),
            notes=(*self.notes, *notes),
            lipschitz=self.choice.lipschitz / self.scaling.unit,
            certified=self.choice.velocity.certified,
            classes=self.classes,
            scaling=self.scaling,
            bounds=self.settings.bounds,
            settings=self.describe(),
            ride=ride,
        )

    def _ride(
        self, run: "FlowRun", arrays: dict[str, np.ndarray], steps: int
    ) -> tuple[AbstractRide | None, tuple[str, ...]]:
        velocity = self.choice.velocity
        if self.problem.store_every == 0:
            return None, velocity.notes(stored=False)
        stored = run.recording.evaluations(arrays, run.stored(steps))
        with own_settings(x64=velocity.x64):
            moved = arrays.get("info.moved", np.zeros(0, bool))[:steps]
            ride = velocity.ride(self.problem, stored, moved)
        return ride, velocity.notes(stored=True)

    def _outcome(self, steps: int, state: State, message: str | None) -> str:
        """How it ended, in words, for a flow that returns ``steps`` of the steps it took."""
        stop, taken = self.settings.stop, int(state.step)
        if message is None and bool(state.stopped) and stop is not None:
            message = f"stopped: {stop.reason()}"
        outcome = f"took all {taken} steps" if message is None else f"{message} (step {taken})"
        if steps < taken:
            outcome += (
                f"; the particles are those of step {steps}, the best on the held-out targets"
            )
        return outcome


@dataclass
class FlowRun(AbstractRun):
    """A flow on its way: what is recorded, and where its chunks end."""

    prepared: Prepared
    problem: Problem
    recording: Recording
    writer: checkpoints.Writer | None
    frames: np.ndarray
    latest: dict[str, float] = field(default_factory=dict)
    # of a target that is drawn, the part that the problem holds
    part: int = 0

    def __post_init__(self) -> None:
        p = self.prepared
        self.steps = p.steps
        self.alone = not p.placement.several_hosts
        self.save_seconds = None if self.writer is None else self.writer.checkpoint.seconds
        widest = int(np.max(np.diff(self.frames))) if len(self.frames) > 1 else 1
        per_step = max(1, tree_bytes(p.evaluation) * (1 if p.problem.store_every else 0))
        affordable = max(1, int(CHUNK_MIB * MIB // per_step))
        # a few rows more than need be, so that flows of few steps are one program
        self.capacity = max(1, min(max(widest, FEWEST_ROWS), affordable, 256))
        if self.recording.is_empty:
            self.recording.add(0, frame_of(0, p.state.particles))

    def chunk(self, state: State, limit: int) -> tuple[State, Chunk]:
        drawn = self.prepared.drawn
        if drawn is not None and (number := int(state.step) // drawn.every) != self.part:
            self.problem, self.part = self.prepared.with_part(self.problem, number), number
        problem = self.problem
        return problem.velocity.chunk(problem, state, limit, capacity=self.capacity)

    def agreed(self, *values: int) -> tuple[int, ...]:
        return self.prepared.placement.agreed(*values)

    def boundary(self, step: int) -> int:
        following = int(self.frames[np.searchsorted(self.frames, step, side="right")])
        if (drawn := self.prepared.drawn) is not None:
            following = min(following, (step // drawn.every + 1) * drawn.every)
        return min(following, step + self.capacity)

    def keep(self, chunk: Chunk, before: int, state: State) -> None:
        after = int(state.step)
        piece = rows_of(chunk.infos, after - before)
        last = {name.removeprefix("info."): float(rows[-1]) for name, rows in piece.items()}
        self.latest = {name: value for name, value in last.items() if name != "moved"}
        if self.prepared.problem.store_every:
            count = self.stored(after) - self.stored(before)
            piece |= evaluations_of(chunk.evaluations, count)
        if after in self.frames or bool(state.stopped):
            piece |= frame_of(after, self.prepared.placement.rows(state.particles))
        self.recording.add(after, piece)

    def stored(self, steps: int) -> int:
        """How many evaluations the first ``steps`` steps store."""
        every = self.prepared.problem.store_every
        if every == 0:
            return 0
        if every > 1:
            return math.ceil(steps / every)
        return evaluations(self.prepared.problem.integrator.rows(), steps)

    def progress(self, state: State, seconds: float) -> Progress:
        p = self.prepared
        return Progress(
            int(state.step),
            p.steps,
            seconds,
            self.latest,
            lambda: p.to_data(p.placement.rows(state.particles)),
        )

    def failure(self, step: int, state: State) -> str:
        leaves = [a for a in jax.tree.leaves(state.fit) if jnp.issubdtype(a.dtype, jnp.inexact)]
        finite = all(bool(np.isfinite(np.asarray(a)).all()) for a in leaves)
        what = "particles" if finite else "the potential"
        remedy = self.prepared.choice.velocity.remedy()
        return f"failed at step {step}: {what} became non-finite; {remedy}"

    def save(self, state: State) -> None:
        placement = self.prepared.placement
        whole = placement.state_whole(state)
        if self.writer is not None and placement.writes:
            self.writer.save(whole, self.recording, int(state.step))
