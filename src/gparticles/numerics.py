"""JAX as this library computes with it, inside its own calls and whatever the process has set."""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import jax

from gparticles.errors import InputError

# of products of float32: JAX's default on recent GPUs rounds what goes into them to ten bits, and
# bounds of potentials would hold to these only
PRECISION = "highest"

_forked = False


def _after_fork() -> None:
    global _forked
    # threads of a backend that had begun do not live on in the child
    _forked = bool(getattr(sys.modules.get("jax._src.xla_bridge"), "_backends", None))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def check_process() -> None:
    """Refuses to compute where JAX would wait for ever.

    Raises:
        InputError: this process was forked from one in which JAX had begun.
    """
    if _forked:
        raise InputError(
            "this process was forked from one in which JAX had begun, and would wait for ever; "
            "start processes with multiprocessing.get_context('spawn'), or with joblib"
        )


@contextmanager
def own_settings(*, x64: bool = False) -> Iterator[None]:
    """Float32 (or, where asked, float64) and JAX's usual promotion, for what runs within.

    A process may have set ``jax_enable_x64``, a precision of products, strict promotion or
    ``jax_debug_nans``; flows check themselves what is finite, and the same seed gives the same bits
    under every setting. Nothing outside of the call and its thread changes.

    Raises:
        InputError: as ``check_process``.
    """
    check_process()
    with ExitStack() as stack:
        stack.enter_context(jax.enable_x64(x64))
        stack.enter_context(jax.default_matmul_precision(PRECISION))
        stack.enter_context(jax.numpy_rank_promotion("allow"))
        stack.enter_context(jax.numpy_dtype_promotion("standard"))
        stack.enter_context(jax.debug_nans(False))
        stack.enter_context(jax.debug_infs(False))
        yield
