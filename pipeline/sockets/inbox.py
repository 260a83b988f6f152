"""What an input has received and the worker has not taken: batches in their order, bounded in bytes.

sender --> put --> waiting --> batches --> worker
  ^                   |
  +---- when_room ----+          a sender that is not read is told when there is room again
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable

from pipeline.batch import Batch

WAITING_BYTES = 64 << 20
"""Bytes received and not yet taken, of all senders of an input; above it none is read."""

Take = Callable[[], Batch]
"""Called when the worker takes the batch: gives it, and knows then that it is taken."""


class Inbox:
    """Batches that wait to be taken."""

    def __init__(self, most: int = WAITING_BYTES) -> None:
        self.bytes = 0
        self._most = most
        self._waiting: deque[tuple[Take, int]] = deque()
        self._held: dict[Callable[[], None], None] = {}
        self._changed = asyncio.Event()
        self._closed = False

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def full(self) -> bool:
        """Whether so much waits that nothing may be read."""
        return self.bytes >= self._most

    def put(self, take: Take, size: int) -> None:
        """A batch of so many bytes that waits to be taken."""
        self._waiting.append((take, size))
        self.bytes += size
        self._changed.set()

    def withdraw(self, take: Take) -> bool:
        """Takes a batch back that nobody has taken; False if somebody has."""
        for entry in self._waiting:
            if entry[0] is take:
                self._waiting.remove(entry)
                self.bytes -= entry[1]
                return True
        return False

    def when_room(self, call: Callable[[], None]) -> None:
        """Calls back, once, when half of what may wait has been taken."""
        self._held[call] = None

    def close(self) -> None:
        """Nothing more is put: `batches` ends when what waits is taken."""
        self._closed = True
        self._changed.set()

    async def batches(self) -> AsyncIterator[Batch]:
        """The batches, as they come; ends when `close` was called and none waits."""
        while self._waiting or not self._closed:
            while self._waiting:
                take, size = self._waiting.popleft()
                self.bytes -= size
                batch = take()
                if self._held and self.bytes <= self._most // 2:
                    held, self._held = self._held, {}
                    for call in held:
                        call()
                yield batch
            if not self._closed:
                self._changed.clear()
                await self._changed.wait()
