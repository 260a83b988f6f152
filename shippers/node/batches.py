"""From pieces of files to batches for an output, and from a batch that has ended back to the positions of the files.

chunk  ----->  events  ----->  batch, batch
  ^                              |
  +--- when all its parts have --+  ended
"""

from __future__ import annotations

from collections.abc import Callable


class Source:
    """A piece of a file whose events are in one or more batches."""

    __slots__ = ("_ended", "_parts")

    def __init__(self, ended: Callable[[], None]) -> None:
        self._ended = ended
        self._parts = 1

    def part(self) -> None:
        """A batch has some of it."""
        self._parts += 1

    def end(self) -> None:
        """A batch with some of it has ended, or all of it is in batches."""
        self._parts -= 1
        if not self._parts:
            self._ended()


class Batch:
    """Events that are on their way together. The output moves `sent` and `done`, and calls `end`."""

    __slots__ = ("_sources", "done", "payloads", "sent", "size")

    def __init__(self) -> None:
        self.payloads: list[bytes] = []
        self.size = 0
        """Bytes."""
        self.sent = 0
        """How many events are under way, or done."""
        self.done = 0
        """How many are acknowledged."""
        self._sources: list[Source] = []

    def holds(self, source: Source) -> None:
        """Takes note that it has something of a source; once for each."""
        if not self._sources or self._sources[-1] is not source:
            self._sources.append(source)
            source.part()

    def end(self) -> None:
        """All its events have ended."""
        for source in self._sources:
            source.end()
        self._sources.clear()
