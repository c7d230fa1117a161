"""What takes long, under a progress bar; where it is cut off, a line that says how to go on."""

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from gparticles.command import console
from gparticles.errors import InputError

Made = TypeVar("Made")

# as typed, for the line that says how to resume
_typed: list[str] = []


def remember(typed: Sequence[str]) -> list[str]:
    """Keeps what the user typed after ``gpa``; returns it as a list."""
    _typed[:] = typed
    return list(_typed)


def watched(folder: Path, carry_out: Callable[[list[Any]], Made]) -> Made:
    """Calls with callbacks for progress and Ctrl-C.

    Args:
        folder: that is written.
        carry_out: takes the callbacks.

    Raises:
        InterruptedRunError: Ctrl-C; its message is the command that continues.
        InputError: the folder cannot be written; likewise.
    """
    with console.gentle_interrupts() as interrupt, console.progress_bar() as bar:
        try:
            return carry_out([callback for callback in (bar, interrupt) if callback is not None])
        except KeyboardInterrupt:
            raise console.InterruptedRunError(_how_to_resume(folder)) from None
        except OSError as error:
            # what writes to an open file does not know its name
            where, why = error.filename or folder, error.strerror or error
            mend = f"make room or change its permissions, then: {_again()}"
            raise InputError(f"{where}: {why}; {mend}") from error


def _how_to_resume(folder: Path) -> str:
    if not folder.exists():
        return "stopped before anything was written"
    return f"stopped; to continue: {_again()}"


def _again() -> str:
    typed = _typed if "--resume" in _typed else [*_typed, "--resume"]
    return shlex.join(["gpa", *typed])
