"""Log lines: one JSON object each, to stdout, to a file, or straight into the pipeline.

A line about a request has exactly these fields, null where there is nothing to say:

    timestamp level event request_id trace_id span_id method route status duration_ms source_ip user_agent

Other lines have the first six and what they tell besides; those of libraries name their `logger`, errors have an
`exception`.
"""

from __future__ import annotations

import logging
import ssl
import sys
from collections.abc import Mapping
from logging.handlers import WatchedFileHandler
from typing import Any

import orjson
import structlog
from structlog.contextvars import merge_contextvars
from structlog.types import EventDict, Processor, WrappedLogger

from apex.api.settings import SERVICE, LogTarget
from apex.api.tracing import context_ids
from shippers.handlers.logs import LumberjackHandler

ORDER = (
    "timestamp", "level", "event", "request_id", "trace_id", "span_id",
    "method", "route", "status", "duration_ms", "source_ip", "user_agent",
)  # fmt: skip


def setup_logging(target: LogTarget) -> logging.Handler:
    """Points every logger of the process at the target; returns the handler, whose `close` sends what it holds.

    Raises `OSError` if the file cannot be opened.
    """
    handler = _handler(target)
    shared: list[Processor] = [
        merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="timestamp"),
        add_trace,
    ]
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                in_order,
                structlog.processors.JSONRenderer(serializer=_json),
            ],
        )
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
    logging.captureWarnings(True)
    for name in ("httpx", "httpcore"):  # a line for each request of ours would name the URL, secrets included
        logging.getLogger(name).setLevel(logging.WARNING)
    return handler


def _handler(target: LogTarget) -> logging.Handler:
    if target.kind == "file":
        target.path.parent.mkdir(parents=True, exist_ok=True)
        return WatchedFileHandler(target.path, encoding="utf-8")
    if target.kind == "beats":
        host = f"[{target.host}]" if ":" in target.host else target.host
        tls = ssl.create_default_context() if target.tls else None
        return LumberjackHandler(f"{host}:{target.port}", fields={"service": SERVICE}, tls=tls)
    return logging.StreamHandler(sys.stdout)


def add_trace(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    """Adds the ids of the current trace."""
    event["trace_id"], event["span_id"] = context_ids()
    return event


def in_order(logger: WrappedLogger, method: str, event: EventDict) -> Mapping[str, Any]:
    """Puts the fields of every line first, in one order."""
    return {name: event[name] for name in ORDER if name in event} | dict(event)


def _json(event: Any, default: Any = None, **_: Any) -> str:
    return orjson.dumps(event, default=default or str).decode()
