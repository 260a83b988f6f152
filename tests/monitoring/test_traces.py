"""Spans of the pipeline, sent by OpenTelemetry's own exporter to a receiver that speaks OTLP over HTTP."""

from __future__ import annotations

import asyncio
import gzip
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from pipeline.errors import BrokenFraming, ConfigurationError, Unavailable
from pipeline.monitoring.traces import Traces, ratio, tracing
from pipeline.plugin import Sent
from pipeline.runtime import Pipeline
from pipeline.settings.logstash_yml import Settings, read_settings
from tests.harness import ScriptedOutput, planned
from tests.monitoring.test_api import through


class Receiver(ThreadingHTTPServer):
    """Takes OTLP on a free port, and keeps what came."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.paths: list[str] = []
        self.requests: list[ExportTraceServiceRequest] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def spans(self) -> list[Any]:
        return [
            span
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def resource(self) -> dict[str, str]:
        [found, *_] = [resource for request in self.requests for resource in request.resource_spans]
        return {item.key: item.value.string_value for item in found.resource.attributes}


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.server.paths.append(self.path)
        self.server.requests.append(ExportTraceServiceRequest.FromString(body))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


@contextmanager
def receiving() -> Iterator[Receiver]:
    with Receiver() as receiver:
        thread = threading.Thread(target=receiver.serve_forever, daemon=True)
        thread.start()
        try:
            yield receiver
        finally:
            receiver.shutdown()
            thread.join()


def attributes(span: Any) -> dict[str, Any]:
    return {
        item.key.removeprefix("apex_logs."): item.value.string_value or item.value.int_value for item in span.attributes
    }


def run(text: str, folder: Path, traces: Traces | None) -> Pipeline:
    quick: dict[str, Any] = {"retry_initial_interval": 0.001, "retry_max_interval": 0.001}
    pipeline = Pipeline(Settings(path_data=folder / "data", **quick), planned(text), tracer=traces)
    asyncio.run(asyncio.wait_for(pipeline.run(), 30))
    if traces is not None:
        traces.close()
    return pipeline


def test_a_batch_its_work_and_its_sends_are_one_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = ScriptedOutput([Unavailable("HTTP 503: busy"), Sent()])
    monkeypatch.setattr("pipeline.outputs.stdout.build", lambda options: output)
    with receiving() as receiver:
        settings = Settings(otel_sampler_ratio=1, otel_endpoint=receiver.url)
        text = 'input { generator { id => "in" count => 3 } } output { stdout { id => "out" } }'
        run(text, tmp_path, tracing(settings, {}))
        spans = receiver.spans()
        assert set(receiver.paths) == {"/v1/traces"}
        assert receiver.resource()["service.name"] == "apex-logs"
    [batch] = [span for span in spans if span.name == "batch"]
    children = [span for span in spans if span.parent_span_id == batch.span_id]
    assert len(spans) == 4
    assert [span.name for span in children] == ["decode and filter", "send", "send"]
    assert {span.trace_id for span in spans} == {batch.trace_id}
    assert attributes(batch)["input"] == "in"
    assert attributes(batch)["events"] == 3
    work, first, second = children
    assert attributes(first) == {"output": "out", "items": 3}
    assert (first.status.code, first.status.message) == (2, "Unavailable: HTTP 503: busy")
    assert second.status.code == 0
    assert batch.start_time_unix_nano <= work.start_time_unix_nano <= work.end_time_unix_nano
    assert second.end_time_unix_nano <= batch.end_time_unix_nano


def test_standard_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as receiver:
        variables = {
            "OTEL_TRACES_SAMPLER": "parentbased_always_on",
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
            "OTEL_SERVICE_NAME": "mine",
        }
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        settings = read_settings(None, variables).settings
        assert settings.otel_endpoint == receiver.url
        pipeline = run(through(tmp_path), tmp_path, tracing(settings, variables))
        batches = [span for span in receiver.spans() if span.name == "batch"]
        assert receiver.resource()["service.name"] == "mine"
    assert len(batches) == sum(item.batches for item in pipeline.counters.inputs.values()) > 0


def test_a_batch_with_broken_framing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as receiver:
        traces = tracing(Settings(otel_sampler_ratio=1.0, otel_endpoint=receiver.url + "/"), {})
        pipeline = Pipeline(Settings(path_data=tmp_path), planned(through(tmp_path, 1)), tracer=traces)

        def decode(*_: Any) -> Any:
            raise BrokenFraming("cut")

        for _, made in pipeline.inputs:
            monkeypatch.setattr(made, "decode", decode)
        asyncio.run(asyncio.wait_for(pipeline.run(), 30))
        assert traces is not None
        traces.close()
        [batch] = [span for span in receiver.spans() if span.name == "batch"]
    assert (batch.status.code, batch.status.message) == (2, "broken framing")
    assert pipeline.counters.refused == 1


@pytest.mark.parametrize(
    ("given", "variables", "share"),
    [
        (None, {}, 0.0),
        (0.25, {"OTEL_TRACES_SAMPLER": "always_on"}, 0.25),
        (None, {"OTEL_TRACES_SAMPLER": "always_on"}, 1.0),
        (None, {"OTEL_TRACES_SAMPLER": "always_on", "OTEL_SDK_DISABLED": "true"}, 0.0),
        (None, {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.5"}, 0.5),
        (None, {"OTEL_TRACES_SAMPLER": "traceidratio"}, 1.0),
        (None, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}, 0.0),
    ],
)
def test_the_share_of_batches(given: float | None, variables: dict[str, str], share: float) -> None:
    assert ratio(Settings(otel_sampler_ratio=given), variables) == share


def test_not_every_batch_is_traced() -> None:
    with receiving() as receiver:
        traces = tracing(Settings(otel_sampler_ratio=0.5, otel_endpoint=receiver.url), {})
        assert traces is not None
        chosen = [traces.batch("in", 1) is not None for _ in range(500)]
        traces.close()
    assert 0 < sum(chosen) < 500


def test_what_cannot_be_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert tracing(Settings(), {}) is None
    with pytest.raises(ConfigurationError, match='there is no "jaeger_remote" here'):
        ratio(Settings(), {"OTEL_TRACES_SAMPLER": "jaeger_remote"})
    with pytest.raises(ConfigurationError, match="expected a number from 0 to 1"):
        ratio(Settings(), {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "half"})
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(ConfigurationError, match=r'pip install "apex-logs\[otel\]"'):
        tracing(Settings(otel_sampler_ratio=1), {})
