"""Flows compute the same bits under JAX's settings of the process, and leave these alone."""

import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gparticles as gpa
from gparticles.numerics import own_settings
from tests.grids import few_usual

pytestmark = pytest.mark.slow

RNG = np.random.default_rng(0)
SOURCE, TARGET = RNG.normal(size=(40, 2)) + 3, RNG.normal(size=(30, 2))
CLASSES = {"labels": np.arange(40) % 2, "target_labels": np.arange(30) % 2}
WIDE = RNG.normal(size=(30, 6)), RNG.normal(size=(30, 6)) + 1


def carried(**settings):
    return gpa.transport(SOURCE, TARGET, steps=4, **settings)(SOURCE)


CALLS = {
    "transport": carried,
    "reverse": lambda: carried(reverse=True),
    "rk4 in batches": lambda: carried(integrator=gpa.RK4(), batch_size=8),
    "held out": lambda: carried(stop=gpa.HeldOut(patience=2, window=2)),
    "labels": lambda: gpa.transport(SOURCE, TARGET, steps=4, **CLASSES).particles,
    "tight": lambda: carried(potential=gpa.tight_mlp(2, width=8)),
    "soft": lambda: carried(potential=gpa.soft_mlp(2)),
    "exact": lambda: carried(potential=gpa.ExactPotential()),
    "an exact plan": lambda: (
        gpa.transport(SOURCE, TARGET, steps=3, potential=gpa.ExactPotential(0)).particles
    ),
    "velocity": lambda: gpa.transport(SOURCE, TARGET, steps=4).velocity(SOURCE, 0.0),
    "GAN": lambda: gpa.train_gan(TARGET, steps=5, width=8).sample(5),
    "GPA": lambda: gpa.GPA(steps=4).fit(SOURCE, TARGET).transform(SOURCE),
    "LatentGPA": lambda: gpa.LatentGPA(latent_dim=2, steps=4).fit(*WIDE).particles_,
    "autoencoder": lambda: gpa.Autoencoder(latent_dim=2, epochs=20).fit(WIDE[0]).encode(WIDE[0]),
}
SETTINGS = {
    "x64": lambda: jax.enable_x64(True),
    "rank promotion": lambda: jax.numpy_rank_promotion("raise"),
    "dtype promotion": lambda: jax.numpy_dtype_promotion("strict"),
    "debug NaNs": lambda: jax.debug_nans(True),
}

# each with a way in of its own
USUAL = ("reverse", "labels", "tight", "an exact plan", "GAN", "LatentGPA")


def test_products_are_those_of_float32():
    with jax.default_matmul_precision("bfloat16"), own_settings():
        (product,) = jax.make_jaxpr(jnp.matmul)(jnp.eye(2), jnp.eye(2)).eqns
    assert set(product.params["precision"]) == {jax.lax.Precision.HIGHEST}


@pytest.mark.parametrize("name", few_usual(CALLS, USUAL))
def test_the_same_bits_under_every_setting(name):
    plain = np.asarray(CALLS[name]())
    for setting in SETTINGS.values():
        with setting():
            np.testing.assert_array_equal(np.asarray(CALLS[name]()), plain)


def test_a_potential_made_in_float64_is_used_in_float32():
    with jax.enable_x64(True):
        phi = gpa.tight_mlp(2, width=8)
        flow = gpa.transport(SOURCE, TARGET, steps=2, potential=phi)
    assert flow.certified
    assert np.isfinite(flow(SOURCE)).all()


FORK = """
import os, sys
import numpy as np
import gparticles as gpa

points = np.random.default_rng(0).normal(size=(10, 2))
gpa.transport(points, points + 1, steps=1)
child = os.fork()
if child == 0:
    for call in (lambda: gpa.transport(points, points + 1, steps=1),
                 lambda: gpa.divergence(points, points + 1)):
        try:
            call()
        except gpa.InputError as error:
            print(error, flush=True)
    os._exit(0)
sys.exit(os.waitpid(child, 0)[1])
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_process_says_so_and_does_not_wait():
    arguments = [sys.executable, "-W", "ignore", "-c", FORK]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    assert all("was forked" in line and "spawn" in line for line in lines)
