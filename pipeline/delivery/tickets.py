"""A ticket follows a batch until every item it produced has its end; then the sender may be acknowledged.

open      decoding: items join                  -> pending > 0 or = 0, not sealed
sealed    decoded whole: nothing joins any more -> pending counts down
ended     pending = 0: batch.end(decoded), room given back
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection
from time import monotonic
from typing import NamedTuple

from pipeline.batch import Batch
from pipeline.event import SIBLING
from pipeline.metrics import Histogram
from pipeline.plugin import Input
from pipeline.spans import BatchSpan


class InFlight:
    """How much work is under way, in events and bytes, and where to wait at the bound."""

    def __init__(self, max_events: int, max_bytes: int, latency: Histogram | None = None) -> None:
        self.max_events = max_events
        self.max_bytes = max_bytes
        self.events = 0
        self.bytes = 0
        self.latency = latency or Histogram()
        """From the beginning of each batch to its end."""
        self._changed = asyncio.Event()

    def add(self, events: int, size: int) -> None:
        """Work that begins; negative numbers when it ends."""
        self.events += events
        self.bytes += size
        self._changed.set()

    async def room(self) -> None:
        """Returns at once below the bounds, else when enough work has ended."""
        await self._until(lambda: self.events < self.max_events and self.bytes < self.max_bytes)

    async def empty(self) -> None:
        """Returns when every batch has its end."""
        await self._until(lambda: self.events <= 0)

    async def _until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            self._changed.clear()
            await self._changed.wait()


def _unheard(raw: bytes, error: Exception) -> None:
    """What cannot be decoded was dead-lettered when it was decoded first."""


class Original(NamedTuple):
    """The bytes that an event was decoded from, its id, and which of the events in those bytes it is."""

    data: bytes
    event_id: str | None
    sibling: int = 0


class Ticket:
    """What is still to end of one batch, and the input that can decode it again."""

    __slots__ = ("_counted", "_in_flight", "_input", "_sealed", "_taken", "batch", "decoded", "kind", "pending", "span")

    def __init__(self, batch: Batch, source: Input | None, in_flight: InFlight, kind: str = "") -> None:
        self.batch = batch
        self.kind = kind
        self._input = source
        self.decoded = 0
        self.pending = 0
        self._sealed = False
        self._in_flight = in_flight
        self._counted = 0
        self._taken = monotonic()
        self.span: BatchSpan | None = None
        """Where the batch is traced."""
        in_flight.add(0, len(batch.data))

    def begin(self, items: int) -> None:
        """So many items more must end before the batch can."""
        self.pending += items

    def done(self, items: int) -> None:
        """Items have their end."""
        self.pending -= items
        if self._sealed and self.pending == 0:
            self._end()

    def seal(self, decoded: int) -> None:
        """The batch is decoded whole: when what is pending has ended, so has the batch."""
        self.decoded = decoded
        self._sealed = True
        # An empty batch still takes its place until it ends.
        self._counted = max(decoded, 1)
        self._in_flight.add(self._counted, 0)
        if self.pending == 0:
            self._end()

    def originals(self, ordinals: Collection[int]) -> dict[int, Original]:
        """The original bytes and the ids of events of the batch: decoded again, once, as only failures need them.

        What a filter made of its own state has no original: nothing, and no id. Where decoding failed half-way, it
        fails again, behind these.
        """
        data, origin, source = self.batch.data, self.batch.origin, self._input
        if source is None:
            return dict.fromkeys(ordinals, Original(data, None))
        ids: dict[int, str | None] = {}
        with contextlib.suppress(Exception):
            for event in source.decode(data, origin, _unheard):
                if event.ordinal in ordinals:
                    ids[event.ordinal] = event.metadata.get("event_id")
                    if len(ids) == len(ordinals):
                        break
        pick = source.pick
        return {
            ordinal: Original(pick(data, origin, ordinal % SIBLING), ids.get(ordinal), ordinal // SIBLING)
            for ordinal in ordinals
        }

    def abandon(self) -> None:
        """Gives the room back without an end: the batch was refused."""
        self._give_back()
        if self.span is not None:
            self.span.refused("broken framing")

    def _give_back(self) -> None:
        self._in_flight.add(-self._counted, -len(self.batch.data))

    def _end(self) -> None:
        self._give_back()
        if self._input is not None:  # what a filter made of its own state was not taken from anyone
            self._in_flight.latency.observe(monotonic() - self._taken)
        if self.span is not None:
            self.span.ended()
        self.batch.end(self.decoded)
