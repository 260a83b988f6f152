"""Read events from TCP connections, one a line.

    input { tcp { port => 5000 codec => json } }

It accepts connections or, with `mode => "client"`, makes one, again and again with growing pauses. In a stream, the
codec `json` reads `json_lines`, and `plain` reads lines. A last line without its end is an event when the connection
closes. A line of more than 64 MiB is cut.

It listens on this machine alone unless `host` says otherwise (Logstash: on every address). TCP cannot say that an event
was delivered, so its senders cannot send again: what a crash interrupts is lost, and the input says so at the start,
unless a persistent queue is configured. When outputs stall, no more is read, and senders wait.

The sender is named in `host`, `port` and `[@metadata][ip_address]` or, in ECS mode, in
`[@metadata][input][tcp][source]` (`name`, `ip`, `port`), where the event does not say so itself. A proxy is in
`proxy_host` and `proxy_port`, or `[@metadata][input][tcp][proxy]`, and ports are texts then; the subject of a client's
certificate in `sslsubject`, or `[@metadata][input][tcp][tls][client][subject]`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from pipeline import tls
from pipeline.arrivals import arrive
from pipeline.batch import Origin
from pipeline.event import SIBLING, Event, Fields, copied
from pipeline.options import (
    Boolean,
    CodecOption,
    Ecs,
    FormerName,
    InputOptions,
    ListensAt,
    Text,
    Texts,
    default_codec,
)
from pipeline.plugin import Codec, PluginContext, Reject
from pipeline.sockets import options as sockets
from pipeline.sockets.served import Served
from pipeline.texts.codecs import Picker, in_pieces

if TYPE_CHECKING:
    from pipeline.sockets.server import Server

Decode = Callable[[bytes, Origin, Reject], Iterator[Event]]


class Options(InputOptions):
    """Options of the tcp input."""

    port: Annotated[sockets.Port, Field(description="Port to listen on (0 takes a free one), or to connect to.")]
    host: Annotated[
        Text,
        ListensAt(unless=("mode", "client")),
        Field(description="Address to listen on (0.0.0.0 is every one), or host to connect to."),
    ] = "127.0.0.1"
    mode: Annotated[
        Literal["server", "client"], Field(description="Accept connections, or connect to a server that sends.")
    ] = "server"
    codec: Annotated[
        CodecOption, Field(description="How bytes become events; plain reads lines, json reads json_lines.")
    ] = default_codec("line")
    ecs_compatibility: Annotated[Ecs, Field(description="Where the sender's address and TLS details are put.")] = "v8"
    proxy_protocol: Annotated[
        Boolean, Field(description="A proxy in front says who connects (PROXY protocol, version 1).")
    ] = False
    dns_reverse_lookup_enabled: Annotated[
        Boolean, Field(description="Look up the sender's name; else, or where there is none, it is the address.")
    ] = True
    tcp_keep_alive: Annotated[
        Boolean,
        Field(description="Let the kernel look after silent connections (Logstash: off), so that dead ones are freed."),
    ] = True
    max_connections: sockets.MaxConnections = 10_000

    ssl_enabled: sockets.SslEnabled = False
    ssl_certificate: sockets.SslCertificate = None
    ssl_key: sockets.SslKey = None
    ssl_key_passphrase: sockets.SslKeyPassphrase = None
    ssl_extra_chain_certs: Annotated[
        Texts, Field(default_factory=list, description="PEM files: certificates between ours and its authority.")
    ]
    ssl_certificate_authorities: sockets.SslAuthorities
    ssl_client_authentication: Annotated[
        Literal["none", "optional", "required"] | None,
        Field(description="In server mode: whether clients need a certificate. `required` if nothing is said."),
    ] = None
    ssl_verification_mode: Annotated[
        Literal["full", "none"] | None,
        Field(description="In client mode: whether the server's certificate must be trusted and name it. By default."),
    ] = None
    ssl_cipher_suites: sockets.SslCipherSuites
    ssl_supported_protocols: sockets.SslSupportedProtocols
    ssl_handshake_timeout: sockets.SslHandshakeTimeout = 10_000
    ssl_verify: Annotated[
        Boolean | None,
        Field(description="Former option: false is `none`, true the default of the option for the mode."),
    ] = None
    ssl_enable: Annotated[Any, FormerName("ssl_enabled"), Field(description="Former name.")] = None
    ssl_cert: Annotated[Any, FormerName("ssl_certificate"), Field(description="Former name.")] = None
    ssl_cacert: Annotated[Any, FormerName("ssl_certificate_authorities"), Field(description="Former name.")] = None

    @property
    def clients(self) -> tls.Clients:
        """Whether clients need a certificate; who does not ask for less, asks for one, as in Logstash."""
        return self.ssl_client_authentication or ("none" if self.ssl_verify is False else "required")

    def connections(self) -> int:
        """How many connections of senders it may have at a time."""
        return 1 if self.mode == "client" else self.max_connections

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.ssl_enabled:
            return self
        if (self.ssl_certificate is None) != (self.ssl_key is None):
            raise ValueError("ssl_certificate and ssl_key go together")
        if self.mode == "client":
            if self.ssl_client_authentication is not None:
                raise ValueError('ssl_client_authentication is for mode => "server"; use ssl_verification_mode')
            return self
        if self.ssl_verification_mode is not None:
            raise ValueError('ssl_verification_mode is for mode => "client"; use ssl_client_authentication')
        if self.ssl_certificate is None:
            raise ValueError("ssl_enabled needs ssl_certificate and ssl_key")
        if self.clients != "none" and not self.ssl_certificate_authorities:
            raise ValueError(
                'clients need a certificate: give ssl_certificate_authorities, or ssl_client_authentication => "none"'
            )
        return self


def build(options: Options, context: PluginContext) -> Tcp:
    """Makes the input; certificates and keys are read now."""
    codec = options.codec.streaming()
    sockets.warn_unused("tcp", options, context)
    sockets.warn_of_loss("tcp", "senders over TCP", context)
    return Tcp(codec, _server(options, codec, context), ecs=options.ecs_compatibility != "disabled")


def _server(options: Options, codec: Codec, context: PluginContext) -> Server:
    from pipeline.sockets.listening import Place  # with asyncio: not for a mere check
    from pipeline.sockets.names import namer
    from pipeline.sockets.server import Server
    from pipeline.sockets.streams import Terms

    place = Place(
        options.host,
        options.port,
        _context(options),
        options.ssl_handshake_timeout / 1000,
        sockets.affordable("tcp", options.connections(), context),
        options.tcp_keep_alive,
    )
    terms = Terms(
        codec.cut,
        getattr(codec, "delimiter", b"")[-1:],
        getattr(codec, "auto_flush_interval", None),
        options.proxy_protocol,
        namer(context.clock) if options.dns_reverse_lookup_enabled else None,
        _subject,
    )
    return Server((place, terms), calls=options.mode == "client")


class Tcp(Served):
    """The two halves: a server for `batches`, a function for `decode`. Nothing can be acknowledged."""

    def __init__(self, codec: Codec, server: Server, *, ecs: bool) -> None:
        super().__init__(server)
        self.decode = decoder(codec, in_metadata if ecs else in_fields)
        self._pick = Picker(codec)

    def pick(self, data: bytes, origin: Origin, piece: int) -> bytes:
        """The line of one event."""
        return self._pick(data, piece)


# ---------------------------------------------------------------------------------------------- events

Layout = Callable[[Origin], tuple[Fields, Fields]]
"""What is said of a sender: fields for events that do not have them, and metadata."""


def decoder(codec: Codec, layout: Layout) -> Decode:
    """The second half of the input: from the bytes of a batch to its events."""
    pieces, parse = in_pieces(codec)

    def decode(data: bytes, origin: Origin, reject: Reject) -> Iterator[Event]:
        id_, count = origin["id"], 0
        said, metadata = layout(origin)
        for number, piece in enumerate(pieces(data)):
            parsed = parse(piece)
            for sibling, fields in enumerate(parsed if isinstance(parsed, list) else (parsed,)):
                own = copied(metadata)
                own["event_id"] = f"{id_}-{count}" if count else id_
                event = arrive(fields, own, number + sibling * SIBLING)
                for name, value in said.items():
                    if fields.get(name) is None:
                        fields[name] = value
                yield event
                count += 1

    return decode


def _port(origin: Origin) -> int | str | None:
    """A number; what a proxy says is a text, as in Logstash."""
    port: int | None = origin.get("port")
    return str(port) if "proxy" in origin else port


def in_fields(origin: Origin) -> tuple[Fields, Fields]:
    """Logstash's layout without ECS."""
    address = origin.get("peer")
    said = {"host": origin.get("name", address), "port": _port(origin)}
    if "proxy" in origin:
        said["proxy_host"], said["proxy_port"] = map(str, origin["proxy"])
    if "subject" in origin:
        said["sslsubject"] = origin["subject"]
    return {name: value for name, value in said.items() if value is not None}, {"ip_address": address}


