"""`logging` handlers that ship records into the pipeline.

    logging.getLogger().addHandler(LumberjackHandler("logs.example.org:5044", fields={"service": "apex-api"}))

One is closed by `logging` at the end of the program; a handler that is thrown away before is closed by hand.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from shippers.addresses import addresses
from shippers.handlers.courier import Courier
from shippers.handlers.envelope import Entry
from shippers.handlers.lumberjack import Lumberjack
from shippers.handlers.transports import Pace, Transport

PORT = 5044
"""Where a beats input listens."""
NO_FIELDS: Mapping[str, Any] = MappingProxyType({})


class ShippingHandler(logging.Handler):
    """Ships each record over a transport, from a thread of its own; what befalls it is not raised into the program."""

    def __init__(
        self,
        transport: Transport,
        *,
        fields: Mapping[str, Any] = NO_FIELDS,
        capacity: int = 10_000,
        pace: Pace = Pace(),  # noqa: B008  (immutable)
    ) -> None:
        """Raises `ValueError` for fields that are no JSON, or no capacity."""
        self._courier = Courier(transport, fields, capacity, pace)
        super().__init__()

    @property
    def sent(self) -> int:
        """Records of this process that the pipeline has acknowledged."""
        return self._courier.waiting.sent

    @property
    def queued(self) -> int:
        """Records that wait or are under way."""
        return self._courier.waiting.queued

    @property
    def dropped(self) -> int:
        """Records that are lost: the oldest of a full queue, those after `close`, those left at the end."""
        return self._courier.waiting.dropped

    def handle(self, record: logging.LogRecord) -> bool:
        """As any handler, but under no lock: at the end a thread that ships must not wait for it."""
        passed = self.filter(record)
        if passed:
            self.emit(passed if isinstance(passed, logging.LogRecord) else record)
        return bool(passed)

    def emit(self, record: logging.LogRecord) -> None:
        """Queues the record. One that cannot be formatted is shipped as it is, and told to `handleError`."""
        try:
            try:
                text = str(self.format(record))
            except Exception as error:
                text = _unformatted(record, error)
                self.handleError(record)
            self._courier.put((record.created, str(record.levelname).lower(), str(record.name), text))
        except Exception:  # the program is not to fail over its log
            self.lose()
            self.handleError(record)

    def ship(self, entry: Entry) -> None:
        """Queues what is no record: for a structlog processor."""
        self._courier.put(entry)

    def lose(self) -> None:
        """Counts as dropped what has no text in any way."""
        self._courier.waiting.lose()

    def flush(self) -> None:
        """What waits goes now, not with the next batch; this does not wait for it: `drain` does."""
        self._courier.waiting.hurry()

    def drain(self, seconds: float) -> bool:
        """Waits until all that was logged before is delivered or dropped; False if it is not within that time."""
        return self._courier.waiting.drain(seconds)

    def close(self) -> None:
        """Delivers what it can within `Pace.farewell`; `logging` calls it at the end of the program."""
        self._courier.close()
        super().close()


class LumberjackHandler(ShippingHandler):
    """Ships over lumberjack version 2, to a beats input; to the next of several hosts where one does not answer."""

    def __init__(
        self,
        hosts: str | Sequence[str],
        *,
        fields: Mapping[str, Any] = NO_FIELDS,
        tls: ssl.SSLContext | None = None,
        capacity: int = 10_000,
        pace: Pace = Pace(),  # noqa: B008  (immutable)
    ) -> None:
        """Raises `ValueError` for what is no address."""
        transport = Lumberjack(addresses(hosts, PORT), tls)
        super().__init__(transport, fields=fields, capacity=capacity, pace=pace)


def _unformatted(record: logging.LogRecord, error: Exception) -> str:
    """What can be said of a record whose arguments do not fit its message."""
    try:
        arguments = repr(record.args)
    except Exception as inner:
        arguments = f"arguments without a text: {type(inner).__name__}"
    try:
        message = str(record.msg)
    except Exception as inner:
        message = f"a {type(record.msg).__name__} without a text: {type(inner).__name__}"
    return f"{message} {arguments} (not formatted: {type(error).__name__})"
