"""`apex-logs setup elasticsearch` on a real server with security: made once, put right, refused; a key's privileges."""

from __future__ import annotations

import base64
import json
import ssl
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.cli.program import Answer, invoke, run
from tests.servers.elasticsearch_node import PASSWORD, LocalNode, free_port


@dataclass(frozen=True)
class Secure:
    """A server with security."""

    url: str
    ca: Path

    def call(self, method: str, path: str, body: Any = None, login: str | None = None) -> tuple[int, Any]:
        login = login or "Basic " + base64.b64encode(f"tester:{PASSWORD}".encode()).decode()
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        headers = {"content-type": "application/json", "authorization": login}
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            context = ssl.create_default_context(cafile=str(self.ca))
            with urllib.request.urlopen(request, timeout=60, context=context) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def setup(self, *more: str, user: str = "tester", password: str = PASSWORD) -> Answer:
        login = ["--hosts", self.url, "--cacert", str(self.ca), "--user", user, "--wait", "30"]
        return invoke("setup", "elasticsearch", *login, *more, ELASTICSEARCH_PASSWORD=password)


@pytest.fixture(scope="module")
def secure(secure_elasticsearch: LocalNode) -> Secure:
    return Secure(secure_elasticsearch.url, secure_elasticsearch.ca)


EVERYTHING = [
    "lifecycle policy apex-logs",
    "lifecycle policy apex-logs-stream",
    "component template apex-logs-settings",
    "component template apex-logs-ecs",
    "component template apex-logs-fields",
    "index template apex-logs",
    "index template apex-logs-stream",
    "role apex-logs-writer",
    "role apex-logs-reader",
]
LIMITS = ["this server does not know match_only_text: messages are of type text"]
LIMITS += ["this server does not know wildcard: long texts are of type keyword"]


def test_made_once_and_put_right(secure: Secure) -> None:
    options = ["--data-stream", "--api-key"]
    code, out, err = secure.setup(*options, "--dry-run")
    would = [f"{name}: would create" for name in [*EVERYTHING, "API key apex-logs-writer"]]
    assert err == ""
    assert (code, out.splitlines(), err) == (0, [*LIMITS, *would, "10 to change; nothing was changed"], "")
    assert secure.call("GET", "/_index_template/apex-logs")[0] == 404

    code, out, _ = secure.setup(*options)
    *lines, key = out.splitlines()
    assert code == 0
    assert lines[2:-1] == [f"{name}: create" for name in EVERYTHING]
    assert lines[-1].startswith("API key apex-logs-writer: create; it is shown this once")
    assert ":" in key

    code, out, _ = secure.setup(*options)
    *lines, kept, last = out.splitlines()
    assert (code, last) == (0, "nothing to change")
    assert lines == [*LIMITS, *(f"{name}: as it should be" for name in EVERYTHING)]
    assert (
        kept == f"API key apex-logs-writer: there is one, {key.split(':')[0]}; to have a new one, invalidate it first"
    )

    code, out, _ = secure.setup("--retention", "7d", "--dry-run")
    assert "    ~ policy.phases.delete.min_age: 30d -> 7d" in out.splitlines()
    assert (
        secure.call("GET", "/_ilm/policy/apex-logs")[1]["apex-logs"]["policy"]["phases"]["delete"]["min_age"] == "30d"
    )

    found = secure.call("GET", "/_component_template/apex-logs-settings")[1]["component_templates"][0]
    spoilt = found["component_template"]["template"]
    spoilt["settings"]["index"] |= {"refresh_interval": "1s", "number_of_replicas": "3"}
    secure.call("PUT", "/_component_template/apex-logs-settings", {"template": spoilt})
    _, out, _ = secure.setup()
    assert {
        "component template apex-logs-settings: change",
        "    + _meta.managed_by: apex-logs",
        "    - template.settings.index.number_of_replicas: 3",
        "    ~ template.settings.index.refresh_interval: 1s -> 5s",
    } <= set(out.splitlines())
    assert secure.setup().out.endswith("nothing to change\n")
    _the_key_writes_and_does_no_more(secure, key)


