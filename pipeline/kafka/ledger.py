"""Which offset of a partition may be committed: up to the lowest record that has not ended, and never a later one.

    take   records [first, after) of a partition are given out: a span, in the order of the offsets
    end    the span has its end; spans may end in any order
    due    where all before it has ended: the offset to commit, if it is not committed yet

    offsets   0....10....20....30        taken in three spans
    ended           [---------]          the second: nothing is due
    ended     [-----]                    the first too: 20 is due

A revoked partition is forgotten: what ends late changes nothing, also where the partition has come back since. A span
is withdrawn where nobody will work on it: what it holds is never committed, and nobody waits for its end.
Plain values, no clock, no sockets.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable
from typing import Generic, NamedTuple, TypeVar

Key = TypeVar("Key", bound=Hashable)


class Span:
    """Records of a partition that are worked on together."""

    __slots__ = ("_withdrawn", "after", "has_ended", "holding")

    def __init__(self, holding: Holding, after: int) -> None:
        self.holding = holding
        self.after = after
        self.has_ended = False
        self._withdrawn = False

    def end(self) -> None:
        """All of it has its end."""
        if not self.has_ended and not self._withdrawn:
            self.has_ended = True
            self.holding.close()

    def withdraw(self) -> None:
        """Nobody works on it, and nobody will."""
        if not self.has_ended and not self._withdrawn:
            self._withdrawn = True
            self.holding.unfinished -= 1


class Holding:
    """A partition while it is assigned: from one assignment to its revocation."""

    __slots__ = ("committed", "position", "spans", "unfinished")

    def __init__(self) -> None:
        self.spans: deque[Span] = deque()
        self.position: int | None = None
        """Everything before this offset has ended; None while nothing is known."""
        self.committed: int | None = None
        self.unfinished = 0
        """Spans that someone works on."""

    def take(self, after: int) -> Span:
        """A span whose last record is before `after`."""
        span = Span(self, after)
        self.spans.append(span)
        self.unfinished += 1
        return span

    def close(self) -> None:
        """A span has ended: the position moves over all that have, up to the first that has not."""
        self.unfinished -= 1
        spans = self.spans
        while spans and spans[0].has_ended:
            self.position = spans.popleft().after


class Due(NamedTuple, Generic[Key]):
    """An offset to commit."""

    key: Key
    holding: Holding
    offset: int


class Ledger(Generic[Key]):
    """The partitions of one consumer."""

    def __init__(self) -> None:
        self._held: dict[Key, Holding] = {}

    def assign(self, key: Key, position: int | None = None) -> None:
        """The partition is read from here on, or anew; with a position, that is due to be committed."""
        holding = self._held[key] = Holding()
        holding.position = position

    def revoke(self, keys: Iterable[Key]) -> None:
        """The partitions belong to someone else, or will be given out anew."""
        for key in keys:
            self._held.pop(key, None)

    def begin(self, key: Key, offset: int) -> None:
        """The partition is read from that committed offset on; changes nothing where that is known already."""
        holding = self._held.setdefault(key, Holding())
        if holding.position is None and not holding.spans:
            holding.position = holding.committed = offset

    def reached(self, key: Key) -> int | None:
        """Everything before this offset has ended; None while nothing is known."""
        holding = self._held.get(key)
        return None if holding is None else holding.position

    def take(self, key: Key, after: int) -> Span:
        """Records are given out, the last one before `after`; those before them were given out earlier."""
        holding = self._held.get(key)
        if holding is None:
            holding = self._held[key] = Holding()
        return holding.take(after)

    def holds(self, key: Key, span: Span) -> bool:
        """Whether the span belongs to the present assignment of the partition."""
        return self._held.get(key) is span.holding

    def unfinished(self, keys: Iterable[Key]) -> int:
        """How many spans of these partitions are worked on."""
        return sum(self._held[key].unfinished for key in keys if key in self._held)

    def due(self) -> list[Due[Key]]:
        """What can be committed and is not yet."""
        return [
            Due(key, holding, holding.position)
            for key, holding in self._held.items()
            if holding.position is not None and holding.position != holding.committed
        ]

    @staticmethod
    def committed(done: Iterable[Due[Key]]) -> None:
        """These offsets are committed."""
        for due in done:
            due.holding.committed = due.offset
