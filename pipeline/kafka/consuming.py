"""One member of a consumer group: polls, pauses, commits, and lets partitions go.

    poll --> records of a partition --> packed --> waiting --> the worker takes them
     ^                                              | no room: partitions are paused, polling goes on
     |                                            ledger <--- the batch ends: its offset may be committed
     +-- group: heartbeats, rebalances

Partitions that are taken away: what waits is dropped, as nobody worked on it yet; what is worked on has some seconds to
end, and what ended is committed. What has not by then is given up: whoever has the partition next reads it again, under
the same ids. A late end changes nothing.

aiokafka is told to reset no offset by itself. Where a partition has none, or one that the broker does not have any
more, it is decided here: one that is new, or was made anew, is read from its beginning, so that nothing is missed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import (
    CommitFailedError,
    IllegalStateError,
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)

from pipeline.batch import Batch, Origin
from pipeline.kafka.group import Listener, Taken, Terms, partitions, said, shown
from pipeline.kafka.lags import Ends
from pipeline.kafka.ledger import Due, Ledger, Span
from pipeline.kafka.records import pack
from pipeline.plugin import Lag

log = logging.getLogger("apex.input.kafka")

_FAREWELL = 10.0
"""Seconds that the last commit, and leaving the group, may take."""
_LONGEST_PAUSE = 30.0
"""Seconds between two attempts to connect, at most."""
_MISSING = 1.0
"""Seconds after which a topic that is not there is looked for again."""
_HELD_POLL = 1.0
"""Seconds between two polls while partitions are paused."""


class Member:
    """One consumer of the group, and what of it waits to be worked on."""

    def __init__(self, terms: Terms, number: int, label: str, arrived: Callable[[], None]) -> None:
        self.terms = terms
        self.ledger: Ledger[TopicPartition] = Ledger()
        self.waiting: deque[Taken] = deque()
        self.polls = 0
        """How often it has polled; it goes on while partitions are paused."""
        self.held = False
        """Whether partitions are paused, as there is no room."""
        self._number, self._label = number, label
        self._arrived = arrived
        self._waiting_records = 0
        self._stopping = False
        self._room = asyncio.Event()
        self._ended = asyncio.Event()
        self._committing = asyncio.Lock()
        self._commit: asyncio.Task[None] | None = None
        self._consumer: Any = None
        self._before: Collection[TopicPartition] | None = None
        self._placed: set[TopicPartition] = set()
        self._shut: set[TopicPartition] = set()
        self._ends = Ends(committed=terms.settings["isolation_level"] == "read_committed")

    # ------------------------------------------------------------------------------------------ the worker's side

    def next(self) -> Batch | None:
        """The batch that has waited longest."""
        if not self.waiting:
            return None
        taken = self.waiting.popleft()
        self._waiting_records -= taken.records
        self._room.set()
        return taken.batch

    def lags(self) -> list[Lag]:
        """How far it is behind in each of its partitions, as far as a broker has said where that ends."""
        return [] if self._consumer is None else self._ends.lags(self._consumer, self.ledger)

    def stop(self) -> None:
        """Give out no more. The group is left by `close`: until then, what is worked on can be committed."""
        self._stopping = True
        self._drop({taken.key for taken in self.waiting})

    def _has_room(self) -> bool:
        return not self._stopping and self._waiting_records < self.terms.records

    # ------------------------------------------------------------------------------------------ its life

    async def run(self) -> None:
        """Connects, and reads until it is cancelled; what goes wrong is said, and tried again."""
        attempt = 0
        while True:
            try:
                await self._connect()
                attempt = 0
                await self._read()
            except Exception as error:  # whatever the client raises: the group is joined anew, and nothing is lost
                pause = min(_LONGEST_PAUSE, 2.0 ** min(attempt, 10))
                attempt += 1
                unexpected = None if isinstance(error, KafkaError | OSError) else error
                log.warning("%s: %s; next try in %.0f s", self._label, said(error), pause, exc_info=unexpected)
                await self._disconnect()
                await asyncio.sleep(pause)

    async def _connect(self) -> None:
        if self._before is None:
            self._before = await partitions(self.terms)
        self._consumer = AIOKafkaConsumer(**self.terms.of_member(self._number))
        await self._consumer.start()
        listener = Listener(self.revoked, self._assigned)
        if self.terms.pattern is not None:
            self._consumer.subscribe(pattern=self.terms.pattern.pattern, listener=listener)
        else:
            self._consumer.subscribe(topics=list(self.terms.topics), listener=listener)

    async def _read(self) -> None:
        beside = [asyncio.create_task(work) for work in (self._commit_regularly(), self._look_for_topics())]
        try:
            while True:
                for task in beside:
                    if task.done():
                        task.result()
                if self._has_room():
                    await self._poll(self.terms.poll)
                else:
                    await self._hold()
        finally:
            for task in beside:
                task.cancel()
            await asyncio.wait(beside)

    async def _poll(self, seconds: float) -> None:
        self.polls += 1
        try:
            found = await self._consumer.getmany(timeout_ms=round(seconds * 1000), max_records=self.terms.records)
        except (NoOffsetForPartitionError, OffsetOutOfRangeError) as error:
            await self._place(error)
        else:
            self._take(found)
            for key in self._consumer.assignment():
                if self.ledger.reached(key) is None:  # of a partition with nothing new, too, it is known how far it is
                    await self._note_begun(key)

    def _take(self, found: Mapping[TopicPartition, Sequence[Any]]) -> None:
        for key, records in found.items():
            first, last = records[0].offset, records[-1].offset
            self.ledger.begin(key, first)
            span = self.ledger.take(key, last + 1)
            origin: Origin = {
                "id": f"{key.topic}-{key.partition}@{first}",
                "topic": key.topic,
                "partition": key.partition,
                "offset": first,
                "last": last,
            }
            batch = Batch(pack(records), origin, partial(self._end, span), partial(self._refused, key, first))
            self.waiting.append(Taken(key, span, batch, len(records)))
            self._waiting_records += len(records)
        if found:
            self._arrived()

    def _end(self, span: Span, _events: int) -> None:
        span.end()
        self._ended.set()

    def _refused(self, key: TopicPartition, first: int, error: Exception) -> None:
        log.error("%s: records of %s from %d on stay uncommitted: %s", self._label, shown(key), first, error)

    async def _hold(self) -> None:
        """No room: waits; partitions are paused and polling goes on, so that the group does not lose this member."""
        if not self._stopping and await self._has_room_within(self.terms.poll):
            return
        self.held = True
        while not self._has_room():
            self._consumer.pause(*self._consumer.assignment())
            self._room.clear()
            await self._poll(0)
            await self._ends.look(self._consumer)
            await self._has_room_within(_HELD_POLL)
        self.held = False
        self._consumer.resume(*self._consumer.paused())

    async def _has_room_within(self, seconds: float) -> bool:
        with contextlib.suppress(asyncio.TimeoutError):
            async with asyncio.timeout(seconds):
                while not self._has_room():
                    await self._room.wait()
                    self._room.clear()
        return self._has_room()

    # ------------------------------------------------------------------------------------------ where to begin

    async def _place(self, error: Exception) -> None:
        """Decides where partitions are read from that have no usable offset."""
        gone = isinstance(error, OffsetOutOfRangeError)
        for key in list(error.args[0]) if gone else [error.args[0]]:
            if key not in self._consumer.assignment():
                continue
            made_since = key not in (self._before or ()) or key in self._placed
            policy = self.terms.reset or ("earliest" if gone else "latest")
            if made_since and not gone:
                policy = "earliest"  # there is nothing in it that was not to be read
            if policy != "none":
                await self._seek(key, policy, gone)
            elif key not in self._shut:
                self._shut.add(key)
                why = "the broker does not have its offset any more" if gone else "the group has no offset for it"
                log.error('%s: %s is not read: %s, and auto_offset_reset is "none"', self._label, shown(key), why)

    async def _seek(self, key: TopicPartition, policy: str, gone: bool) -> None:
        self.ledger.revoke([key])
        seek = self._consumer.seek_to_end if policy == "latest" else self._consumer.seek_to_beginning
        try:
            async with asyncio.timeout(self.terms.settings["request_timeout_ms"] / 1000):
                await seek(key)
                position = await self._consumer.position(key)
        except (TimeoutError, IllegalStateError) as error:  # taken away meanwhile, or its leader is away
            log.info("%s: %s has no position yet: %s", self._label, shown(key), said(error))
            return
        self._placed.add(key)
        self.ledger.assign(key, position)
        self._ended.set()
        if gone:
            log.warning(
                "%s: %s does not have the offset any more: its records expired, or the topic was made anew. Reading "
                "goes on from the %s that it has, at offset %d",
                self._label, shown(key), policy, position,
            )  # fmt: skip

    async def _note_placed(self, keys: Collection[TopicPartition]) -> None:
        """Remembers partitions that have a position: if they have none later, their topic was made anew."""
        for key in keys:
            if await self._position(key) is not None:
                self._placed.add(key)

    async def _note_begun(self, key: TopicPartition) -> None:
        if (position := await self._position(key)) is not None:
            self.ledger.begin(key, position)

    async def _position(self, key: TopicPartition) -> int | None:
        """Where the partition is read, if that is known."""
        with contextlib.suppress(asyncio.TimeoutError, KafkaError):
            async with asyncio.timeout(0):  # a position that is there is told without waiting
                position: int = await self._consumer.position(key)
                return position
        return None

    async def _look_for_topics(self) -> None:
        """aiokafka looks for a topic that is not there as seldom as for anything else; Java's client does not rest."""
        while True:
            await asyncio.sleep(_MISSING)
            consumer = self._consumer
            if self.terms.pattern is None and any(
                consumer.partitions_for_topic(topic) is None for topic in self.terms.topics
            ):
                await consumer._client.force_metadata_update()  # nothing public does it

    # ------------------------------------------------------------------------------------------ partitions come and go

    async def _assigned(self, keys: Collection[TopicPartition]) -> None:
        for key in keys:
            self.ledger.assign(key)

    async def revoked(self, keys: Collection[TopicPartition]) -> None:
        """Lets partitions go: their work has some time to end, and what has ended is committed."""
        if not keys:
            return
        await self._note_placed(keys)
        self._drop(keys)
        with contextlib.suppress(asyncio.TimeoutError):
            async with asyncio.timeout(self.terms.grace):
                while self.ledger.unfinished(keys):
                    self._ended.clear()
                    await self._ended.wait()
        if given_up := self.ledger.unfinished(keys):
            log.warning(
                "%s: %d batches have not ended after %.0f s, as their partitions are taken away; they are read again",
                self._label, given_up, self.terms.grace,
            )  # fmt: skip
        await self._commit_within(_FAREWELL)
        self.ledger.revoke(keys)
        self._ended.set()

    def _drop(self, keys: Collection[TopicPartition]) -> None:
        """Nobody worked on what waits: it is read again, by whoever has the partition."""
        kept = deque(taken for taken in self.waiting if taken.key not in keys)
        for taken in self.waiting:
            if taken.key in keys:
                taken.span.withdraw()
        self.waiting = kept
        self._waiting_records = sum(taken.records for taken in kept)
        self._room.set()

    # ------------------------------------------------------------------------------------------ commits

    async def _commit_regularly(self) -> None:
        while True:
            if self.terms.commit_every:
                await asyncio.sleep(self.terms.commit_every)
            else:
                await self._ended.wait()
                self._ended.clear()
            self._commit = asyncio.create_task(self._commit_due())
            await asyncio.wait([self._commit])
            if not self._commit.cancelled():
                self._commit.result()

    async def _commit_within(self, seconds: float) -> None:
        """Commits now. A commit that is under way is stopped: it may repeat itself, when the partition is another's."""
        if self._commit is not None:
            self._commit.cancel()
            await asyncio.wait([self._commit])
        try:
            async with asyncio.timeout(seconds):
                await self._commit_due()
        except TimeoutError:
            log.warning("%s: offsets could not be committed within %.0f s", self._label, seconds)

    async def _commit_due(self) -> None:
        async with self._committing:
            mine = self._consumer.assignment()
            due: list[Due[TopicPartition]] = [item for item in self.ledger.due() if item.key in mine]
            if not due:
                return
            try:
                await self._consumer.commit({item.key: item.offset for item in due})
            except (CommitFailedError, IllegalStateError) as error:  # the group moved on: the next commit knows more
                log.info("%s: offsets are not committed: %s", self._label, said(error))
            except KafkaError as error:
                log.warning("%s: offsets are not committed: %s", self._label, said(error))
            else:
                self.ledger.committed(due)

    async def close(self) -> None:
        """Commits what has ended, and leaves the group."""
        if self._consumer is not None and self._consumer.assignment():
            await self._commit_within(_FAREWELL)
        await self._disconnect()

    async def _disconnect(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is None:
            return
        self._drop({taken.key for taken in self.waiting})
        self.ledger = Ledger()
        try:
            async with asyncio.timeout(_FAREWELL):
                await consumer.stop()
        except (TimeoutError, KafkaError, OSError) as error:
            log.warning("%s: the group could not be left in order: %s", self._label, said(error))
