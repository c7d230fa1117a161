"""The flow as pure functions: what is given, what is carried, what a step reports.

What gives the velocity is an object, ``AbstractVelocity``: a network refitted at every step
(``network.py``) or the potential of the samples (``exact.py``). Nothing else knows which.
"""

from abc import abstractmethod
from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, PyTree

from gparticles import compiled
from gparticles.errors import InputError
from gparticles.flow.integrators import AbstractIntegrator, empty_history
from gparticles.flow.stopping import AbstractStop, Observation
from gparticles.potential import AbstractPotential
from gparticles.potential.fitting import Cloud

Box = tuple[Array, Array] | None


class Info(NamedTuple):
    """What a step reports, of the particles before they move and the phi that moves them.

    ``moved`` is False where the step was not taken, so that the objective would not rise.
    """

    time: Float[Array, ""]
    divergence: Float[Array, ""]
    kinetic_energy: Float[Array, ""]
    mean_speed: Float[Array, ""]
    max_speed: Float[Array, ""]
    held_out: Float[Array, ""]
    moved: Bool[Array, ""]


class State(NamedTuple):
    """What the flow carries from step to step; ``fit`` is what its velocity carries."""

    step: Int[Array, ""]
    time: Float[Array, ""]
    particles: Float[Array, "m *event"]
    history: Float[Array, "h m *event"]
    fit: PyTree
    stop: PyTree
    stopped: Bool[Array, ""]
    failed: Bool[Array, ""]


class Chunk(NamedTuple):
    """Buffers of one chunk: a row of ``infos`` per step, ``evaluations`` per stored velocity."""

    infos: Info
    evaluations: PyTree


class AbstractRide(eqx.Module):
    """What moves new points along a finished flow, in working units.

    Attributes:
        slots: where a step's evaluations begin among the stored ones, shape (steps,).
        step_sizes: dt of every step, shape (steps,).
    """

    slots: eqx.AbstractVar[Any]
    step_sizes: eqx.AbstractVar[Any]

    @abstractmethod
    def move(self, points: np.ndarray, labels: np.ndarray | None) -> np.ndarray:
        """Carries points of shape (k, *event) through all steps."""

    @abstractmethod
    def drift(self, slot: int, points: np.ndarray, labels: np.ndarray | None) -> np.ndarray:
        """The velocity at points of shape (k, *event) under the potential of one slot."""

    @abstractmethod
    def potential(self, slot: int) -> AbstractPotential:
        """phi of one slot, a function of points in working units."""


class AbstractVelocity(eqx.Module):
    """What gives the velocity: how it begins, takes a step, and is replayed.

    Attributes:
        x64: whether it computes in float64.
        certified: whether phi's slope is bounded by L whatever its weights.
    """

    x64: ClassVar[bool] = False
    certified: eqx.AbstractVar[bool]

    @abstractmethod
    def start(self, potential: Any, source: Cloud, target: Cloud, key: PRNGKeyArray) -> PyTree:
        """What is carried before the first step; ``key`` is of all that is random."""

    @abstractmethod
    def step(self, problem: "Problem", state: State) -> tuple[State, Info, PyTree]:
        """Moves every particle once; also the evaluations that replay it, stacked (stages, ...)."""

    @abstractmethod
    def chunk(
        self, problem: "Problem", state: State, limit: int, *, capacity: int
    ) -> tuple[State, Chunk]:
        """Steps until ``limit``, a stop or a failure; at most ``capacity`` of them."""

    @abstractmethod
    def evaluation(self, problem: "Problem", state: State) -> PyTree:
        """Shapes and kinds of what replays one evaluation of the velocity."""

    @abstractmethod
    def ride(self, problem: "Problem", evaluations: PyTree, moved: np.ndarray) -> AbstractRide:
        """What carries new points, from the stored evaluations of ``len(moved)`` steps."""

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """The settings that only this kind has, by name."""

    @abstractmethod
    def remedy(self) -> str:
        """What helps where a value became non-finite, in words."""

    def split(self) -> "AbstractVelocity":
        """The same for particles whose rows lie on several devices.

        Raises:
            InputError: it is computed on one device only.
        """
        return self

    def of_parts(self) -> None:
        """Whether a random part of the target at a time is enough.

        Raises:
            InputError: all of it is needed at once.
        """
        raise InputError(
            "target: without a network all of its rows are needed at once; leave potential out"
        )

    def name_of(self, potential: Any) -> str:
        """What it begins from, in words."""
        return type(potential).__name__

    def notes(self, *, stored: bool) -> tuple[str, ...]:
        """What the user should know of replay, one line each."""
        return ()


