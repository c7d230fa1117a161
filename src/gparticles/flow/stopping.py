"""When a flow ends before its last step: rules that run inside the compiled loop.

A rule observes every step and not every chunk, so where a flow stops depends neither on the
machine's speed nor on how the run was cut into chunks.
"""

from abc import abstractmethod
from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from gparticles.checks import check_count
from gparticles.errors import InputError


class Observation(NamedTuple):
    """What a rule decides by: the step's number and values, and the particles before the move."""

    step: Int[Array, ""]
    kinetic_energy: Float[Array, ""]
    held_out: Float[Array, ""]
    particles: Float[Array, "m *event"]


class AbstractStop(eqx.Module):
    """Decides after every step whether the flow ends."""

    @abstractmethod
    def init(self, particles: Float[Array, "m *event"]) -> Any:
        """The state before the first step."""

    @abstractmethod
    def update(self, state: Any, observation: Observation) -> tuple[Any, Array]:
        """The next state, and whether to stop."""

    @abstractmethod
    def reason(self) -> str:
        """Why it stopped, in words that follow "stopped: "."""

    def held_out_fraction(self) -> float:
        """The share of the target that is kept from the fit for this rule to decide by."""
        return 0.0

    def best(self, state: Any) -> tuple[int, Array] | None:
        """The step whose particles the flow returns, and these; None for the last ones."""
        return None


class KineticEnergy(AbstractStop):
    """Stops once particles have nearly come to rest.

    The median kinetic energy of the last ``window`` steps has fallen below ``fraction`` of the
    largest such median so far. The first fit has settled before the first step, and the peak is a
    running one, so a potential that still gains slope does not stop the flow.
    """

    fraction: float = eqx.field(static=True, default=0.05)
    window: int = eqx.field(static=True, default=50)

    def __post_init__(self) -> None:
        check_count(self.window, "window")
        if not 0 < self.fraction < 1:
            raise InputError(f"fraction is {self.fraction}: it must be between 0 and 1")

    def init(self, particles: Float[Array, "m *event"]) -> Any:
        return jnp.full((self.window,), jnp.inf), jnp.zeros(())

    def update(self, state: Any, observation: Observation) -> tuple[Any, Array]:
        recent, peak = state
        recent = jnp.concatenate([recent[1:], observation.kinetic_energy[None]])
        median = jnp.median(recent)
        full = observation.step >= self.window - 1
        peak = jnp.where(full, jnp.maximum(peak, median), peak)
        return (recent, peak), full & (median < self.fraction * peak)

    def reason(self) -> str:
        return (
            f"the median kinetic energy of {self.window} steps fell below "
            f"{self.fraction:g} of its peak"
        )


class HeldOut(AbstractStop):
    """Stops when the divergence to a held-out part of the target no longer falls.

    A part of the target, ``fraction`` of it chosen by the flow's seed, is kept from the fit. The
    mean over ``window`` steps of the divergence to it is watched; ``patience`` steps after its
    minimum the flow ends, and returns the particles of that minimum.
    """

    fraction: float = eqx.field(static=True, default=0.2)
    window: int = eqx.field(static=True, default=20)
    patience: int = eqx.field(static=True, default=200)

    def __post_init__(self) -> None:
        check_count(self.window, "window")
        check_count(self.patience, "patience")
        if not 0 < self.fraction < 1:
            raise InputError(f"fraction is {self.fraction}: it must be between 0 and 1")

    def init(self, particles: Float[Array, "m *event"]) -> Any:
        recent = jnp.full((self.window,), jnp.inf)
        return recent, jnp.asarray(jnp.inf), jnp.zeros((), jnp.int32), particles

    def update(self, state: Any, observation: Observation) -> tuple[Any, Array]:
        recent, best, best_step, best_particles = state
        recent = jnp.concatenate([recent[1:], observation.held_out[None]])
        mean = jnp.mean(recent)
        better = mean < best
        best_step = jnp.where(better, observation.step, best_step)
        best_particles = jnp.where(better, observation.particles, best_particles)
        started = jnp.isfinite(mean)
        stop = started & (observation.step - best_step >= self.patience)
        return (recent, jnp.where(better, mean, best), best_step, best_particles), stop

    def held_out_fraction(self) -> float:
        return self.fraction

    def best(self, state: Any) -> tuple[int, Array] | None:
        _, lowest, best_step, best_particles = state
        return (int(best_step), best_particles) if jnp.isfinite(lowest) else None

    def reason(self) -> str:
        return f"the divergence to the held-out targets had not fallen for {self.patience} steps"
