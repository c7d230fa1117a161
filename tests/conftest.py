"""Run-time type checks of every annotated function, for all tests."""

import os

# before JAX loads: tests run on the CPU, and the typechecker must wrap modules as they load
os.environ.setdefault("JAX_PLATFORMS", "cpu")

from jaxtyping import install_import_hook

install_import_hook("gparticles", "beartype.beartype")
