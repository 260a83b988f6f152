"""The persistent queue between the inputs and the worker: a batch is acknowledged when it is on disk.

    inputs --> accept --> waiting --> commit --> on disk --> deliver --> worker --> end of every event
       ^                                 |                                               |
       +------ end of the batch ---------+                  checkpoint <-- its record ended

accept      takes an input's batches, refuses those whose framing is broken, waits while much waits to be written
commit      writes all that waits with one fsync, then ends those batches; waits while the queue is full or the disk is
deliver     reads the records back, in order, as batches of their own; the input that took one decodes it
checkpoint  says on disk what was delivered, now and then; after a crash the rest comes again, under the same ids

A record whose input the configuration does not have any more stays in the queue, unread, and is told of.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from time import monotonic, time

from pipeline.batch import UNCOUNTED, Batch
from pipeline.delivery.dead_letters import DeadLetter, DeadLetterQueue
from pipeline.delivery.retry import Backoff, bury
from pipeline.delivery.worker import Source
from pipeline.errors import BrokenFraming, DiskRefuses, StoreError
from pipeline.metrics import Counters
from pipeline.stored_queue.pages import HEAD_SIZE, Entry, Record
from pipeline.stored_queue.queue import StoredQueue

log = logging.getLogger("apex.queue")

Take = Callable[[Source, Batch], Awaitable[None]]
"""The worker's, or that of a front with many: returns when there is room for another batch."""

_READ = 1 << 20
"""Bytes of records that are read at once."""
_WAITING = 16 << 20
"""Bytes that wait to be written; above it inputs are not read."""
_GROUP = 8 << 20
"""Bytes that are written with one fsync."""
_SILENCE = 60.0
"""Seconds in which it is not said again that the queue is full."""
_META = 256
"""Bytes that a record has besides its data, about."""


@dataclass(frozen=True, slots=True)
class Terms:
    """Logstash's `queue.*` settings, as far as they concern when things are done."""

    drain: bool = False
    """Whether all is delivered before the end, also after `stop`."""
    writes: int = 1024
    """Most batches that share one fsync; 0: no bound."""
    acks: int = 1024
    """Batches that end before a checkpoint is written; 0: no bound."""
    interval: float = 1.0
    """Seconds after which what ended is in a checkpoint; 0: no bound."""
    retry: bool = True
    """Whether a checkpoint that cannot be written is tried again at once, before it has to wait for the next."""
    backoff: Backoff = Backoff(1.0, 16.0)  # noqa: RUF009  (immutable)
    """The pauses while the disk refuses."""


def _unheard(raw: bytes, error: Exception) -> None:
    """What cannot be decoded is dead-lettered when the worker decodes it."""


