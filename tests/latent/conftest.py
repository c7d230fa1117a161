"""Two clouds of wide points with a batch effect, and short flows between them."""

import numpy as np
import pytest

import gparticles as gpa

M, N, WIDTH = 30, 40, 12


@pytest.fixture(scope="session")
def clouds():
    """Source (30, 12) and target (40, 12): two directions of biology, noise, and a batch shift."""
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(2, WIDTH))

    def draw(n):
        return rng.normal(size=(n, 2)) * [3, 2] @ directions + 0.3 * rng.normal(size=(n, WIDTH))

    shift = rng.normal(size=WIDTH)
    return draw(M) + shift, draw(N)


@pytest.fixture
def short(clouds):
    """A flow of 8 steps through 2 dimensions, with any settings."""

    def run(source=None, target=None, **settings):
        source = clouds[0] if source is None else source
        target = clouds[1] if target is None else target
        settings = {"latent_dim": 2, "steps": 8, "fit_steps": 1} | settings
        return gpa.latent_transport(source, target, **settings)

    return run
