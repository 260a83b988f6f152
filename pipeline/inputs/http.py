"""Receive events over HTTP; a request is answered when its events have been delivered.

    input { http { additional_codecs => { "application/json" => "json" "application/x-ndjson" => "json_lines" } } }

The body of a request of any method becomes events: by the codec that `additional_codecs` has for its content type, else
by `codec`. A body that is gzip or deflate is inflated, within `max_content_length`.

| answer | what it says |
| --- | --- |
| `response_code` | every event has its end: written, dead-lettered, dropped by a filter, or wanted by no output |
| 400, 408, 413, 415 | the body is broken or cut, too slow, too long, or encoded in another way; nothing was processed |
| 401 | user or password is missing or wrong |
| 429 | too many requests wait, or outputs have stalled for 10 seconds; nothing was processed: send it again later |
| 503 | the pipeline is stopping; what is not delivered is to be sent again |

A sender that gets no answer, as after a crash, sends again. An event that names itself in `[@metadata][_id]` of its
JSON document is not written twice then; others have random ids, and may be there twice. As in Logstash, a body that is
no JSON is answered as if it were, and becomes a message tagged `_jsonparsefailure`; what a codec refuses altogether
becomes a dead letter.

Events get the sender's address in `host` and the request in `headers`. In ECS mode the address is in `[host][ip]`, the
headers in `[@metadata][input][http][request][headers]`, and the usual ones in `[http][version]`, `[http][method]`,
`[http][request][body][bytes]`, `[http][request][mime_type]`, `[url][domain]`, `[url][port]`, `[url][path]` and
`[user_agent][original]`; where the event's own fields leave no room for one, they stay as they are.

It listens on this machine alone unless `host` says otherwise (Logstash: on every address).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from pipeline import tls
from pipeline.arrivals import arrive
from pipeline.batch import Origin
from pipeline.errors import FieldError
from pipeline.event import SIBLING, Event, copied
from pipeline.field_reference import FieldReference
from pipeline.options import (
    CodecOption,
    CodecsOption,
    Ecs,
    ExistingPath,
    FormerName,
    Ignored,
    InputOptions,
    Integer,
    Number,
    Secret,
    Size,
    Text,
    TextHash,
    default_codec,
    default_codecs,
)
from pipeline.plugin import Codec, PluginContext, Reject
from pipeline.sockets import options as sockets
from pipeline.sockets.served import Served
from pipeline.texts.codecs import Picker, in_pieces

if TYPE_CHECKING:
    from pipeline.sockets.requests import Requests

Decode = Callable[[bytes, Origin, Reject], Iterator[Event]]


def _in_one_line(headers: dict[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if re.search(r"[\r\n\0]", name + value) or not name:
            raise ValueError(f"a header is one line with a name, not {name!r}: {value!r}")
    return headers


def _number(value: Any) -> Any:
    return int(value) if isinstance(value, str) and value.isdecimal() else value


_FORMER = Field(description="Former name.")


class Options(InputOptions):
    """Options of the http input."""

    port: sockets.Port = 8080
    host: sockets.Host = "127.0.0.1"
    codec: Annotated[
        CodecOption, Field(description="How bodies become events whose content type has no codec of its own.")
    ] = default_codec("plain")
    additional_codecs: Annotated[CodecsOption, Field(description="Codecs by content type, in place of `codec`.")] = (
        default_codecs({"application/json": "json"})
    )
    ecs_compatibility: Annotated[Ecs, Field(description="Where the sender and the request are told.")] = "v8"
    user: Annotated[Text | None, Field(description="Who may send, by basic authentication; with `password`.")] = None
    password: Annotated[Secret | None, Field(description="The user's password.")] = None
    max_content_length: Annotated[Size, Field(gt=0, description="Longest body, inflated.")] = 100 << 20
    max_pending_requests: Annotated[
        Integer, Field(gt=0, description="Requests that may wait to be taken; the next one is answered 429.")
    ] = 200
    max_connections: sockets.MaxConnections = 10_000
    client_inactivity_timeout: Annotated[
        Number, Field(gt=0, description="Seconds in which a client must send more of its request, or the next one.")
    ] = 60
    response_code: Annotated[
        Literal[200, 201, 202, 204], BeforeValidator(_number), Field(description="The answer when all is delivered.")
    ] = 200
    response_headers: Annotated[
        TextHash, AfterValidator(_in_one_line), Field(description="Headers of that answer.")
    ] = {"Content-Type": "text/plain"}
    remote_host_target_field: Annotated[
        FieldReference | None, Field(description="Field for the sender's address; by default `host` or `[host][ip]`.")
    ] = None
    request_headers_target_field: Annotated[
        FieldReference | None,
        Field(
            description="Field for the headers; by default `headers` or, in ECS mode, "
            "`[@metadata][input][http][request][headers]`."
        ),
    ] = None
    threads: Annotated[
        Integer, Ignored("one event loop serves every request"), Field(description="Accepted as in Logstash.")
    ] = 1

    ssl_enabled: sockets.SslEnabled = False
    ssl_certificate: sockets.SslCertificate = None
    ssl_key: sockets.SslKey = None
    ssl_key_passphrase: sockets.SslKeyPassphrase = None
    ssl_keystore_path: Annotated[
        ExistingPath | None, Field(description="PKCS#12 file with certificate and key, in place of PEM files.")
    ] = None
    ssl_keystore_password: Annotated[Secret | None, Field(description="Opens the keystore.")] = None
    ssl_keystore_type: Annotated[
        Literal["pkcs12", "jks"] | None, Field(description="Form of the keystore; only Java reads `jks`.")
    ] = None
    ssl_truststore_path: Annotated[
        ExistingPath | None, Field(description="PKCS#12 file: who signs client certificates.")
    ] = None
    ssl_truststore_password: Annotated[Secret | None, Field(description="Opens the truststore.")] = None
    ssl_truststore_type: Annotated[
        Literal["pkcs12", "jks"] | None, Field(description="Form of the truststore; only Java reads `jks`.")
    ] = None
    ssl_certificate_authorities: sockets.SslAuthorities
    ssl_client_authentication: Annotated[
        Literal["none", "optional", "required"], Field(description="Whether clients need a certificate.")
    ] = "none"
    ssl_cipher_suites: sockets.SslCipherSuites
    ssl_supported_protocols: sockets.SslSupportedProtocols
    ssl_handshake_timeout: sockets.SslHandshakeTimeout = 10_000
    ssl: Annotated[Any, FormerName("ssl_enabled"), _FORMER] = None
    keystore: Annotated[Any, FormerName("ssl_keystore_path"), _FORMER] = None
    keystore_password: Annotated[Any, FormerName("ssl_keystore_password"), _FORMER] = None
    cipher_suites: Annotated[Any, FormerName("ssl_cipher_suites"), _FORMER] = None
    verify_mode: Annotated[
        Any,
        FormerName("ssl_client_authentication", lambda value: sockets.VERIFY_MODES.get(value, value)),
        Field(description="Former name; `peer` is now `optional`, `force_peer` is `required`."),
    ] = None
    ssl_verify_mode: Annotated[
        Any,
        FormerName("ssl_client_authentication", lambda value: sockets.VERIFY_MODES.get(value, value)),
        Field(description="Former name; `peer` is now `optional`, `force_peer` is `required`."),
    ] = None
    tls_min_version: Annotated[
        Number | None, Field(description="Former option: set `ssl_supported_protocols` instead.")
    ] = None
    tls_max_version: Annotated[
        Number | None, Field(description="Former option: set `ssl_supported_protocols` instead.")
    ] = None

    def connections(self) -> int:
        """How many connections of senders it may have at a time."""
        return self.max_connections

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.user is None) != (self.password is None):
            raise ValueError("user and password go together; with one of them alone, everybody could send")
        if self.ssl_enabled:
            self._check_tls()
        return self

    def _check_tls(self) -> None:
        sockets.check_versions(self)
        pair = self.ssl_certificate is not None, self.ssl_key is not None
        if any(pair) and self.ssl_keystore_path is not None:
            raise ValueError("give ssl_certificate and ssl_key, or ssl_keystore_path, not both")
        if not all(pair) and self.ssl_keystore_path is None:
            raise ValueError("ssl_enabled needs ssl_certificate and ssl_key, or ssl_keystore_path")
        for form in ("ssl_keystore_type", "ssl_truststore_type"):
            if getattr(self, form) == "jks":
                raise ValueError(
                    f'{form} => "jks" is read by Java alone; convert it: keytool -importkeystore -srckeystore FILE '
                    "-destkeystore FILE.p12 -deststoretype pkcs12"
                )
        if self.ssl_truststore_path is None:
            sockets.check_authorities(self)
        elif self.ssl_certificate_authorities:
            raise ValueError("give ssl_certificate_authorities or ssl_truststore_path, not both")
        elif self.ssl_client_authentication == "none":
            raise ValueError('ssl_truststore_path needs ssl_client_authentication => "optional" or "required"')


def build(options: Options, context: PluginContext) -> Http:
    """Makes the input; certificates and keys are read now."""
    sockets.warn_unused("http", options, context)
    for codec in (options.codec, *options.additional_codecs.values()):
        if getattr(codec, "auto_flush_interval", None) is not None:
            context.warn("http: auto_flush_interval changes nothing, as a body ends with its request")
    ecs = options.ecs_compatibility != "disabled"
    address = options.remote_host_target_field or FieldReference("[host][ip]" if ecs else "host")
    headers = options.request_headers_target_field or FieldReference(
        "[@metadata][input][http][request][headers]" if ecs else "headers"
    )
    codecs = {name.strip().lower(): codec for name, codec in options.additional_codecs.items()}
    return Http(options.codec, codecs, told_by(address, headers, ecs=ecs), _server(options, context))


def _server(options: Options, context: PluginContext) -> Requests:
    from pipeline.sockets.listening import Place  # with asyncio and aiohttp: not for a mere check
    from pipeline.sockets.requests import Requests, Rules

    place = Place(
        options.host,
        options.port,
        _context(options),
        options.ssl_handshake_timeout / 1000,
        sockets.affordable("http", options.connections(), context),
    )
    token = None
    if options.user is not None and options.password is not None:
        pair = f"{options.user}:{options.password.get_secret_value()}"
        token = f"Basic {base64.b64encode(pair.encode()).decode()}"
    rules = Rules(
        options.max_content_length,
        options.max_pending_requests,
        token,
        options.response_code,
        options.response_headers,
        options.client_inactivity_timeout,
    )
    return Requests(place, rules, describe)


class Http(Served):
    """The two halves: a server for `batches`, a function for `decode`. The end of a batch is the answer."""

    def __init__(self, codec: Codec, codecs: Mapping[str, Codec], tell: Tell, server: Requests) -> None:
        super().__init__(server)
        self._codec, self._codecs = codec, codecs
        self._tell = tell
        self._pickers: dict[int, Picker] = {}

    def decode(self, data: bytes, origin: Origin, reject: Reject) -> Iterator[Event]:
        """The events of a body."""
        codec, id_, count = self._codec_of(origin), origin["id"], 0
        told = self._tell(origin)
        pieces, parse = in_pieces(codec)
        for number, piece in enumerate(pieces(data)):
            parsed = parse(piece)
            for sibling, fields in enumerate(parsed if isinstance(parsed, list) else (parsed,)):
                named = {"event_id": f"{id_}-{count}" if count else id_}
                event = arrive(fields, named, number + sibling * SIBLING)
                for field, value in told:
                    _set(event, field, value)
                yield event
                count += 1

    def pick(self, data: bytes, origin: Origin, piece: int) -> bytes:
        """The part of a body that is one event."""
        codec = self._codec_of(origin)
        return self._pickers.setdefault(id(codec), Picker(codec))(data, piece)

    def _codec_of(self, origin: Origin) -> Codec:
        return self._codecs.get(origin.get("type", ""), self._codec)


def _set(event: Event, field: FieldReference, value: Any) -> None:
    try:
        field.set(event, copied(value))
    except FieldError:  # a parent that is no object: it is the sender's, and stays
        return


# ---------------------------------------------------------------------------------------------- requests


def describe(request: Any) -> Origin:
    """What the origin keeps of a request: its content type, and its headers as Logstash names them."""
    headers = {name.lower().replace("-", "_"): value for name, value in request.headers.items()}
    headers.pop("authorization", None)
    for name in ("accept", "host", "user_agent"):  # null where there is none, as in Logstash's `formatHeaders`
        headers[f"http_{name}"] = headers.pop(name, None)
    version = request.version
    headers |= {"request_method": request.method, "request_path": request.raw_path}
    headers["http_version"] = f"HTTP/{version.major}.{version.minor}"
    return {"type": headers.get("content_type", "").partition(";")[0].strip().lower(), "headers": headers}


Told = list[tuple[FieldReference, Any]]
Tell = Callable[[Origin], Told]

_COPIED = {
    "http_version": "[http][version]",
    "http_user_agent": "[user_agent][original]",
    "request_method": "[http][method]",
    "request_path": "[url][path]",
    "content_length": "[http][request][body][bytes]",
    "content_type": "[http][request][mime_type]",
}
_HOST_AND_PORT = re.compile(r"(?:([^:]+)|\[(.*)\]):([0-9]{1,5})")


def told_by(address: FieldReference, headers: FieldReference, *, ecs: bool) -> Tell:
    """A function from an origin to the fields that each event of the request gets."""
    copied_to = {name: FieldReference(text) for name, text in _COPIED.items()}
    domain, port = FieldReference("[url][domain]"), FieldReference("[url][port]")

    def tell(origin: Origin) -> Told:
        given = origin.get("headers", {})
        told: Told = []
        if ecs:
            told += [(field, given[name]) for name, field in copied_to.items() if given.get(name) is not None]
            if host := given.get("http_host"):
                found = _HOST_AND_PORT.fullmatch(host)
                told.append((domain, (found[1] or found[2]) if found else host))
                if found:
                    told.append((port, int(found[3])))
        if given:
            told.append((headers, given))
        if "peer" in origin:
            told.append((address, origin["peer"]))
        return told

    return tell


# ---------------------------------------------------------------------------------------------- TLS


def _context(options: Options) -> Any:
    if not options.ssl_enabled:
        return None
    if options.ssl_keystore_path is not None:
        identity = tls.Identity(
            keystore=options.ssl_keystore_path, passphrase=sockets.secret(options.ssl_keystore_password)
        )
    else:
        passphrase = sockets.secret(options.ssl_key_passphrase)
        identity = tls.Identity(options.ssl_certificate, options.ssl_key, passphrase)
    trust = tls.Trust(
        [Path(path) for path in options.ssl_certificate_authorities],
        options.ssl_truststore_path,
        sockets.secret(options.ssl_truststore_password),
    )
    protocols = options.ssl_supported_protocols or tls.between(options.tls_min_version, options.tls_max_version)
    return tls.server_context(
        identity, trust, tls.Rules(protocols, options.ssl_cipher_suites), options.ssl_client_authentication
    )
