"""Compiled programs hold memory mappings, of which Linux gives a process a limited number."""

import time
from pathlib import Path

import jax

MAPS = Path("/proc/self/maps")
MOST = Path("/proc/sys/vm/max_map_count")
# looking takes a millisecond or more, which calls of a few milliseconds would feel; what can be
# compiled within half a second takes up few mappings
SECONDS = 0.5
_looked = -SECONDS


def make_room(share: float = 0.6) -> bool:
    """Forget JAX's compiled programs when they hold a large share of the mappings there are.

    Every new shape compiles programs that take a few hundred of the 65,530 mappings, and the
    compiler crashes the process that runs out of them: a loop over some 150 flows of different
    sizes would. Forgotten programs are compiled again where they are needed.

    Args:
        share: of the mappings that the system allows, from which on room is made.

    Returns:
        Whether programs were forgotten; never where the system does not say, as outside Linux, or
        within half a second after the last look.
    """
    global _looked
    if time.monotonic() - _looked < SECONDS:
        return False
    _looked = time.monotonic()
    try:
        held, most = MAPS.read_bytes().count(b"\n"), int(MOST.read_text())
    except OSError:
        return False
    if held <= share * most:
        return False
    jax.clear_caches()
    return True
