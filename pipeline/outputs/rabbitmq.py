"""Publish events to an exchange of RabbitMQ.

    output { rabbitmq { host => "rabbit1" exchange => "logs" exchange_type => "topic" key => "app.%{[app]}" } }

An event is delivered when the broker has confirmed its message: on disk, where the queues it goes to are durable and
`persistent` is set. A message that no queue of the exchange wants is confirmed too, and gone: that is how exchanges
are. What is not confirmed is sent again, so a repeat is possible; the event's id is the `message_id`, by which a reader
can tell. The exchange is made where it is not there; one that is there in another way makes the output wait, and say
so. With TLS the broker's certificate is checked, unlike in Logstash. Needs the extra `rabbitmq`:
`pip install "apex-logs[rabbitmq]"`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import orjson
from pydantic import AfterValidator, Field

from pipeline.event import Event
from pipeline.java_text import as_text
from pipeline.options import Boolean, CodecOption, Hash, OutputOptions, Text, Texts, default_codec
from pipeline.plugin import Body, Sent
from pipeline.rabbitmq.options import BrokerOptions, addresses, check_installed, context_of
from pipeline.sprintf import Template, nested

if TYPE_CHECKING:
    from pipeline.rabbitmq.publishing import Publisher

_NAMES = {
    "content_type", "content_encoding", "headers", "delivery_mode", "priority", "correlation_id", "reply_to",
    "expiration", "message_id", "timestamp", "user_id", "app_id",
}  # fmt: skip


_BYTE = 255
"""The longest text of a property, in bytes, and the largest of its numbers."""
_LAST_SECOND = 253_402_300_799
"""The end of the year 9999, since 1970."""


def _properties(given: dict[str, Any]) -> dict[str, Any]:
    named = {"message_type" if name == "type" else name.replace("-", "_"): value for name, value in given.items()}
    unknown = sorted(set(named) - _NAMES - {"message_type"})
    if unknown:
        raise ValueError(f'"{unknown[0]}" is no property of a message; known are type, {", ".join(sorted(_NAMES))}')
    return named


class Options(BrokerOptions, OutputOptions):
    """Options of the rabbitmq output."""

    host: Annotated[Texts, Field(min_length=1, description="Brokers, tried in turn; `host` or `host:port`.")]
    exchange: Annotated[Text, Field(description="The exchange.")]
    exchange_type: Annotated[Text, Field(description="Its type: fanout, direct, topic, headers, ...")]
    key: Annotated[Template, Field(description="The routing key; may hold %{...}.")] = Template("logstash")
    durable: Annotated[Boolean, Field(description="The exchange outlives the broker's restart.")] = True
    persistent: Annotated[Boolean, Field(description="Messages outlive it too, in durable queues.")] = True
    message_properties: Annotated[
        Hash, AfterValidator(_properties), Field(description="Properties of a message; texts may hold %{...}.")
    ] = {}
    codec: Annotated[CodecOption, Field(description="How an event becomes a message.")] = default_codec("json")


def build(options: Options) -> RabbitMqOutput:
    """Makes the output; certificates are read now."""
    check_installed()
    return RabbitMqOutput(options)


class RabbitMqOutput:
    """An item is a line of JSON with routing key and properties, and after it the message."""

    ordered = False

    def __init__(self, options: Options) -> None:
        self.render = _renderer(options)
        self._options, self._context = options, context_of(options)
        self._publisher: Publisher | None = None

    async def start(self) -> None:
        """Connects; may be called again after it failed."""
        from pipeline.rabbitmq.connecting import Brokers  # the client: not for a mere check
        from pipeline.rabbitmq.publishing import Exchange, Publisher

        if self._publisher is None:
            options = self._options
            brokers = Brokers(addresses(options), self._context, (options.connection_timeout or 10_000) / 1000)
            exchange = Exchange(
                options.exchange, options.exchange_type, options.durable, options.passive, options.arguments
            )
            self._publisher = Publisher(brokers, exchange)
        await self._publisher.connect()

    async def send(self, body: Body) -> Sent:
        """Publishes each message, once, and waits until the broker has confirmed them."""
        from pipeline.rabbitmq.publishing import Message

        assert self._publisher is not None
        messages = []
        for item in map(body.item, range(len(body))):
            line, _, payload = item.partition(b"\n")
            key, properties = orjson.loads(line)
            messages.append(Message(key, properties, payload))
        reasons = await self._publisher.publish(messages)
        return Sent(again=[(index, reason) for index, reason in enumerate(reasons) if reason])

    async def close(self) -> None:
        """Lets go of the broker."""
        if self._publisher is not None:
            await self._publisher.close()
            self._publisher = None


def _renderer(options: Options) -> Callable[[Event, bytearray], None]:
    key, encode = options.key.render, options.codec.encode
    given = {"delivery_mode": 2 if options.persistent else 1, "message_id": "%{[@metadata][event_id]}"}
    properties = nested({**given, **options.message_properties}, _text)

    def render(event: Event, body: bytearray) -> None:
        routing = key(event)
        if len(routing.encode()) > _BYTE:
            raise ValueError(f"a routing key has {_BYTE} bytes at most: {routing:.100}")
        head = {name: _sendable(name, value) for name, value in properties(event).items()}
        body += orjson.dumps([routing, head])
        body += b"\n"
        body += encode(event)

    return render


def _sendable(name: str, value: Any) -> Any:
    """A property as the protocol can hold it; raises where it cannot, as that concerns this event and no other."""
    if name == "headers":
        return value
    if name in ("delivery_mode", "priority"):
        if not 0 <= (number := int(value)) <= _BYTE:
            raise ValueError(f"{name} is a number up to {_BYTE}, not {number}")
        return number
    if name == "timestamp":
        if not 0 <= (seconds := float(value)) <= _LAST_SECOND:
            raise ValueError(f"timestamp is seconds since 1970, not {value}")
        return seconds
    text = value if isinstance(value, str) else as_text(value)
    if len(text.encode()) > _BYTE:
        raise ValueError(f"{name} has {_BYTE} bytes at most: {text:.100}")
    return text


def _text(value: Any) -> Callable[[Event], Any]:
    """Numbers stay."""
    if isinstance(value, bool | int | float):
        return lambda event: value
    return Template(value if isinstance(value, str) else as_text(value)).render
