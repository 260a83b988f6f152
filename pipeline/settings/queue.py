"""The settings of the persistent queue: what one of them cannot say by itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

SETTINGS = (
    "path.queue",
    "queue.max_bytes",
    "queue.page_capacity",
    "queue.drain",
    "queue.compression",
    "queue.checkpoint.acks",
    "queue.checkpoint.writes",
    "queue.checkpoint.retry",
    "queue.checkpoint.interval",
)
"""Settings that only a persistent queue heeds."""


class Queued(Protocol):
    """What is read of the settings here."""

    @property
    def queue_type(self) -> str:
        """Logstash's `queue.type`."""
        ...

    @property
    def queue_compression(self) -> str:
        """Logstash's `queue.compression`."""
        ...

    @property
    def queue_max_events(self) -> int:
        """0: no bound."""
        ...

    @property
    def queue_max_bytes(self) -> int:
        """Bytes of all pages."""
        ...

    @property
    def queue_page_capacity(self) -> int:
        """Bytes of one page."""
        ...


def queue_faults(settings: Queued) -> Iterator[tuple[str, str]]:
    """Settings that do not go together, each with the reason."""
    if settings.queue_max_events:
        reason = "only 0, no bound, is there: the queue holds batches as they came; bound it with queue.max_bytes"
        yield "queue.max_events", reason
    if settings.queue_page_capacity > settings.queue_max_bytes:
        sizes = f"{settings.queue_page_capacity} is more than queue.max_bytes, {settings.queue_max_bytes}"
        yield "queue.page_capacity", f"{sizes}: a queue holds one page at least"


def queue_warnings(settings: Queued, given: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Settings that change nothing here, each with the reason."""
    if settings.queue_type == "memory":
        for name in given:
            if name in SETTINGS:
                yield name, "it is for a queue on disk, and queue.type is memory"
    elif settings.queue_compression == "disabled":
        yield "queue.compression", "disabled is as none: what was compressed before is read in any case"
