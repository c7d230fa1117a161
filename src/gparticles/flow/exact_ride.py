"""How new points follow a flow without a network."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int

from gparticles.flow.stepping import Evaluation
from gparticles.potential.soft_transform import SoftTransform


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

    def velocity(self, slot: Int[Array, ""], points: Array, labels: Array | None) -> Array:
        gradient = self._potential(jnp.asarray(self.values)[slot]).pull(points).gradient
        return -gradient.reshape(points.shape)

    def move(self, points: Any, labels: None = None) -> np.ndarray:
        """Carries points of shape (k, *event) through all steps."""
        with jax.enable_x64(True):
            at = jnp.asarray(np.asarray(points, np.float64).reshape(len(points), -1))
            box = jax.tree.map(jnp.asarray, self.bounds)
            for n in np.flatnonzero(self.moved):
                potential = self._potential(jnp.asarray(self.values[self.slots[n]]))
                at = advanced(potential, at, (jnp.asarray(self.step_sizes[n]), box))
            return np.asarray(at).reshape(np.shape(points))

    def _potential(self, values: Array) -> SoftTransform:
        return SoftTransform(
            targets=jnp.asarray(self.targets),
            log_weights=jnp.asarray(self.log_weights),
            values=values,
            smoothing=self.smoothing,
            radius=self.radius,
            lipschitz=self.lipschitz,
        )


def stepped(
    potential: SoftTransform, points: Array, how: tuple[Array, tuple[Any, Any] | None]
) -> Array:
    """A gradient step of size dt, cut to the reach of every point, and into the box."""
    step_size, bounds = how
    pull = potential.pull(points)
    moved = points - jnp.minimum(step_size, pull.reach)[:, None] * pull.gradient
    return moved if bounds is None else jnp.clip(moved, *bounds)


# the flow and its replay move points by one and the same compiled program: near a saddle two
# programs that round differently would part ways
advanced = eqx.filter_jit(stepped)