class Problem(eqx.Module):
    """What does not change along the flow, in working units.

    Attributes:
        velocity: what gives the velocity.
        integrator: how particles move.
        stop: when to end early, or None.
        target, held_out: the target that is fitted, and the part kept from the fit or None.
        weights, labels: of the particles, shapes (m,); labels or None.
        bounds: a box (low, high), each of shape (*event), or None.
        step_sizes: dt of every step, shape (steps,).
        store_every: keep the potentials of every so many steps; 0 keeps none.
    """

    velocity: AbstractVelocity
    integrator: AbstractIntegrator
    stop: AbstractStop | None
    target: Cloud
    held_out: Cloud | None
    weights: Float[Array, " m"]
    labels: Int[Array, " m"] | None
    bounds: Box
    step_sizes: Float[Array, " steps"]
    store_every: int = eqx.field(static=True)


def init(
    problem: Problem,
    potential: Any,
    particles: Float[Array, "m *event"],
    key: PRNGKeyArray,
) -> State:
    """The state before the first step; ``key`` shuffles batches and draws penalty points."""
    source = Cloud(particles, problem.weights, problem.labels)
    return State(
        # arrays of NumPy, since each kind of JAX's would be a program to compile
        step=jnp.asarray(np.zeros((), np.int32)),
        time=jnp.asarray(np.zeros((), particles.dtype)),
        particles=particles,
        history=empty_history(problem.integrator.rows(), particles),
        fit=problem.velocity.start(potential, source, problem.target, key),
        stop=() if problem.stop is None else problem.stop.init(particles),
        stopped=jnp.asarray(np.zeros((), bool)),
        failed=jnp.asarray(np.zeros((), bool)),
    )


def step(problem: Problem, state: State) -> tuple[State, Info, PyTree]:
    """Moves every particle once.

    Returns:
        The next state, the report, and the evaluations of all stages, stacked (stages, ...).
    """
    return problem.velocity.step(problem, state)


def confine(points: Array, bounds: Box) -> Array:
    """Points in the box."""
    return points if bounds is None else jnp.clip(points, *bounds)


def observe(problem: Problem, state: State, info: Info) -> tuple[PyTree, Array]:
    """The stopping rule's next state, and whether it ends the flow."""
    if problem.stop is None:
        return state.stop, jnp.asarray(False)
    observation = Observation(state.step, info.kinetic_energy, info.held_out, state.particles)
    return problem.stop.update(state.stop, observation)


# for velocities whose steps are not compiled as a whole
observe_alone = compiled.jit(observe)


def speeds_of(
    velocity: Float[Array, "m *event"], weights: Float[Array, " m"]
) -> tuple[Array, Array, Array]:
    """Kinetic energy, mean speed and largest speed of the particles."""
    squares = jnp.sum(velocity.reshape(velocity.shape[0], -1) ** 2, axis=1)
    speeds = jnp.sqrt(squares)
    return weights @ squares / 2, weights @ speeds, jnp.max(speeds)


def walk(problem: Problem, state: State, limit: int) -> tuple[State, Chunk]:
    """A chunk of steps that each call compiled programs of their own."""
    infos, evaluations = [], []
    while int(state.step) < limit and not (bool(state.stopped) or bool(state.failed)):
        number = int(state.step)
        state, info, evaluation = problem.velocity.step(problem, state)
        infos.append(info)
        if problem.store_every and number % problem.store_every == 0:
            evaluations.append(evaluation)
    stacked = jax.tree.map(lambda *rows: np.stack(rows), *infos)
    kept = jax.tree.map(lambda *rows: np.concatenate(rows), *evaluations) if evaluations else None
    return state, Chunk(stacked, kept)