def in_metadata(origin: Origin) -> tuple[Fields, Fields]:
    """Logstash's layout in ECS mode."""
    address = origin.get("peer")
    source = {"name": origin.get("name", address), "ip": address, "port": _port(origin)}
    told: Fields = {"source": {name: value for name, value in source.items() if value is not None}}
    if "proxy" in origin:
        told["proxy"] = {"ip": origin["proxy"][0], "port": str(origin["proxy"][1])}
    if "subject" in origin:
        told["tls"] = {"client": {"subject": origin["subject"]}}
    return {}, {"input": {"tcp": told}}


# ---------------------------------------------------------------------------------------------- TLS


def _context(options: Options) -> Any:
    if not options.ssl_enabled:
        return None
    identity = tls.Identity(
        options.ssl_certificate,
        options.ssl_key,
        sockets.secret(options.ssl_key_passphrase),
        chain=[Path(path) for path in options.ssl_extra_chain_certs],
    )
    trust = tls.Trust([Path(path) for path in options.ssl_certificate_authorities])
    rules = tls.Rules(options.ssl_supported_protocols, options.ssl_cipher_suites)
    if options.mode == "server":
        return tls.server_context(identity, trust, rules, options.clients)
    trusting = options.ssl_verification_mode == "none" or (
        options.ssl_verification_mode is None and options.ssl_verify is False
    )
    return tls.client_context(identity, trust, rules, "none" if trusting else "full")


def _subject(transport: Any) -> Origin:
    certificate = transport.get_extra_info("peercert")
    return {"subject": tls.subject_name(certificate)} if certificate else {}
