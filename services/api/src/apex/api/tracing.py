"""Traces: OpenTelemetry's provider and exporter, and the instrumentation of FastAPI and SQLAlchemy."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

from fastapi import FastAPI
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.propagate import extract, inject
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter
from sqlalchemy import Engine

from apex.api.settings import SERVICE, Settings

UNTRACED = "^[a-z]+://[^/]+/(healthz|readyz|metrics)$"
"""URLs that are asked every few seconds and tell nothing."""
EXPORT_TIMEOUT = 3.0
"""Seconds for one export, attempts included: so long does a receiver that is away delay the end of the process."""
_OPT_IN = "OTEL_SEMCONV_STABILITY_OPT_IN"


def setup_tracing(settings: Settings, engine: Engine, app: FastAPI | None = None) -> TracerProvider | None:
    """Instruments the application, if there is one, and the engine, and exports what they tell; once in a process.

    Returns the provider, whose `shutdown` sends what is left; None where `OTEL_EXPORTER` is `none`. Attributes keep
    the names `http.method`, `http.route` and `http.status_code` whatever the environment opts in to.
    """
    exporter = _exporter(settings)
    if exporter is None:
        return None
    os.environ.pop(_OPT_IN, None)
    resource = Resource.create(
        {
            "service.name": SERVICE,
            "service.version": settings.git_sha,
            "deployment.environment": settings.env,
        }
    )
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    SQLAlchemyInstrumentor().instrument(engine=engine, tracer_provider=provider)
    if app is not None:
        FastAPIInstrumentor.instrument_app(
            app, tracer_provider=provider, excluded_urls=UNTRACED, exclude_spans=["receive", "send"]
        )
    return provider


def _exporter(settings: Settings) -> SpanExporter | None:
    if settings.otel_exporter == "otlp":
        return OTLPSpanExporter(
            endpoint=settings.otel_endpoint,
            insecure=not settings.otel_endpoint.startswith("https:"),
            timeout=EXPORT_TIMEOUT,
        )
    if settings.otel_exporter == "console":
        return ConsoleSpanExporter(out=sys.stderr, formatter=_line)
    return None


def _line(span: ReadableSpan) -> str:
    return f"{span.to_json(indent=None)}\n"


def context_ids() -> tuple[str | None, str | None]:
    """The ids of the trace and the span that are current, as they go over the wire; None where there is none."""
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return None, None
    return trace.format_trace_id(context.trace_id), trace.format_span_id(context.span_id)


def carried() -> dict[str, str]:
    """The current trace as headers, to be continued elsewhere."""
    headers: dict[str, str] = {}
    inject(headers)
    return headers


def untraced() -> AbstractContextManager[None]:
    """A block in which no spans are made: for what the process asks every few seconds of its own accord."""
    return suppress_instrumentation()


@contextmanager
def continued(name: str, headers: Mapping[str, str]) -> Iterator[trace.Span]:
    """A span of that name in the trace that the headers carry."""
    with trace.get_tracer(__name__).start_as_current_span(name, extract(headers)) as span:
        yield span
