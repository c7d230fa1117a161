"""Run-time checks of the annotated types and shapes of the mathematics, for all tests."""

import os

import pytest

# before JAX loads: tests run on the CPU, and the typechecker must wrap modules as they load
os.environ.setdefault("JAX_PLATFORMS", "cpu")

from jaxtyping import install_import_hook

# the rooms of the mathematics; the ways in check what users give by themselves, in one line
MATHEMATICS = ["abstract_f", "bounds", "dual", "f_divergences", "ground", "interior_point"]
CHECKED = [f"divergence.{name}" for name in [*MATHEMATICS, "plans", "shift", "sinkhorn"]]
PHI = ["activations", "convolution", "fitting", "lipschitz", "networks", "soft_transform"]
CHECKED += [f"potential.{name}" for name in PHI]
CHECKED += [f"flow.{name}" for name in ("integrators", "stepping", "stopping", "scaling")]
install_import_hook([f"gparticles.{name}" for name in CHECKED], "beartype.beartype")


@pytest.fixture(scope="module", autouse=True)
def room_for_programs():
    """The suite compiles thousands of programs, by far not all of them through the ways in."""
    yield
    # imported late, so that the hook above comes first
    from gparticles.compiled import make_room

    make_room(0.3)
