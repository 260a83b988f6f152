"""Which windows of a lumberjack connection have ended, and the acknowledgements that are due.

    opened -> pieces go out -> pieces end -> the events they held add up to the window's -> acknowledged, once

Acknowledged is a whole window, never a part of it, and only after the windows before it. What a sender announced and
what it sent must agree: else `BrokenFraming`, and nothing more is acknowledged on the connection.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from pipeline.errors import BrokenFraming
from pipeline.protocols.lumberjack import VERSION_2, ack


@dataclass(slots=True, eq=False)
class Window:
    """One window: what was announced, what is out, and what has ended."""

    version: int
    events: int
    first: int = 1
    ended: int = 0
    out: int = 0
    """Pieces that have no end yet."""
    pieces: int = 0
    closed: bool = False
    """No more pieces come: the next window was opened."""


class Windows:
    """The windows of one connection, oldest first."""

    def __init__(self) -> None:
        self._pending: deque[Window] = deque()
        self.out = 0

    def __len__(self) -> int:
        return len(self._pending)

    @property
    def version(self) -> int:
        """The protocol version to answer in."""
        return self._pending[0].version if self._pending else VERSION_2

    def open(self, version: int, events: int) -> None:
        """A window begins; the one before gets no more pieces."""
        if self._pending:
            self._pending[-1].closed = True
        self._pending.append(Window(version, events))

    def piece(self, first: int) -> Window:
        """A piece goes out whose first event has the sequence `first`; returns its window."""
        if not self._pending or self._pending[-1].closed:
            raise BrokenFraming("more events than the window announced")
        window = self._pending[-1]
        if not window.pieces:
            window.first = first
        window.pieces += 1
        window.out += 1
        self.out += 1
        return window

    def end(self, window: Window, events: int) -> None:
        """A piece has its end, and held that many events."""
        window.out -= 1
        window.ended += events
        self.out -= 1

    def acknowledgements(self) -> bytes:
        """The answers to all windows that have ended since the last call and have none before them that has not."""
        due = b""
        while self._pending:
            window = self._pending[0]
            if window.out or (window.ended < window.events and not window.closed):
                break
            if window.ended != window.events:
                raise BrokenFraming(f"{window.ended} events in a window of {window.events}")
            last = (window.first + window.events - 1) & 0xFFFFFFFF if window.events else 0
            due += ack(last, window.version)
            self._pending.popleft()
        return due
