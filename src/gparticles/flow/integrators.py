"""Integrators as coefficient data.

One step of any of them reads, with k the velocities evaluated in the step (newest last) and h those
kept from the steps before (newest first):

    stage s is at   y + dt (sum_j stage_k[s, j] k_j + sum_j stage_h[s, j] h_j),   k_s its velocity,
    the step is     y + dt (sum_s weight_k[s] k_s + sum_j weight_h[j] h_j),

and k_0, the velocity at y itself, joins the history. A Runge-Kutta method has no history; a
multistep method has coefficients for it. The first steps of a multistep method, which lack a
history, are Runge-Kutta steps of order 4, so that they do not lower the order of the whole.
Multistep coefficients assume a constant step size; under a schedule that varies slowly they are
accurate to first order in its relative change per step.
"""

from abc import abstractmethod
from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from gparticles.errors import InputError

Points = Float[Array, "m *event"]


class Rows(NamedTuple):
    """Coefficients per step: row r serves step r, the last row all later steps."""

    stages: np.ndarray  # (rows,) evaluations in the step
    stage_k: np.ndarray  # (rows, s, s)
    stage_h: np.ndarray  # (rows, s, h)
    weight_k: np.ndarray  # (rows, s)
    weight_h: np.ndarray  # (rows, h)


class AbstractIntegrator(eqx.Module):
    """A method for dY/dt = v(Y), whose velocity is known only where phi was refitted."""

    @abstractmethod
    def rows(self) -> Rows:
        """The coefficients."""


class Euler(AbstractIntegrator):
    """y + dt v(y), order 1, one evaluation per step."""

    def rows(self) -> Rows:
        return _runge_kutta([[0.0]], [1.0])


class Heun(AbstractIntegrator):
    """The mean of the velocities at y and at Euler's prediction, order 2, two evaluations."""

    def rows(self) -> Rows:
        return _runge_kutta([[0.0, 0.0], [1.0, 0.0]], [0.5, 0.5])


class RK4(AbstractIntegrator):
    """The classical Runge-Kutta method, order 4, four evaluations per step."""

    def rows(self) -> Rows:
        return _runge_kutta(*_RK4)


class AdamsBashforth(AbstractIntegrator):
    """The explicit multistep method of a given order, 1 to 5; one evaluation per step."""

    order: int = eqx.field(static=True, default=2)

    def __post_init__(self) -> None:
        _check_order(self.order)

    def rows(self) -> Rows:
        weights = adams_weights(self.order, newest=0)
        return _multistep([], [weights[0]], [], weights[1:], self.order)


class AdamsBashforthMoulton(AbstractIntegrator):
    """Adams-Bashforth predicts, Adams-Moulton of the same order corrects; two evaluations."""

    order: int = eqx.field(static=True, default=2)

    def __post_init__(self) -> None:
        _check_order(self.order)

    def rows(self) -> Rows:
        predict = adams_weights(self.order, newest=0)
        correct = adams_weights(self.order, newest=1)
        # order 1 corrects with the new velocity alone
        correct = correct if self.order > 1 else [correct[0], 0.0]
        return _multistep(
            [predict[0]],
            [correct[1], correct[0]],
            predict[1:],
            [*correct[2:], 0.0][: self.order - 1],
            self.order,
        )


_RK4 = (
    [[0.0, 0.0, 0.0, 0.0], [0.5, 0.0, 0.0, 0.0], [0.0, 0.5, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]],
    [1 / 6, 1 / 3, 1 / 3, 1 / 6],
)

REGISTRY: dict[str, Callable[[], AbstractIntegrator]] = {
    "euler": Euler,
    "heun": Heun,
    "rk4": RK4,
    **{f"ab{k}": (lambda k=k: AdamsBashforth(k)) for k in range(1, 6)},
    **{f"abm{k}": (lambda k=k: AdamsBashforthMoulton(k)) for k in range(1, 6)},
}


def parse_integrator(name: str) -> AbstractIntegrator:
    """The integrator that a recipe names.

    Raises:
        InputError: no integrator has this name.
    """
    if name not in REGISTRY:
        raise InputError(f"unknown integrator {name!r}: use one of {', '.join(REGISTRY)}")
    return REGISTRY[name]()


def _check_order(order: int) -> None:
    if order not in (1, 2, 3, 4, 5):
        raise InputError(f"order is {order}: Adams methods are given for orders 1 to 5")


