"""Requests to Elasticsearch as bytes, through the transport of the official client.

The transport chooses among the hosts, and leaves one that failed alone for a while. Nothing is parsed here, and
no status is an error: what an answer means is for those to say who know the question.
"""

from __future__ import annotations

import asyncio
import gzip
import ssl
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import urlencode

import aiohttp
from aiohttp.payload import BytesPayload
from elastic_transport import (
    AiohttpHttpNode,
    AsyncTransport,
    ConnectionError,  # noqa: A004  (the client's own name)
    HttpHeaders,
    NodeConfig,
    Serializer,
    SerializerCollection,
    TransportError,
)
from elastic_transport._node import NodeApiResponse
from elastic_transport.client_utils import DEFAULT, DefaultType
from isal import igzip

from pipeline import tls
from pipeline.elasticsearch.hosts import Host, api_key, basic
from pipeline.elasticsearch.options import ElasticsearchOptions, addresses, over_tls
from pipeline.errors import ConfigurationError, Unavailable

_ISAL_LEVEL = 3
"""The highest level of isal; what asks for more is compressed by zlib, in a thread."""


class CutOff(Unavailable):
    """The connection ended while a request was under way, and no answer was read."""


class Answer(NamedTuple):
    """An answer of the cluster, whatever its status."""

    status: int
    body: bytes


class Client:
    """Connections to the servers that the options name, used from one event loop."""

    def __init__(self, options: ElasticsearchOptions, context: ssl.SSLContext | None) -> None:
        nodes = _nodes(options, context)
        self._transport = AsyncTransport(
            nodes,
            node_class=_Node,
            dead_node_backoff_factor=1.0,
            max_dead_node_backoff=options.resurrect_delay,
            max_retries=len(nodes) - 1,  # the next host at once where one cannot be reached; else the engine repeats
            retry_on_status=(),
            meta_header=False,
        )
        self._transport.serializers = _AsItIs({"application/json": Serializer()})

    async def request(
        self, method: str, path: str, body: bytes | bytearray | None = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """One request; raises `Unavailable` if no server gives a whole answer."""
        sent = {"accept": "application/json", **(headers or {})}
        if body is not None:
            sent.setdefault("content-type", "application/json")
        try:
            meta, answer = await self._transport.perform_request(method, path, body=body, headers=sent)
        except _Cut as error:
            raise CutOff(f"the connection was cut: {error.message}") from error
        except TransportError as error:
            raise Unavailable(f"{type(error).__name__}: {error.message}") from error
        return Answer(meta.status, answer or b"")

    async def close(self) -> None:
        """Closes the connections."""
        await self._transport.close()


class _AsItIs(SerializerCollection):
    """Bodies and answers are bytes, whatever their type."""

    def dumps(self, data: Any, mimetype: str | None = None) -> bytes:
        return data  # type: ignore[no-any-return]  # bytes already

    def loads(self, data: bytes, mimetype: str | None = None) -> Any:
        return data


class _Cut(ConnectionError):
    """Told apart from a connection that was never made."""


class _Whole(BytesPayload):
    """A body that goes out at once and is not copied: in pieces, each would wait for a turn of a busy loop.

    aiohttp warns of large bodies, as a loop that compresses or encrypts them is held up; ours are bounded. Left to
    itself it copies a body twice: to cut it to its length, and to join it to the headers.
    """

    def __init__(self, body: bytes | bytearray) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            super().__init__(body)

    async def write_with_length(self, writer: Any, content_length: int | None) -> None:
        """Writes the body; its length is the one that was announced."""
        writer.send_headers()
        await writer.write(self._value)


class _Node(AiohttpHttpNode):
    """A server: with query parameters on each request, and a proxy in between, if the options say so."""

    async def perform_request(  # type: ignore[override]  # ours takes what the transport gives, by name
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        headers: HttpHeaders | None = None,
        request_timeout: DefaultType | float | None = DEFAULT,
    ) -> NodeApiResponse:
        query = self.config._extras["query"]
        if query:
            target += ("&" if "?" in target else "?") + query
        stream: Any = None if body is None else _Whole(body)
        try:
            return await super().perform_request(method, target, stream, headers, request_timeout)
        except ConnectionError as error:
            if isinstance(error.errors[0], aiohttp.ClientConnectorError):
                raise
            raise _Cut(error.message, errors=error.errors) from error

    def _log_request(self, *args: Any, **kwargs: Any) -> None:
        """Says nothing: bodies hold what users log, and are streams here."""

    def _create_aiohttp_session(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.session = aiohttp.ClientSession(
            headers=self.headers,
            skip_auto_headers=("accept", "accept-encoding", "user-agent"),
            cookie_jar=aiohttp.DummyCookieJar(),
            proxy=self.config._extras["proxy"] or None,
            connector=aiohttp.TCPConnector(limit_per_host=self._connections_per_node, ssl=self._ssl_context or False),
        )


def _nodes(options: ElasticsearchOptions, context: ssl.SSLContext | None) -> list[NodeConfig]:
    nodes = []
    for host in addresses(options):
        secure = over_tls(options, host)
        query = "&".join(filter(None, (host.query, urlencode(options.parameters, doseq=True))))
        nodes.append(
            NodeConfig(
                "https" if secure else "http",
                host.name,
                host.port,
                path_prefix=host.path,
                headers=_headers(options, host),
                connections_per_node=options.pool_max_per_route,
                request_timeout=options.timeout,
                ssl_context=context if secure else None,
                _extras={"query": query, "proxy": options.proxy},
            )
        )
    return nodes


def _headers(options: ElasticsearchOptions, host: Host) -> dict[str, str]:
    headers = {"user-agent": "apex-logs"}
    if options.api_key is not None:
        headers["authorization"] = api_key(options.api_key.get_secret_value())
    elif options.cloud_auth is not None:
        user, _, password = options.cloud_auth.get_secret_value().partition(":")
        headers["authorization"] = basic(user, password)
    elif host.user is not None:
        headers["authorization"] = basic(host.user, host.password or "")
    elif options.user is not None:
        headers["authorization"] = basic(options.user, options.password.get_secret_value() if options.password else "")
    return headers | options.custom_headers


async def presented_authority(options: ElasticsearchOptions) -> str:
    """The authority, as PEM, that the first server presents under a fingerprint of the options."""
    host = addresses(options)[0]
    problems: list[object] = []
    for fingerprint in options.ca_trusted_fingerprint:
        try:
            authority = tls.authority_in(await _presented(host), fingerprint)
        except OSError as error:
            raise Unavailable(f"{host.name}:{host.port} cannot be reached: {error}") from error
        if authority is not None:
            return authority
        problems.append(f"{host.name}:{host.port} presents no certificate with the fingerprint {fingerprint}")
    raise ConfigurationError(problems)


async def _presented(host: Host) -> Sequence[Any]:
    """The certificates that a server presents, unverified."""
    _, writer = await asyncio.open_connection(host.name, host.port, ssl=tls.client_context(verification="none"))
    try:
        return writer.get_extra_info("ssl_object")._sslobj.get_unverified_chain() or ()
    finally:
        writer.close()


async def compressed(data: bytearray, level: int) -> bytes | bytearray:
    """A body as it is sent: as it is, or gzipped."""
    if level == 0:
        return data
    if level <= _ISAL_LEVEL:
        return igzip.compress(data, compresslevel=level)
    return await asyncio.to_thread(gzip.compress, data, level)