class PersistentQueue:
    """One queue, for all inputs of a pipeline."""

    def __init__(
        self,
        store: StoredQueue,
        sources: Mapping[str, Source],
        terms: Terms,
        dead_letters: DeadLetterQueue,
        counters: Counters,
    ) -> None:
        """`sources` are the inputs by the names under which their records are kept."""
        self._store = store
        self._sources = sources
        self._terms = terms
        self._dead_letters = dead_letters
        self._counters = counters
        self._waiting: list[tuple[Entry, Batch]] = []
        self._waiting_bytes = 0
        self._accepting = len(sources)
        """Inputs that may still give something."""
        self._complete = False
        """All that the inputs gave is on disk."""
        self._stopped = False
        self._ended_since = 0
        """Records that ended since the last checkpoint."""
        self._unmarked = False
        """Whether something came to disk since: a checkpoint is how damage is told from an end that a crash has cut."""
        self._burials: set[asyncio.Future[None]] = set()
        """What was refused, on its way to the dead letter queue."""
        self._kept: Counter[str] = Counter()
        """Records of inputs that are not there, by name."""
        self._say_full_after = 0.0
        self._arrived, self._room = asyncio.Event(), asyncio.Event()
        self._readable, self._freed, self._due = asyncio.Event(), asyncio.Event(), asyncio.Event()

    @property
    def figures(self) -> tuple[int, int, int]:
        """Batches that are not delivered, bytes on disk, and how many there may be."""
        return self._store.waiting, self._store.size, self._store.bounds.queue

    def stop(self) -> None:
        """What is on disk may stay there for the next start, unless the terms say that it is delivered before."""
        self._stopped = True
        self._readable.set()

    async def run(self, take: Take) -> None:
        """Returns when the inputs have ended, and all is delivered or may stay."""
        async with asyncio.TaskGroup() as group:
            for name, source in self._sources.items():
                group.create_task(self._accept(name, source))
            group.create_task(self._commit())
            group.create_task(self._deliver(take))
        for name, count in self._kept.items():
            log.error("%d records of the input %s stay in the queue: the configuration does not have it", count, name)

    async def close(self) -> None:
        """Everything in flight has its end: says so on disk."""
        await self._buried()
        await self._checkpoint()

    # ------------------------------------------------------------------------------------ in

    async def _accept(self, name: str, source: Source) -> None:
        async for batch in source.input.batches():
            if self._broken(source, batch):
                continue
            while self._waiting_bytes >= _WAITING:
                self._room.clear()
                await self._room.wait()
            self._waiting.append((Entry(name, batch.origin, batch.data, int(time() * 1000)), batch))
            self._waiting_bytes += len(batch.data)
            self._arrived.set()
            await asyncio.sleep(0)
        self._accepting -= 1
        self._arrived.set()

    def _broken(self, source: Source, batch: Batch) -> bool:
        """Refuses a batch whose framing is broken: that is known before the first event, and before the disk."""
        try:
            next(iter(source.input.decode(batch.data, batch.origin, _unheard)), None)
        except BrokenFraming as error:
            self._counters.refused += 1
            batch.refuse(error)
            return True
        except Exception:  # the worker meets it again, and dead-letters what it concerns
            log.debug("%s: a batch cannot be decoded", source.label, exc_info=True)
        return False

    async def _commit(self) -> None:
        while self._waiting or self._accepting:
            if not self._waiting:
                self._arrived.clear()
                await self._arrived.wait()
                continue
            group, size = self._group()
            await self._until_room(size)
            await self._write([entry for entry, _ in group])
            for _, batch in group:
                batch.end(UNCOUNTED)
            self._unmarked = True
            self._room.set()
            self._readable.set()
        self._complete = True
        self._readable.set()

    def _group(self) -> tuple[list[tuple[Entry, Batch]], int]:
        """What is written with one fsync, and about how many bytes that is."""
        size = count = 0
        most = self._terms.writes or len(self._waiting)
        for entry, _ in self._waiting[:most]:
            size += len(entry.data) + HEAD_SIZE + _META
            if count and size > min(_GROUP, self._store.bounds.page):
                size -= len(entry.data) + HEAD_SIZE + _META
                break
            count += 1
            self._waiting_bytes -= len(entry.data)
        group, self._waiting = self._waiting[:count], self._waiting[count:]
        return group, size

    async def _until_room(self, size: int) -> None:
        if self._store.room(size):
            return
        if monotonic() >= self._say_full_after:
            self._say_full_after = monotonic() + _SILENCE
            size, most = self._store.size, self._store.bounds.queue
            log.warning(
                "the queue is full: %d bytes of %d (queue.max_bytes); inputs are read as fast as it empties", size, most
            )
        while not self._store.room(size):
            self._freed.clear()
            if self._store.spent():
                await self._checkpoint()
            else:
                await self._freed.wait()

    async def _write(self, entries: list[Entry]) -> None:
        attempt = 0
        while True:
            try:
                await asyncio.to_thread(self._store.append, entries)
            except StoreError as error:
                seconds = self._terms.backoff.pause(attempt)
                log.error("%s; nothing is acknowledged and nothing is dropped; next try in %.1f s", error, seconds)
                await asyncio.sleep(seconds)
                attempt += 1
            else:
                if attempt:
                    log.info("the queue is written again")
                return

    # ------------------------------------------------------------------------------------ out

    @property
    def _may_leave(self) -> bool:
        """Whether what is in the queue may stay there."""
        return self._stopped and self._complete and not self._terms.drain

    async def _deliver(self, take: Take) -> None:
        while not self._may_leave:
            self._readable.clear()
            complete = self._complete
            records = await self._read()
            for record in records:
                if self._may_leave:
                    return
                await self._give(record, take)
            if not records and complete:
                return
            if not records:
                await self._readable.wait()

    async def _read(self) -> list[Record]:
        """The next records. Damage ends the pipeline; a disk that refuses, just now, is waited for."""
        attempt = 0
        while not self._may_leave:
            try:
                records = await asyncio.to_thread(self._store.take, _READ)
            except DiskRefuses as error:
                seconds = self._terms.backoff.pause(attempt)
                log.error("%s; what is in it is not delivered; next try in %.1f s", error, seconds)
                await asyncio.sleep(seconds)
                attempt += 1
            else:
                if attempt:
                    log.info("the queue is read again")
                return records
        return []

    async def _give(self, record: Record, take: Take) -> None:
        sequence, entry = record
        source = self._sources.get(entry.input)
        if source is None:
            self._keep(entry.input)
            return

        def refuse(error: Exception) -> None:
            """The options of the input are others now than when it took the batch."""
            letter = DeadLetter(f"cannot be decoded: {error}", source.label, entry.data, entry.origin)
            self._burials.add(asyncio.ensure_future(self._bury(letter, sequence)))

        await take(source, Batch(entry.data, entry.origin, partial(self._ended, sequence), refuse))
        await self._buried()

    async def _bury(self, letter: DeadLetter, sequence: int) -> None:
        await bury(self._dead_letters, [letter], self._counters, Backoff())
        self._ended(sequence)

    async def _buried(self) -> None:
        """Returns when what was refused is in the dead letter queue. Where others work, it is refused later."""
        while self._burials:
            burials = set(self._burials)
            await asyncio.gather(*burials)
            self._burials -= burials

    def _keep(self, name: str) -> None:
        if name not in self._kept:
            known = ", ".join(self._sources)
            log.error(
                "the queue holds records of the input %s, which the configuration does not have (it has: %s); they "
                "stay until it has it again, under this id; `apex-logs queue inspect` shows them",
                name,
                known,
            )
        self._kept[name] += 1

    def _ended(self, sequence: int, _events: int = 0) -> None:
        self._store.end(sequence)
        self._ended_since += 1
        self._freed.set()
        if self._terms.acks and self._ended_since >= self._terms.acks:
            self._due.set()

    # ------------------------------------------------------------------------------------ checkpoints

    async def checkpoints(self) -> None:
        """Writes checkpoints as the terms say, until it is cancelled."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._terms.interval or None):
                    await self._due.wait()
            self._due.clear()
            if self._ended_since or self._unmarked:
                await self._checkpoint()

    async def _checkpoint(self) -> None:
        ended, self._ended_since, self._unmarked = self._ended_since, 0, False
        for last in (False, True) if self._terms.retry else (True,):
            try:
                await asyncio.to_thread(self._store.checkpoint)
            except StoreError as error:
                if last:
                    self._ended_since += ended
                    log.error("no checkpoint: %s; after a crash, what was delivered since is delivered again", error)
            else:
                return
