"""Write documents to Elasticsearch or OpenSearch, in bulk.

    output {
      elasticsearch {
        hosts => ["https://es1:9200", "https://es2:9200"]
        index => "apex-logs-%{+YYYY.MM.dd}"
        user => "apex"
        password => "secret"
      }
    }

An event is delivered when the server has answered for its document: it is written, or was written before. Documents
are created under the id of their event, so what is sent again is not written twice, within one index. With
`document_id`, `action` or `version` the configuration decides about ids, as in Logstash; `ids => "none"` leaves them
to the server.

What the server refuses for good (a mapping error, a bad index name, a missing privilege) is dead-lettered with its
reason; what it refuses for now is sent again. An event whose index still holds a `%{...}` is dead-lettered. An update
that conflicts with another one is dead-lettered too, after `retry_on_conflict` attempts. Where a later document
may change an earlier one (`document_id` without `create`, `update`, `delete`) one request is on its way at a time.

Without `index`, a data stream is written to, if ECS is not disabled and no other option speaks against it; otherwise
the rollover alias `logstash` or `ecs-logstash`. `ilm_enabled => false` writes one index a day instead. What the filter
elastic_integration leaves in `[@metadata][_ingest_document]` is not heeded: that filter is not here.

Credentials that are refused stop the output, which says so and waits: nothing is dropped. Requests are plain
`application/x-ndjson`; Elasticsearch 7.17 to 9 and OpenSearch answer them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pipeline.documents import addressing
from pipeline.elasticsearch.options import ElasticsearchOptions, compression, tls_context
from pipeline.errors import BodyTooLarge, Unavailable
from pipeline.plugin import Body, PluginContext, Sent
from pipeline.protocols import bulk

if TYPE_CHECKING:
    from pipeline.elasticsearch.client import Answer, Client


class Options(ElasticsearchOptions):
    """Options of the elasticsearch output."""


def build(options: Options, context: PluginContext) -> ElasticsearchOutput:
    """Builds the output."""
    return ElasticsearchOutput(options, context.warn)


_LARGE = 256 << 10
"""Below this, a cut connection is nothing but that."""


class ElasticsearchOutput:
    """Renders items of bulk requests, and sends them."""

    def __init__(self, options: Options, warn: Callable[[str], None]) -> None:
        addressed = addressing.build(options)
        self.render = addressed.render
        self.ordered = addressed.ordered
        given = options.model_fields_set
        self.retry_initial_interval = options.retry_initial_interval if "retry_initial_interval" in given else None
        self.retry_max_interval = options.retry_max_interval if "retry_max_interval" in given else None
        self._options = options
        self._warn = warn
        self._tls = None if options.ca_trusted_fingerprint else tls_context(options)
        self._path = _bulk_path(options)
        self._dead_statuses = bulk.DEAD_STATUSES.union(options.dlq_custom_codes)
        self._headers = {"content-type": bulk.CONTENT_TYPE}
        self._compression = compression(options)
        if self._compression:
            self._headers["content-encoding"] = "gzip"
        self._client: Client | None = None

    async def start(self) -> None:
        """Connects, and installs what is missing; may be called again after it failed."""
        from pipeline.elasticsearch import client, setup  # half a second: not for a mere check

        if self._client is None:
            context = self._tls
            if self._options.ca_trusted_fingerprint:
                context = tls_context(self._options, await client.presented_authority(self._options))
            self._client = client.Client(self._options, context)
        await setup.set_up(self._options, self._request, self._warn)

    async def _request(self, method: str, path: str, body: bytes | None) -> Answer:
        assert self._client is not None
        return await self._client.request(method, _prefix(self._options) + path, body)

    async def send(self, body: Body) -> Sent:
        """One bulk request."""
        from pipeline.elasticsearch.client import CutOff, compressed

        assert self._client is not None
        data = await compressed(body.data, self._compression)
        try:
            answer = await self._client.request("POST", self._path, data, self._headers)
        except CutOff as cut:
            if len(data) < _LARGE:
                raise
            answer = await self._announced(data, len(body), cut)
        return bulk.judge(answer.status, answer.body, len(body), self._dead_statuses)

    async def _announced(self, data: bytes | bytearray, items: int, cut: Unavailable) -> Answer:
        """Asks before it sends: a server that finds a body too large may end the connection before it is heard."""
        assert self._client is not None
        try:
            return await self._client.request("POST", self._path, data, self._headers | {"expect": "100-continue"})
        except type(cut) as again:
            if items == 1:
                raise
            raise BodyTooLarge(f"sent in halves, as the connection is cut again and again: {again}") from again

    async def close(self) -> None:
        """Closes the connections."""
        if self._client is not None:
            await self._client.close()
            self._client = None


def _prefix(options: Options) -> str:
    path = (options.path or "").strip("/")
    return f"/{path}" if path else ""


def _bulk_path(options: Options) -> str:
    path = "/" + (options.bulk_path or f"{_prefix(options)}/_bulk").lstrip("/")
    if "filter_path" in path or "filter_path" in options.parameters:
        return path
    return f"{path}{'&' if '?' in path else '?'}{bulk.QUERY}"
