"""An idempotent producer on an event loop in a thread of its own, and what of a batch it has not written yet.

    payloads -> parts, each a batch of records for one partition -> broker -> written, too large, or open again

Where a topic takes less than a part, the part goes in halves; a record that is too large alone is refused for good.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import random
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, RecordListTooLargeError

from shippers.handlers.transports import ShippingThread

_BATCH = 1_000_000
"""Bytes of a part; a broker takes 1,048,588 by default."""
_ANSWER = 30.0
"""Seconds for one request."""
_STOP = 2.0
"""Seconds in which a producer lets go of its brokers."""
_TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)

Part = Sequence[bytes]


class Producing:
    """The loop, its thread, and what lives in it.

    The thread's frames hold it, so in the child of a fork, where the thread is gone, it is never taken down.
    """

    def __init__(self, settings: Mapping[str, Any], topic: str) -> None:
        self._settings, self._topic = settings, topic
        self._loop = asyncio.new_event_loop()
        self._producer: Any = None
        self._open: list[Part] = []
        self._refused = 0
        self._broken = False  # the producer can be used no more: its numbers do not fit the broker's, or it has ended
        self._largest = _BATCH
        self._thread = ShippingThread(target=self._run, name=f"produces to {topic}", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def call(self, work: Coroutine[Any, Any, int]) -> concurrent.futures.Future[int]:
        """Does it in the loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def begin(self, payloads: Sequence[bytes]) -> None:
        """The next records, all of them open."""
        self._open, self._refused = [payloads], 0

    def close(self) -> None:
        """Stops the producer, whatever it is at, and ends the thread."""
        with contextlib.suppress(concurrent.futures.TimeoutError, concurrent.futures.CancelledError):
            self.call(self._end()).result(3 * _STOP)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_STOP)
        if not self._thread.is_alive():
            self._loop.close()

    async def _end(self) -> int:
        await self._stop()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        if others:
            await asyncio.wait(others, timeout=_STOP)
        return 0

    async def _stop(self) -> None:
        producer, self._producer = self._producer, None
        if producer is None:
            return
        with contextlib.suppress(KafkaError, OSError, TimeoutError):
            async with asyncio.timeout(_STOP):
                await producer.stop()
            return
        with contextlib.suppress(KafkaError, OSError):
            await producer.client.close()  # what it would still wait for is given up

    async def _started(self) -> Any:
        if self._producer is None:
            self._producer = AIOKafkaProducer(
                **self._settings,
                acks="all",
                enable_idempotence=True,
                compression_type="lz4",
                max_batch_size=_BATCH,
                max_request_size=_BATCH + 1000,
                request_timeout_ms=int(_ANSWER * 1000),
            )
            try:
                async with asyncio.timeout(_ANSWER):
                    await self._producer.start()
            except BaseException:
                await self._stop()
                raise
        return self._producer

    async def deliver(self) -> int:
        """Delivers what is open; returns how many records were refused. Raises if some are open still."""
        while self._open:
            producer = await self._started()
            partitions = sorted(await producer.partitions_for(self._topic))
            partition = random.choice(partitions)  # noqa: S311  (no secret)
            answers: list[tuple[Part, Any]] = []
            failure: Exception | None = None
            while self._open and failure is None:
                batch = producer.create_batch()
                part = self._fill(batch)
                try:
                    answers.append((part, await producer.send_batch(batch, self._topic, partition=partition)))
                except KafkaError as error:
                    failure = self._again(part, error)
            failure = await self._judged(answers) or failure
            if self._broken:
                self._broken = False
                await self._stop()
            if failure is not None:
                raise failure
        return self._refused

    def _fill(self, batch: Any) -> Part:
        """As many of the open records as one batch takes, at least one."""
        records = self._open.pop(0)
        count = size = 0
        for record in records:
            size += len(record)
            if count and size > self._largest:
                break
            if batch.append(key=None, value=record, timestamp=None) is None:
                break
            count += 1
        if rest := records[count:]:
            self._open.insert(0, rest)
        return records[:count]

    async def _judged(self, answers: Sequence[tuple[Part, Any]]) -> Exception | None:
        """Waits for all answers; what is not written is open again. A failure that the next attempt may not have."""
        failure: Exception | None = None
        for part, answer in answers:
            try:
                await answer
            except _TOO_LARGE:
                self._broken = True  # the numbers of these records are missing now
                if len(part) == 1:
                    self._refused += 1
                else:
                    self._largest = max(1, min(self._largest, sum(map(len, part)) // 2))
                    self._open.append(part)
            except KafkaError as error:
                failure = self._again(part, error)
        return failure

    def _again(self, part: Part, error: KafkaError) -> KafkaError:
        self._open.append(part)
        self._broken = self._broken or not error.retriable
        return error
