"""What is told while archives are replayed: a bar on a terminal, else a line of JSON every 5 seconds."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any, TextIO

from pipeline.batch import Tally
from pipeline.replay.archive import Archive
from pipeline.replay.summary import sums

TELL_EVERY = 5.0
_DRAW_EVERY = 0.25


@dataclass(slots=True)
class State:
    """How far a replay is."""

    archives: Sequence[Archive]
    tally: Callable[[], Tally]
    errors: Callable[[], int]
    """Archives that could not be read to their end."""
    started: float
    """Monotonic seconds."""

    @property
    def total(self) -> int | None:
        """Bytes of all archives; None while standard input is among them."""
        sizes = [archive.size for archive in self.archives]
        return None if None in sizes else sum(size or 0 for size in sizes)

    @property
    def done(self) -> int:
        """Bytes of them whose lines have their end."""
        return sum(archive.read.done for archive in self.archives)

    @property
    def passed(self) -> int:
        """Bytes of them that were passed over, as they were delivered before."""
        return sum(archive.read.passed for archive in self.archives)

    def as_json(self) -> dict[str, Any]:
        """What a line tells."""
        counts, seconds = sums(self.tally()), monotonic() - self.started
        events, done, total = counts["read"], self.done, self.total
        speed = (done - self.passed) / seconds if seconds else 0.0
        return {
            "bytes": done,
            "bytes_total": total,
            "events": events,
            "events_per_second": round(events / seconds) if seconds else 0,
            "indexed": counts["indexed"],
            "duplicates": counts["duplicates"],
            "dead_lettered": counts["dead"],
            "errors": self.errors(),
            "seconds": round(seconds, 1),
            "seconds_left": round((total - done) / speed) if total is not None and speed else None,
        }


@contextlib.asynccontextmanager
async def telling(state: State, *, quiet: bool) -> AsyncIterator[None]:
    """Tells, on stderr, while the block runs."""
    if quiet:
        yield
        return
    if sys.stderr.isatty():
        with _bar(state) as draw:
            task = asyncio.create_task(_repeat(_DRAW_EVERY, draw))
            try:
                yield
            finally:
                task.cancel()
                draw()
        return
    task = asyncio.create_task(_repeat(TELL_EVERY, lambda: _say(state)))
    try:
        yield
    finally:
        task.cancel()
        _say(state)


def _say(state: State) -> None:
    sys.stderr.write(f"{json.dumps(state.as_json())}\n")
    sys.stderr.flush()


async def _repeat(seconds: float, call: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(seconds)
        call()


@contextlib.contextmanager
def _bar(state: State) -> Iterator[Callable[[], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (BarColumn(), DownloadColumn(), TextColumn("{task.fields[told]}"), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=False) as progress, _log_to(sys.stderr):
        task = progress.add_task("", total=state.total, told="")

        def draw() -> None:
            now = state.as_json()
            errors = now["errors"] + now["dead_lettered"]
            told = f"{now['events']:,} events, {now['events_per_second']:,}/s, {errors} errors"
            progress.update(task, completed=now["bytes"], told=told)

        yield draw


@contextlib.contextmanager
def _log_to(stream: TextIO) -> Iterator[None]:
    """The log goes where the bar makes room for it."""
    handlers = [handler for handler in logging.getLogger().handlers if isinstance(handler, logging.StreamHandler)]
    before = [handler.setStream(stream) for handler in handlers]
    try:
        yield
    finally:
        for handler, former in zip(handlers, before, strict=True):
            if former is not None:
                handler.setStream(former)