def adams_weights(order: int, *, newest: int) -> list[float]:
    """The weights of velocities at times newest, newest - 1, ... that step from 0 to 1.

    They integrate every polynomial of degree below ``order`` exactly: newest = 0 gives
    Adams-Bashforth, newest = 1 Adams-Moulton (Hairer, Norsett and Wanner 1993, section III.1).
    Solved in fractions, so that the table is exact to the last bit.
    """
    nodes = [Fraction(newest - j) for j in range(order)]
    rows = [[node**k for node in nodes] + [Fraction(1, k + 1)] for k in range(order)]
    for i in range(order):
        pivot = next(r for r in range(i, order) if rows[r][i] != 0)
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [entry / rows[i][i] for entry in rows[i]]
        for r in range(order):
            if r != i:
                rows[r] = [a - rows[r][i] * b for a, b in zip(rows[r], rows[i], strict=True)]
    return [float(row[-1]) for row in rows]


def _runge_kutta(stage_k: list[list[float]], weights: list[float]) -> Rows:
    s = len(weights)
    return Rows(
        np.array([s]),
        np.array([stage_k], float),
        np.zeros((1, s, 0)),
        np.array([weights], float),
        np.zeros((1, 0)),
    )


def _multistep(
    predict_k: list[float],
    weights: list[float],
    predict_h: list[float],
    weights_h: list[float],
    order: int,
) -> Rows:
    used, kept = len(weights), order - 1
    starts = kept
    s = max(4, used) if starts else used
    rows = Rows(
        np.array([4] * starts + [used]),
        np.zeros((starts + 1, s, s)),
        np.zeros((starts + 1, s, kept)),
        np.zeros((starts + 1, s)),
        np.zeros((starts + 1, kept)),
    )
    for row in range(starts):
        rows.stage_k[row, :4, :4], rows.weight_k[row, :4] = _RK4
    if predict_k:
        rows.stage_k[-1, 1, 0] = predict_k[0]
        rows.stage_h[-1, 1, :] = predict_h
    rows.weight_k[-1, :used] = weights
    rows.weight_h[-1, :] = weights_h
    return rows


def evaluations(rows: Rows, steps: int) -> int:
    """How many velocities the first ``steps`` steps evaluate."""
    starts = len(rows.stages) - 1
    return int(np.sum(rows.stages[:-1][:steps]) + rows.stages[-1] * max(steps - starts, 0))


def stored_slots(integrator: AbstractIntegrator, steps: int, store_every: int) -> np.ndarray:
    """Where the evaluations of every step begin among the stored ones, shape (steps,)."""
    if store_every > 1:
        return (np.arange(steps) // store_every).astype(np.int32)
    rows = integrator.rows()
    return np.array([evaluations(rows, n) for n in range(steps)], np.int32)


def empty_history(rows: Rows, points: Points) -> Float[Array, "h m *event"]:
    return jnp.asarray(np.zeros((rows.weight_h.shape[1], *points.shape), points.dtype))


def _combine(coefficients: Array, velocities: Array) -> Array:
    return jnp.tensordot(coefficients.astype(velocities.dtype), velocities, axes=1)


def advance(
    rows: Rows,
    points: Points,
    history: Float[Array, "h m *event"],
    step: Int[Array, ""],
    step_size: Float[Array, ""],
    velocity: Callable,
    carry: object,
) -> tuple[Points, Array, object]:
    """One step of any integrator.

    Args:
        rows: the coefficients.
        points: y, shape (m, *event).
        history: velocities of the steps before, newest first.
        step: the number of steps taken before, which picks the row.
        step_size: dt.
        velocity: ``(stage, points, carry) -> (velocities, carry)``.
        carry: whatever ``velocity`` threads through the stages.

    Returns:
        The new points, the new history and the carry.
    """
    if len(rows.stages) == 1 and rows.weight_k.shape[1] == 1:
        k, carry = velocity(jnp.zeros((), jnp.int32), points, carry)
        return points + step_size * float(rows.weight_k[0, 0]) * k, history, carry
    row = jnp.minimum(step, len(rows.stages) - 1)
    stages, stage_k, stage_h, weight_k, weight_h = (jnp.asarray(c)[row] for c in rows)

    def stage(s: Array, state: tuple[Array, object]) -> tuple[Array, object]:
        k, inner = state
        at = points + step_size * (_combine(stage_k[s], k) + _combine(stage_h[s], history))
        new, inner = velocity(s, at, inner)
        return k.at[s].set(new), inner

    empty = jnp.zeros((rows.weight_k.shape[1], *points.shape), points.dtype)
    k, carry = jax.lax.fori_loop(0, stages, stage, (empty, carry))
    moved = points + step_size * (_combine(weight_k, k) + _combine(weight_h, history))
    kept = jnp.concatenate([k[:1], history])[: history.shape[0]]
    return moved, kept, carry
