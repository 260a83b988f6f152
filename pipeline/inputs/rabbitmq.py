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
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from pipeline.event import Event
from pipeline.options import Boolean, CodecOption, Ignored, InputOptions, Integer, Number, Text, Texts, default_codec
from pipeline.plugin import PluginContext
from pipeline.protocols import messages
from pipeline.pulled import Consumed, Stop
from pipeline.rabbitmq.options import BrokerOptions, addresses, check_installed, context_of

if TYPE_CHECKING:
    import ssl

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


def build(options: Options, context: PluginContext) -> Consumed:
    """Makes the input; certificates are read now."""
    check_installed()
    if not options.ack:
        context.warn("rabbitmq: ack => false changes nothing: messages are acknowledged when they have been delivered")
    consumer = partial(_consumer, options, context_of(options))
    return Consumed(consumer, messages.decoder(options.codec, _describer(options.metadata_enabled)), messages.pick)


def _consumer(options: Options, tls: ssl.SSLContext | None, stop: Stop) -> Consumer:
    from pipeline.rabbitmq.connecting import Brokers  # the client: not for a mere check
    from pipeline.rabbitmq.consuming import Consumer, Terms

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
    brokers = Brokers(addresses(options), tls, (options.connection_timeout or 10_000) / 1000)
    return Consumer(brokers, terms, options.subscription_retry_interval_seconds, stop)


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
