"""One velocity field v(x, t) over the whole course, matched to the ways of the cells.

The mean velocity of those that pass x at time t carries the law of all of them (the continuity
equation; Lipman et al. 2023, ICLR, theorem 2), and least squares finds the mean.
"""

import math
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, PRNGKeyArray

from gparticles import compiled
from gparticles.numerics import own_settings
from gparticles.timecourse.legs import Leg

WIDTH, DEPTH = 64, 3
LEARNING_RATE, BATCH = 3e-3, 512
# noise added to the places, in spreads: without it the field is wild beside the cells it was
# matched to, and cells that are carried over several snapshots leave the data
BLUR = 0.4
# share of the cells that are kept from the fit, errors on them without a gain until it ends, and
# the steps from one to the next
HELD_OUT, PATIENCE, CHECK_EVERY = 0.15, 10, 50
# steps of the Runge-Kutta method from one time to another, and the least points of one program
CARRY_STEPS, LEAST_POINTS = 48, 128


class Field(eqx.Module):
    """v(x, t) in data units per unit of time: a dense network between standardised numbers.

    Attributes:
        network: from (x, t) to the velocity, all standardised.
        centre, spread: of the cells, shapes (d,) and ().
        first, last: the times between which it was matched.
    """

    network: eqx.nn.MLP
    centre: Float[Array, " d"]
    spread: Float[Array, ""]
    first: Float[Array, ""]
    last: Float[Array, ""]

    def __call__(self, point: Float[Array, " d"], time: Float[Array, ""]) -> Float[Array, " d"]:
        share = (time - self.first) / (self.last - self.first)
        inputs = jnp.append((point - self.centre) / self.spread, 2 * share - 1)
        return self.network(inputs) * self.spread / (self.last - self.first)


def empty_field(dim: int, *, width: int = WIDTH, seed: int = 0) -> Field:
    """A field that is not yet matched to anything."""
    rng = np.random.default_rng(seed)

    def drawn(layer: Any) -> Any:
        # as Equinox does, in NumPy: for every shape JAX would compile a program
        bound = 1 / math.sqrt(layer.in_features)
        sizes = layer.weight.shape, layer.bias.shape
        arrays = [jnp.asarray(rng.uniform(-bound, bound, n).astype(np.float32)) for n in sizes]
        return eqx.tree_at(lambda one: (one.weight, one.bias), layer, arrays)

    def network() -> eqx.nn.MLP:
        key = jax.random.PRNGKey(0)
        return eqx.nn.MLP(dim + 1, dim, width, DEPTH, jax.nn.silu, key=key)

    shaped = eqx.filter_eval_shape(network)
    filled = eqx.tree_at(lambda net: net.layers, shaped, tuple(map(drawn, shaped.layers)))
    centre, zero, one = (jnp.asarray(a, jnp.float32) for a in (np.zeros(dim), 0.0, 1.0))
    return Field(filled, centre, one, zero, one)


class Fit(NamedTuple):
    """A matched field.

    Attributes:
        field: v(x, t).
        unexplained: mean squared error over mean square of the velocities, of held-out cells.
    """

    field: Field
    unexplained: float


class _Rows(NamedTuple):
    points: Any
    times: Any
    velocities: Any
    weights: Any


def match_field(legs: Sequence[Leg], *, steps: int, seed: int, width: int = WIDTH) -> Fit:
    """Fits v(x, t) to the velocities of all ways; stops where held-out cells say so."""
    with own_settings():
        rng = np.random.default_rng(seed)
        parts = [_observed(leg, rng) for leg in legs]
        fitted, kept = (
            _Rows(*map(np.concatenate, zip(*side, strict=True)))
            for side in zip(*parts, strict=True)
        )
        field = empty_field(fitted.points.shape[1], width=width, seed=seed)
        field = _standardised(field, fitted, legs)
        return _fitted(field, (_on_device(fitted), _on_device(kept)), steps=steps, seed=seed)


def _observed(leg: Leg, rng: np.random.Generator) -> tuple[_Rows, _Rows]:
    """Places and velocities in the middle of every piece of way, fitted and held out."""
    pieces = len(leg.path) - 1
    lasting = (leg.end - leg.begin) / pieces
    times = leg.begin + lasting * (np.arange(pieces) + 0.5)
    middle = (leg.path[1:] + leg.path[:-1]) / 2
    velocity = np.diff(leg.path, axis=0) / lasting
    cells = np.unique(leg.origins)
    kept = rng.permutation(cells)[: max(1, round(HELD_OUT * len(cells)))]
    aside = np.isin(leg.origins, kept)
    width = leg.path.shape[2]

    def rows(part: np.ndarray) -> _Rows:
        count = int(part.sum())
        return _Rows(
            middle[:, part].reshape(-1, width),
            np.repeat(times, count),
            velocity[:, part].reshape(-1, width),
            np.tile(leg.weights[part] * len(leg.weights), pieces),
        )

    return rows(~aside), rows(aside)


def _on_device(rows: _Rows) -> _Rows:
    return _Rows(*(jnp.asarray(part, jnp.float32) for part in rows))


def _standardised(field: Field, rows: _Rows, legs: Sequence[Leg]) -> Field:
    centre = rows.points.mean(axis=0)
    spread = np.sqrt(((rows.points - centre) ** 2).mean())
    scales = (centre, spread if spread > 0 else 1.0, legs[0].begin, legs[-1].end)
    return eqx.tree_at(
        lambda f: (f.centre, f.spread, f.first, f.last),
        field,
        tuple(jnp.asarray(value, jnp.float32) for value in scales),
    )


