"""The program's own log: through structlog, to stderr, as readable lines or as JSON."""

from __future__ import annotations

import atexit
import logging
import sys
from types import ModuleType
from typing import Any, cast

from pipeline.commands.repeats import Repeats

LEVELS = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
    "fatal": logging.CRITICAL,
}
"""Logstash's `log.level` names."""


def configure(level: str, style: str) -> None:
    """Sends the log to stderr; `style` is Logstash's `log.format`, json or plain."""
    structlog = _without_rich()
    shared = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    processors = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if style == "json":
        processors += [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    else:
        console = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), pad_event_to=0, exception_formatter=structlog.dev.plain_traceback
        )
        processors.append(console)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=processors))
    atexit.register(Repeats(handler).close)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(LEVELS[level], logging.WARNING))
    logging.getLogger("apex").setLevel(LEVELS[level])
    # It warns of each failed request, of which the output speaks itself.
    logging.getLogger("elastic_transport").setLevel(logging.ERROR)


def _without_rich() -> Any:
    """structlog, imported in a third of the time: it looks for rich, which its lines do not need."""
    modules = cast("dict[str, ModuleType | None]", sys.modules)
    hidden = "rich" not in modules
    if hidden:
        modules["rich"] = None
    try:
        import structlog
    finally:
        if hidden:
            del modules["rich"]
    return structlog
