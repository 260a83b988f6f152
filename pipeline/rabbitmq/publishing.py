"""Messages published to an exchange, each confirmed by the broker or not."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from aiormq import spec
from aiormq.abc import AbstractChannel, AbstractConnection
from aiormq.exceptions import ChannelAccessRefused, DeliveryError

from pipeline.errors import NotAuthorised, Unavailable
from pipeline.rabbitmq.connecting import TROUBLES, Brokers, said

_FAREWELL = 5.0
_NUMBERS = ("delivery_mode", "priority")


class Message(NamedTuple):
    """What is published, under a routing key."""

    key: str
    properties: Mapping[str, Any]
    payload: bytes


@dataclass(frozen=True, slots=True)
class Exchange:
    """Where it is published."""

    name: str
    type: str
    durable: bool
    passive: bool
    arguments: Mapping[str, Any]


class Publisher:
    """A connection and a channel, made when they are needed; raises `SendFailure`."""

    def __init__(self, brokers: Brokers, exchange: Exchange) -> None:
        self._brokers, self._exchange = brokers, exchange
        self._connection: AbstractConnection | None = None
        self._channel: AbstractChannel | None = None
        self._connecting = asyncio.Lock()

    async def connect(self) -> AbstractChannel:
        """The channel; the exchange is there."""
        async with self._connecting:
            if self._channel is not None and not self._channel.is_closed:
                return self._channel
            await self.close()
            self._connection = await self._brokers.connect()
            exchange = self._exchange
            try:
                channel = await self._connection.channel(publisher_confirms=True)
                await channel.exchange_declare(
                    exchange.name,
                    exchange_type=exchange.type,
                    durable=exchange.durable,
                    passive=exchange.passive,
                    arguments=dict(exchange.arguments),
                )
            except ChannelAccessRefused as error:
                await self.close()
                raise NotAuthorised(said(error)) from error
            except TROUBLES as error:
                await self.close()
                raise Unavailable(f"the exchange {exchange.name}: {said(error)}") from error
            self._channel = channel
            return channel

    async def publish(self, messages: Sequence[Message]) -> list[str]:
        """Publishes them side by side; for each, why the broker did not confirm it, or nothing."""
        channel = await self.connect()
        told = await asyncio.gather(*(self._one(channel, message) for message in messages), return_exceptions=True)
        refused = [error for error in told if isinstance(error, ChannelAccessRefused)]
        if refused:
            raise NotAuthorised(said(refused[0]))
        for error in told:
            if isinstance(error, BaseException) and not isinstance(error, TROUBLES):
                raise error
        reasons = [said(error) if isinstance(error, BaseException) else "" for error in told]
        if all(isinstance(error, BaseException) and not isinstance(error, DeliveryError) for error in told):
            raise Unavailable(f"{self._brokers.name}: {reasons[0]}")
        return reasons

    async def _one(self, channel: AbstractChannel, message: Message) -> None:
        properties = spec.Basic.Properties(**_typed(message.properties))
        await channel.basic_publish(
            message.payload, exchange=self._exchange.name, routing_key=message.key, properties=properties
        )

    async def close(self) -> None:
        """Closes the connection."""
        connection, self._connection, self._channel = self._connection, None, None
        if connection is not None:
            with contextlib.suppress(*TROUBLES):
                async with asyncio.timeout(_FAREWELL):
                    await connection.close()


def _typed(properties: Mapping[str, Any]) -> dict[str, Any]:
    typed = {name: int(value) if name in _NUMBERS else value for name, value in properties.items()}
    if "timestamp" in typed:
        typed["timestamp"] = datetime.fromtimestamp(float(typed["timestamp"]), UTC)
    return typed
