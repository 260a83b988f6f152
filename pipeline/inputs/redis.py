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

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, Field

from pipeline.batch import Batch, Origin
from pipeline.event import Event
from pipeline.options import Boolean, CodecOption, FormerName, Hash, Ignored, InputOptions, Integer, Text, default_codec
from pipeline.plugin import PluginContext, Reject
from pipeline.protocols import messages
from pipeline.pulled import Stop
from pipeline.redis.options import RedisOptions, check_installed, client, context_of
from pipeline.sockets.options import warn_of_loss

if TYPE_CHECKING:
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


def build(options: Options, context: PluginContext) -> Redis:
    """Makes the input; certificates are read now."""
    check_installed()
    if options.data_type != "list":
        warn_of_loss("redis", "publishers", context)
    if options.path is not None and options.model_fields_set & {"host", "port"}:
        context.warn("redis: path is given, so host and port change nothing")
    return Redis(options)


class Redis:
    """The two halves: a consumer for `batches`, a function for `decode`."""

    def __init__(self, options: Options) -> None:
        self._options, self._context = options, context_of(options)
        self._decode = messages.decoder(options.codec, _describe)
        self._stop = Stop()
        self._consumer: ListConsumer | ChannelConsumer | None = None

    async def batches(self) -> AsyncIterator[Batch]:
        """The messages, as they arrive."""
        from pipeline.redis.consuming import ChannelConsumer, ListConsumer  # the client: not for a mere check

        if self._stop:
            return
        options = self._options

        def connect() -> object:
            return client(options, self._context, options.host, options.port, options.path)

        if options.data_type == "list":
            self._consumer = ListConsumer(connect, options.key, options.batch_count, self._stop)
        else:
            pattern = options.data_type == "pattern_channel"
            self._consumer = ChannelConsumer(connect, options.key, options.batch_count, self._stop, pattern=pattern)
        async for batch in self._consumer.batches():
            yield batch

    def stop(self) -> None:
        """Take no more."""
        self._stop.set()

    async def close(self) -> None:
        """What has ended leaves the server; the connections are closed."""
        if self._consumer is not None:
            await self._consumer.close()

    def decode(self, data: bytes, origin: Origin, reject: Reject) -> Iterator[Event]:
        """The events of the messages."""
        return self._decode(data, origin, reject)

    def pick(self, data: bytes, origin: Origin, piece: int) -> bytes:
        """One message."""
        return messages.pick(data, piece)


def _describe(event: Event, head: messages.Head, payload: bytes) -> None:
    if "channel" in head:
        event.metadata["redis_channel"] = head["channel"]
