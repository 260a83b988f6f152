"""What arrives at a real OTLP/gRPC receiver, and what goes on to others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.api.receivers import Http, Span, Traces, http, traces
from tests.api.serving import CABINET, DERIVE, Process, serving, until

INTERNAL, SERVER, CLIENT = 1, 2, 3
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture(scope="module")
def receiver() -> Iterator[Traces]:
    with traces() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[Http]:
    with http() as server:
        yield server


@pytest.fixture(scope="module")
def traced(receiver: Traces, elsewhere: Http, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    variables = {
        "OTEL_EXPORTER": "otlp",
        "OTEL_ENDPOINT": receiver.endpoint,
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        "OTEL_SEMCONV_STABILITY_OPT_IN": "http,database",  # what an operator may have set for other services
        "SUBMISSION_URL": f"http://127.0.0.1:{elsewhere.port}/permits",
        "GIT_SHA": "abc123",
        "ENV": "test",
    }
    with serving(tmp_path_factory.mktemp("traced"), **variables) as process:
        yield process


def logged_trace(process: Process, answer: httpx.Response) -> str:
    [line] = until(lambda: process.request_lines(answer.headers["X-Request-ID"]))
    trace: str = line["trace_id"]
    return trace


def named(spans: list[Span], name: str) -> list[Span]:
    return [span for span in spans if span.name.startswith(name)]


def test_the_tree_of_a_derive_request(traced: Process, receiver: Traces) -> None:
    answer = traced.derive()
    trace = logged_trace(traced, answer)
    until(lambda: named(receiver.of(trace), "POST"))
    spans = receiver.of(trace)
    [server], [manual], [insert] = (named(spans, name) for name in ("POST", "cabinet_derive", "INSERT"))
    assert (server.name, server.kind, server.parent) == (f"POST {DERIVE}", SERVER, "")
    assert (manual.name, manual.kind, manual.parent) == ("cabinet_derive", INTERNAL, server.span_id)
    assert (insert.kind, insert.parent) == (CLIENT, manual.span_id)
    assert server.attributes["http.method"] == "POST"
    assert server.attributes["http.route"] == DERIVE
    assert server.attributes["http.status_code"] == 200
    assert not {"http.request.method", "http.response.status_code"} & server.attributes.keys()
    assert manual.attributes == {"cabinets.count": 1, "result.area_ft2": 8.0, "result.weight_lb": 42.25}
    assert insert.attributes["db.statement"].startswith("INSERT INTO calculations")
    assert insert.attributes["db.system"] == "sqlite"
    resource = {"service.name": "apex-api", "service.version": "abc123", "deployment.environment": "test"}
    assert resource.items() <= server.resource.items()


def test_the_log_line_names_the_server_span(traced: Process, receiver: Traces) -> None:
    answer = traced.derive()
    [line] = until(lambda: traced.request_lines(answer.headers["X-Request-ID"]))
    [server] = until(lambda: named(receiver.of(line["trace_id"]), "POST"))
    assert line["span_id"] == server.span_id


def test_a_trace_that_comes_in_goes_on(traced: Process, receiver: Traces) -> None:
    answer = traced.derive(traceparent=f"00-{TRACE}-{PARENT}-01")
    assert logged_trace(traced, answer) == TRACE
    [server] = until(lambda: named(receiver.of(TRACE), "POST"))
    assert server.parent == PARENT


def test_a_refusal_has_its_status(traced: Process, receiver: Traces) -> None:
    answer = traced.client.post(DERIVE, json={"cabinets": [{**CABINET, "width": 0}]})
    [server] = until(lambda: named(receiver.of(logged_trace(traced, answer)), "POST"))
    assert server.attributes["http.status_code"] == 422


def test_the_trace_goes_on_in_calls_of_others(traced: Process, receiver: Traces, elsewhere: Http) -> None:
    project = traced.client.post("/projects", json={"name": "x", "cabinets": [CABINET]}).json()
    answer = traced.client.post(f"/projects/{project['id']}/submit")
    assert answer.json()["status"] == "submitted"
    [got] = [each for each in elsewhere.received if project["id"] in each.body.decode()]
    _, trace, span, _ = got.headers["traceparent"].split("-")
    assert trace == logged_trace(traced, answer)
    [server] = until(lambda: named(receiver.of(trace), "POST"))
    assert span == server.span_id
    assert (got.path, json.loads(got.body)) == ("/permits", project)
    assert got.headers["idempotency-key"] == project["id"]


@pytest.mark.parametrize("status", [500, 404, 301])
def test_a_receiver_that_refuses_leaves_a_draft(traced: Process, elsewhere: Http, status: int) -> None:
    project = traced.client.post("/projects", json={"name": "x", "cabinets": [CABINET]}).json()
    failures = traced.metric('apex_projects_submitted_total{status="failure"}')
    elsewhere.status = status
    try:
        answer = traced.client.post(f"/projects/{project['id']}/submit")
    finally:
        elsewhere.status = 200
    assert answer.status_code == 502
    assert traced.client.get(f"/projects/{project['id']}").json()["status"] == "draft"
    assert traced.metric('apex_projects_submitted_total{status="failure"}') == failures + 1
    assert traced.client.post(f"/projects/{project['id']}/submit").json()["status"] == "submitted"


def test_the_trace_goes_on_where_the_report_is_written(traced: Process, receiver: Traces) -> None:
    project = traced.client.post("/projects", json={"name": "x", "cabinets": [CABINET]}).json()
    answer = traced.client.post(f"/projects/{project['id']}/report")
    trace = logged_trace(traced, answer)
    [written] = until(lambda: named(receiver.of(trace), "report_write"))
    [server] = until(lambda: named(receiver.of(trace), "POST"))
    assert written.parent == server.span_id
    assert written.attributes["report.id"] == answer.json()["id"]


def test_what_is_asked_every_few_seconds_is_not_traced(traced: Process, receiver: Traces) -> None:
    for path in ("/healthz", "/readyz", "/metrics"):
        traced.client.get(path).raise_for_status()
    until(lambda: named(receiver.of(logged_trace(traced, traced.derive())), "POST"))
    assert [span.name for span in receiver.spans if span.parent == "" and span.kind != SERVER] == []
    assert {span.attributes["http.route"] for span in receiver.spans if span.kind == SERVER} & {"/metrics"} == set()


def test_a_host_that_is_named_like_a_probe_is_traced(traced: Process, receiver: Traces) -> None:
    trace = logged_trace(traced, traced.derive(Host="metrics.example.org"))
    until(lambda: named(receiver.of(trace), "cabinet_derive"))
    [server] = until(lambda: named(receiver.of(trace), "POST"))
    assert server.attributes["http.route"] == DERIVE


def test_spans_are_sent_before_the_process_ends(tmp_path: Path, receiver: Traces) -> None:
    with serving(tmp_path, OTEL_EXPORTER="otlp", OTEL_ENDPOINT=receiver.endpoint) as process:
        trace = logged_trace(process, process.derive())
        assert process.stop() == 0
    assert named(receiver.of(trace), "POST")


def test_the_console_gets_a_line_a_span(tmp_path: Path) -> None:
    with serving(tmp_path, OTEL_EXPORTER="console") as process:
        trace = logged_trace(process, process.derive())
        process.stop()
        spans = [json.loads(line) for line in process.errors.read_text().splitlines()]
    names = [span["name"] for span in spans if span["context"]["trace_id"] == f"0x{trace}"]
    assert {"cabinet_derive", f"POST {DERIVE}"} <= set(names)


def test_a_receiver_that_is_away_fails_no_request(tmp_path: Path) -> None:
    with serving(tmp_path, OTEL_EXPORTER="otlp", OTEL_ENDPOINT="http://127.0.0.1:1") as process:
        assert {process.derive().status_code for _ in range(20)} == {200}
