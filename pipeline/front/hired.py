"""A worker process, as the front sees it: hired, spoken to, and let go."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import sys
import tempfile
from collections.abc import Callable, Mapping
from mmap import mmap
from pathlib import Path
from time import monotonic
from typing import Any

from pipeline.front import watched
from pipeline.front.dealt import noted
from pipeline.front.ledger import Dealt, Hand
from pipeline.front.suspicions import Noted
from pipeline.front.wire import Kind, Message, packed, receive

log = logging.getLogger("apex.front")

MODULE = "pipeline.commands.worker"
SILENT = 60.0
"""Seconds: a worker tells its counts every second; one that says nothing for so long hangs, and is ended."""
SECOND_LOOK = 2.0
_ROOT = str(Path(__file__).parents[2])


class Hired:
    """One worker process, as the front knows it."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        progress: mmap,
        hand: Hand,
    ) -> None:
        self.process = process
        self.hand = hand
        self.ready_at: float | None = None
        """When it said that it is built."""
        self.leaving = False
        """It gets no more, and ends when it is done with what it has."""
        self.exchange = 0
        """By how many new orders it was hired."""
        self.counts: Mapping[str, Any] = {}
        self._reader, self._writer = streams
        self._progress = progress

    @property
    def takes(self) -> bool:
        """Whether it may be dealt to."""
        return self.ready_at is not None and not self.leaving

    @property
    def lived(self) -> float:
        """Seconds since it was ready."""
        return 0.0 if self.ready_at is None else monotonic() - self.ready_at

    def give(self, dealt: Dealt) -> None:
        """Sends it a batch."""
        self.hand.give(dealt)
        head: dict[str, Any] = {"seq": dealt.seq, "input": dealt.input, "origin": dealt.batch.origin}
        if dealt.batch.tally is not None:
            head["tally"] = True
        if dealt.suspect:
            head |= {"careful": True, "left_out": sorted(dealt.left_out), "raw": dealt.raw}
        if not self._writer.is_closing():  # else it is gone, and what it has is dealt again in a moment
            self._writer.write(packed(Kind.BATCH, head, dealt.batch.data))

    def stop(self) -> None:
        """Tells it to drain and end."""
        if not self._writer.is_closing():  # else it is gone
            self._writer.write(packed(Kind.STOP))

    def kill(self) -> None:
        """Ends it at once."""
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()

    async def listen(self, heard: Callable[[Message], None]) -> int:
        """Hears it out; returns its exit code when it is gone."""
        try:
            while (message := await self._next()) is not None:
                heard(message)
            self._writer.close()
            async with asyncio.timeout(SILENT):
                return await self.process.wait()
        except TimeoutError:
            log.error("worker %d says nothing for %.0f s; it is ended", self.process.pid, SILENT)
            self.process.kill()
            return await self.process.wait()
        finally:
            self._writer.close()
            if self.process.returncode is None:  # the front is ending
                self.process.kill()

    async def _next(self) -> Message | None:
        """The next message; raises `TimeoutError` if it hangs."""
        waiting = asyncio.ensure_future(receive(self._reader))
        try:
            # Where it was this process that stood still, what it said meanwhile is heard in the second look.
            for patience in (SILENT, SECOND_LOOK):
                done, _ = await asyncio.wait([waiting], timeout=patience)
                if done:
                    return waiting.result()
            raise TimeoutError
        finally:
            waiting.cancel()

    def fell_at(self, code: int) -> Noted | None:
        """What of its own it was at work on when it died, if it died."""
        return None if code == 0 or self.leaving else watched.noted(self._progress)

    def died(self, code: int) -> list[Dealt]:
        """What it had when it ended; nobody has died of it if it ended well, or was told to leave."""
        if code == 0 or self.leaving:
            return self.hand.left()
        last = noted(self._progress)
        position = last[1] if last is not None and last[0] in self.hand.batches else None
        return self.hand.died(position)


async def hire(head: Mapping[str, Any], *, alone: bool = False) -> Hired:
    """Starts a worker process; `head` says what to run. It is ready when it says so."""
    ours, theirs = socket.socketpair()
    with contextlib.ExitStack() as failing, theirs, tempfile.TemporaryFile() as file:
        failing.callback(ours.close)
        file.truncate(watched.SIZE)
        progress = mmap(file.fileno(), watched.SIZE)
        # The package that runs here, whatever lies in the folder that it was started in.
        path = os.pathsep.join(filter(None, (_ROOT, os.environ.get("PYTHONPATH"))))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", MODULE, str(theirs.fileno()), str(file.fileno())),
            pass_fds=(theirs.fileno(), file.fileno()),
            stdin=asyncio.subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": path},
        )
        failing.pop_all()
    streams = await asyncio.open_unix_connection(sock=ours)
    streams[1].write(packed(Kind.PLAN, head))
    return Hired(process, streams, progress, Hand(alone=alone))
