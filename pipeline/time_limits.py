"""Bounds for work on one event that may never end, such as a regular expression that tries every way.

A function is bounded if it has a variable `bounded_by` that holds a `TimeLimit`. That costs it nothing: while a
process works on a batch, a timer ticks (SIGALRM, every 50 ms), and the signal's handler looks at what the main
thread is doing. Where it finds a bounded function at the same work as at the ticks before, for longer than its limit,
it raises `TimeLimitExceeded` there. Python's `re` and the `regex` package look for signals while they match.

    tick         tick         tick         tick
     |            |            |            |
     |  other  [ seen ][ still there ][ over the limit: raised
               ^ work begins: it may have run up to one tick longer than is known
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from time import monotonic
from types import FrameType
from typing import Any, NamedTuple

from pipeline.errors import ApexLogsError

TICK = 0.05


class TimeLimitExceeded(ApexLogsError):
    """A bounded function has worked on one thing for longer than it may."""


class TimeLimit(NamedTuple):
    """How long a bounded function may work.

    `parts` are those of its variables by which one piece of work is told from the next, where a call of the function
    does several and each has the whole time.
    """

    seconds: float
    parts: tuple[str, ...] = ()


_MARK = "bounded_by"


def is_bounded(work: Any) -> bool:
    """Whether the function has a limit; of an input, whether it says that its decoding has one (`bounded`)."""
    code = getattr(work, "__code__", None)
    if code is None:
        return getattr(work, "bounded", False) is True
    return _MARK in code.co_freevars or _MARK in code.co_varnames


class _Seen(NamedTuple):
    work: tuple[Any, ...]
    """The frame, and the values of the variables that tell the work from the next; compared by identity."""
    since: float


class Watch:
    """The timer of a process.

    `begin` and `end` stand around every batch; neither costs a system call while the timer ticks. `stop` is for the
    end of a pipeline: a signal that came while Python itself ends would kill the process.
    """

    def __init__(self) -> None:
        self._busy = 0
        self._ticking = False
        self._seen: _Seen | None = None

    def __enter__(self) -> None:
        self.begin()

    def __exit__(self, *_: object) -> None:
        self.end()

    def begin(self) -> None:
        """A batch begins. Outside the main thread, and where there is no SIGALRM, nothing is bounded."""
        self._busy += 1
        if not self._ticking and hasattr(signal, "SIGALRM") and threading.current_thread() is threading.main_thread():
            self._ticking = True
            signal.signal(signal.SIGALRM, self._tick)
            signal.setitimer(signal.ITIMER_REAL, TICK)

    def end(self) -> None:
        """A batch has ended."""
        self._busy -= 1

    def stop(self) -> None:
        """The timer stops, unless another pipeline works on a batch."""
        if self._ticking and not self._busy:
            signal.setitimer(signal.ITIMER_REAL, 0)
            self._ticking, self._seen = False, None

    def _tick(self, number: int, frame: FrameType | None) -> None:
        if not self._busy:
            self._ticking, self._seen = False, None
            return
        rest = TICK
        limit, work = _bounded_work(frame)
        if limit is None:
            self._seen = None
        elif self._seen is None or not _same(self._seen.work, work):
            self._seen = _Seen(work, monotonic())
            rest = min(TICK, limit.seconds)
        else:
            rest = self._seen.since + limit.seconds - monotonic()
        if rest <= 0:
            self._seen = None
            signal.setitimer(signal.ITIMER_REAL, TICK)
            raise TimeLimitExceeded(f"it took longer than {limit.seconds if limit else 0:g} s")
        signal.setitimer(signal.ITIMER_REAL, min(TICK, max(rest, 0.001)))


def _bounded_work(frame: FrameType | None) -> tuple[TimeLimit | None, tuple[Any, ...]]:
    """The innermost bounded function that is running, and what it works on."""
    while frame is not None:
        code = frame.f_code
        if _MARK in code.co_freevars or _MARK in code.co_varnames:
            variables = frame.f_locals
            limit = variables.get(_MARK)
            if isinstance(limit, TimeLimit):
                return limit, (frame, *(variables.get(name) for name in limit.parts))
        frame = frame.f_back
    return None, ()


def _same(left: tuple[Any, ...], right: tuple[Any, ...]) -> bool:
    return len(left) == len(right) and all(one is other for one, other in zip(left, right, strict=True))


@lru_cache(maxsize=1)
def process_watch() -> Watch:
    """The watch of this process, which has only one SIGALRM."""
    return Watch()


@contextmanager
def watching(work: Iterable[Any]) -> Iterator[None]:
    """While a caller that knows no batches works with these functions and inputs."""
    watch = watch_over(work)
    if watch is None:
        yield
        return
    try:
        with watch:
            yield
    finally:
        watch.stop()


def watch_over(work: Iterable[Any]) -> Watch | None:
    """The watch of this process, if one of these functions and inputs has a limit."""
    return process_watch() if any(map(is_bounded, work)) else None
