"""Delivers batches to Kafka, as an idempotent producer that waits for all replicas.

    batch --> batches of records, partition after partition --> written | to be sent again | refused for good

While brokers are away the producer repeats by itself, under the same numbers, so that a repeat is written once. What a
broker refuses for good (a record that is larger than its topic takes) is put aside in the folder `data`, and told of.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections import deque
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, RecordListTooLargeError

from shippers.node.batches import Batch
from shippers.node.destinations import KafkaSettings

log = logging.getLogger("apex.ship")

IN_FLIGHT = 2
"""Batches."""
REFUSED = "refused.ndjson"
_TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)
_BATCH_BYTES = 900_000
"""Below the megabyte that a broker takes by default."""
_FAREWELL = 5.0
"""Seconds for the producer to end."""


class Brokers:
    """An output. What it was given and has not ended is sent again, for ever."""

    def __init__(self, settings: KafkaSettings, data: Path) -> None:
        self.settings = settings
        self.delivered = 0
        """Events."""
        self.refused = 0
        """Those of them that were put aside."""
        self.freed = asyncio.Event()
        """Set when a batch has ended."""
        self._aside = data / REFUSED
        self._batches: deque[Batch] = deque()
        self._changed = asyncio.Event()
        self._turn = 0
        self._failures = 0
        self._limit = _BATCH_BYTES
        """Bytes of values in a request, for a topic that takes less than others."""

    @property
    def pending(self) -> int:
        """Events that it has and that have not ended."""
        return sum(len(batch.payloads) for batch in self._batches)

    def room(self) -> bool:
        """Whether it takes another batch."""
        return len(self._batches) <= IN_FLIGHT

    def put(self, batch: Batch) -> None:
        """Takes a batch; only where there is room."""
        self._batches.append(batch)
        self._changed.set()

    async def run(self) -> None:
        """Delivers, until it is cancelled."""
        while True:
            producer = self._producer()
            try:
                await producer.start()
                log.info("connected to %s", ", ".join(self.settings.servers))
                await self._deliver(producer)
            except (KafkaError, OSError) as error:
                self._failures += 1
                log.warning("%s: %s", ", ".join(self.settings.servers), str(error) or type(error).__name__)
            finally:
                with contextlib.suppress(TimeoutError, KafkaError, OSError):
                    async with asyncio.timeout(_FAREWELL):
                        await producer.stop()
            pause = self.settings.backoff * 2.0 ** min(self._failures - 1, 30)
            await asyncio.sleep(min(pause, self.settings.backoff_max))

    def _producer(self) -> Any:
        settings = self.settings
        login: dict[str, Any] = {}
        if settings.security.startswith("SASL"):
            login["sasl_mechanism"] = settings.mechanism
            login |= {"sasl_plain_username": settings.username, "sasl_plain_password": settings.password}
        return AIOKafkaProducer(
            bootstrap_servers=list(settings.servers),
            acks="all",
            enable_idempotence=True,
            compression_type=settings.compression,
            max_batch_size=_BATCH_BYTES,
            request_timeout_ms=int(settings.timeout * 1000),
            security_protocol=settings.security,
            ssl_context=settings.tls,
            **login,
        )

    async def _deliver(self, producer: Any) -> None:
        """Until something fails that takes another producer: then it raises."""
        under_way: dict[asyncio.Task[None], Batch] = {}
        try:
            while True:
                self._changed.clear()
                busy = list(under_way.values())
                for batch in [batch for batch in self._batches if batch not in busy][: IN_FLIGHT - len(busy)]:
                    under_way[asyncio.create_task(self._send(producer, batch))] = batch
                changed = asyncio.create_task(self._changed.wait())
                await asyncio.wait([*under_way, changed], return_when=asyncio.FIRST_COMPLETED)
                changed.cancel()
                for task in [task for task in under_way if task.done()]:
                    batch = under_way.pop(task)
                    await task
                    self._failures = 0
                    self._batches.remove(batch)
                    batch.end()
                    self.freed.set()
        finally:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)

    async def _send(self, producer: Any, batch: Batch) -> None:
        """Returns when all of a batch is written or put aside; else raises, and what is left is to be sent again."""
        partitions = sorted(await producer.partitions_for(self.settings.topic))
        answers: list[tuple[list[bytes], Any]] = []
        at = 0
        while at < len(batch.payloads):
            records = producer.create_batch()
            count = self._fill(records, batch.payloads, at)
            if not count:
                self._put_aside(batch.payloads[at], "larger than a request may be")
                at += 1
                continue
            self._turn += 1
            partition = partitions[self._turn % len(partitions)]
            answer = await producer.send_batch(records, self.settings.topic, partition=partition)
            answers.append((batch.payloads[at : at + count], answer))
            at += count
        left: list[bytes] = []
        failure: KafkaError | None = None
        for sent, answer in answers:
            try:
                await answer
                self.delivered += len(sent)
            except _TOO_LARGE as error:  # its numbers are missing now: it takes another producer to go on
                failure = error
                if len(sent) == 1:
                    self._put_aside(sent[0], str(error))
                else:
                    self._limit = sum(map(len, sent)) // 2
                    left += sent
            except KafkaError as error:
                left, failure = left + sent, error
        batch.payloads = left
        if failure is not None:
            raise failure

    def _fill(self, records: Any, payloads: list[bytes], at: int) -> int:
        """Appends records until the batch is full, at least one if it may be sent at all; how many."""
        count = size = 0
        for payload in payloads[at:]:
            size += len(payload)
            if count and size > self._limit:
                break
            if records.append(key=None, value=payload, timestamp=None) is None:
                break
            count += 1
        return count

    def _put_aside(self, payload: bytes, reason: str) -> None:
        with self._aside.open("ab") as file:
            file.write(payload + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self.refused += 1
        self.delivered += 1
        log.error("an event of %d bytes is refused (%s) and put aside in %s", len(payload), reason, self._aside)
