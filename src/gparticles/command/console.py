"""What the command shows: one line per error, progress on a terminal, a summary at the end."""

import logging
import os
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

from gparticles.command import programs
from gparticles.errors import InputError

if TYPE_CHECKING:
    from gparticles.experiment.runs import Result
    from gparticles.flow import Progress

OK, OURS, USERS, INTERRUPTED = 0, 1, 2, 130


class InterruptedRunError(Exception):
    """Ctrl-C; the message says how to continue."""


def say(line: object) -> None:
    """A line for the user that is no result: on stderr, so that stdout can be piped."""
    _print(f"gpa: {' '.join(str(line).split())}", sys.stderr)


def note(line: object | None) -> None:
    """What the user should know, and need not act on; nothing for None."""
    if line is not None:
        say(f"note: {line}")


def result(line: object) -> None:
    """A result."""
    _print(str(line), sys.stdout)


def _print(text: str, stream: TextIO) -> None:
    """A line, in which what the terminal's encoding has no letters for is escaped."""
    encoding = stream.encoding or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding), file=stream)


def leave(status: int) -> NoReturn:
    """Ends the process at once: JAX may still compile in threads that an orderly exit breaks."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def status_of(error: BaseException) -> int:
    """Tells the user about an error and returns the exit status."""
    if os.environ.get("GPA_DEBUG"):
        traceback.print_exception(error)
    # click's and typer's own, wherever the installed version keeps their classes
    if hasattr(error, "format_message"):
        # the command that was typed, which knows its own options
        typed = getattr(getattr(error, "ctx", None), "command_path", None) or "gpa"
        say(f"{error.format_message()} ({typed} --help tells more)")  # type: ignore[attr-defined]
        return USERS
    if (
        isinstance(error, (KeyboardInterrupt, InterruptedRunError))
        or type(error).__name__ == "Abort"
    ):
        say(str(error) or "stopped by Ctrl-C")
        return INTERRUPTED
    if isinstance(error, InputError):
        say(error)
        return USERS
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        say(f"{where}{error.strerror or error}; free some space or give another place")
        return USERS
    if isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error):
        say("out of memory; use fewer points, or --set batch_size=1000")
        return USERS
    kind = type(error).__name__
    say(f"a fault of ours: {kind}: {error}; please report it with what GPA_DEBUG=1 shows")
    return OURS


@contextmanager
def warnings_told() -> Iterator[None]:
    """Shows the library's warnings as lines of the command's own."""

    noted: set[str] = set()

    def showwarning(message: Warning | str, *_: Any, **__: Any) -> None:
        text: str | None = str(message)
        if programs.is_about_programs(str(message)):
            text = programs.note_of(str(message))
        if text not in noted:
            noted.add(str(text))
            note(text)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("default", UserWarning)
        warnings.showwarning = showwarning
        yield


@contextmanager
def gentle_interrupts() -> Iterator[Callable[[Any], None]]:
    """Lets a first Ctrl-C wait for the end of a chunk; a second one is immediate.

    Yields a callback for ``transport`` that raises the KeyboardInterrupt where all that the chunk
    computed has been recorded, and so can be saved.
    """
    pressed = threading.Event()

    def handle(_: int, __: FrameType | None) -> None:
        if pressed.is_set():
            raise KeyboardInterrupt
        pressed.set()
        say("stopping after this step (Ctrl-C again stops at once)")

    def callback(_: Any) -> None:
        if pressed.is_set():
            raise KeyboardInterrupt

    # a shell that runs the command in the background has it ignore Ctrl-C: leave that so
    before = signal.getsignal(signal.SIGINT)
    main = threading.current_thread() is threading.main_thread()
    if not main or before is signal.SIG_IGN:
        yield callback
        return
    signal.signal(signal.SIGINT, handle)
    try:
        yield callback
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def progress_bar() -> Iterator[Callable[["Progress"], None] | None]:
    """A bar with rate and remaining time on a terminal; None elsewhere."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich import progress
    from rich.console import Console

    columns = (
        progress.TextColumn("{task.description}"),
        progress.BarColumn(bar_width=24),
        progress.TextColumn("{task.fields[rate]}"),
        progress.TimeRemainingColumn(compact=True),
    )
    with progress.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("compiling", total=None, rate="")

        def tick(seen: "Progress") -> None:
            speed = bar.tasks[0].speed
            bar.update(
                task,
                completed=seen.step,
                total=seen.steps,
                description=f"step {seen.step}/{seen.steps}",
                rate=f"divergence {seen.latest['divergence']:.3g} nats"
                + (f", {speed:.0f} steps/s" if speed else ""),
            )

        yield tick


@contextmanager
def stages(room: str) -> Iterator[None]:
    """Shows on a terminal what a room of the library logs that it is at."""
    if not sys.stderr.isatty():
        yield
        return
    logger, handler = logging.getLogger(f"gparticles.{room}"), _Stages(logging.INFO)
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)


class _Stages(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        say(record.getMessage())


@contextmanager
def row_count(total: int | None = None, what: str = "rows") -> Iterator[Callable[[int], None]]:
    """What shows on a terminal how many rows are done; elsewhere what shows nothing."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich import progress
    from rich.console import Console

    columns = (
        progress.TextColumn("{task.completed:,.0f} " + what),
        progress.BarColumn(bar_width=24),
        progress.TimeRemainingColumn(compact=True),
    )
    with progress.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda rows: bar.update(task, completed=rows)


def summary(result: "Result", folder: Path) -> Iterator[str]:
    """What was made, how good it is, and where it lies."""
    flow, metrics = result.flow, result.metrics
    seconds = metrics["seconds"]["value"]
    steps = metrics["steps"]["value"]
    yield f"{result.count} particles after {steps} steps in {seconds:.1f} s"
    if not flow.outcome.startswith("took all"):
        yield flow.outcome
    yield from flow.notes
    if "w2" in metrics:
        yield from _nearness(metrics)
        yield metrics["nearest_ratio"]["sentence"]
        yield metrics["coverage"]["sentence"]
    for name in ("told_apart", "verdict"):
        if name in metrics:
            yield metrics[name]["sentence"]
    if "divergence" in metrics:
        found, note = metrics["divergence"]["value"], metrics["divergence"]["note"]
        yield f"divergence to the target: {found:.4g} nats ({note})"
    yield f"particles: {result.particles}"
    figures = ", ".join(path.name for path in result.figures)
    yield f"figures:   {folder / 'figures'} ({figures})"
    yield f"report:    {result.report} (open it in a browser)"


def _nearness(metrics: dict[str, Any]) -> Iterator[str]:
    """How near to unseen points; by the tail where W2 is ruled by a few far points."""
    if metrics.get("tail_log_error", {}).get("value") is None:
        yield _distance(metrics["w2"])
        yield metrics["w2"]["sentence"]
        return
    yield "heavy tails: a few far points rule W2, so that it says little here"
    yield metrics["tail_log_error"]["sentence"]
    yield metrics["energy"]["sentence"]


def _distance(w2: dict[str, Any]) -> str:
    floors = [f"{w2['resampled']:.4g} for the training points resampled"]
    if w2["fresh"] is not None:
        floors.append(f"{w2['fresh']:.4g} for fresh points")
    return f"W2 to held-out points: {w2['value']:.4g} ({', '.join(floors)})"
