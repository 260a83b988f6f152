"""What inputs that ask for their data have in common: a stop that ends their pauses, and batches nobody waits for.

`Consumed` is an input whose messages a server hands out: it is asked when the pipeline runs, not before.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Protocol

from pipeline.batch import Batch, Origin
from pipeline.event import Event
from pipeline.plugin import Reject


class Stop:
    """Set once; whoever rests wakes."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def __bool__(self) -> bool:
        return self._event.is_set()

    def set(self) -> None:
        """Says that no more is to be taken."""
        self._event.set()

    async def wait(self) -> None:
        """Returns when it is set."""
        await self._event.wait()

    async def rest(self, seconds: float) -> None:
        """A pause of so many seconds, or until it is set."""
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await self._event.wait()
        except TimeoutError:
            return


_LONGEST_PAUSE = 30.0


class Troubles:
    """What goes wrong with a source is said, and tried again after a pause that doubles, up to 30 s."""

    def __init__(self, log: logging.Logger, label: str, stop: Stop) -> None:
        self._log, self._label, self._stop, self._attempt = log, label, stop, 0

    def over(self) -> None:
        """The source answers: the next pause is the shortest again."""
        self._attempt = 0

    async def pause(self, error: Exception) -> None:
        """Says it, and waits."""
        seconds = min(_LONGEST_PAUSE, 2.0 ** min(self._attempt, 10))
        self._attempt += 1
        said = str(error) or type(error).__name__
        self._log.warning("%s: %s; next try in %.0f s", self._label, said, seconds)
        await self._stop.rest(seconds)


def unanswered(data: bytes) -> Batch:
    """A batch whose end nobody is told of."""
    return Batch(data, {"id": secrets.token_hex(16)}, _nothing, _nothing)


def _nothing(_: object) -> None:
    """There is nobody to acknowledge to."""


class Consumer(Protocol):
    """What asks a server for messages, and tells it of those that have their end."""

    def batches(self) -> AsyncIterator[Batch]:
        """The messages, as they arrive."""
        ...

    async def close(self) -> None:
        """Tells the server of what has ended, and closes the connections."""
        ...


class Consumed:
    """The two halves of an input: a consumer for `batches`, functions for `decode` and `pick`."""

    def __init__(
        self,
        consumer: Callable[[Stop], Consumer],
        decode: Callable[[bytes, Origin, Reject], Iterator[Event]],
        pick: Callable[[bytes, int], bytes],
    ) -> None:
        """`consumer` is made when the first batch is asked for, so that a check needs no client."""
        self._make, self._decode, self._pick = consumer, decode, pick
        self._stop = Stop()
        self._consumer: Consumer | None = None

    async def batches(self) -> AsyncIterator[Batch]:
        """The messages, as they arrive."""
        if self._stop:
            return
        self._consumer = self._make(self._stop)
        async for batch in self._consumer.batches():
            yield batch

    def stop(self) -> None:
        """Take no more."""
        self._stop.set()

    async def close(self) -> None:
        """The server is told of what has ended; the connections are closed."""
        if self._consumer is not None:
            await self._consumer.close()

    def decode(self, data: bytes, origin: Origin, reject: Reject) -> Iterator[Event]:
        """The events of the messages."""
        return self._decode(data, origin, reject)

    def pick(self, data: bytes, origin: Origin, piece: int) -> bytes:
        """One message."""
        return self._pick(data, piece)
