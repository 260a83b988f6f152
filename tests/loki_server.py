"""The push API of Grafana Loki, as its documentation has it: `with LokiServer() as server: ... server.url`.

This is not Loki. It holds a client to the pages "HTTP API" (the form of a push) and "Troubleshoot log ingestion" (the
limits, with their defaults, and the texts of refusals), strictly: what they do not allow is 400. Like Loki it keeps the
valid entries of a push that it answers with 400, and one of two entries that are alike in time, labels and line.
"""

from __future__ import annotations

import gzip
import json
import re
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from types import TracebackType
from typing import Any, NamedTuple

from jsonschema import Draft202012Validator

PATH = "/loki/api/v1/push"
_NAME = r"^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$"
_TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
_ENTRY = {
    "type": "array",
    "prefixItems": [{"type": "string", "pattern": r"^[0-9]{1,19}$"}, {"type": "string"}, _TEXTS],
    "minItems": 2,
    "maxItems": 3,
}
_STREAM = {
    "type": "object",
    "properties": {"stream": _TEXTS, "values": {"type": "array", "minItems": 1, "items": _ENTRY}},
    "required": ["stream", "values"],
    "additionalProperties": False,
}
SCHEMA = Draft202012Validator(
    {
        "type": "object",
        "properties": {"streams": {"type": "array", "minItems": 1, "items": _STREAM}},
        "required": ["streams"],
        "additionalProperties": False,
    }
)

Labels = tuple[tuple[str, str], ...]


class Entry(NamedTuple):
    """What is kept of an entry."""

    time: int
    line: str
    metadata: dict[str, str]


@dataclass
class Limits:
    """The defaults of Loki 3; the oldest time is given, in nanoseconds, as test data has its own age."""

    oldest: int = 0
    label_names: int = 15
    label_name: int = 1024
    label_value: int = 2048
    line: int = 256 << 10
    structured_metadata: bool = True


@dataclass
class LokiServer:
    """`streams` holds what was written, `requests` the headers of each push, and what it held.

    Each of `refusals`, a status and a text, answers one push. `tenant` and `authorization` are asked for if set.
    """

    limits: Limits = field(default_factory=Limits)
    refusals: list[tuple[int, str]] = field(default_factory=list)
    tenant: str | None = None
    authorization: str | None = None
    tls: ssl.SSLContext | None = None
    streams: dict[Labels, list[Entry]] = field(default_factory=dict)
    requests: list[tuple[dict[str, str], dict[str, Any]]] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def __enter__(self) -> LokiServer:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"] or 0))
                with server._lock:
                    status, text = server.answer(self.path, {k.lower(): v for k, v in self.headers.items()}, body)
                self.send_response(status)
                if status != 204:
                    self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                if status != 204:
                    self.wfile.write(text.encode())

            def log_message(self, *_: Any) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        if self.tls:
            self._http.socket = self.tls.wrap_socket(self._http.socket, server_side=True)
        self._thread = Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    @property
    def address(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self._http.server_address[1]}"

    @property
    def url(self) -> str:
        return self.address + PATH

    def lines(self) -> list[str]:
        """Every line that was written, sorted."""
        return sorted(entry.line for entries in self.streams.values() for entry in entries)

    def answer(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, str]:
        """Status and text for one request."""
        if path != PATH:
            return 404, "404 page not found"
        if self.authorization is not None and headers.get("authorization") != self.authorization:
            return 401, "unauthorized"
        if self.tenant is not None and headers.get("x-scope-orgid") != self.tenant:
            return 401, "no org id"
        if headers.get("content-type") != "application/json" or headers.get("content-encoding") not in (None, "gzip"):
            return 400, f"this is no JSON, plain or gzipped: {headers}"
        document = json.loads(gzip.decompress(body) if "content-encoding" in headers else body)
        self.requests.append((headers, document))
        if self.refusals:
            return self.refusals.pop(0)
        problems = [problem.message for problem in SCHEMA.iter_errors(document)]
        if not problems:
            problems = [said for stream in document["streams"] for said in self._written(stream)]
        return (400, "\n".join(problems)) if problems else (204, "")

    def _written(self, stream: dict[str, Any]) -> list[str]:
        labels = stream["stream"]
        shown = "{" + ", ".join(f"{name}={json.dumps(value)}" for name, value in labels.items()) + "}"
        problem = self._label_problem(labels, shown)
        if problem:
            return [problem]
        problems = []
        entries = self.streams.setdefault(tuple(sorted(labels.items())), [])
        for time, line, *rest in stream["values"]:
            entry = Entry(int(time), line, rest[0] if rest else {})
            problem = self._entry_problem(entry, shown)
            if problem:
                problems.append(problem)
            elif (entry.time, line) not in {(other.time, other.line) for other in entries}:
                entries.append(entry)
        return problems

    def _label_problem(self, labels: dict[str, str], shown: str) -> str:
        limits = self.limits
        if not any(labels.values()):
            return "error at least one label pair is required per stream"
        if len(labels) > limits.label_names:
            return f"entry for stream '{shown}' has {len(labels)} label names; limit {limits.label_names}"
        for name, value in labels.items():
            if not re.fullmatch(_NAME, name):
                return f"error parsing labels '{shown}' with error: unexpected character in {name}"
            if len(name) > limits.label_name:
                return f"stream '{shown}' has label name too long: '{name}'"
            if len(value.encode()) > limits.label_value:
                return f"stream '{shown}' has label value too long: '{value}'"
        return ""

    def _entry_problem(self, entry: Entry, shown: str) -> str:
        limits, size = self.limits, len(entry.line.encode())
        if entry.time < limits.oldest:
            there, oldest = (
                datetime.fromtimestamp(moment // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
                for moment in (entry.time, limits.oldest)
            )
            said = f"has timestamp too old: {there}, oldest acceptable timestamp is: {oldest}"
            return f"entry for stream '{shown}' {said}"
        if size > limits.line:
            said = f"while adding an entry with length '{size}' bytes"
            return f"max entry size '{limits.line}' bytes exceeded for stream '{shown}' {said}"
        if entry.metadata and not limits.structured_metadata:
            said = "Please see `limits_config.allow_structured_metadata`"
            return f"stream '{shown}' includes structured metadata, but this feature is disallowed. {said}"
        return ""
