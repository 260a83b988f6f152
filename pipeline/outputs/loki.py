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
that is not nested. With another codec than `plain`, the line is what the codec writes: `json` keeps the whole event,
`line { format => "..." }` gives it a form. An event without `message_field` is kept whole, too, and one whose line is
blank is sent as it is; the plugin loses both. Other fields are not written.

Loki wants few labels with few values; what differs from event to event belongs into `metadata_fields`, structured
metadata, which Loki 3 takes, and Loki 2.9 where it is allowed. The name of a label for `[log][level]` is `log_level`;
other characters than letters and digits become `_`. An event without any label gets `job="apex-logs"`.

An event is delivered when Loki has answered for its push. Entries that Loki refuses for good (too old, too far behind
the stream, a line or a label that is too long, too many labels) are dead-lettered with its reason; a push that is
refused for now (429, 5xx, 260) is sent again, without end. Credentials that are refused stop the output, which says so
and waits. As Loki does not name the entries that it has refused, a push that holds one is sent again in halves. Loki
knows a repeat by its time, labels and line, and keeps it once. Beware: it does so with two events that are alike in all
three, too, unless its `increment_duplicate_timestamp` is set.

Several pushes are on their way at once, so a stream is not written in order, which Loki takes since 2.4. Pushes are
JSON, compressed by gzip: each version of Loki documents it, and a dead letter can be read. A field `tenant` does not
choose a tenant: write an output for each.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from isal import igzip

from pipeline import tls
from pipeline.dates import timestamps
from pipeline.elasticsearch.hosts import basic
from pipeline.errors import SendFailure, Unavailable
from pipeline.loki.entries import renderer
from pipeline.loki.options import LokiOptions
from pipeline.plugin import Body, PluginContext, Sent
from pipeline.protocols import loki

if TYPE_CHECKING:
    import aiohttp

_TIMEOUT = 60.0
"""Seconds that a push may take."""
_ANSWER = 64 << 10
"""Bytes of an answer that are read."""


class Options(LokiOptions):
    """Options of the loki output."""


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
        self.render = renderer(options, now)
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
