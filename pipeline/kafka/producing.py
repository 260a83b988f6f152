"""Hands records to brokers, and hears for each what became of it.

    items -> by topic -> by partition -> batches of records -> broker -> written, refused for good, or to be sent again

An idempotent producer repeats a request by itself, under the same numbers, until a broker answers, so that a repeat is
written once. It is not hurried: where the answer is not there in time the engine hears that the brokers are away, and
when it sends the same body again, what is still under way is waited for, not sent a second time.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    InvalidRequiredAcksError,
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    ProducerClosed,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
    UnsupportedForMessageFormatError,
)
from aiokafka.partitioner import murmur2

from pipeline.errors import NotAuthorised, Unavailable

log = logging.getLogger("apex.output.kafka")

_TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)
_REFUSED = (*_TOO_LARGE, InvalidTopicError, PolicyViolationError, UnsupportedForMessageFormatError)
_FORBIDDEN = (TopicAuthorizationFailedError, ClusterAuthorizationFailedError, InvalidRequiredAcksError)
_FAREWELL = 10.0
"""Seconds that what is under way may take when the output is closed."""
_AFTER_EXPIRY = 2.0
"""Seconds after which a producer that is not idempotent has surely given up a request that timed out."""


class Item(NamedTuple):
    """A record to be written, by its number in the body."""

    number: int
    key: bytes | None
    value: bytes
    headers: list[tuple[str, bytes]]


class Failed(NamedTuple):
    """What was not written, and why."""

    number: int
    error: KafkaError


Delivery = asyncio.Task[list[Failed]]
Choose = Callable[[], int]
"""The partition for the next batch."""


class Producer:
    """A producer that is made when it is needed, and made anew when it is broken."""

    def __init__(self, settings: Mapping[str, Any], login: Callable[[], Mapping[str, Any]], spread: bool) -> None:
        self._settings, self._login = settings, login
        self._spread = spread
        """Whether records without a key go to partition after partition, one each; else a whole batch does."""
        self._patience = settings["request_timeout_ms"] / 1000 + _AFTER_EXPIRY
        self._producer: Any = None
        self._starting = asyncio.Lock()
        self._turn = 0
        self._largest: dict[str, int] = {}
        """Bytes of values in a batch, for topics that take less than others."""
        self._under_way: dict[int, tuple[object, list[Delivery]]] = {}

    async def start(self) -> None:
        """Connects; raises `Unavailable`. May be called again."""
        async with self._starting:
            if self._producer is None:
                self._producer = await self._made()

    async def _made(self) -> Any:
        producer = AIOKafkaProducer(**self._settings, **self._login())
        try:
            async with asyncio.timeout(self._patience):
                await producer.start()
        except (TimeoutError, KafkaError, OSError) as error:
            await _stop(producer)
            raise Unavailable(f"no broker can be used: {type(error).__name__}: {error}") from error
        return producer

    async def _renew(self, broken: Any) -> None:
        """Another producer in place of one whose numbers do not fit the broker's any more."""
        async with self._starting:
            if self._producer is broken:
                self._producer = None
                await _stop(broken)
                self._producer = await self._made()

    async def send(self, body: object, by_topic: Callable[[], Mapping[str, Sequence[Item]]]) -> list[Failed]:
        """What could not be written of a body. The same body again: what was not answered is waited for again."""
        await self.start()
        known = self._under_way.pop(id(body), None)
        if known is not None:
            deliveries = known[1]
        else:
            deliveries = [asyncio.create_task(self._deliver(topic, items)) for topic, items in by_topic().items()]
        if not deliveries:
            return []
        _, late = await asyncio.wait(deliveries, timeout=self._patience)
        if late:
            self._under_way[id(body)] = (body, deliveries)
            raise Unavailable("the brokers do not answer; what is under way to them is waited for")
        return [one for delivery in deliveries for one in delivery.result()]

    async def close(self) -> None:
        """Lets go of the brokers; what is under way has some seconds."""
        async with self._starting:
            producer, self._producer = self._producer, None
            if producer is not None:
                await _stop(producer)
        for _, deliveries in self._under_way.values():
            _, late = await asyncio.wait(deliveries, timeout=_FAREWELL)
            for delivery in late:
                delivery.cancel()
        self._under_way.clear()

    # ------------------------------------------------------------------------------------------ topics, partitions

    async def _deliver(self, topic: str, items: Sequence[Item]) -> list[Failed]:
        producer = self._producer
        try:
            partitions = sorted(await producer.partitions_for(topic))
        except KafkaError as error:
            return [Failed(item.number, error) for item in items]

        def another() -> int:
            self._turn += 1
            return int(partitions[self._turn % len(partitions)])

        free: list[Item] = []
        chosen: dict[int, list[Item]] = {}
        for item in items:
            if item.key is not None:
                chosen.setdefault(partitions[_hash(item.key) % len(partitions)], []).append(item)
            elif self._spread:
                chosen.setdefault(another(), []).append(item)
            else:
                free.append(item)
        parts = [self._deliver_to(topic, partial(int, partition), part) for partition, part in chosen.items()]
        if free:
            parts.append(self._deliver_to(topic, another, free))
        failed = [one for part in await asyncio.gather(*parts) for one in part]
        if any(_breaks(one.error) for one in failed):
            with contextlib.suppress(Unavailable):  # said when the items are sent again
                await self._renew(producer)
        return failed

    async def _deliver_to(self, topic: str, choose: Choose, items: Sequence[Item]) -> list[Failed]:
        """Batch after batch, each to the partition that is chosen for it."""
        producer = self._producer
        if producer is None:
            return [Failed(item.number, ProducerClosed()) for item in items]
        answers: list[tuple[Sequence[Item], Any]] = []
        failed: list[Failed] = []
        large: list[Sequence[Item]] = []
        while items:
            batch = producer.create_batch()
            count = _fill(batch, items, self._largest.get(topic))
            part, items = items[:count], items[count:]
            try:
                answers.append((part, await producer.send_batch(batch, topic, partition=choose())))
            except KafkaError as error:
                failed += [Failed(item.number, error) for item in part]
        for part, answer in answers:
            try:
                await answer
            except _TOO_LARGE as error:
                if len(part) == 1:
                    failed.append(Failed(part[0].number, error))
                large.append(part)
            except KafkaError as error:
                failed += [Failed(item.number, error) for item in part]
        return failed + await self._smaller(topic, choose, large, producer) if large else failed

    async def _smaller(
        self, topic: str, choose: Choose, large: Sequence[Sequence[Item]], producer: Any
    ) -> list[Failed]:
        """The topic takes less than a full batch: in halves. What was refused had numbers, which are missing now."""
        if self._settings["enable_idempotence"]:
            try:
                await self._renew(producer)
            except Unavailable as failure:
                error = ProducerClosed(str(failure))
                return [Failed(item.number, error) for part in large if len(part) > 1 for item in part]
        failed: list[Failed] = []
        for part in large:
            if len(part) > 1:
                half = sum(len(item.value) for item in part) // 2
                self._largest[topic] = min(half, self._largest.get(topic, half))
                failed += await self._deliver_to(topic, choose, part)
        return failed


