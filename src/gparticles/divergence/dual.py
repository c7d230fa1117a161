"""The dual objective of the Lipschitz-regularised f-divergence, and its first variation."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from gparticles.divergence.f_divergences import AbstractF

Scalar = Float[Array, ""]


def uniform_weights(n: int) -> Float[Array, " n"]:
    """1 / n for each of n points, float32."""
    return jnp.full((n,), 1 / n, dtype=jnp.float32)


def _excess_shift(f: AbstractF, values: Array, weights: Array) -> Array:
    # the envelope theorem: at the optimum the objective does not move with nu, so no gradient
    # passes through the root
    values, weights = jax.lax.stop_gradient((values, weights))
    return jax.lax.stop_gradient(f.excess_shift(values, weights))


def optimal_shift(
    f: AbstractF, values: Float[Array, " n"], weights: Float[Array, " n"] | None = None
) -> Scalar:
    """The shift nu that attains inf_nu {nu + E_Q f*(phi - nu)}.

    Solves E_Q f*'(phi - nu) = 1 (Birrell et al. 2022, J. Mach. Learn. Res. 23(39)), in closed form
    for KL and by safeguarded Newton otherwise.

    Args:
        f: the convex function.
        values: phi at the target points, shape (n,), nats.
        weights: target weights, shape (n,), nonnegative and summing to one; None for equal ones.

    Returns:
        nu, a scalar, nats. Its gradient with respect to phi is zero by the envelope theorem.
    """
    values = jnp.asarray(values)
    weights = uniform_weights(values.shape[0]) if weights is None else weights
    return _excess_shift(f, values, weights) - f.slope_at_one


def dual_objective(
    f: AbstractF,
    first_values: Float[Array, " m"],
    second_values: Float[Array, " n"],
    *,
    first_weights: Float[Array, " m"] | None = None,
    second_weights: Float[Array, " n"] | None = None,
) -> tuple[Scalar, Scalar]:
    """E_P phi - inf_nu {nu + E_Q f*(phi - nu)}, with the shift that attains the infimum.

    This is the objective whose supremum over L-Lipschitz phi is D_f^L(P|Q) (Birrell et al. 2022,
    eq. 13); any phi gives a lower bound. For D(Q|P) exchange the two sides.

    Args:
        f: the convex function.
        first_values: phi at the points of the first argument P, shape (m,), nats.
        second_values: phi at the points of the second argument Q, shape (n,), nats.
        first_weights: shape (m,), nonnegative and summing to one; None for equal ones.
        second_weights: the same for Q, shape (n,).

    Returns:
        The value, nats, and nu.
    """
    p = uniform_weights(first_values.shape[0]) if first_weights is None else first_weights
    q = uniform_weights(second_values.shape[0]) if second_weights is None else second_weights
    shift = _excess_shift(f, second_values, q)
    excess = jnp.where(q > 0, second_values - shift, 0.0)
    value = p @ (first_values - shift) - q @ f.excess_conjugate(excess)
    return value, shift - f.slope_at_one


def first_variation(
    f: AbstractF,
    values: Float[Array, " k"],
    shift: Scalar | None = None,
    *,
    reverse: bool = False,
) -> Float[Array, " k"]:
    """The first variation of the divergence in the measure that moves, up to a constant.

    phi itself for D(P|Q) with P moving; -f*(phi - nu) for D(Q|P), where the value is infinite at
    points that have left the domain of f*.

    Args:
        f: the convex function.
        values: phi at the points, shape (k,), nats.
        shift: nu; needed for ``reverse`` only.
        reverse: whether the moving measure is the second argument.
    """
    if not reverse:
        return values
    if shift is None:
        raise ValueError("reverse: the first variation of D(Q|P) needs the shift nu")
    return -f.conjugate(values - shift)


def velocity_factor(
    f: AbstractF, values: Float[Array, " k"], shift: Scalar, *, reverse: bool
) -> Float[Array, " k"]:
    """What grad phi is multiplied by to give the velocity: -1, or f*'(phi - nu) for D(Q|P).

    Args:
        values: phi at the points, shape (k,), nats.
        shift: nu, nats.
        reverse: whether the moving measure is the second argument.
    """
    if not reverse:
        return -jnp.ones_like(values)
    return f.conjugate_derivative(values - shift)