def _the_key_writes_and_does_no_more(secure: Secure, key: str) -> None:
    login = "ApiKey " + base64.b64encode(key.encode()).decode()

    def written(index: str, action: str) -> int:
        lines = [{action: {"_index": index, "_id": "1"}}, {"@timestamp": "2026-11-23T00:00:00Z", "status": 200}]
        body = "".join(json.dumps(line) + "\n" for line in lines).encode()
        answer = secure.call("POST", "/_bulk?refresh=true", body, login)[1]
        return int(answer["items"][0][action]["status"])

    assert written("apex-logs-2026.11.23", "create") == 201
    assert written("logs-apex-default", "create") == 201
    assert written("apex-logs-2026.11.23", "create") == 409
    assert written("apex-logs-2026.11.23", "index") == 403
    assert written("other-2026.11.23", "create") == 403
    assert secure.call("GET", "/", login=login)[0] == 200
    assert secure.call("GET", "/apex-logs-2026.11.23/_search", login=login)[0] == 403
    assert secure.call("DELETE", "/apex-logs-2026.11.23", login=login)[0] == 403
    text = f"""input {{ stdin {{ codec => json_lines }} }} output {{ elasticsearch {{
        hosts => ["{secure.url}"] api_key => "{key}" ssl_certificate_authorities => ["{secure.ca}"]
        index => "apex-logs-engine" manage_template => false }} }}"""
    code, _, err = run("-e", text, "--path.data", str(secure.ca.parent / "data"), stdin=b'{"n": 1}\n{"n": 2}\n')
    assert code == 0, err
    secure.call("POST", "/apex-logs-engine/_refresh")
    assert secure.call("GET", "/apex-logs-engine/_count")[1]["count"] == 2
    _, mapping = secure.call("GET", "/apex-logs-2026.11.23/_mapping")
    assert mapping["apex-logs-2026.11.23"]["mappings"]["properties"]["status"]["type"] == "short"


def test_refusals_say_what_is_missing(secure: Secure) -> None:
    code, out, err = secure.setup(password="wrong")
    assert (code, out) == (1, "")
    assert err == "the credentials are refused: give --user and a password, or an API key\n"
    role = {"cluster": ["manage_index_templates"], "indices": []}
    secure.call("PUT", "/_security/role/templates-alone", role)
    secure.call("PUT", "/_security/user/clerk", {"password": "clerks-password", "roles": ["templates-alone"]})
    code, _, err = secure.setup("--api-key", user="clerk", password="clerks-password")
    assert code == 1
    assert "need the privilege manage_security" in err


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--retention", "soon"], '"soon" is no age: write days or hours, such as 30d or 12h'),
        (["--hosts", "ftp://x"], "it begins with http:// or https://"),
        (["--login-key", "a:b"], "an api_key is only sent over TLS"),
        (["--hosts", "https://x", "--cacert", "/nowhere.pem"], "/nowhere.pem"),
    ],
)
def test_options_that_cannot_be_used(options: list[str], reason: str) -> None:
    code, out, err = invoke("setup", "elasticsearch", *options)
    assert (code, out) == (2, "")
    assert reason in err


def test_nobody_answers() -> None:
    code, _, err = invoke("setup", "elasticsearch", "--hosts", f"http://127.0.0.1:{free_port()}")
    assert code == 1
    assert "Connect" in err


def test_a_server_that_comes_up_is_waited_for() -> None:
    """The first requests are answered as a node answers whose security index has no shard yet."""
    unready = [503, 503]

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Says nothing."""

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(unready.pop() if unready else 400)
            self.send_header("content-length", "0")
            self.end_headers()

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        code, _, err = invoke("setup", "elasticsearch", "--hosts", url, "--wait", "30")
        server.shutdown()
        thread.join(30)
    assert (code, unready) == (1, [])
    assert err == "this server has no fields with dots in their names: Elasticsearch 8.3 or newer is needed\n"
