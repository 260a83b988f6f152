"""The queue between the program's threads and the shipping one: bounded, and when it is full the oldest go.

    accepted = dropped + sent + under way + waiting

Its lock is reentrant: a signal handler, or the end of an object, may log while the same thread holds it.
"""

from __future__ import annotations

import threading
import time
from collections import deque

from shippers.handlers.envelope import LONGEST, Entry

_TEXT = 64 << 20
"""Characters that may wait, whatever the number of records."""
_BATCH_TEXT = 2 << 20
"""Characters of a batch, about."""


class Waiting:
    """The records of one process, and what has become of them."""

    def __init__(self, capacity: int, batch: int) -> None:
        self._capacity, self._batch = capacity, batch
        self._entries: deque[Entry] = deque()
        self._size = 0
        self._changed = threading.Condition(threading.RLock())
        self._idle = False  # the taker sleeps until a record comes
        self._hurry = 0  # a batch is not waited for before so many have ended
        self._closed = False
        self._until: float | None = None  # when all is over, once it is closed
        self.accepted = self.sent = self.dropped = self.under_way = 0

    @property
    def queued(self) -> int:
        """Records that have no end yet."""
        return len(self._entries) + self.under_way

    def put(self, entry: Entry) -> None:
        """Takes a record, at once."""
        size = len(entry[3])
        if size > LONGEST:
            entry, size = (*entry[:3], entry[3][:LONGEST]), LONGEST
        with self._changed:
            self.accepted += 1
            if self._closed:
                self.dropped += 1
                return
            while self._entries and (len(self._entries) >= self._capacity or self._size + size > _TEXT):
                self._size -= len(self._entries.popleft()[3])
                self.dropped += 1
            self._entries.append(entry)
            self._size += size
            if self._idle or len(self._entries) == self._batch:
                self._idle = False
                self._changed.notify_all()

    def lose(self) -> None:
        """Counts a record that there is no text of."""
        with self._changed:
            self.accepted += 1
            self.dropped += 1

    # ------------------------------------------------------------------------------------------ the shipping thread

    def take(self, delay: float) -> list[Entry] | None:
        """The next batch: a full one, or what there is that long after the first. None when all is over."""
        with self._changed:
            while not self._entries:
                if self._closed:
                    return None
                self._idle = True
                self._changed.wait()
            self._idle = False
            until = time.monotonic() + delay
            while len(self._entries) < self._batch and not self._hurried():
                left = until - time.monotonic()
                if left <= 0:
                    break
                self._changed.wait(left)
            if self._until is not None and time.monotonic() >= self._until:
                return None
            batch: list[Entry] = []
            size = 0
            while self._entries and len(batch) < self._batch and size < _BATCH_TEXT:
                batch.append(self._entries.popleft())
                size += len(batch[-1][3])
            self._size -= size
            self.under_way = len(batch)
            return batch

    def _hurried(self) -> bool:
        return self._closed or self.sent + self.dropped < self._hurry

    def ended(self, refused: int | None) -> None:
        """What was taken is delivered, but for so many; None: it is given up."""
        with self._changed:
            lost = self.under_way if refused is None else refused
            self.dropped += lost
            self.sent += self.under_way - lost
            self.under_way = 0
            self._changed.notify_all()

    def pause(self, seconds: float) -> bool:
        """Waits so long, or until it is closed; once it is, half a second at most. False when all is over."""
        with self._changed:
            if self._until is None:
                self._changed.wait_for(lambda: self._closed, seconds)
                return True
            left = self._until - time.monotonic()
        if left > 0:
            time.sleep(min(seconds, left, 0.5))
        return left > 0

    def left(self, most: float) -> float:
        """Seconds that a step may take: `most`, or once it is closed what is left until all is over."""
        return most if self._until is None else min(most, self._until - time.monotonic())

    # ------------------------------------------------------------------------------------------ the end

    def hurry(self) -> None:
        """What waits now goes without waiting for company."""
        with self._changed:
            self._hurry = self.accepted
            self._changed.notify_all()

    def drain(self, seconds: float) -> bool:
        """Returns when all that was put before has ended; False if it has not within that time."""
        with self._changed:
            self.hurry()
            goal = self.accepted
            return self._changed.wait_for(lambda: self.sent + self.dropped >= goal, seconds)

    def close(self, seconds: float) -> None:
        """Takes no more; what waits has so long."""
        with self._changed:
            self._closed = True
            if self._until is None:
                self._until = time.monotonic() + seconds
            self._changed.notify_all()

    def abandon(self) -> None:
        """Gives up what still waits."""
        with self._changed:
            self.dropped += len(self._entries)
            self._entries.clear()
            self._size = 0
            self._changed.notify_all()
