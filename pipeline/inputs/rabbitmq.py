"""Read messages from a queue of RabbitMQ.

    input {
      rabbitmq {
        host => "rabbit1" queue => "logs" durable => true
        exchange => "logs" exchange_type => "topic" key => "app.#"
      }
    }

The broker is told that a message was taken when it has been delivered: written, dead-lettered, dropped by a filter, or
wanted by no output. What a crash or a connection that broke interrupts, it hands out again. A message that has a
`message_id` has the same event id then, so that it is not written twice; others come again under new ids. `ack =>
false` changes nothing: the broker would forget messages before they are delivered.

`prefetch_count` bounds what is under way. The queue is made where it is not there, and bound to `exchange`; without
`queue`, it is a transient one that dies with the connection. With TLS the broker's certificate is checked, unlike in
Logstash (`ssl_verification_mode`). Needs the extra `rabbitmq`: `pip install "apex-logs[rabbitmq]"`.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from pipeline.batch import Batch, Origin
from pipeline.event import Event
from pipeline.options import Boolean, CodecOption, Ignored, InputOptions, Integer, Number, Text, Texts, default_codec
from pipeline.plugin import PluginContext, Reject
from pipeline.protocols import messages
from pipeline.pulled import Stop
from pipeline.rabbitmq.options import BrokerOptions, addresses, check_installed, context_of

if TYPE_CHECKING:
    from pipeline.rabbitmq.consuming import Consumer


def _known(value: Any) -> Any:
    return {"true": "basic", "false": "none"}.get(str(value).lower(), value)


class Options(BrokerOptions, InputOptions):
    """Options of the rabbitmq input."""

    host: Annotated[Texts, Field(min_length=1, description="Brokers, tried in turn; `host` or `host:port`.")] = [
        "localhost"
    ]
    queue: Annotated[Text, Field(description="The queue; without a name, a transient one.")] = ""
    durable: Annotated[Boolean, Field(description="The queue outlives the broker's restart.")] = False
    auto_delete: Annotated[Boolean, Field(description="The queue is deleted with its last consumer.")] = False
    exclusive: Annotated[Boolean, Field(description="The queue is this connection's alone, and dies with it.")] = False
    exchange: Annotated[Text | None, Field(description="The exchange that the queue is bound to.")] = None
    exchange_type: Annotated[Text | None, Field(description="Makes the exchange: fanout, direct, topic, ...")] = None
    key: Annotated[Text, Field(description="The routing key of the binding.")] = "logstash"
    prefetch_count: Annotated[
        Integer, Field(ge=1, le=65535, description="Messages that may be under way; without a bound is not offered.")
    ] = 256
    ack: Annotated[Boolean, Field(description="Changes nothing: what is delivered is acknowledged then.")] = True
    subscription_retry_interval_seconds: Annotated[
        Number, Field(ge=0, description="Seconds before a connection that broke is made anew.")
    ] = 5
    metadata_enabled: Annotated[
        Literal["none", "basic", "extended"],
        BeforeValidator(_known),
        Field(
            description="`basic`: `[@metadata][rabbitmq_headers]` and `[rabbitmq_properties]`; `extended`: "
            "`[rabbitmq_payload]` too."
        ),
    ] = "none"
    threads: Annotated[
        Integer,
        Ignored("one loop reads as fast as a worker takes messages"),
        Field(description="Accepted as in Logstash."),
    ] = 1
    codec: Annotated[CodecOption, Field(description="How a message becomes events.")] = default_codec("json")


def build(options: Options, context: PluginContext) -> RabbitMq:
    """Makes the input; certificates are read now."""
    check_installed()
    if not options.ack:
        context.warn("rabbitmq: ack => false changes nothing: messages are acknowledged when they have been delivered")
    return RabbitMq(options)


class RabbitMq:
    """The two halves: a consumer for `batches`, a function for `decode`."""

    def __init__(self, options: Options) -> None:
        self._options, self._context = options, context_of(options)
        self._decode = messages.decoder(options.codec, _describer(options.metadata_enabled))
        self._stop = Stop()
        self._consumer: Consumer | None = None

    async def batches(self) -> AsyncIterator[Batch]:
        """The messages, as they arrive."""
        from pipeline.rabbitmq.connecting import Brokers  # the client: not for a mere check
        from pipeline.rabbitmq.consuming import Consumer, Terms

        if self._stop:
            return
        options = self._options
        names = ("durable", "exclusive", "auto_delete", "passive", "arguments")
        terms = Terms(
            options.queue,
            {name: getattr(options, name) for name in names},
            options.exchange,
            options.exchange_type,
            options.key,
            options.prefetch_count,
            options.metadata_enabled != "none",
        )
        brokers = Brokers(addresses(options), self._context, (options.connection_timeout or 10_000) / 1000)
        self._consumer = Consumer(brokers, terms, options.subscription_retry_interval_seconds, self._stop)
        async for batch in self._consumer.batches():
            yield batch

    def stop(self) -> None:
        """Take no more."""
        self._stop.set()

    async def close(self) -> None:
        """The broker is told of what has ended; the connection is closed."""
        if self._consumer is not None:
            await self._consumer.close()

    def decode(self, data: bytes, origin: Origin, reject: Reject) -> Iterator[Event]:
        """The events of the messages."""
        return self._decode(data, origin, reject)

    def pick(self, data: bytes, origin: Origin, piece: int) -> bytes:
        """One message."""
        return messages.pick(data, piece)


def _describer(level: str) -> messages.Describe:
    def describe(event: Event, head: messages.Head, payload: bytes) -> None:
        if level == "none" or "properties" not in head:
            return
        event.metadata["rabbitmq_headers"] = dict(head["headers"])
        event.metadata["rabbitmq_properties"] = dict(head["properties"])
        if level == "extended":
            try:
                event.metadata["rabbitmq_payload"] = payload.decode()
            except UnicodeDecodeError:
                event.metadata["rabbitmq_payload"] = base64.b64encode(payload).decode()

    return describe
