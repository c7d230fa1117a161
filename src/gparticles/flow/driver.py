"""The one loop over chunks of steps: progress, checkpoints, failures, interrupts, of every kind."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

# a chunk is aimed at this many seconds, so that progress and Ctrl-C are prompt
CHUNK_SECONDS = 0.3


class AbstractRun(ABC):
    """What is driven: a state with ``step``, ``stopped`` and ``failed`` that chunks carry on.

    Attributes:
        steps: how many there are to take.
        save_seconds: between saves; None where nothing is saved.
        paced: whether chunks are as short as time asks, or end at the boundaries alone.
        alone: whether no other process takes part.
    """

    steps: int
    save_seconds: float | None = None
    paced: bool = True
    alone: bool = True

    @abstractmethod
    def chunk(self, state: Any, limit: int) -> tuple[Any, Any]:
        """Steps until ``limit``, a stop or a failure; the state and what the steps report."""

    @abstractmethod
    def boundary(self, step: int) -> int:
        """The furthest step at which a chunk that begins at ``step`` may end."""

    @abstractmethod
    def keep(self, chunk: Any, before: int, state: Any) -> None:
        """Records a chunk of finite steps that began at ``before``."""

    @abstractmethod
    def progress(self, state: Any, seconds: float) -> Any:
        """What callbacks are given."""

    @abstractmethod
    def failure(self, step: int, state: Any) -> str:
        """What became non-finite at a step, why that may be, and what helps."""

    def agreed(self, *values: int) -> tuple[int, ...]:
        """The same values, or on several hosts those of the first."""
        return values

    def save(self, state: Any) -> None:
        """Writes what a later process continues from; nothing by default."""
        return


def drive(
    run: AbstractRun, state: Any, callbacks: Sequence[Callable[[Any], Any]]
) -> tuple[Any, str | None]:
    """Carries a state through its steps.

    Returns:
        The last finite state, and why it ended, in words; None where the steps or a stopping rule
        ended it.
    """
    latest = [state]
    try:
        return _loop(run, latest, callbacks)
    except KeyboardInterrupt:
        # others are not interrupted at the same step, if at all
        if run.save_seconds is not None and run.alone:
            run.save(latest[0])
        raise


def _loop(
    run: AbstractRun, latest: list[Any], callbacks: Sequence[Callable[[Any], Any]]
) -> tuple[Any, str | None]:
    began = saved = time.monotonic()
    state, rate, first = latest[0], 0.0, int(latest[0].step)
    while int(state.step) < run.steps and not bool(state.stopped):
        before, clock = int(state.step), time.monotonic()
        # nothing is known of the rate before the second chunk, and a step may take seconds
        timely = before + max(1, int(rate * CHUNK_SECONDS)) if run.paced else run.steps
        (limit,) = run.agreed(min(run.boundary(before), timely))
        following, chunk = run.chunk(state, limit)
        if bool(following.failed):
            failed_at = int(following.step) - 1
            if failed_at > before:
                state, chunk = run.chunk(state, failed_at)
                run.keep(chunk, before, state)
            return state, run.failure(failed_at, following)
        run.keep(chunk, before, following)
        state = latest[0] = following
        now = time.monotonic()
        if before > first:
            rate = (int(state.step) - before) / max(now - clock, 1e-6)
        due = run.save_seconds is not None and now - saved >= run.save_seconds
        asked = bool(callbacks) and _asked_to_stop(callbacks, run.progress(state, now - began))
        due, asked = run.agreed(due, asked)
        if due:
            run.save(state)
            saved = now
        if asked:
            return state, "stopped: a callback asked for it"
    return state, None


def _asked_to_stop(callbacks: Sequence[Callable[[Any], Any]], progress: Any) -> bool:
    # every callback is called, also after one that asks to stop
    answers = [callback(progress) for callback in callbacks]
    return any(answers)
