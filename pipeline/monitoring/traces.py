"""OpenTelemetry spans of the pipeline itself, sampled batch by batch; off unless a ratio is given.

    batch                    from the moment that it was taken to its end, when its sender is acknowledged
    ├── decode and filter    its events pass the filters and are rendered
    └── send                 one for each body with items of the batch, repeats included

`otel.traces.sampler_ratio` turns it on, or the standard variables `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG`;
the other standard variables (`OTEL_EXPORTER_OTLP_*`, `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`) are read by
OpenTelemetry's own exporter. Spans leave in a thread of their own; where the collector is away they are lost, and
nothing waits for them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from pipeline.errors import ConfigurationError
from pipeline.grammar.faults import Fault
from pipeline.settings.monitoring import MonitoringSettings
from pipeline.spans import BatchSpan

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span

_FLUSH = 5000
"""Milliseconds that the end waits for the last spans to leave."""


def ratio(settings: MonitoringSettings, environment: Mapping[str, str]) -> float:
    """The share of batches that are traced; raises `ConfigurationError` for a sampler that is not known here."""
    if settings.otel_sampler_ratio is not None:
        return float(settings.otel_sampler_ratio)
    sampler = environment.get("OTEL_TRACES_SAMPLER", "always_off").removeprefix("parentbased_")
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true" or sampler == "always_off":
        return 0.0
    if sampler == "always_on":
        return 1.0
    try:
        if sampler == "traceidratio":
            return min(max(float(environment.get("OTEL_TRACES_SAMPLER_ARG", "1")), 0.0), 1.0)
    except ValueError:
        raise ConfigurationError([Fault("OTEL_TRACES_SAMPLER_ARG: expected a number from 0 to 1")]) from None
    known = "always_on, always_off, traceidratio, or one of them after parentbased_"
    raise ConfigurationError([Fault(f'OTEL_TRACES_SAMPLER: there is no "{sampler}" here; there are: {known}')])


def tracing(settings: MonitoringSettings, environment: Mapping[str, str]) -> Traces | None:
    """Where spans go; None where none are made. Raises `ConfigurationError`, also where the packages are missing."""
    share = ratio(settings, environment)
    if not share:
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.sampling import ALWAYS_ON
    except ImportError as error:
        remedy = 'pip install "apex-logs[otel]"'
        raise ConfigurationError([Fault(f"otel.traces.sampler_ratio: {error}; {remedy}")]) from None
    resource = Resource.create()
    if str(resource.attributes.get(SERVICE_NAME, "unknown")).startswith("unknown"):
        resource = resource.merge(Resource({SERVICE_NAME: "apex-logs"}))
    endpoint = None
    if settings.otel_endpoint and "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" not in environment:
        endpoint = settings.otel_endpoint.rstrip("/") + "/v1/traces"
    provider = TracerProvider(sampler=ALWAYS_ON, resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    return Traces(provider, share)


class Traces:
    """Chooses batches by chance, and makes their spans."""

    def __init__(self, provider: TracerProvider, share: float) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("apex-logs")
        self._share = share

    def batch(self, source: str, size: int) -> BatchSpan | None:
        """A batch was taken; None if this one is not followed."""
        if random.random() >= self._share:  # noqa: S311  a sample, no secret
            return None
        root = self._tracer.start_span("batch", attributes={"apex_logs.input": source, "apex_logs.bytes": size})
        return _Batch(root, self._child)

    def _child(self, parent: Span, name: str, attributes: Mapping[str, str | int]) -> Span:
        from opentelemetry.trace import set_span_in_context

        return self._tracer.start_span(name, set_span_in_context(parent), attributes=dict(attributes))

    def close(self) -> None:
        """Sends what is left, if that can be done soon; blocks meanwhile."""
        self._provider.force_flush(_FLUSH)
        self._provider.shutdown()


class _Batch:
    def __init__(self, root: Span, child: Callable[[Span, str, Mapping[str, str | int]], Span]) -> None:
        self._root = root
        self._child = child
        self._work = child(root, "decode and filter", {})

    def decoded(self, events: int) -> None:
        self._root.set_attribute("apex_logs.events", events)
        self._work.end()

    def sending(self, output: str, items: int) -> Callable[[str], None]:
        span = self._child(self._root, "send", {"apex_logs.output": output, "apex_logs.items": items})

        def end(problem: str) -> None:
            if problem:
                _fail(span, problem)
            span.end()

        return end

    def ended(self) -> None:
        self._root.end()

    def refused(self, reason: str) -> None:
        _fail(self._root, reason)
        self._work.end()
        self._root.end()


def _fail(span: Span, problem: str) -> None:
    from opentelemetry.trace import Status, StatusCode

    span.set_status(Status(StatusCode.ERROR, problem))