def _fitted(field: Field, rows: tuple[_Rows, _Rows], *, steps: int, seed: int) -> Fit:
    optimiser = _optimiser(steps)
    best, state = field, _begun(field, optimiser)
    least, since, taken = math.inf, 0, 0
    while taken < steps and since < PATIENCE:
        at = (jax.random.PRNGKey(seed), np.int32(taken))
        field, state = _descended(field, state, (rows[0], at), optimiser)
        taken += CHECK_EVERY
        error = float(_error(field, rows[1]))
        since = 0 if error < least else since + 1
        best, least = (field, error) if error < least else (best, least)
    size = _size(field, rows[1])
    return Fit(best, least / size if size > 0 else 0.0)


@cache
def _optimiser(steps: int) -> optax.GradientTransformation:
    # another one of the same steps would be compiled anew
    return optax.adam(optax.cosine_decay_schedule(LEARNING_RATE, steps))


@compiled.jit
def _begun(field: Field, optimiser: optax.GradientTransformation) -> Any:
    return optimiser.init(eqx.filter(field.network, eqx.is_inexact_array))


@compiled.jit
def _descended(
    field: Field,
    state: Any,
    data: tuple[_Rows, tuple[PRNGKeyArray, Any]],
    optimiser: optax.GradientTransformation,
) -> tuple[Field, Any]:
    rows, (key, taken) = data
    variable, fixed = eqx.partition(field.network, eqx.is_inexact_array)

    def loss(network: Any, batch: _Rows) -> Array:
        moved = eqx.tree_at(lambda f: f.network, field, eqx.combine(network, fixed))
        return _squares(moved, batch)

    def step(carry: Any, key: PRNGKeyArray) -> tuple[Any, None]:
        network, state = carry
        which, blur = jax.random.split(key)
        index = jax.random.randint(which, (BATCH,), 0, len(rows.times))
        batch = jax.tree.map(lambda part: part[index], rows)
        noise = BLUR * field.spread * jax.random.normal(blur, batch.points.shape)
        gradient = jax.grad(loss)(network, batch._replace(points=batch.points + noise))
        change, state = optimiser.update(gradient, state)
        return (optax.apply_updates(network, change), state), None

    keys = jax.random.split(jax.random.fold_in(key, taken), CHECK_EVERY)
    (variable, state), _ = jax.lax.scan(step, (variable, state), keys)
    return eqx.tree_at(lambda f: f.network, field, eqx.combine(variable, fixed)), state


def _squares(field: Field, rows: _Rows) -> Array:
    """Mean squared error in units of the field's own scale."""
    unit = field.spread / (field.last - field.first)
    wrong = (jax.vmap(field)(rows.points, rows.times) - rows.velocities) / unit
    return rows.weights @ jnp.sum(wrong**2, axis=1) / jnp.sum(rows.weights)


_error = compiled.jit(_squares)


def _size(field: Field, rows: _Rows) -> float:
    """The mean square of the velocities, in the units of ``_squares``."""
    unit = float(field.spread / (field.last - field.first))
    squares = (np.asarray(rows.velocities, np.float64) ** 2).sum(axis=1) / unit**2
    return float(np.average(squares, weights=np.asarray(rows.weights, np.float64)))


def velocities(field: Field, points: np.ndarray, time: float) -> np.ndarray:
    """v at points and a time, shape (k, d), float64."""
    with own_settings():
        padded, count = _padded(points)
        moving = _velocities(field, padded, jnp.asarray(time, jnp.float32))
        return np.asarray(moving)[:count].astype(np.float64)


def carried(field: Field, points: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Points along the field, at every one of some times, shape (len(times), k, d), float64.

    Args:
        field: v(x, t).
        points: where they are at the first of the times, shape (k, d).
        times: in any direction, shape (m,).
    """
    places = [np.asarray(points, np.float64)]
    with own_settings():
        at, count = _padded(points)
        for begin, end in pairwise(times):
            if begin != end:
                between = jnp.asarray([begin, end], jnp.float32)
                at = _carried(field, at, between)
            places.append(np.asarray(at)[:count].astype(np.float64) if begin != end else places[-1])
    return np.stack(places)


def _padded(points: np.ndarray) -> tuple[Array, int]:
    # programs are compiled for few sizes, each twice the one before
    size = LEAST_POINTS
    while size < len(points):
        size *= 2
    rows = np.minimum(np.arange(size), len(points) - 1)
    return jnp.asarray(np.asarray(points)[rows], jnp.float32), len(points)


@compiled.jit
def _velocities(field: Field, points: Array, time: Array) -> Array:
    return jax.vmap(field, in_axes=(0, None))(points, time)


@compiled.jit
def _carried(field: Field, points: Array, between: Array) -> Array:
    """The Runge-Kutta method of order four in equal steps."""
    size = (between[1] - between[0]) / CARRY_STEPS
    v = jax.vmap(field, in_axes=(0, None))

    def step(points: Array, n: Array) -> tuple[Array, None]:
        t = between[0] + size * n
        k1 = v(points, t)
        k2 = v(points + size / 2 * k1, t + size / 2)
        k3 = v(points + size / 2 * k2, t + size / 2)
        k4 = v(points + size * k3, t + size)
        return points + size / 6 * (k1 + 2 * k2 + 2 * k3 + k4), None

    return jax.lax.scan(step, points, jnp.arange(CARRY_STEPS, dtype=jnp.float32))[0]
