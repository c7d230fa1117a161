"""What is to be the same on a GPU as on the processor; skipped where there is none."""

import jax
import numpy as np
import pytest

import gparticles as gpa

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(jax.default_backend() != "gpu", reason="needs a GPU"),
]

RNG = np.random.default_rng(0)
SOURCE, TARGET = RNG.normal(size=(40, 2)) + 3, RNG.normal(size=(30, 2))


def on_processor(call):
    with jax.default_device(jax.devices("cpu")[0]):
        return call()


def test_the_flow_without_a_network():
    def call():
        return gpa.transport(SOURCE, TARGET, steps=4, potential=gpa.ExactPotential()).particles

    np.testing.assert_allclose(call(), on_processor(call), atol=1e-9)


def test_a_potential_keeps_its_bound():
    potential = gpa.tight_mlp(2, width=64)
    flow = gpa.transport(SOURCE, TARGET, steps=4, potential=potential)
    assert np.linalg.norm(flow.velocity(SOURCE, 0.0), axis=1).max() <= flow.lipschitz * (1 + 1e-5)


def test_convolutions():
    images = RNG.random((20, 8, 8)), RNG.random((10, 8, 8))
    potential = gpa.LipschitzConv((8, 8), channels=4, depth=2, activation=jax.nn.relu)

    def call():
        return gpa.transport(*images, steps=2, fit_steps=1, potential=potential).velocity(
            images[0], 0.0
        )

    np.testing.assert_allclose(call(), on_processor(call), atol=1e-3)


def test_a_certificate():
    p, q = RNG.normal(size=(301, 3)), RNG.normal(1.0, 0.7, (250, 3))
    here, there = gpa.divergence(p, q), on_processor(lambda: gpa.divergence(p, q))
    assert here.lower <= there.upper
    assert there.lower <= here.upper
