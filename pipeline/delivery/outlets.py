"""An outlet stands before an output: it fills the open parcel, and sends parcels off, several at a time.

A parcel is sent when it is full, or when its first item is `delay` old, so that a thousand quiet senders make few
requests. While parcels are on their way the next one fills: the worker waits only at the bound of in-flight work.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from pipeline.delivery.parcels import Parcel
from pipeline.delivery.retry import Courier
from pipeline.delivery.tickets import InFlight, Ticket
from pipeline.event import Event


@dataclass(frozen=True, slots=True)
class Limits:
    """When a parcel is sent."""

    items: int = 2000
    bytes: int = 5_000_000
    delay: float = 0.05
    """Logstash's `pipeline.batch.delay`, in seconds."""


class Departures:
    """The tasks of all parcels under way. What one raises is no failure of a body, which its courier would have
    caught: it ends the pipeline, and nothing departs any more."""

    def __init__(self, group: asyncio.TaskGroup) -> None:
        self._group = group
        self._over = False

    def start(self, carry: Coroutine[Any, Any, None]) -> asyncio.Task[None] | None:
        """The task that carries a parcel; None if the pipeline is ending, and the parcel is left unacknowledged."""
        if self._over:
            carry.close()
            return None
        task = self._group.create_task(carry)
        task.add_done_callback(self._look)
        return task

    def _look(self, task: asyncio.Task[None]) -> None:
        self._over = self._over or task.cancelled() or task.exception() is not None


class Outlet:
    """The parcels of one output.

    `add(event)` renders an event into the open parcel. The worker calls `begin(ticket)` before the events of a
    batch and `pause()` after them, so that nothing is counted per event.
    """

    def __init__(
        self,
        courier: Courier,
        in_flight: InFlight,
        limits: Limits,
        failed: Callable[[Event, Exception, str], None],
        departures: Departures,
    ) -> None:
        self._courier = courier
        self._render = courier.output.render
        self._in_flight = in_flight
        self._max_items, self._max_bytes, self._delay = limits.items, limits.bytes, limits.delay
        self._failed = failed
        self._departures = departures
        self._ticket: Ticket | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._under_way: set[asyncio.Task[None]] = set()
        # Where later items change what earlier ones wrote, order matters: one at a time, retries included. Elsewhere
        # the courier says how many go at once.
        self._turn = asyncio.Lock() if courier.output.ordered else contextlib.nullcontext()
        self._open()

    def _open(self) -> None:
        self._parcel = Parcel()
        self._data = self._parcel.data
        self._ends = self._parcel.ends
        self._ordinals = self._parcel.ordinals
        self._counted = 0

    def begin(self, ticket: Ticket) -> None:
        """The items that follow belong to this batch."""
        self._ticket = ticket

    def add(self, event: Event) -> None:
        """Renders an event; one that cannot be rendered is handed to `failed`, the others are untouched."""
        data, ends = self._data, self._ends
        try:
            self._render(event, data)
        except Exception as error:
            del data[ends[-1] if ends else 0 :]
            self._failed(event, error, self._courier.label)
            return
        size = len(data)
        ends.append(size)
        self._ordinals.append(event.ordinal)
        if len(ends) >= self._max_items or size >= self._max_bytes:
            self._send()

    def pause(self) -> None:
        """The batch has no more items: they are counted, and sent soon."""
        self._close_run()
        if len(self._ends) and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._delay, self._send)

    async def drain(self) -> None:
        """Sends what is open and returns when nothing is under way."""
        self._send()
        while self._under_way:
            await asyncio.wait(self._under_way)

    def _close_run(self) -> None:
        added = len(self._ends) - self._counted
        if added and self._ticket is not None:
            self._ticket.begin(added)
            self._parcel.runs.append((self._ticket, added))
            self._counted += added

    def _send(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._ends:
            return
        self._close_run()
        parcel = self._parcel
        self._open()
        self._in_flight.add(0, len(parcel.data))
        task = self._departures.start(self._carry(parcel))
        if task is not None:
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def _carry(self, parcel: Parcel) -> None:
        size = len(parcel.data)
        try:
            async with self._turn:
                await self._courier.deliver(parcel)
        finally:
            self._in_flight.add(0, -size)
