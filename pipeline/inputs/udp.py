"""Read events from UDP datagrams, one a datagram.

    input { udp { port => 5514 receive_buffer_bytes => 4194304 } }

A codec that reads lines (`line`, `json_lines`) makes an event of each line of a datagram.

It listens on this machine alone unless `host` says otherwise (Logstash: on every address). Nobody notices when a
datagram is lost: by the network, by a crash of this process (the input says so at the start, unless a persistent queue
is configured), or because outputs have stalled and the kernel has no room. Then, and in bursts, `queue_size` datagrams
are held here and `receive_buffer_bytes` by the kernel; what the kernel drops on Linux is counted, and said in the log.

The sender's address is in `host` or, in ECS mode, `[host][ip]`, where the event has no such field.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from pipeline.arrivals import arrive
from pipeline.batch import Origin
from pipeline.errors import FieldError
from pipeline.event import SIBLING, Event
from pipeline.field_reference import FieldReference
from pipeline.options import Boolean, CodecOption, Ecs, Ignored, InputOptions, Integer, default_codec
from pipeline.plugin import Codec, PluginContext, Reject
from pipeline.protocols.datagrams import Picker, unpacked
from pipeline.sockets import options as sockets
from pipeline.sockets.served import Served

if TYPE_CHECKING:
    from pipeline.sockets.server import Server

Decode = Callable[[bytes, Origin, Reject], Iterator[Event]]


class Options(InputOptions):
    """Options of the udp input."""

    port: sockets.Port
    host: sockets.Host = "127.0.0.1"
    codec: Annotated[CodecOption, Field(description="How a datagram becomes events.")] = default_codec("plain")
    ecs_compatibility: Annotated[Ecs, Field(description="Where the sender's address is put.")] = "v8"
    source_ip_fieldname: Annotated[
        FieldReference | None,
        Field(description="Field for the sender's address; by default `host` or, in ECS mode, `[host][ip]`."),
    ] = None
    buffer_size: Annotated[
        Integer, Field(gt=0, le=1 << 20, description="Longest datagram, in bytes; a longer one is cut, and said.")
    ] = 65536
    queue_size: Annotated[
        Integer, Field(gt=0, description="Datagrams that may wait here; then they wait in the kernel, while it can.")
    ] = 2000
    receive_buffer_bytes: Annotated[
        Integer | None, Field(gt=0, description="Bytes the kernel may hold; by default as the system is set.")
    ] = None
    workers: Annotated[
        Integer,
        Ignored("one event loop takes datagrams as fast as they come"),
        Field(description="Accepted as in Logstash."),
    ] = 2
    metadata: Annotated[
        Boolean, Ignored("no codec here asks for the sender's address"), Field(description="Accepted as in Logstash.")
    ] = False


def build(options: Options, context: PluginContext) -> Udp:
    """Makes the input."""
    sockets.warn_of_loss("udp", "senders of datagrams", context)
    ecs = options.ecs_compatibility != "disabled"
    field = options.source_ip_fieldname or FieldReference("[host][ip]" if ecs else "host")
    return Udp(options.codec, _server(options), field)


def _server(options: Options) -> Server:
    from pipeline.sockets.datagrams import Basin, Datagrams  # with asyncio: not for a mere check
    from pipeline.sockets.server import Server

    basin = Basin(options.host, options.port, options.buffer_size, options.queue_size, options.receive_buffer_bytes)
    return Server(datagrams=lambda inbox, complaints: Datagrams(basin, inbox, complaints))


class Udp(Served):
    """The two halves: a server for `batches`, a function for `decode`. Nothing can be acknowledged."""

    def __init__(self, codec: Codec, server: Server, field: FieldReference) -> None:
        super().__init__(server)
        self.decode = decoder(codec, field)
        self._pick = Picker()

    def pick(self, data: bytes, origin: Origin, piece: int) -> bytes:
        """The datagram of one event, with its sender."""
        return self._pick(data, piece)


def decoder(codec: Codec, field: FieldReference) -> Decode:
    """The second half of the input: from datagrams to events. A codec may make several of one."""

    def decode(data: bytes, origin: Origin, reject: Reject) -> Iterator[Event]:
        id_ = origin["id"]
        for ordinal, datagram in enumerate(unpacked(data)):
            name = f"{id_}-{ordinal}" if ordinal else id_
            try:
                decoded = list(codec.decode(datagram.payload))
            except Exception as error:  # whatever a codec raises concerns this datagram alone
                reject(data[datagram.start : datagram.end], error)
                continue
            for sibling, fields in enumerate(decoded):
                own = {"event_id": f"{name}_{sibling}" if sibling else name}
                event = arrive(fields, own, ordinal + sibling * SIBLING)
                say(event, field, datagram.address)
                yield event

    return decode


def say(event: Event, field: FieldReference, address: str) -> None:
    """Sets the address where the event says nothing; where its fields leave no room for it, they stay as they are."""
    if field.get(event) is None:
        try:
            field.set(event, address)
        except FieldError:
            return
