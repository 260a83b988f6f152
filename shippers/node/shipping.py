"""The loop: from the files of all inputs to the output, and the positions to disk.

It goes on looking for files while the output is stalled: a file that is renamed or deleted meanwhile is open by then.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pipeline.disk.chunks import Chunk
from shippers.node.batches import Batch, Source
from shippers.node.following import Following
from shippers.node.wakes import Wakes

log = logging.getLogger("apex.ship")

TOGETHER = 0.05
"""Seconds between two looks at files that always change."""
BATCH_BYTES = 2 << 20
"""A batch with as many bytes is full."""


class Output(Protocol):
    """Where batches go. It delivers them, however long that takes, and calls `end` of each."""

    delivered: int
    freed: asyncio.Event

    @property
    def pending(self) -> int:
        """Events that it has and that have not ended."""
        ...

    def room(self) -> bool:
        """Whether it takes another batch."""
        ...

    def put(self, batch: Batch) -> None:
        """Takes a batch."""
        ...

    async def run(self) -> None:
        """Delivers until it is cancelled."""
        ...


@dataclass(frozen=True, slots=True)
class Pace:
    """How much, and how often; times in seconds."""

    batch: int
    """Events."""
    interval: float
    """Between two looks at the files, where nothing is new."""
    save_interval: float
    drain: float
    """How long what is under way may take at the end."""


class Shipping:
    """Ships until `stop`, or, `once`, until all that there is has been acknowledged."""

    def __init__(self, followed: Sequence[Following], output: Output, pace: Pace) -> None:
        self._followed, self._output, self._pace = followed, output, pace
        self._batch = Batch()
        self._stopped = asyncio.Event()
        self._wakes = Wakes()
        self._saved = 0.0

    @property
    def stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stopped.is_set()

    @property
    def unsaved(self) -> bool:
        """Whether the disk has refused the positions of some files."""
        return any(each.unsaved for each in self._followed)

    def stop(self) -> None:
        """Read no more, and drain."""
        self._stopped.set()
        self._wakes.wake()

    async def run(self, *, once: bool = False) -> bool:
        """Whether all that was read is acknowledged."""
        delivering = asyncio.create_task(self._output.run())
        working = asyncio.create_task(self._work(once))
        tasks = [delivering, working, asyncio.create_task(self._patience())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                await task
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for each in self._followed:
                await each.close()
            self._wakes.close()
        finished = working in done
        if not finished:
            left = self._output.pending
            log.warning("%d events were not acknowledged in time; they are read again at the next start", left)
        count = self._output.delivered
        log.info("%d event%s acknowledged", count, " was" if count == 1 else "s were")
        return finished

    async def _patience(self) -> None:
        await self._stopped.wait()
        await asyncio.sleep(self._pace.drain)

    async def _work(self, once: bool) -> None:
        await self._read(once)
        while self._output.pending:
            await self._freed()

    async def _read(self, once: bool) -> None:
        quiet_since = time.monotonic()
        patience = max((each.flush_after or 0.0 for each in self._followed), default=0.0)
        while not self._stopped.is_set():
            self._wakes.forget()
            await self._scan()
            if await self._turn():
                quiet_since = time.monotonic()
                continue
            await self._hand_over()
            if once and time.monotonic() - quiet_since >= patience:
                return
            await self._rest()
        await self._hand_over()

    async def _rest(self) -> None:
        """Until files change; a moment at least, so that lines that come one by one are sent together."""
        self._wakes.watch(folder for each in self._followed for folder in each.folders())
        await asyncio.sleep(min(TOGETHER, self._pace.interval))
        if not self._stopped.is_set():
            await self._wakes.wait(self._pace.interval)

    async def _scan(self) -> None:
        for each in self._followed:
            await each.scan()
        if time.monotonic() - self._saved >= self._pace.save_interval:
            for each in self._followed:
                await each.save()
            self._saved = time.monotonic()

    async def _turn(self) -> bool:
        """Reads what is new, file by file; whether there was anything."""
        found = False
        for each in self._followed:
            async for chunk in each.chunks():
                found = True
                await self._take(each, chunk)
                if self._stopped.is_set():
                    return True
        return found

    async def _take(self, each: Following, chunk: Chunk) -> None:
        source = Source(lambda: each.ended(chunk))
        batch = self._batch
        for payload in each.envelopes.of(chunk, time.time()):
            batch.payloads.append(payload)
            batch.size += len(payload)
            if len(batch.payloads) >= self._pace.batch or batch.size >= BATCH_BYTES:
                batch.holds(source)
                await self._hand_over()
                batch = self._batch
        if batch.payloads:
            batch.holds(source)
        source.end()

    async def _hand_over(self) -> None:
        """Gives the batch to the output, when it has room for it."""
        if not self._batch.payloads:
            return
        while not self._output.room():
            await self._freed()
        self._output.put(self._batch)
        self._batch = Batch()

    async def _freed(self) -> None:
        """Waits until the output has delivered something; looks after the files meanwhile."""
        self._output.freed.clear()
        try:
            async with asyncio.timeout(self._pace.interval):
                await self._output.freed.wait()
        except TimeoutError:
            await self._scan()
