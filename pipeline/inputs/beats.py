"""Receive events from Filebeat and the other Beats, or from Logstash Forwarder.

    input { beats { host => "0.0.0.0" port => 5044 } }

A window is acknowledged when all of its events have been delivered, so a Beat sends again what a crash interrupts.
While that takes, the Beat hears every 5 seconds that it is still worked on. When outputs stall, no more is read.

It listens on this machine alone unless `host` says otherwise (Logstash: on every address). Frames, windows and
connections beyond the bounds are refused, and so is a connection whose bytes are not lumberjack's: it is closed without
an acknowledgement, with one line in the log. A well-framed event that is no JSON object becomes a dead letter.

Events get the tag `beats_input_codec_plain_applied` (after the codec's name), or `beats_input_raw_event` where there is
no message. The sender's address is in `[@metadata][ip_address]`, or in ECS mode in
`[@metadata][input][beats][host][ip]`, where the sender gave any `@metadata`, as every Beat does. A field that the codec
finds in the message gives way to the sender's field of that name; objects are merged.

`[@metadata][event_id]` names an event, the same each time it is sent: `[@metadata][_id]` if the Beat sets it, else made
of agent, file, offset and message. An event of no file has a random one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from pipeline import tls
from pipeline.batch import Origin
from pipeline.beats.events import Enrichment, decoder, one_to_one
from pipeline.event import Event
from pipeline.options import (
    Boolean,
    Ecs,
    FormerName,
    Ignored,
    InputOptions,
    Integer,
    ListensAt,
    Number,
    Seconds,
    Size,
    Text,
    as_list,
)
from pipeline.plugin import PluginContext, Reject
from pipeline.protocols.lumberjack import Limits
from pipeline.protocols.lumberjack_events import count, pieces
from pipeline.sockets import options as sockets
from pipeline.sockets.served import Served

Enriches = Literal["source_metadata", "codec_metadata", "ssl_peer_metadata", "all", "none"]


if TYPE_CHECKING:
    from pipeline.beats.server import Describe, Holds, Server


class Options(InputOptions):
    """Options of the beats input."""

    port: Annotated[Integer, Field(ge=0, le=65535, description="Port to listen on; 0 takes a free one.")]
    host: Annotated[
        Text, ListensAt(), Field(description="Address to listen on; 0.0.0.0 is every IPv4 address, :: every one.")
    ] = "127.0.0.1"
    client_inactivity_timeout: Annotated[
        Seconds, Field(ge=0, description="Close a connection that is silent for so long; 0: never. Not while it waits.")
    ] = 60
    ecs_compatibility: Annotated[Ecs, Field(description="Where the sender's address and TLS details are put.")] = "v8"
    enrich: Annotated[
        list[Enriches] | None,
        BeforeValidator(as_list),
        Field(
            description="What is added to events: `source_metadata` (the sender's address), `codec_metadata` (the tag, "
            "and in ECS mode `[event][original]`), `ssl_peer_metadata` (who the client's certificate names); `all`, "
            "`none`. By default the first two."
        ),
    ] = None
    include_codec_tag: Annotated[Boolean | None, Field(description="Deprecated: leave it to `enrich`.")] = None
    ssl_peer_metadata: Annotated[Boolean | None, Field(description="Deprecated: leave it to `enrich`.")] = None
    add_hostname: Annotated[
        Boolean, Field(description="Deprecated: copy `[beat][hostname]` of old Beats to where ECS mode says.")
    ] = False

    ssl_enabled: sockets.SslEnabled = False
    ssl_certificate: sockets.SslCertificate = None
    ssl_key: sockets.SslKey = None
    ssl_key_passphrase: sockets.SslKeyPassphrase = None
    ssl_certificate_authorities: sockets.SslAuthorities
    ssl_client_authentication: sockets.SslClientAuthentication = None
    ssl_cipher_suites: sockets.SslCipherSuites
    ssl_supported_protocols: sockets.SslSupportedProtocols
    ssl_handshake_timeout: sockets.SslHandshakeTimeout = 10_000
    ssl: Annotated[Any, FormerName("ssl_enabled"), Field(description="Former name.")] = None
    ssl_verify_mode: Annotated[
        Any,
        FormerName("ssl_client_authentication", lambda value: _VERIFY_MODES.get(value, value)),
        Field(description="Former name; `peer` is now `optional`, `force_peer` is `required`."),
    ] = None
    cipher_suites: Annotated[Any, FormerName("ssl_cipher_suites"), Field(description="Former name.")] = None
    tls_min_version: Annotated[Number | None, Field(description="Deprecated: set `ssl_supported_protocols`.")] = None
    tls_max_version: Annotated[Number | None, Field(description="Deprecated: set `ssl_supported_protocols`.")] = None

    executor_threads: Annotated[
        Integer, Ignored("one event loop serves every connection"), Field(description="Accepted as in Logstash.")
    ] = 1
    event_loop_threads: Annotated[
        Integer, Ignored("one event loop serves every connection"), Field(description="Accepted as in Logstash.")
    ] = 0

    max_frame_size: Annotated[
        Size, Field(gt=0, description="Longest frame, and longest event in a compressed one, which a whole window is.")
    ] = 16 << 20
    max_inflated_size: Annotated[Size, Field(gt=0, description="Most bytes a compressed frame may hold.")] = 100 << 20
    max_window_size: Annotated[Integer, Field(gt=0, description="Most events a window may have.")] = 10_000
    max_connections: sockets.MaxConnections = 10_000

    def connections(self) -> int:
        """How many connections of senders it may have at a time."""
        return self.max_connections

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.enrich is not None:
            if self.include_codec_tag is not None or self.ssl_peer_metadata is not None:
                raise ValueError("give enrich alone; include_codec_tag and ssl_peer_metadata are its former options")
            if len(self.enrich) > 1 and {"all", "none"} & set(self.enrich):
                raise ValueError("all and none stand alone in enrich")
        sockets.check_server(self)
        sockets.check_versions(self)
        return self


_VERIFY_MODES = {"none": None, "peer": "optional", "force_peer": "required"}


def build(options: Options, context: PluginContext) -> Beats:
    """Makes the input; certificates and keys are read now."""
    if type(options.codec).__name__ == "Multiline":
        raise ValueError(
            "the codec multiline cannot join the events of Beats; join lines in Filebeat (parsers: multiline)"
        )
    sockets.warn_unused("beats", options, context)
    wanted = _wanted(options)
    describes_peer = "ssl_peer_metadata" in wanted if options.ssl_peer_metadata is None else options.ssl_peer_metadata
    describe = _peer if describes_peer and sockets.clients_of(options) != "none" else _nothing
    return Beats(options, enrichment_of(options), _server(options, describe, context))


def _wanted(options: Options) -> set[str]:
    wanted: set[str] = {"source_metadata", "codec_metadata"} if options.enrich is None else set(options.enrich)
    return {"source_metadata", "codec_metadata", "ssl_peer_metadata"} if "all" in wanted else wanted


def enrichment_of(options: Options) -> Enrichment:
    """What the options ask to be added to each event."""
    wanted = _wanted(options)
    return Enrichment(
        ecs=options.ecs_compatibility != "disabled",
        source="source_metadata" in wanted,
        codec="codec_metadata" in wanted if options.include_codec_tag is None else options.include_codec_tag,
        hostname=options.add_hostname,
    )


def _server(options: Options, describe: Describe, context: PluginContext) -> Callable[[Holds], Server]:
    from pipeline.beats.server import Server, Terms
    from pipeline.sockets.listening import Place  # with asyncio: not for a mere check

    place = Place(
        options.host,
        options.port,
        _context(options),
        options.ssl_handshake_timeout / 1000,
        sockets.affordable("beats", options.connections(), context),
    )
    terms = Terms(Limits(options.max_frame_size, options.max_window_size), options.client_inactivity_timeout)
    return lambda holds: Server(place, terms, holds, describe)


class Beats(Served):
    """The two halves: a server for `batches`, a function for `decode`."""

    def __init__(self, options: Options, enrichment: Enrichment, serve: Callable[[Holds], Server]) -> None:
        bounds = options.max_inflated_size, options.max_window_size, options.max_frame_size
        self._bounds = bounds
        self._picked: tuple[bytes, list[bytes]] = (b"", [])
        self._decode = decoder(options.codec, enrichment, *bounds)
        exact = one_to_one(options.codec)

        def holds(data: bytes, events: int, missing: int) -> int:
            """Where a codec makes several events of one, or none, or none is decoded yet, only the piece can tell."""
            return events if exact and events == missing >= 0 else count(data, *bounds)

        super().__init__(serve(holds))

    def decode(self, data: bytes, origin: Origin, reject: Reject) -> Iterator[Event]:
        """The events in a piece of a window."""
        self._picked = (b"", [])
        return self._decode(data, origin, reject)

    def pick(self, data: bytes, origin: Origin, piece: int) -> bytes:
        """The frame of one event."""
        if self._picked[0] is not data:
            self._picked = (data, pieces(data, *self._bounds))
        return self._picked[1][piece]


# ---------------------------------------------------------------------------------------------- TLS


def _context(options: Options) -> Any:
    protocols = options.ssl_supported_protocols or tls.between(options.tls_min_version, options.tls_max_version)
    return sockets.server_context(options, protocols=protocols)


def _nothing(_: Any) -> Origin:
    return {}


def _peer(transport: Any) -> Origin:
    certificate = transport.get_extra_info("peercert")
    if not certificate:
        return {"tls": {"status": "unverified"}}
    connection = transport.get_extra_info("ssl_object")
    return {
        "tls": {
            "status": "verified",
            "protocol": connection.version(),
            "subject": tls.subject_name(certificate),
            "cipher": tls.suite_name(connection.cipher()[0]),
        }
    }