def judge(failed: Iterable[Failed], of: int, alone: bool) -> tuple[list[tuple[int, str]], list[tuple[int, str]]]:
    """Which items are to be sent again, and which are refused for good, with the reasons.

    Raises `Unavailable` where none of a body was written, and `NotAuthorised` where its only topic is forbidden.
    """
    again: list[tuple[int, str]] = []
    dead: list[tuple[int, str]] = []
    for number, error in sorted(failed, key=lambda one: one.number):
        reason = f"{type(error).__name__}: {error}"
        if isinstance(error, _FORBIDDEN) and alone:
            raise NotAuthorised(f"the brokers refuse it: {reason}")
        (dead if isinstance(error, (*_REFUSED, *_FORBIDDEN)) else again).append((number, reason))
    if len(again) == of:
        raise Unavailable(f"nothing could be written: {again[0][1]}")
    return again, dead


def _fill(batch: Any, items: Sequence[Item], largest: int | None) -> int:
    """Appends records until the batch is full, at least one; how many there are in it."""
    count = size = 0
    for item in items:
        size += len(item.value)
        if largest is not None and size > largest and count:
            break
        if batch.append(key=item.key, value=item.value, timestamp=None, headers=item.headers) is None:
            break
        count += 1
    return count


@lru_cache(maxsize=8192)
def _hash(key: bytes) -> int:
    """As Java's producer does it, so that a key has the same partition whoever writes."""
    return int(murmur2(key)) & 0x7FFFFFFF


def _breaks(error: KafkaError) -> bool:
    """Whether the producer can be used no more: its numbers do not fit the broker's, or its sender has ended."""
    return not getattr(error, "retriable", False) and not isinstance(error, (*_REFUSED, *_FORBIDDEN))


async def _stop(producer: Any) -> None:
    try:
        async with asyncio.timeout(_FAREWELL):
            await producer.stop()
    except (TimeoutError, KafkaError, OSError) as error:
        log.warning("what was under way to the brokers is given up unanswered: %s", error or type(error).__name__)
        producer._message_accumulator.fail_all(ProducerClosed())  # nothing public ends a producer that waits
        if producer._sender.sender_task is not None:
            producer._sender.sender_task.cancel()
        with contextlib.suppress(KafkaError, OSError):
            await producer.client.close()
