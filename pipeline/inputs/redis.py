"""Read messages from a list of Redis, or from its channels.

    input { redis { host => "redis1" data_type => "list" key => "logstash" } }

From a list, which producers fill by RPUSH, messages are taken at the head, and leave the server when their batch has
its end: until then they are in a list of their own, `KEY:apex-logs:...`. What a process that died had taken is put back
to the head after 30 s by any other reader of the same list, this one after its restart included: nothing is lost, and
what was under way comes again. A stop puts it back at once. Several processes, and Logstash, may read one list. On a
Redis that runs as a cluster, `key` must hold a hash tag (`{logs}`).

What is published to a channel (`data_type => "channel"`, or `"pattern_channel"` for several) reaches who is listening
then and nobody else: what was received and not delivered when the process dies is lost, unless a persistent queue is
configured. The channel is in `[@metadata][redis_channel]`.

Needs the extra `redis`: `pip install "apex-logs[redis]"`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, Field

from pipeline.event import Event
from pipeline.options import Boolean, CodecOption, FormerName, Hash, Ignored, InputOptions, Integer, Text, default_codec
from pipeline.plugin import PluginContext
from pipeline.protocols import messages
from pipeline.pulled import Consumed, Stop
from pipeline.redis.options import RedisOptions, check_installed, client, context_of
from pipeline.sockets.options import warn_of_loss

if TYPE_CHECKING:
    import ssl

    from pipeline.redis.consuming import ChannelConsumer, ListConsumer


def _none(renamed: dict[str, object]) -> dict[str, object]:
    if renamed:
        raise ValueError("commands are called by their own names here; give this user the commands by an ACL")
    return renamed


class Options(RedisOptions, InputOptions):
    """Options of the redis input."""

    key: Annotated[Text, Field(min_length=1, description="The list, the channel, or the pattern of channels.")]
    data_type: Annotated[Literal["list", "channel", "pattern_channel"], Field(description="What `key` names.")]
    host: Annotated[Text, Field(description="Where the server is.")] = "127.0.0.1"
    path: Annotated[Text | None, Field(description="A Unix socket, in place of host and port.")] = None
    batch_count: Annotated[Integer, Field(ge=1, description="Messages taken at a time, at most.")] = 125
    command_map: Annotated[
        Hash, AfterValidator(_none), Field(description="Refused unless empty: commands have their own names here.")
    ] = {}
    threads: Annotated[
        Integer,
        Ignored("one loop reads as fast as a worker takes messages"),
        Field(description="Accepted as in Logstash."),
    ] = 1
    ssl: Annotated[Boolean | None, FormerName("ssl_enabled"), Field(description="The former name.")] = None
    codec: Annotated[CodecOption, Field(description="How a message becomes events.")] = default_codec("json")


def build(options: Options, context: PluginContext) -> Consumed:
    """Makes the input; certificates are read now."""
    check_installed()
    if options.data_type != "list":
        warn_of_loss("redis", "publishers", context)
    if options.path is not None and options.model_fields_set & {"host", "port"}:
        context.warn("redis: path is given, so host and port change nothing")
    consumer = partial(_consumer, options, context_of(options))
    return Consumed(consumer, messages.decoder(options.codec, _describe), messages.pick)


def _consumer(options: Options, tls: ssl.SSLContext | None, stop: Stop) -> ListConsumer | ChannelConsumer:
    from pipeline.redis.consuming import ChannelConsumer, ListConsumer  # the client: not for a mere check

    def connect() -> object:
        return client(options, tls, options.host, options.port, options.path)

    if options.data_type == "list":
        return ListConsumer(connect, options.key, options.batch_count, stop)
    pattern = options.data_type == "pattern_channel"
    return ChannelConsumer(connect, options.key, options.batch_count, stop, pattern=pattern)


def _describe(event: Event, head: messages.Head, payload: bytes) -> None:
    if "channel" in head:
        event.metadata["redis_channel"] = head["channel"]
