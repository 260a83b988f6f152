"""What delivery tells of a batch's way to whoever traces it: the batch, and each send of its items to an output.

Asked once for a batch, never for an event; who traces (OpenTelemetry, in `pipeline/monitoring/traces.py`) decides at
the beginning whether this batch is followed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class BatchSpan(Protocol):
    """One batch that is followed, from the moment that it was taken to its end."""

    def decoded(self, events: int) -> None:
        """Its events are decoded and have passed the filters."""
        ...

    def sending(self, output: str, items: int) -> Callable[[str], None]:
        """A body with items of the batch sets out; the answer is called with what went wrong, or nothing."""
        ...

    def ended(self) -> None:
        """Every event has its end."""
        ...

    def refused(self, reason: str) -> None:
        """Its framing is broken: it is not processed."""
        ...


class Tracer(Protocol):
    """Chooses the batches to follow."""

    def batch(self, source: str, size: int) -> BatchSpan | None:
        """A batch was taken; None if this one is not followed."""
        ...
