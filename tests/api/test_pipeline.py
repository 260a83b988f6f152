"""The whole road: a request of the API, its log through the design document's configuration, the embedded store."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import trustme

from tests.api.receivers import traces
from tests.api.serving import DERIVE, serving, stored, until
from tests.proofs.engine import Engine, TextEngine
from tests.servers.elasticsearch_node import free_port

PUBLIC = "81.2.69.160"


def test_a_request_is_in_the_index_of_today(tmp_path: Path, engine: Engine) -> None:
    with traces() as receiver:
        variables = {
            "LOG_TARGET": f"beats://127.0.0.1:{engine.port}",
            "TRUSTED_PROXIES": "127.0.0.1",
            "OTEL_EXPORTER": "otlp",
            "OTEL_ENDPOINT": receiver.endpoint,
            "OTEL_BSP_SCHEDULE_DELAY": "100",
        }
        before = f"apex-logs-{datetime.now(UTC):%Y.%m.%d}"
        with serving(tmp_path / "api", **variables) as api:
            answer = api.derive(**{"X-Forwarded-For": PUBLIC, "User-Agent": "a test"})
            assert answer.status_code == 200
            request_id = answer.headers["X-Request-ID"]

            def found() -> list[tuple[str, dict[str, Any]]]:
                return [hit for hit in stored(tmp_path / "store") if hit[1].get("request_id") == request_id]

            [(index, document)] = until(found)
            spans = until(lambda: [each for each in receiver.of(document["trace_id"]) if each.name.startswith("POST")])
    assert index in {before, f"apex-logs-{datetime.now(UTC):%Y.%m.%d}"}
    assert document["log_event"] == "request_finished"
    assert "event" not in document
    assert document["fields"] == {"service": "apex-api"}
    assert document["source_ip"] == PUBLIC
    assert document["geoip"]["city_name"] == "London"
    assert document["geoip"]["country_code2"] == "GB"
    assert (document["method"], document["route"], document["status"]) == ("POST", DERIVE, 200)
    assert json.loads(document["message"])["event"] == "request_finished"
    assert [span.span_id for span in spans] == [document["span_id"]]


def test_the_last_lines_arrive_when_the_api_ends(tmp_path: Path, engine: Engine) -> None:
    with serving(tmp_path / "api", LOG_TARGET=f"beats://127.0.0.1:{engine.port}") as api:
        ids = {api.derive().headers["X-Request-ID"] for _ in range(50)}
        until(lambda: api.metric("apex_log_lines_shipped_total") > len(ids))
        assert api.metric("apex_log_lines_dropped_total") == 0
        assert api.stop() == 0
    assert engine.stop() == 0
    assert ids <= {document.get("request_id") for _, document in stored(tmp_path / "store")}


def test_a_pipeline_that_is_away_fails_no_request(tmp_path: Path) -> None:
    """And what was logged meanwhile arrives when it is back."""
    folder = tmp_path / "engine"
    folder.mkdir()
    late = Engine(folder, ["--embedded", str(tmp_path / "store")])
    with serving(tmp_path / "api", LOG_TARGET=f"beats://127.0.0.1:{late.port}") as api:
        answers = [api.derive() for _ in range(100)]
        assert {answer.status_code for answer in answers} == {200}
        ids = {answer.headers["X-Request-ID"] for answer in answers}
        late.start()
        try:
            late.listening()
            until(lambda: ids <= {document.get("request_id") for _, document in stored(tmp_path / "store")})
        finally:
            late.stop()


def test_a_pipeline_that_never_comes_lets_the_api_end(tmp_path: Path) -> None:
    with serving(tmp_path / "api", LOG_TARGET=f"beats://127.0.0.1:{free_port()}") as api:
        assert api.derive().status_code == 200
        assert api.metric("apex_log_lines_queued") > 0
        assert api.stop() == 0
        assert "127.0.0.1" in api.errors.read_text()


def test_lines_go_encrypted_to_who_has_the_certificate(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    issued = authority.issue_cert("127.0.0.1")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "certificate.pem")
    port = free_port()
    tls = f'ssl_enabled => true ssl_key => "{tmp_path}/key.pem" ssl_certificate => "{tmp_path}/certificate.pem"'
    output = f'output {{ sqlite {{ path => "{tmp_path}/engine/store" index => "apex" }} }}'
    engine = TextEngine(tmp_path / "engine", f"input {{ beats {{ port => {port} {tls} }} }} {output}")
    engine.port = port
    engine.start()
    try:
        engine.listening()
        target = f"beats+tls://127.0.0.1:{port}"
        with serving(tmp_path / "api", LOG_TARGET=target, SSL_CERT_FILE=str(tmp_path / "ca.pem")) as api:
            request_id = api.derive().headers["X-Request-ID"]
            until(lambda: [each for _, each in stored(engine.store) if request_id in each["message"]])
        with serving(tmp_path / "stranger", LOG_TARGET=target) as api:
            assert api.derive().status_code == 200
            until(lambda: "certificate verify failed" in api.errors.read_text())
    finally:
        engine.stop()
