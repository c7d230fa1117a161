"""How new points follow a flow without a network."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int

from gparticles.flow.stepping import Evaluation
from gparticles.potential.soft_transform import SoftTransform

# float64 numbers in each of the matrices between points and targets, half a GiB
MOST_ENTRIES = 2**26


class SoftRide(eqx.Module):
    """What moves new points, in working units and float64.

    Attributes:
        targets, log_weights: of the flow's target, shapes (n, d) and (n,).
        values: psi of the stored steps, shape (stored, n).
        slots: which of them a step uses, shape (steps,).
        step_sizes: dt of every step, shape (steps,).
        bounds: a box in working units, or None.
        moved: whether a step moved the particles, shape (steps,).
    """

    targets: Any
    log_weights: Any
    values: Any
    slots: Any
    step_sizes: Any
    moved: Any
    bounds: tuple[Any, Any] | None
    smoothing: float = eqx.field(static=True)
    radius: float = eqx.field(static=True)
    lipschitz: float = eqx.field(static=True)

    def evaluation(self, slot: Int[Array, ""]) -> Evaluation:
        return Evaluation(self._potential(jnp.asarray(self.values)[slot]), jnp.zeros(()))

    def drift(self, slot: int, points: np.ndarray, labels: None = None) -> np.ndarray:
        """The velocity at points of shape (k, *event) under the potential of one slot."""
        # float32 would not do: a small smoothing magnifies the rounding of distances
        with jax.enable_x64(True):
            at = jnp.asarray(np.asarray(points, np.float64).reshape(len(points), -1))
            gradient = _gradient(self._potential(jnp.asarray(self.values[slot])), at)
            return -np.asarray(gradient).reshape(np.shape(points))

    def move(self, points: Any, labels: None = None) -> np.ndarray:
        """Carries points of shape (k, *event) through all steps."""
        flat = np.asarray(points, np.float64).reshape(len(points), -1)
        # the flow's own particles fit into one block
        height = max(1, MOST_ENTRIES // len(self.targets))
        blocks = [self._moved(flat[at : at + height]) for at in range(0, len(flat), height)]
        return np.concatenate(blocks).reshape(np.shape(points))

    def _moved(self, points: np.ndarray) -> np.ndarray:
        with jax.enable_x64(True):
            at = jnp.asarray(confined(points, self.bounds))
            box = jax.tree.map(jnp.asarray, self.bounds)
            for n in np.flatnonzero(self.moved):
                potential = self._potential(jnp.asarray(self.values[self.slots[n]]))
                at = advanced(potential, at, (jnp.asarray(self.step_sizes[n]), box))
            return np.asarray(at)

    def _potential(self, values: Array) -> SoftTransform:
        return SoftTransform(
            targets=jnp.asarray(self.targets),
            log_weights=jnp.asarray(self.log_weights),
            values=values,
            smoothing=self.smoothing,
            radius=self.radius,
            lipschitz=self.lipschitz,
        )


def confined(points: np.ndarray, bounds: tuple[Any, Any] | None) -> np.ndarray:
    """Points of shape (k, d) in the box, where the flow begins."""
    return points if bounds is None else np.clip(points, *bounds)


def stepped(
    potential: SoftTransform, points: Array, how: tuple[Array, tuple[Any, Any] | None]
) -> Array:
    """A gradient step of size dt, cut to the reach of every point, and into the box."""
    step_size, bounds = how
    pull = potential.pull(points)
    moved = points - jnp.minimum(step_size, pull.reach)[:, None] * pull.gradient
    return moved if bounds is None else jnp.clip(moved, *bounds)


@eqx.filter_jit
def _gradient(potential: SoftTransform, points: Array) -> Array:
    return potential.pull(points).gradient


# the flow and its replay move points by one and the same compiled program: near a saddle two
# programs that round differently would part ways
advanced = eqx.filter_jit(stepped)
