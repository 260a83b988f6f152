"""Send events to a server over HTTP, one a request or many in a JSON array.

    output {
      http {
        url => "https://example.org/logs/%{[service][name]}"
        http_method => "post"
        headers => { "X-Tenant" => "%{tenant}" }
      }
    }

An event is delivered when the server has answered with a status of 200 to 299, or one of `ignorable_codes`. With one of
`retryable_codes`, or without an answer, it is sent again until it is; `retry_failed => false` makes a dead letter of it
instead. Every other status makes a dead letter of the event, where Logstash drops it. A server that answers 401 or 403
to all that a body holds is asked again, and said so loudly: nothing is dropped for a wrong password. What had no answer
may have been done all the same: a repeat is possible, and visible to a server that knows ids; give it the event's with
`headers => { "Idempotency-Key" => "%{[@metadata][event_id]}" }`.

With `format => "json_batch"` a request holds as many events as a body has (at most 2,000, or 5 MB), and `url` and
`headers` cannot hold `%{...}`. Otherwise requests go out side by side, `pool_max` at a time, in no order. Certificates
are PEM or PKCS#12 files.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self
from urllib.parse import quote_plus

import orjson
from pydantic import BeforeValidator, Field, model_validator

from pipeline.event import Event
from pipeline.http.options import ClientOptions, client_context
from pipeline.java_text import as_text
from pipeline.options import (
    Boolean,
    CodecOption,
    Hash,
    Ignored,
    Integer,
    OutputOptions,
    Text,
    TextHash,
    as_list,
    default_codec,
)
from pipeline.plugin import Body, Sent
from pipeline.sprintf import Template, nested
from pipeline.texts.json_documents import write_json
from pipeline.texts.ruby_values import to_s

if TYPE_CHECKING:
    from pipeline.http.client import Client

Codes = Annotated[list[Integer], BeforeValidator(as_list)]
_TYPES = {"json": "application/json", "json_batch": "application/json", "message": "text/plain"}
_TYPES["form"] = "application/x-www-form-urlencoded"


class Options(ClientOptions, OutputOptions):
    """Options of the http output."""

    url: Annotated[Template, Field(description="Where to; may hold %{...}.")]
    http_method: Annotated[
        Literal["put", "post", "patch", "delete", "get", "head"], Field(description="The method of a request.")
    ]
    headers: Annotated[TextHash, Field(description="Headers: name to value; values may hold %{...}.")] = {}
    content_type: Annotated[Text | None, Field(description="By default as `format` has it.")] = None
    format: Annotated[
        Literal["json", "json_batch", "form", "message"],
        Field(description="What a request holds: an event, an array of events, a form, or the text `message`."),
    ] = "json"
    mapping: Annotated[
        Hash | None, Field(description="What is sent in place of the event: names to texts, which may hold %{...}.")
    ] = None
    message: Annotated[Template | None, Field(description="The text for `format => message`; may hold %{...}.")] = None
    http_compression: Annotated[Boolean, Field(description="Sends bodies gzipped.")] = False
    retryable_codes: Annotated[Codes, Field(description="With these statuses an event is sent again.")] = [
        429,
        500,
        502,
        503,
        504,
    ]
    ignorable_codes: Annotated[Codes, Field(description="Statuses that count as success, beside 200 to 299.")] = []
    retry_failed: Annotated[Boolean, Field(description="false: what would be sent again becomes a dead letter.")] = True
    codec: Annotated[
        CodecOption, Ignored("`format` says how events are sent"), Field(description="Accepted as in Logstash.")
    ] = default_codec("plain")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.format == "message" and self.message is None:
            raise ValueError('format => "message" needs message')
        if self.format == "json_batch" and not all(map(_constant, (self.url.text, *self.headers.values()))):
            raise ValueError("with json_batch one request holds many events: url and headers cannot hold %{...}")
        if self.url.constant and not self.url.text.lower().startswith(("http://", "https://")):
            raise ValueError(f'url "{self.url.text}" must begin with http:// or https://')
        return self


def _constant(text: str) -> bool:
    return Template(text).constant


def build(options: Options) -> HttpOutput:
    """Makes the output; certificates are read now."""
    return HttpOutput(options, client_context(options))


class HttpOutput:
    """An item is a line of JSON with the address and the headers that it has of its own, and after it the content."""

    ordered = False

    def __init__(self, options: Options, context: Any) -> None:
        self.render = _renderer(options)
        self._options = options
        self._context = context
        self._client: Client | None = None

    async def start(self) -> None:
        """Makes ready; the server is asked with the first event."""
        from pipeline.http.client import Client  # aiohttp: not for a mere check

        if self._client is None:
            self._client = Client(self._options, self._context)

    async def send(self, body: Body) -> Sent:
        """One request, or one for each item; says what the server said."""
        from pipeline.http.judging import Judge

        assert self._client is not None
        options = self._options
        judge = Judge(set(options.retryable_codes), set(options.ignorable_codes), options.retry_failed)
        method = options.http_method.upper()
        if options.format == "json_batch":
            contents = [body.item(index).partition(b"\n")[2] for index in range(len(body))]
            answer = await self._client.request(method, *_head(body.item(0)), b"[" + b",".join(contents) + b"]")
            return judge.together(answer, len(body))
        requests = [(method, *_head(item), item.partition(b"\n")[2]) for item in map(body.item, range(len(body)))]
        return judge.each(await self._client.requests(requests))

    async def close(self) -> None:
        """Closes the connections."""
        if self._client is not None:
            await self._client.close()
            self._client = None


def _head(item: bytes) -> tuple[str, dict[str, str]]:
    url, headers = orjson.loads(item.partition(b"\n")[0])
    return url, headers


def _renderer(options: Options) -> Callable[[Event, bytearray], None]:
    content = _content(options)
    url = options.url.render
    fixed = {"Content-Type": options.content_type or _TYPES[options.format], **options.headers}
    headers = {name: Template(text).render for name, text in fixed.items()}
    if all(map(_constant, (options.url.text, *fixed.values()))):
        head = orjson.dumps([options.url.text, fixed]) + b"\n"

        def render_constant(event: Event, body: bytearray) -> None:
            body += head
            body += content(event)

        return render_constant

    def render_item(event: Event, body: bytearray) -> None:
        body += orjson.dumps([url(event), {name: render(event) for name, render in headers.items()}])
        body += b"\n"
        body += content(event)

    return render_item


def _content(options: Options) -> Callable[[Event], bytes]:
    if options.format == "message":
        assert options.message is not None
        message = options.message.render
        return lambda event: message(event).encode("utf-8", "replace")
    fields: Callable[[Event], Any] = lambda event: event.fields  # noqa: E731  a default, replaced below
    if options.mapping is not None:
        fields = nested(options.mapping, _text)
    if options.format == "form":
        return lambda event: "&".join(
            f"{quote_plus(name)}={quote_plus(to_s(value))}" for name, value in fields(event).items()
        ).encode()
    return lambda event: write_json(fields(event))


def _text(value: Any) -> Callable[[Event], str]:
    return Template(value if isinstance(value, str) else as_text(value)).render
