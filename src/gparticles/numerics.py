"""JAX as this library computes with it, inside its own calls and whatever the process has set."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import jax


@contextmanager
def own_settings(*, x64: bool = False) -> Iterator[None]:
    """Float32 (or, where asked, float64) and JAX's usual promotion, for what runs within.

    A process may have set ``jax_enable_x64``, strict promotion or ``jax_debug_nans``; flows check
    themselves what is finite, and the same seed gives the same bits under every setting. Nothing
    outside of the call and its thread changes.
    """
    with ExitStack() as stack:
        stack.enter_context(jax.enable_x64(x64))
        stack.enter_context(jax.numpy_rank_promotion("allow"))
        stack.enter_context(jax.numpy_dtype_promotion("standard"))
        stack.enter_context(jax.debug_nans(False))
        stack.enter_context(jax.debug_infs(False))
        yield
