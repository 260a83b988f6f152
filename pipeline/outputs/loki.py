r"""Write log lines to Grafana Loki.

    output {
      loki {
        url => "http://loki:3100/loki/api/v1/push"
        include_fields => ["service", "[log][level]"]
        metadata_fields => ["[trace][id]"]
      }
    }

The options are those of Grafana's plugin for Logstash. An event becomes a line, `message_field`, at its `@timestamp`,
in the stream of its labels: the fields of `include_fields` and what `labels` says; where neither is given, every field
that is not nested. With another codec than `plain`, the line is what the codec writes: `codec => json` keeps the whole
event. An event without `message_field` is kept whole, too. Other fields are not written.

Loki wants few labels with few values; what differs from event to event belongs into `metadata_fields`, structured
metadata, which Loki 3 takes and Loki 2.9 where it is allowed. The name of a label for `[log][level]` is `log_level`;
other characters than letters and digits become `_`. An event without any label gets `job="apex-logs"`.

An event is delivered when Loki has answered for its push. Entries that Loki refuses for good (too old, too far behind
the stream, a line or a label that is too long, too many labels) are dead-lettered with its reason; a push that is
refused for now (429, 5xx, 260) is sent again, without end. Credentials that are refused stop the output, which says so
and waits. As Loki does not say which entries it has refused, a push with a refused one is sent again in halves; it
knows repeats by their time, labels and line, and keeps one of them. So it does with two events that are alike in all
three.

Several pushes are on their way at once: streams may be written out of order, as Loki takes them since 2.4. Pushes are
JSON, compressed by gzip, which every version documents; a dead letter holds its item as JSON too. A field `tenant` does
not choose a tenant; write an output for each.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Self
from urllib.parse import urlsplit

from isal import igzip
from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from pipeline import tls
from pipeline.dates import timestamps
from pipeline.elasticsearch.hosts import basic
from pipeline.errors import SendFailure, Unavailable
from pipeline.event import Event
from pipeline.field_reference import METADATA, FieldReference
from pipeline.options import (
    Boolean,
    CodecOption,
    ExistingPath,
    Ignored,
    Integer,
    Number,
    OutputOptions,
    Secret,
    Size,
    Text,
    TextHash,
    as_list,
    default_codec,
    shown,
)
from pipeline.plugin import Body, PluginContext, Sent
from pipeline.protocols import loki
from pipeline.sprintf import Template, as_text
from pipeline.texts.json_documents import write_json

if TYPE_CHECKING:
    import aiohttp

_TIMEOUT = 60.0
"""Seconds that a push may take."""
_ANSWER = 64 << 10
"""Bytes of an answer that are read."""
_KNOWN = 10_000
"""Sets of labels that are remembered as JSON."""
_NO_LABELS = {"job": "apex-logs"}


def _url(value: str) -> str:
    try:
        parts = urlsplit(value)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ValueError(f"{shown(value)} is no URL: write http://host:3100{loki.PATH}")
    if parts.username is not None:
        raise ValueError("give username and password as options, not in the url")
    return value


References = Annotated[list[FieldReference], BeforeValidator(as_list)]


class Options(OutputOptions):
    """Options of the loki output."""

    codec: Annotated[
        CodecOption, Field(description="How an event becomes a line; with `plain`, it is `message_field`.")
    ] = default_codec("plain")
    url: Annotated[Text, AfterValidator(_url), Field(description=f"Where Loki takes pushes, with `{loki.PATH}`.")]
    tenant_id: Annotated[Text | None, Field(description="The tenant, sent as `X-Scope-OrgID`.")] = None
    username: Annotated[Text | None, Field(description="A user name; its password is `password`.")] = None
    password: Annotated[Secret | None, Field(description="The password of `username`.")] = None
    message_field: Annotated[FieldReference, Field(description="The field that is the line.")] = FieldReference(
        "message"
    )
    include_fields: Annotated[
        References,
        Field(description="The fields that become labels; without it and `labels`, every field that is not nested."),
    ] = []
    labels: Annotated[
        TextHash,
        Field(description="More labels: name to value, which may hold %{...}; left out where the field is absent."),
    ] = {}
    metadata_fields: Annotated[References, Field(description="The fields that become structured metadata.")] = []
    batch_size: Annotated[
        Size,
        Field(ge=1, description="Bytes of a push before it is compressed, at most, unless one line has more."),
    ] = 1 << 20
    batch_wait: Annotated[
        Number, Ignored("`pipeline.batch.delay` says when events are sent"), Field(description="As in Logstash.")
    ] = 1
    min_delay: Annotated[
        Number | None,
        Field(gt=0, description="Seconds before a push is repeated; by default `retry.initial_interval`."),
    ] = None
    max_delay: Annotated[
        Number | None,
        Field(gt=0, description="Longest pause; it doubles with every failure. By default `retry.max_interval`."),
    ] = None
    retries: Annotated[
        Integer | None,
        Field(ge=0, description="As in Logstash."),
        Ignored("nothing is given up after a number of attempts: it is sent again until it is written"),
    ] = None
    cert: Annotated[ExistingPath | None, Field(description="A PEM file: our own certificate.")] = None
    key: Annotated[ExistingPath | None, Field(description="A PEM file: the key of our certificate.")] = None
    ca_cert: Annotated[ExistingPath | None, Field(description="A PEM file with the authorities to trust.")] = None
    insecure_skip_verify: Annotated[Boolean, Field(description="Trust any server: never over a network.")] = False

    @model_validator(mode="after")
    def _fits(self) -> Self:
        problems = [*_name_problems(self)]
        if (self.cert is None) != (self.key is None):
            problems.append("cert and key go together")
        if self.password is not None and self.username is None:
            problems.append("password needs a username")
        if self.min_delay is not None and self.max_delay is not None and self.min_delay > self.max_delay:
            problems.append(f"min_delay, {self.min_delay:g}, is longer than max_delay, {self.max_delay:g}")
        if problems:
            raise ValueError("; ".join(problems))
        return self


def _name_problems(options: Options) -> list[str]:
    problems = [
        f"{shown(name)} cannot be the name of a label; write {shown(loki.label_name([name]))}"
        for name in options.labels
        if loki.label_name([name]) != name
    ]
    for option, references in (("include_fields", options.include_fields), ("metadata_fields", options.metadata_fields)):
        names: dict[str, str] = {name: "labels" for name in options.labels} if option == "include_fields" else {}
        for reference in references:
            name = _name(reference)
            if name in names:
                problems.append(f"{option}: {reference.text} and {names[name]} both give {shown(name)}")
            names[name] = reference.text
    return problems


def build(options: Options, context: PluginContext) -> LokiOutput:
    """Makes the output; certificates are read now."""
    if not options.include_fields and not options.labels:
        context.warn(
            "loki: every field that is not nested becomes a label, and Loki refuses more than 15 and keeps a stream for"
            " each set of values; name the few to search by in include_fields"
        )
    if urlsplit(options.url).path in ("", "/"):
        context.warn(f"loki: {options.url} has no path; Loki takes pushes at {loki.PATH}")
    return LokiOutput(options, lambda: timestamps.now(context.clock))


class LokiOutput:
    """Renders items of pushes, and sends them."""

    ordered = False

    def __init__(self, options: Options, now: Callable[[], str]) -> None:
        self.render = _renderer(options, now)
        self.retry_initial_interval = options.min_delay
        self.retry_max_interval = options.max_delay
        self._url = options.url
        self._batch_size = options.batch_size
        self._headers = _headers(options)
        self._tls = None
        if urlsplit(options.url).scheme == "https":
            self._tls = tls.client_context(
                tls.Identity(options.cert, options.key),
                tls.Trust([options.ca_cert] if options.ca_cert else []),
                verification="none" if options.insecure_skip_verify else "full",
            )
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Makes ready to connect, which the first push does."""
        import aiohttp  # a fifth of a second: not for a mere check

        if self._session is None:
            self._session = aiohttp.ClientSession(
                headers=self._headers,
                timeout=aiohttp.ClientTimeout(total=_TIMEOUT),
                cookie_jar=aiohttp.DummyCookieJar(),
                connector=aiohttp.TCPConnector(ssl=self._tls or True),
            )

    async def send(self, body: Body) -> Sent:
        """One push, or several where the body is larger than `batch_size`."""
        again: list[tuple[int, str]] = []
        dead: list[tuple[int, str]] = []
        for part in loki.parts(body, self._batch_size):
            try:
                sent = await self._push([body.item(index) for index in part])
            except SendFailure as failure:
                if part.start == 0:
                    raise
                again += [(index, str(failure)) for index in range(part.start, len(body))]
                break
            again += [(part[index], reason) for index, reason in sent.again]
            dead += [(part[index], reason) for index, reason in sent.dead]
        return Sent(again, dead)

    async def _push(self, items: list[bytes]) -> Sent:
        import aiohttp

        assert self._session is not None
        data = io.BytesIO(igzip.compress(loki.push(items), compresslevel=1))
        try:
            async with self._session.post(self._url, data=data, allow_redirects=False) as response:
                status, answer = response.status, await response.content.read(_ANSWER)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unavailable(f"{type(error).__name__}: {error}") from error
        return loki.judge(status, answer, items)

    async def close(self) -> None:
        """Closes the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None


def _headers(options: Options) -> dict[str, str]:
    headers = {"User-Agent": "apex-logs", "Content-Type": loki.CONTENT_TYPE, "Content-Encoding": "gzip"}
    if options.tenant_id:
        headers["X-Scope-OrgID"] = options.tenant_id
    if options.username is not None:
        password = options.password.get_secret_value() if options.password else ""
        headers["Authorization"] = basic(options.username, password)
    return headers


# ---------------------------------------------------------------------------------------------- rendering

_Line = Callable[[Event], str]
_Pairs = Callable[[Event], dict[str, str]]


def _renderer(options: Options, now: Callable[[], str]) -> Callable[[Event, bytearray], None]:
    labels_of, line_of, metadata_of = _labels(options), _line(options), _fields(options.metadata_fields)
    known: dict[tuple[tuple[str, str], ...], bytes] = {}

    def render(event: Event, body: bytearray) -> None:
        pairs = labels_of(event) or _NO_LABELS
        key = tuple(pairs.items())
        head = known.get(key)
        if head is None:
            if len(known) >= _KNOWN:
                known.clear()
            head = known[key] = loki.labels(pairs)
        stamp = event.fields.get("@timestamp")
        stamp = timestamps.canonical(stamp) if type(stamp) is str else None
        body += head
        body += loki.entry(timestamps.epoch_nanos(stamp or now()), line_of(event), metadata_of(event))

    return render


def _line(options: Options) -> _Line:
    if getattr(options.codec, "name", "plain") != "plain":
        encode = options.codec.encode
        return lambda event: encode(event).decode("utf-8", "replace").rstrip("\n")
    get = options.message_field.get

    def line(event: Event) -> str:
        value = get(event)
        if type(value) is str:
            return value
        return write_json(event.fields).decode() if value is None else as_text(value)

    return line


def _labels(options: Options) -> _Pairs:
    written = {name: Template(text) for name, text in options.labels.items()}
    if options.include_fields:
        fields = _fields(options.include_fields)
    elif options.labels:
        fields = _fields([])
    else:
        fields = _every_field(options.message_field)

    def pairs(event: Event) -> dict[str, str]:
        found = fields(event)
        for name, template in written.items():
            text = template.render(event)
            if text and (template.constant or "%{" not in text):
                found[name] = text
        return found

    return pairs if written else fields


def _fields(references: list[FieldReference]) -> _Pairs:
    named = [(_name(reference), reference.get) for reference in references]

    def pairs(event: Event) -> dict[str, str]:
        found = ((name, _text(get(event))) for name, get in named)
        return {name: text for name, text in found if text}

    return pairs


def _every_field(message: FieldReference) -> _Pairs:
    names: dict[str, str] = {}

    def pairs(event: Event) -> dict[str, str]:
        found = {}
        for key, value in event.fields.items():
            if key[:1] == "@" or type(value) is dict or (key,) == message.path:
                continue
            if key not in names:
                if len(names) >= _KNOWN:
                    names.clear()
                names[key] = loki.label_name([key])
            text = _text(value)
            if text:
                found.setdefault(names[key], text)
        return found

    return pairs


def _name(reference: FieldReference) -> str:
    path = reference.path[1:] if reference.path[0] == METADATA else reference.path
    return loki.label_name(path or ["metadata"])


def _text(value: Any) -> str:
    """The value of a label; an array as Logstash's plugin writes it, which is JSON with spaces."""
    if type(value) is str:
        return value
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, list | Mapping) else as_text(value)
