"""`apex-logs setup kibana` against a server that keeps to Kibana's documented import API, strictly.

No Kibana runs here: what it makes of the objects beyond the API's own rules is not shown by these tests.
"""

from __future__ import annotations

import email.parser
import email.policy
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from mappings.kibana.build import objects
from tests.cli.program import Answer, invoke
from tests.servers.elasticsearch_node import free_port


class Kibana(ThreadingHTTPServer):
    """GET of a saved object, and POST of `_import`, as Kibana 8.11 documents them."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.saved: dict[tuple[str, str], dict[str, Any]] = {}
        self.imports: list[int] = []
        self.login: str | None = None
        self.prefix = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Kibana

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _refuse(self, status: int, message: str) -> None:
        self._answer(status, {"statusCode": status, "error": "Refused", "message": message})

    def _path(self) -> str | None:
        if self.server.login is not None and self.headers.get("authorization") != self.server.login:
            self._refuse(401, "Unauthorized")
            return None
        root = f"{self.server.prefix}/api/saved_objects/"
        if not self.path.startswith(root):
            self._refuse(404, "Not Found")
            return None
        return self.path.removeprefix(root)

    def do_GET(self) -> None:
        path = self._path()
        if path is None:
            return
        found = self.server.saved.get(tuple(path.split("/")))
        if found is None:
            self._refuse(404, f"Saved object [{path}] not found")
        else:
            self._answer(200, found)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])) if "content-length" in self.headers else None
        path = self._path()
        if path is not None:
            fault = self._fault(path, body or self._chunks())
            if fault is not None:
                self._refuse(*fault)

    def _fault(self, path: str, body: bytes) -> tuple[int, str] | None:
        """Imports what was sent, or says what is wrong with the request."""
        if path not in ("_import", "_import?overwrite=true"):
            return 404, "Not Found"
        if "kbn-xsrf" not in self.headers:
            return 400, "Request must contain a kbn-xsrf header."
        kind = self.headers.get("content-type", "")
        if not kind.startswith("multipart/form-data"):
            return 415, "Unsupported Media Type"
        whole = f"content-type: {kind}\r\n\r\n".encode() + body
        parts = list(email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(whole).iter_parts())
        if [part.get_param("name", header="content-disposition") for part in parts] != ["file"]:
            return 400, "[request body.file]: expected value of type [Stream]"
        if not (parts[0].get_filename() or "").endswith(".ndjson"):
            return 400, "Invalid file extension"
        self._import(parts[0].get_payload(decode=True).decode(), "overwrite" in path)
        return None

    def _chunks(self) -> bytes:
        found = b""
        while size := int(self.rfile.readline(), 16):
            found += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return found

    def _import(self, text: str, overwrite: bool) -> None:
        lines = [json.loads(line) for line in text.splitlines()]
        given = {(each["type"], each["id"]): each for each in lines if "exportedCount" not in each}
        errors = []
        for key, each in given.items():
            missing = [r for r in each["references"] if (r["type"], r["id"]) not in given | self.server.saved]
            kind = "missing_references" if missing else "conflict" if key in self.server.saved and not overwrite else ""
            if kind:
                errors.append({"type": key[0], "id": key[1], "error": {"type": kind}})
            else:  # Kibana writes what it keeps in its own words
                self.server.saved[key] = {**each, "updated_at": "2026-11-23T00:00:00Z", "version": "WzEsMV0="}
        self.server.imports.append(len(given))
        answer = {"success": not errors, "successCount": len(given) - len(errors), "warnings": []}
        self._answer(200, {**answer, "errors": errors} if errors else answer)


@pytest.fixture
def kibana() -> Iterator[Kibana]:
    with Kibana() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join(30)


def setup(kibana: Kibana, *more: str, **environment: str) -> Answer:
    return invoke("setup", "kibana", "--kibana", kibana.url, *more, **environment)


NAMES = [f"{each['type']} {each['id']}" for each in objects()]


def test_imported_once(kibana: Kibana) -> None:
    code, out, err = setup(kibana, "--dry-run")
    assert (code, err) == (0, "")
    assert out.splitlines() == [*(f"{name}: would create" for name in NAMES), "12 to change; nothing was changed"]
    assert not kibana.saved

    assert setup(kibana).out.splitlines() == [f"{name}: create" for name in NAMES]
    assert len(kibana.saved) == 12
    assert setup(kibana).out.splitlines() == [*(f"{name}: as it should be" for name in NAMES), "nothing to change"]
    assert kibana.imports == [12]


def test_what_differs_is_said_and_imported_alone(kibana: Kibana) -> None:
    setup(kibana)
    kibana.saved[("lens", "apex-logs-latency")]["attributes"] |= {"description": "old [apex-logs 000000000000]"}
    kibana.saved[("dashboard", "apex-logs")]["attributes"] |= {"timeFrom": "now-1h"}
    _, out, _ = setup(kibana, "--jaeger", "https://jaeger.example.com/")
    assert "index-pattern apex-logs: change" in out
    link = "fieldFormatMap.trace_id.params.urlTemplate"
    before, after = "http://localhost:16686/trace/{{rawValue}}", "https://jaeger.example.com/trace/{{rawValue}}"
    assert f"    ~ {link}: {before} -> {after}" in out.splitlines()
    assert "lens apex-logs-latency: change" in out
    assert "dashboard apex-logs: as it should be" in out
    assert kibana.imports == [12, 2]
    assert kibana.saved[("dashboard", "apex-logs")]["attributes"]["timeFrom"] == "now-1h"


def test_space_and_login(kibana: Kibana) -> None:
    kibana.prefix, kibana.login = "/s/logs", "Basic YW5uOnNlY3JldA=="
    code, _, err = setup(kibana, "--space", "logs")
    assert code == 1
    assert "the credentials are refused" in err
    code, _, _ = setup(kibana, "--space", "logs", "--user", "ann", ELASTICSEARCH_PASSWORD="secret")
    assert (code, len(kibana.saved)) == (0, 12)


@pytest.mark.parametrize(
    ("options", "code", "reason"),
    [
        (["--kibana", "localhost:5601"], 2, "it begins with http:// or https://"),
        (["--kibana", "http://localhost:5601", "--login-key", "a:b"], 2, "only sent over TLS"),
        (["--kibana", f"http://127.0.0.1:{free_port()}"], 1, "Cannot connect"),
    ],
)
def test_what_stops_it(options: list[str], code: int, reason: str) -> None:
    answer = invoke("setup", "kibana", *options)
    assert answer.code == code
    assert reason in answer.err
