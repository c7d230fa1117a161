"""Small clouds and short flows that the tests of this room share."""

import numpy as np
import pytest

import gparticles as gpa


@pytest.fixture(scope="session")
def clouds():
    """A source of 40 and a target of 30 points in 2-D, float64."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(40, 2)) + 3, rng.normal(size=(30, 2))


@pytest.fixture
def short(clouds):
    """A flow of 12 steps with any settings."""

    def run(source=None, target=None, **settings):
        source = clouds[0] if source is None else source
        target = clouds[1] if target is None else target
        return gpa.transport(source, target, **{"steps": 12, **settings})

    return run
