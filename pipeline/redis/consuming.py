"""The first half of the redis input: messages of a list or a channel, as batches, over connections that may break."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

from redis.exceptions import RedisError

from pipeline.batch import Batch
from pipeline.protocols import messages
from pipeline.pulled import Stop, Troubles, unanswered
from pipeline.redis.lists import LEASE, ListReader, Taken

log = logging.getLogger("apex.input.redis")
_IDLE = 0.1
"""Seconds until an empty list is looked at again."""
_BURST = 0.005
"""Seconds that a batch of a channel waits for more."""
_FAREWELL = 5.0
Connect = Callable[[], Any]


class ListConsumer:
    """Reads a list; the messages of a batch leave the server when it has its end."""

    def __init__(self, connect: Connect, key: str, count: int, stop: Stop) -> None:
        self._client = connect()
        self._reader = ListReader(self._client, key, count)
        self._label, self._stop = f"redis {key}", stop
        self._ended: asyncio.Queue[Taken] = asyncio.Queue()
        self._beside: asyncio.Task[None] | None = None

    async def batches(self) -> AsyncIterator[Batch]:
        """What is in the list, as long as `stop` was not called."""
        self._beside = asyncio.create_task(self._keep())
        troubles = Troubles(log, self._label, self._stop)
        while not self._stop:
            try:
                taken = await self._reader.take()
            except (RedisError, OSError) as error:
                await troubles.pause(error)
                continue
            troubles.over()
            if taken is None:
                await self._stop.rest(_IDLE)
                continue
            data = messages.packed(({}, message) for message in taken.messages)
            yield Batch(data, {"id": secrets.token_hex(16)}, partial(self._end, taken), self._refused)

    def _end(self, taken: Taken, _events: int) -> None:
        self._ended.put_nowait(taken)

    def _refused(self, error: Exception) -> None:
        log.error("%s: a batch stays on the server: %s", self._label, error)

    async def _keep(self) -> None:
        """Ends what has ended, gives signs of life, and puts back what the dead had taken."""
        troubles, due = Troubles(log, self._label, Stop()), 0.0
        ended: Taken | None = None
        clock = asyncio.get_running_loop().time
        while True:
            try:
                if clock() >= due:
                    await self._reader.live()
                    if returned := await self._reader.recover():
                        log.warning("%s: %d messages that a dead reader had taken are back", self._label, returned)
                    due = clock() + LEASE / 3
                ended = ended or await self._next_ended(due - clock())
                if ended is not None:
                    await self._reader.end(ended)
                    self._ended.task_done()
                    ended = None
                troubles.over()
            except (RedisError, OSError) as error:
                await troubles.pause(error)

    async def _next_ended(self, seconds: float) -> Taken | None:
        """What has ended next; None if nothing does in so many seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, seconds)):
                return await self._ended.get()
        return None

    async def close(self) -> None:
        """Ends what has ended, and gives back the rest."""
        if self._beside is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_FAREWELL):
                    await self._ended.join()
            await _ended(self._beside)
            with contextlib.suppress(RedisError, OSError):
                await self._reader.leave()
        await self._client.aclose()


class ChannelConsumer:
    """Listens to a channel, or to those that a pattern matches. Nothing can be acknowledged."""

    def __init__(self, connect: Connect, key: str, count: int, stop: Stop, *, pattern: bool) -> None:
        self._client = connect()
        self._key, self._count, self._pattern = key, count, pattern
        self._label, self._stop = f"redis {key}", stop
        self._arrived: asyncio.Queue[tuple[messages.Head, bytes]] = asyncio.Queue(10_000)
        self._task: asyncio.Task[None] | None = None

    async def batches(self) -> AsyncIterator[Batch]:
        """What is published, as it arrives."""
        self._task = asyncio.create_task(self._listen())
        stopped = asyncio.create_task(self._stop.wait())
        while not self._stop or not self._arrived.empty():
            getting = asyncio.create_task(self._arrived.get())
            await asyncio.wait((getting, stopped), return_when=asyncio.FIRST_COMPLETED)
            if not getting.done():
                getting.cancel()
                break
            taken = [getting.result()]
            await asyncio.sleep(_BURST)
            while len(taken) < self._count and not self._arrived.empty():
                taken.append(self._arrived.get_nowait())
            yield unanswered(messages.packed(taken))
        stopped.cancel()

    async def _listen(self) -> None:
        troubles = Troubles(log, self._label, self._stop)
        while not self._stop:
            try:
                await self._hear(troubles)
            except (RedisError, OSError) as error:
                await troubles.pause(error)

    async def _hear(self, troubles: Troubles) -> None:
        """Subscribes, and takes what is published until the end."""
        async with self._client.pubsub(ignore_subscribe_messages=True) as heard:
            await (heard.psubscribe if self._pattern else heard.subscribe)(self._key)
            while not self._stop:
                message = await heard.get_message(timeout=1.0)
                troubles.over()
                if message is not None:
                    await self._arrived.put(({"channel": message["channel"].decode()}, message["data"]))

    async def close(self) -> None:
        """Hears no more."""
        if self._task is not None:
            await _ended(self._task)
        await self._client.aclose()


async def _ended(task: asyncio.Task[None]) -> None:
    """Cancels a task until it has ended: a client that connects may take the first for its own."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=0.1)
