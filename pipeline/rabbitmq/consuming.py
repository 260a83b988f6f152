"""Messages of a queue, as batches; the broker is told of a batch when it has its end.

    deliveries --> waiting --> batch 1..3 | batch 4..9 | ...        by delivery tag, which counts up in a channel
                                 open        ended                  acknowledged: all below the first that is open

The broker hands out `prefetch` messages that are not acknowledged, and no more. Whatever a connection that broke had
handed out, it hands out again: ends of batches that came over it change nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import xxhash
from aiormq.abc import AbstractChannel, AbstractConnection, DeliveredMessage

from pipeline.batch import Batch
from pipeline.errors import SendFailure
from pipeline.protocols import messages
from pipeline.pulled import Stop, Troubles
from pipeline.rabbitmq.connecting import TROUBLES, Brokers

log = logging.getLogger("apex.input.rabbitmq")
_BURST = 0.005
"""Seconds that a batch waits for more messages."""
_FAREWELL = 5.0
_PROPERTIES = {
    "app-id": "app_id", "cluster-id": "cluster_id", "content-encoding": "content_encoding",
    "content-type": "content_type", "correlation-id": "correlation_id", "expiration": "expiration",
    "message-id": "message_id", "reply-to": "reply_to", "type": "message_type", "user-id": "user_id",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Terms:
    """What to read, and what to make where it is not there."""

    queue: str
    declared: Mapping[str, Any]
    """How the queue is made: durable, exclusive, auto_delete, passive, arguments."""
    exchange: str | None
    exchange_type: str | None
    key: str
    prefetch: int
    known: bool
    """Whether properties and headers go along."""


class _Link:
    """One connection, and what is open over it."""

    def __init__(self, connection: AbstractConnection, channel: AbstractChannel) -> None:
        self.connection, self.channel = connection, channel
        self.arrived: asyncio.Queue[DeliveredMessage | None] = asyncio.Queue()
        self.open: OrderedDict[int, bool] = OrderedDict()
        """By the last delivery tag of each batch, whether it has its end."""
        self.ended = asyncio.Event()
        self.broken = False
        self.given = False
        """Whether a batch was given out."""

    async def take(self, message: DeliveredMessage) -> None:
        self.arrived.put_nowait(message)

    def broke(self, *_: object) -> None:
        self.broken = True
        self.arrived.put_nowait(None)
        self.ended.set()

    def due(self) -> int:
        """The tag up to which all has ended; 0 if nothing is to be told."""
        tag = 0
        while self.open and self.open[next(iter(self.open))]:
            tag, _ = self.open.popitem(last=False)
        return tag

    async def acknowledge(self) -> None:
        """Tells the broker of what ends, as long as the channel stands."""
        while not self.broken:
            await self.ended.wait()
            self.ended.clear()
            if tag := self.due():
                with contextlib.suppress(*TROUBLES):  # a channel that broke is noticed elsewhere
                    await self.channel.basic_ack(tag, multiple=True)

    async def close(self) -> None:
        with contextlib.suppress(*TROUBLES):
            async with asyncio.timeout(_FAREWELL):
                await self.connection.close()


class Consumer:
    """Reads one queue, over one connection after the other."""

    def __init__(self, brokers: Brokers, terms: Terms, pause: float, stop: Stop) -> None:
        self._brokers, self._terms, self._pause, self._stop = brokers, terms, pause, stop
        self._label = f"rabbitmq {terms.queue or terms.exchange}"
        self._link: _Link | None = None
        self._acknowledging: asyncio.Task[None] | None = None

    async def batches(self) -> AsyncIterator[Batch]:
        """The messages, as they arrive; ends when the input is stopped."""
        troubles = Troubles(log, self._label, self._stop)
        waking = asyncio.create_task(self._wake())
        try:
            while not self._stop:
                try:
                    link = await self._connect()
                except (*TROUBLES, SendFailure) as error:
                    await troubles.pause(error)
                    continue
                troubles.over()
                async for batch in self._read(link):
                    yield batch
                if not self._stop:
                    log.warning("%s: the connection broke; what was under way comes again", self._label)
                    await self._leave()
                    await self._stop.rest(self._pause)
        finally:
            waking.cancel()

    async def _wake(self) -> None:
        await self._stop.wait()
        if self._link is not None:
            self._link.arrived.put_nowait(None)

    async def _connect(self) -> _Link:
        connection = await self._brokers.connect()
        try:
            channel = await connection.channel(publisher_confirms=False)
            await channel.basic_qos(prefetch_count=self._terms.prefetch)
            terms = self._terms
            declared = await channel.queue_declare(terms.queue, **terms.declared)
            name = declared.queue or terms.queue
            if terms.exchange is not None:
                if terms.exchange_type is not None:
                    durable = terms.declared["durable"]
                    await channel.exchange_declare(terms.exchange, exchange_type=terms.exchange_type, durable=durable)
                await channel.queue_bind(name, terms.exchange, routing_key=terms.key)
            link = self._link = _Link(connection, channel)
            channel.closing.add_done_callback(link.broke)
            connection.closing.add_done_callback(link.broke)
            channel.on_consumer_cancel_callbacks.add(link.broke)  # the queue was deleted
            self._acknowledging = asyncio.create_task(link.acknowledge())
            await channel.basic_consume(name, link.take)
        except BaseException:
            with contextlib.suppress(*TROUBLES):
                await connection.close()
            raise
        return link

    async def _read(self, link: _Link) -> AsyncIterator[Batch]:
        while not link.broken and not self._stop:
            first = await link.arrived.get()
            if first is None or self._stop:
                return
            taken = [first]
            await asyncio.sleep(_BURST)
            while len(taken) < self._terms.prefetch and not link.arrived.empty():
                more = link.arrived.get_nowait()
                if more is None:
                    return  # it broke: all of it comes again
                taken.append(more)
            tag = taken[-1].delivery_tag
            assert tag is not None
            link.open[tag], link.given = False, True
            data = messages.packed((self._head(message), message.body) for message in taken)
            refused: Callable[[Exception], None] = self._refused
            yield Batch(data, {"id": secrets.token_hex(16)}, partial(_end, link, tag), refused)

    def _head(self, message: DeliveredMessage) -> messages.Head:
        head: messages.Head = {}
        properties = message.header.properties
        if properties.message_id:
            stamp = properties.timestamp.isoformat() if properties.timestamp else ""
            named = (self._terms.queue, message.exchange, message.routing_key, properties.message_id, stamp)
            digest = xxhash.xxh3_128("\0".join(map(str, named)).encode())
            digest.update(message.body)
            head["id"] = digest.hexdigest()
        if self._terms.known:
            found = {name: getattr(properties, attribute) or None for name, attribute in _PROPERTIES.items()}
            found |= {"delivery-mode": properties.delivery_mode, "priority": properties.priority}
            found |= {"consumer-tag": message.consumer_tag, "exchange": message.exchange}
            found |= {"redeliver": message.redelivered or None, "routing-key": message.routing_key}
            found["timestamp"] = int(properties.timestamp.timestamp()) if properties.timestamp else None
            head["properties"] = {name: value for name, value in found.items() if value is not None}
            head["headers"] = _plain(properties.headers or {})
        return head

    def _refused(self, error: Exception) -> None:
        log.error("%s: a batch stays with the broker: %s", self._label, error)

    async def _leave(self) -> None:
        if self._acknowledging is not None:
            self._acknowledging.cancel()
            await asyncio.wait([self._acknowledging])
        if self._link is not None:
            await self._link.close()
            self._link = None

    async def close(self) -> None:
        """Tells the broker of what has ended; it hands out the rest again."""
        link = self._link
        if link is not None and not link.broken and (tag := link.due()):
            with contextlib.suppress(*TROUBLES):
                await link.channel.basic_ack(tag, multiple=True)
        await self._leave()


def _end(link: _Link, tag: int, _events: int) -> None:
    if tag in link.open:
        link.open[tag] = True
        link.ended.set()


def _plain(value: Any) -> Any:
    """A value of a header as JSON has it."""
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, bytes | bytearray):
        return bytes(value).decode("utf-8", "replace")
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)
