"""Plain lines: each that is not empty is an entry.

A line that is longer than the bound goes out in pieces, all but the last with the flag `truncated`: nothing is lost.
"""

from __future__ import annotations

from collections.abc import Iterator

from shippers.node.entries import TRUNCATED, Entry, Walked


class Lines:
    """Lines that end in \\n or \\r\\n."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes

    def cut(self, data: bytes, *, final: bool = False) -> int:
        """Up to the end of the last line; of a line that is too long, up to the end of its last whole piece."""
        whole = len(data) if final else data.rfind(b"\n") + 1
        if whole or len(data) <= self.max_bytes:
            return whole
        return piece_end(data, 0, self.max_bytes)

    def entries(self, data: bytes) -> Iterator[Entry]:
        """One a line."""
        offset, most = 0, self.max_bytes
        lines = data.split(b"\n")
        rest = lines.pop()
        for line in lines:
            size = len(line)
            if size > most:
                yield from self._pieces(line, offset)
            elif size:
                text = line[:-1] if line[-1] == 13 else line
                if text:
                    yield Entry(offset, text)
            offset += size + 1
        if len(rest) > most:
            yield from self._pieces(rest, offset)
        elif len(rest) > most - 4:  # `cut` has cut here, as the line goes on
            yield Entry(offset, rest, flags=(TRUNCATED,))
        elif text := rest.removesuffix(b"\r"):
            yield Entry(offset, text)

    def _pieces(self, line: bytes, offset: int) -> Iterator[Entry]:
        start = 0
        while start < len(line):
            end = piece_end(line, start, self.max_bytes)
            if end < len(line):
                yield Entry(offset + start, line[start:end], flags=(TRUNCATED,))
            elif text := line[start:].removesuffix(b"\r"):
                yield Entry(offset + start, text)
            start = end

    def walk(self, data: bytes, *, final: bool) -> Walked:
        """The same, for a format that builds on it."""
        whole = self.cut(data, final=final)
        return Walked(list(self.entries(data[:whole])), whole)


def piece_end(data: bytes, start: int, most: int) -> int:
    """Where a piece of at most so many bytes ends; not within a character of UTF-8."""
    end = start + most
    if end >= len(data):
        return len(data)
    for back in range(min(4, most)):
        if data[end - back] & 0xC0 != 0x80:
            return end - back if back < most else end
    return end
