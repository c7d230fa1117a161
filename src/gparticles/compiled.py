"""Our compiled programs: they hold memory mappings, of which Linux gives a process few."""

import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import equinox as eqx
import jax

from gparticles.numerics import check_process

MAPS = Path("/proc/self/maps")
MOST = Path("/proc/sys/vm/max_map_count")
# counting takes a millisecond or more, which calls of a few milliseconds would feel; what can be
# compiled within half a second takes up few mappings
SECONDS = 0.5

Function = TypeVar("Function", bound=Callable[..., Any])

# what ``jit`` returned; a program that nobody can call any more is gone by itself
_programs: "weakref.WeakValueDictionary[int, Any]" = weakref.WeakValueDictionary()
_counted = -SECONDS
_left = 0


def jit(function: Function, **options: Any) -> Function:
    """A compiled function whose programs ``make_room`` may forget.

    Args:
        function: what is compiled, for every new shape of its arguments once.
        **options: as ``jax.jit`` takes them; without any it is ``equinox.filter_jit``, for which
            whatever is no array is static.

    Returns:
        What is called like ``function``.
    """
    program: Any = jax.jit(function, **options) if options else eqx.filter_jit(function)
    _programs[id(program)] = program
    return program


def forget() -> None:
    """Forgets the programs of ``jit``, and of nobody else; they are compiled again when needed."""
    for program in list(_programs.values()):
        # equinox keeps the function that JAX compiled inside of its own
        getattr(program, "_cached", program).clear_cache()


def make_room(share: float = 0.6) -> bool:
    """Forget our compiled programs when a large share of the mappings there are is held.

    Every new shape compiles programs that take a few hundred of the 65,530 mappings, and the
    compiler crashes the process that runs out of them: a loop over some 150 flows of different
    sizes would. Programs that others have compiled in this process are left alone. Where these
    hold the large share, ours are forgotten each time that half of what they leave is held.

    Args:
        share: of the mappings that the system allows, from which on room is made.

    Returns:
        Whether programs were forgotten; never where the system does not say, as outside Linux, or
        within half a second after the last count.

    Raises:
        InputError: this process was forked from one in which JAX had begun.
    """
    global _counted, _left
    check_process()
    if time.monotonic() - _counted < SECONDS:
        return False
    _counted = time.monotonic()
    try:
        held, most = _held(), int(MOST.read_text())
    except OSError:
        return False
    if held <= max(share * most, (_left + most) / 2 if _left > share * most else 0):
        return False
    forget()
    _left = _held()
    return True


def _held() -> int:
    return MAPS.read_bytes().count(b"\n")
