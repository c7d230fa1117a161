"""The matrix products that a flow step cannot do without, and nothing else: the floor of its time.

Three fits (forward, backward to the weights and to the hidden features) on both samples, one
velocity (forward, backward to the inputs) on the particles, and one forward pass of the target,
without which the divergence that a step reports would not be that of the phi which moves the
particles; compiled by JAX in one loop.
"""

import itertools
import statistics
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from common import seconds_of
from internals import WINDOW_SECONDS

DEPTH, FIT_STEPS = 3, 3

Weights = list[jax.Array]


def fit_products(weights: Weights, points: jax.Array, slopes: jax.Array) -> Weights:
    """The products of one fit: forward, to the weights, to the hidden features.

    ``slopes`` stands for the derivative by the last hidden features, which is no product.
    """
    features = [points]
    for weight in weights[:-1]:
        features.append(features[-1] @ weight)
    values = features[-1] @ weights[-1]
    found = [features[-1].T @ values]
    for k in reversed(range(len(weights) - 1)):
        found.append(features[k].T @ slopes)
        if k > 0:
            slopes = slopes @ weights[k].T
    return found[::-1]


def velocity_products(
    weights: Weights, points: jax.Array, slopes: jax.Array, target: jax.Array
) -> jax.Array:
    """The products of one velocity, forward and to the inputs, and of phi at the target."""
    x, y = points, target
    for weight in weights:
        x, y = x @ weight, y @ weight
    for weight in reversed(weights[:-1]):
        slopes = slopes @ weight.T
    # the head's values enter nothing else, and would be left out if nobody read them
    return slopes + 1e-20 * (jnp.sum(x) + jnp.sum(y))


@partial(jax.jit, static_argnames="count")
def products(
    weights: Weights, points: jax.Array, slopes: jax.Array, steps: jax.Array, count: int
) -> tuple[Weights, jax.Array]:
    """So many steps, ``count`` of the points moving.

    What a product gives is added, scaled to nothing, to the small arrays that the next ones read,
    so that none can be skipped or computed once for all.
    """

    def fit(_: jax.Array, carry: tuple[Weights, jax.Array]) -> tuple[Weights, jax.Array]:
        weights, points = carry
        updates = fit_products(weights, points, slopes)
        return [w + 1e-20 * u for w, u in zip(weights, updates, strict=True)], points

    def step(_: jax.Array, carry: tuple[Weights, jax.Array]) -> tuple[Weights, jax.Array]:
        weights, points = jax.lax.fori_loop(0, FIT_STEPS, fit, carry)
        velocity = velocity_products(weights, points[:count], slopes[:count], points[count:])
        return weights, points.at[:count].add(1e-20 * velocity)

    return jax.lax.fori_loop(0, steps, step, (weights, points))


class Products:
    """The bare products of a step on these clouds, timed in windows of ``WINDOW_SECONDS``."""

    def __init__(self, source: np.ndarray, target: np.ndarray, width: int):
        rng = np.random.default_rng(0)
        sizes = (source.shape[1], *[width] * DEPTH, 1)
        shapes = list(itertools.pairwise(sizes))
        self.weights = [jnp.asarray(rng.normal(size=s) / s[0], jnp.float32) for s in shapes]
        self.points = jnp.asarray(np.concatenate([source, target]), jnp.float32)
        rows = len(source) + len(target)
        self.slopes = jnp.asarray(rng.normal(size=(rows, width)), jnp.float32)
        self.count, self.steps = len(source), 1
        self.seconds_per_step()
        one = statistics.median(self.seconds_per_step() for _ in range(3))
        self.steps = max(1, int(WINDOW_SECONDS / one))

    def seconds_per_step(self) -> float:
        """One timing."""
        call = partial(products, self.weights, self.points, self.slopes, count=self.count)
        steps = jnp.asarray(self.steps, jnp.int32)
        seconds, _ = seconds_of(lambda: jax.block_until_ready(call(steps)))
        return seconds / self.steps
