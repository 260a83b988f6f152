"""A structlog processor that ships each event as JSON, and passes it on.

    structlog.configure(processors=[add_log_level, TimeStamper(fmt="iso"), ShippingProcessor(handler), JSONRenderer()])

It stands before the one that renders. The handler is one of `logs`, and need not be added to a logger.
"""

from __future__ import annotations

import json
import time
from typing import Any

import orjson
from structlog.processors import format_exc_info
from structlog.typing import EventDict, WrappedLogger

from shippers.handlers.logs import ShippingHandler

_OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z


class ShippingProcessor:
    """Ships over the handler that it is given."""

    def __init__(self, handler: ShippingHandler) -> None:
        self._handler = handler

    def __call__(self, logger: WrappedLogger, method_name: str, event_dict: EventDict) -> EventDict:
        """Queues the event, at once; raises nothing, and changes nothing."""
        try:
            level = str(event_dict.get("level", method_name)).lower()
            name = str(event_dict.get("logger") or getattr(logger, "name", None) or "")
            self._handler.ship((time.time(), level, name, _rendered(logger, method_name, event_dict)))
        except Exception:  # what has no text in any way is counted with what was dropped
            self._handler.lose()
        return event_dict


def _rendered(logger: WrappedLogger, method_name: str, event_dict: EventDict) -> str:
    """The event as JSON; a value that has none is its repr."""
    shown: Any = event_dict
    if event_dict.get("exc_info"):
        shown = format_exc_info(logger, method_name, dict(event_dict))
    try:
        return orjson.dumps(shown, default=_shown, option=_OPTIONS).decode()
    except TypeError:
        return _slowly(shown)


def _slowly(shown: EventDict) -> str:
    """The same, value by value, where one of them is refused: half of a surrogate pair, a number that is too large."""
    parts = {}
    for key, value in shown.items():
        try:
            parts[str(key)] = json.dumps(value, default=_shown)
        except Exception:  # endless, or keys that are none
            parts[str(key)] = json.dumps(_shown(value))
    return "{" + ", ".join(f"{json.dumps(key)}: {part}" for key, part in parts.items()) + "}"


def _shown(value: object) -> str:
    try:
        return repr(value)
    except Exception as error:
        return f"a {type(value).__name__} without a text: {type(error).__name__}"
