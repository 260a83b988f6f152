"""What the API sends to, for tests: an OTLP/gRPC receiver and an HTTP server that keep what they got."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)


class Span(NamedTuple):
    """A span as it came over the wire; ids in hexadecimal, `parent` is empty at the root of what was received."""

    name: str
    trace_id: str
    span_id: str
    parent: str
    kind: int
    attributes: dict[str, Any]
    resource: dict[str, Any]


class Traces(TraceServiceServicer):
    """The trace service, which keeps every span."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.endpoint = ""

    def Export(self, request: ExportTraceServiceRequest, context: object) -> ExportTraceServiceResponse:  # noqa: N802  gRPC's name
        for resource_spans in request.resource_spans:
            resource = _attributes(resource_spans.resource.attributes)
            for scope in resource_spans.scope_spans:
                self.spans += [
                    Span(
                        span.name,
                        span.trace_id.hex(),
                        span.span_id.hex(),
                        span.parent_span_id.hex(),
                        span.kind,
                        _attributes(span.attributes),
                        resource,
                    )
                    for span in scope.spans
                ]
        return ExportTraceServiceResponse()

    def of(self, trace_id: str) -> list[Span]:
        """The spans of a trace that have come so far."""
        return [span for span in self.spans if span.trace_id == trace_id]


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}


@contextmanager
def traces() -> Iterator[Traces]:
    """A receiver on a free port, `endpoint`."""
    service = Traces()
    server = grpc.server(ThreadPoolExecutor(2))
    add_TraceServiceServicer_to_server(service, server)
    service.endpoint = f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield service
    finally:
        server.stop(None).wait()


class Received(NamedTuple):
    """A request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Http:
    """Keeps requests, and answers them all with one status and, by the path, a JSON body."""

    def __init__(self, status: int, body: Callable[[str], bytes]) -> None:
        self.status = status
        self.body = body
        self.received: list[Received] = []
        self.port = 0


@contextmanager
def http(status: int = 200, body: Callable[[str], bytes] = lambda path: b"{}") -> Iterator[Http]:
    """A server on a free port."""
    kept = Http(status, body)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            kept.received.append(Received(self.command, self.path, headers, body))
            answer = kept.body(self.path)
            self.send_response(kept.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_PUT = do_POST  # noqa: N815  as http.server has them

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    kept.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield kept
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
