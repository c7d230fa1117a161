"""phi averaged over moves of images: its bound, what it is invariant under, saving, refusals."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gparticles as gpa
from gparticles.flow.serialisation import decode, encode

MOVES = {gpa.Shifts(2): 25, gpa.QuarterTurns(mirrored=False): 4, gpa.QuarterTurns(): 8}
SYMMETRIES = {"shifts": gpa.Shifts(1), "turns": gpa.QuarterTurns()}
IMAGES = jnp.asarray(np.random.default_rng(0).normal(size=(12, 4, 4)), jnp.float32)
BODY = gpa.smooth_mlp(16, width=8, depth=2, lipschitz=3.0)


@pytest.mark.parametrize("symmetry", MOVES, ids=str)
def test_every_move_is_a_linear_map_of_norm_at_most_1(symmetry):
    pixels = jnp.eye(16, dtype=jnp.float32).reshape(16, 4, 4)
    matrices = np.asarray(jax.jit(symmetry.moved)(pixels)).reshape(-1, 16, 16)
    assert len(matrices) == MOVES[symmetry]
    assert np.linalg.norm(matrices, 2, axis=(1, 2)).max() <= 1 + 1e-6
    assert len(np.unique(matrices, axis=0)) == len(matrices)


@eqx.filter_jit
def evaluated(phi, others):
    """phi's values at the images, at those moved, and at others, and the body's at those moved."""
    moved = phi.symmetry.moved(IMAGES)
    every = jnp.concatenate([IMAGES[None], others, moved])
    values, own = (of(every.reshape(-1, 4, 4)).reshape(len(every), -1) for of in (phi, phi.body))
    at = 1 + len(others)
    return values[0], values[1:at], values[at:], own[at:]


@pytest.mark.parametrize("symmetry", SYMMETRIES.values(), ids=SYMMETRIES)
def test_it_is_the_mean_over_the_moves_and_keeps_the_bound(symmetry):
    phi = gpa.Averaged(BODY, symmetry=symmetry)
    others = jnp.stack([IMAGES[::-1], IMAGES + 1e-2])
    values, of_others, moved, own = evaluated(phi, others)
    np.testing.assert_allclose(values, own.mean(axis=0), atol=1e-5)
    assert phi.lipschitz_bound() == BODY.lipschitz_bound() <= 3.0 * (1 + 1e-5)
    away = np.linalg.norm(np.asarray(others - IMAGES).reshape(2, 12, -1), axis=2)
    change = np.abs(np.asarray(of_others - values))
    assert (change <= phi.lipschitz_bound() * away * (1 + 1e-4) + 1e-5).all()
    # turns and mirror images are a group, shifts by at most a pixel are none
    invariant = np.abs(moved - values).max() < 1e-5
    assert invariant == (symmetry == gpa.QuarterTurns())


def test_a_saved_one_is_the_same_and_has_heads():
    phi, arrays = gpa.Averaged(BODY, symmetry=gpa.Shifts(2)).per_class(2, seed=0), {}
    again = decode(encode(phi, arrays), arrays)
    assert eqx.tree_equal(jax.tree.map(jnp.asarray, again), phi)
    assert again.body.symmetry == gpa.Shifts(2)
    assert again.classes() == 2
    assert 0 < phi.lipschitz_bound() <= 3.0 * (1 + 1e-5)


def test_what_cannot_be_averaged_is_refused():
    with pytest.raises(gpa.InputError, match="without heads"):
        gpa.Averaged(BODY.per_class(2, seed=0), symmetry=gpa.Shifts())
    with pytest.raises(gpa.InputError, match="symmetry="):
        gpa.Averaged(BODY, symmetry="turns")
    with pytest.raises(gpa.InputError, match="pixels"):
        gpa.Shifts(0)
    with pytest.raises(gpa.InputError, match="no images"):
        gpa.Averaged(BODY, symmetry=gpa.Shifts())(jnp.ones((3, 16)))
    with pytest.raises(gpa.InputError, match="square"):
        gpa.QuarterTurns().moved(jnp.ones((3, 4, 5)))
