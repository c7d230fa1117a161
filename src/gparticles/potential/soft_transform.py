"""The optimal potential of the entropically smoothed problem: a function of the point, no network.

    phi(x) = -e log sum_j q_j exp(-(psi_j + L c(x - y_j)) / e),    c(z) = |z|, rounded near 0

The soft c-transform of values psi on the targets (Genevay, Cuturi, Peyre and Bach 2016, NeurIPS,
eq. 4, for the cost L |x - y|). As e -> 0 it becomes min_j (psi_j + L |x - y_j|).
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from gparticles.potential.networks import AbstractPotential


class Pull(NamedTuple):
    """How points are drawn: grad phi, shape (k, d), nats per unit, and the reach, shape (k,).

    The reach is 1 over the curvature of the quadratic that touches phi from above at the point:
    a step of -reach grad phi goes to that quadratic's minimum (Weiszfeld 1937).
    """

    gradient: Float[Array, "k d"]
    reach: Float[Array, " k"]


class SoftTransform(AbstractPotential):
    """phi above, L-Lipschitz, with the targets it is made of.

    Attributes:
        targets: y, shape (n, d).
        log_weights: log q, shape (n,); -inf where a target has no weight.
        values: psi, shape (n,), nats.
        smoothing: e, nats.
        radius: below this distance c is the parabola (|z|^2 / radius + radius) / 2.
        lipschitz: L, nats per unit.
        labels: classes of the targets, shape (n,), or None: a point sees those of its own class.
    """

    targets: Float[Array, "n d"]
    log_weights: Float[Array, " n"]
    values: Float[Array, " n"]
    smoothing: float = eqx.field(static=True)
    radius: float = eqx.field(static=True)
    lipschitz: float = eqx.field(static=True)
    labels: Int[Array, " n"] | None = None

    def __call__(
        self, points: Float[Array, "k *event"], labels: Int[Array, " k"] | None = None
    ) -> Float[Array, " k"]:
        exponents = self._exponents(self._distances(points), labels)
        return -self.smoothing * jax.scipy.special.logsumexp(exponents, axis=1)

    def lipschitz_bound(self) -> float:
        return self.lipschitz

    def penalty(
        self, points: Float[Array, "k *event"], labels: Int[Array, " k"] | None = None
    ) -> None:
        return None

    def costs(
        self, points: Float[Array, "k *event"], labels: Int[Array, " k"] | None = None
    ) -> Float[Array, "k n"]:
        """L c(x_i - y_j), nats; infinite between classes."""
        return self._costs(self._distances(points), labels)

    def pull(
        self, points: Float[Array, "k *event"], labels: Int[Array, " k"] | None = None
    ) -> Pull:
        """Where phi draws the points, and how far a step may go for phi's majoriser to fall."""
        away = self._distances(points)
        shares = jax.nn.softmax(self._exponents(away, labels), axis=1)
        weights = self.lipschitz * shares / jnp.maximum(away, self.radius)
        total = jnp.sum(weights, axis=1)
        flat = points.reshape(points.shape[0], -1)
        return Pull(total[:, None] * flat - weights @ self.targets, 1 / total)

    def _distances(self, points: Float[Array, "k *event"]) -> Float[Array, "k n"]:
        flat = points.reshape(points.shape[0], -1)
        squares = jnp.sum((flat[:, None] - self.targets[None]) ** 2, axis=-1)
        # the root's slope at 0 is infinite; the parabola that takes over has slope 0 there
        positive = squares > 0
        return jnp.where(positive, jnp.sqrt(jnp.where(positive, squares, 1.0)), 0.0)

    def _costs(
        self, away: Float[Array, "k n"], labels: Int[Array, " k"] | None
    ) -> Float[Array, "k n"]:
        parabola = (away**2 / self.radius + self.radius) / 2
        costs = self.lipschitz * jnp.where(away < self.radius, parabola, away)
        if labels is None or self.labels is None:
            return costs
        return jnp.where(labels[:, None] == self.labels[None], costs, jnp.inf)

    def _exponents(
        self, away: Float[Array, "k n"], labels: Int[Array, " k"] | None
    ) -> Float[Array, "k n"]:
        costs = self._costs(away, labels)
        return self.log_weights[None] - (self.values[None] + costs) / self.smoothing
