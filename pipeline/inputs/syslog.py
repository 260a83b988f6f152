"""Receive syslog messages over UDP and TCP: RFC 3164, RFC 5424, with octet counting (RFC 6587) and TLS (RFC 5425).

    input { syslog { port => 5514 timezone => "Europe/Paris" } }

A message is read as by Logstash's default pattern, `<%{POSINT:priority}>%{SYSLOGLINE}`:

- ECS mode sets `[log][syslog][priority]`, `[facility][code]` and `[name]`, `[severity][code]` and `[name]` there,
  `[host][hostname]`, `[process][name]`, `[process][pid]`, `[service][type]`, and the text in `[event][original]`;
- else: `priority`, `facility`, `facility_label`, `severity`, `severity_label`, `logsource`, `program`, `pid` and
  `timestamp` (`timestamp8601` too where it is ISO 8601).

The sender's address is in `[host][ip]` or `host`. `@timestamp` is the message's time; one that cannot be read is tagged
`_dateparsefailure`. What is no syslog keeps its text, is tagged `_grokparsefailure_sysloginput` and has the priority 0,
as in Logstash. A message on which a `grok_pattern` works for longer than 30 s is tagged `_groktimeout` instead. Unlike
there, a message keeps all of its lines; line feeds, NULs and a carriage return at its end are left out, and so are
empty messages.

Messages of RFC 5424 are read too, which is not in Logstash (it tags them as failures). Their fields are those above,
and `[log][syslog][version]`, `[msgid]`, `[procid]` (one that is no number) and `[structured_data]` there; without ECS,
`syslog5424_ver`, `syslog5424_msgid`, `syslog5424_sd`. Structured data is an object of elements, each with its
parameters: `[log][syslog][structured_data][origin][ip]`. Map it as `flattened`, as senders choose the names.

It listens on this machine alone unless `host` says otherwise (Logstash: on every address); with TLS, on TCP alone.
Senders of syslog cannot send again, so what a crash interrupts is lost, and the input says so at the start, unless a
persistent queue is configured. Over TCP, senders wait while outputs are stalled; over UDP, the kernel drops, which is
counted and said on Linux.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from pipeline.batch import Origin
from pipeline.dates import zones
from pipeline.dates.locales import names_of
from pipeline.errors import FieldReferenceError
from pipeline.field_reference import FieldReference
from pipeline.languages.ruby_regex import PatternError
from pipeline.options import Boolean, CodecOption, Ecs, InputOptions, Integer, Size, Text, Texts, default_codec
from pipeline.plugin import PluginContext, Reject
from pipeline.protocols import datagrams
from pipeline.protocols import syslog as wire
from pipeline.sockets import options as sockets
from pipeline.sockets.served import Served
from pipeline.syslog.events import Decode, Labels, Reading, Understand, by_grammar, decoder, frame_of
from pipeline.syslog.patterned import by_pattern
from pipeline.syslog.times import time_reader
from pipeline.time_limits import is_bounded

if TYPE_CHECKING:
    from pipeline.event import Event
    from pipeline.sockets.server import Server

PATTERNS = {
    "disabled": "<%{POSINT:priority}>%{SYSLOGLINE}",
    "v1": "<%{POSINT:[log][syslog][priority]:int}>%{SYSLOGLINE}",
    "v8": "<%{POSINT:[log][syslog][priority]:int}>%{SYSLOGLINE}",
}
FACILITIES = [
    *("kernel", "user-level", "mail", "system", "security/authorization", "syslogd", "line printer", "network news"),
    *("UUCP", "clock", "security/authorization", "FTP", "NTP", "log audit", "log alert", "clock"),
    *(f"local{number}" for number in range(8)),
]
SEVERITIES = ["Emergency", "Alert", "Critical", "Error", "Warning", "Notice", "Informational", "Debug"]


def _known_zone(name: str | None) -> str | None:
    if name is not None:
        zones.required(name)
    return name


def _known_locale(name: str | None) -> str | None:
    if name is not None:
        names_of(name)
    return name


class Options(InputOptions):
    """Options of the syslog input."""

    port: Annotated[
        sockets.Port,
        Field(description="Port to listen on, TCP and UDP; 0 takes a free one. One below 1024 may need privileges."),
    ] = 514
    host: sockets.Host = "127.0.0.1"
    codec: Annotated[CodecOption, Field(description="How a message becomes an event, before it is read as syslog.")] = (
        default_codec("plain")
    )
    ecs_compatibility: Annotated[Ecs, Field(description="Which fields are set.")] = "v8"
    proxy_protocol: Annotated[
        Boolean, Field(description="A proxy in front says who connects over TCP (PROXY protocol, version 1).")
    ] = False
    use_labels: Annotated[Boolean, Field(description="Name facility and severity, not only number them.")] = True
    facility_labels: Annotated[Texts, Field(description="The names of the facilities, from 0 on.")] = FACILITIES
    severity_labels: Annotated[Texts, Field(description="The names of the severities, from 0 on.")] = SEVERITIES
    timezone: Annotated[
        Text | None,
        AfterValidator(_known_zone),
        Field(description="The time zone of times that name none, as in Europe/Paris; by default the machine's."),
    ] = None
    locale: Annotated[
        Text | None, AfterValidator(_known_locale), Field(description="The language of month names, as in fr or pt-BR.")
    ] = None
    syslog_field: Annotated[
        FieldReference, Field(description="The field that holds the message, where the codec puts it elsewhere.")
    ] = FieldReference("message")
    grok_pattern: Annotated[
        Text | None,
        Field(description="A grok pattern for messages of another form; that of the default is built in."),
    ] = None
    max_message_size: Annotated[
        Size, Field(gt=0, description="Longest message over TCP; a longer line is cut, a longer counted one refused.")
    ] = wire.LONGEST
    max_connections: sockets.MaxConnections = 10_000
    receive_buffer_bytes: Annotated[
        Integer | None, Field(gt=0, description="Bytes of datagrams the kernel may hold; by default as it is set.")
    ] = None

    ssl_enabled: Annotated[
        sockets.SslEnabled, Field(description="Speak TLS; needs `ssl_certificate` and `ssl_key`. UDP is left out then.")
    ] = False
    ssl_certificate: sockets.SslCertificate = None
    ssl_key: sockets.SslKey = None
    ssl_key_passphrase: sockets.SslKeyPassphrase = None
    ssl_certificate_authorities: sockets.SslAuthorities
    ssl_client_authentication: sockets.SslClientAuthentication = None
    ssl_cipher_suites: sockets.SslCipherSuites
    ssl_supported_protocols: sockets.SslSupportedProtocols
    ssl_handshake_timeout: sockets.SslHandshakeTimeout = 10_000

    def connections(self) -> int:
        """How many connections of senders it may have at a time."""
        return self.max_connections

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        sockets.check_server(self)
        _understand(self)
        return self


def _understand(options: Options) -> Understand:
    ecs, pattern = options.ecs_compatibility != "disabled", options.grok_pattern
    if pattern is None or pattern == PATTERNS[options.ecs_compatibility]:
        return by_grammar(ecs=ecs)
    try:
        return by_pattern(pattern, options.syslog_field, ecs=ecs)
    except (PatternError, FieldReferenceError) as error:
        raise ValueError(f"grok_pattern: {error}") from error


def build(options: Options, context: PluginContext) -> Syslog:
    """Makes the input; certificates and keys are read now."""
    sockets.warn_unused("syslog", options, context)
    sockets.warn_of_loss("syslog", "senders of syslog", context)
    labels = Labels(options.facility_labels, options.severity_labels) if options.use_labels else Labels()
    read_time = time_reader(options.timezone, options.locale, context.clock)
    reading = Reading(options.syslog_field, _understand(options), read_time)
    ecs = options.ecs_compatibility != "disabled"
    decode = decoder(options.codec, reading, labels, ecs=ecs)
    return Syslog(decode, _server(options, context), bounded=is_bounded(reading.understand))


def _server(options: Options, context: PluginContext) -> Server:
    from pipeline.sockets.datagrams import Basin, Datagrams  # with asyncio: not for a mere check
    from pipeline.sockets.listening import Place
    from pipeline.sockets.server import Server
    from pipeline.sockets.streams import Terms

    place = Place(
        options.host,
        options.port,
        sockets.server_context(options),
        options.ssl_handshake_timeout / 1000,
        sockets.affordable("syslog", options.connections(), context),
    )
    terms = Terms(partial(wire.cut, longest=options.max_message_size), proxied=options.proxy_protocol)
    basin = Basin(options.host, options.port, receive_buffer=options.receive_buffer_bytes)
    if options.ssl_enabled:
        return Server((place, terms))
    return Server((place, terms), lambda inbox, complaints: Datagrams(basin, inbox, complaints))


class Syslog(Served):
    """The two halves: a server for `batches`, a function for `decode`. Nothing can be acknowledged."""

    def __init__(self, decode: Decode, server: Server, *, bounded: bool = False) -> None:
        super().__init__(server)
        self.bounded = bounded
        """Whether a limit of time is set to the reading of a message; see `time_limits`."""
        self._decode = decode
        self._datagram = datagrams.Picker()

    def decode(self, data: bytes, origin: Origin, reject: Reject) -> Iterator[Event]:
        """The event of each message."""
        return self._decode(data, origin, reject)

    def pick(self, data: bytes, origin: Origin, piece: int) -> bytes:
        """The message of one event, with its framing."""
        return self._datagram(data, piece) if origin.get("datagrams") else frame_of(data, piece)
