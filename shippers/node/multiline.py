"""Joins entries that belong together by a pattern, such as the lines of a stack trace.

An entry that matches (with `negate`, one that does not) belongs to the one before it (`after`) or to the one after it
(`before`), in Filebeat's words. What is longer than the bounds goes on in another entry.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from shippers.node.entries import MULTILINE, TRUNCATED, Entry, Walked, Walking


class Multiline:
    """Over another format, whose entries it joins."""

    def __init__(
        self, inner: Walking, pattern: re.Pattern[bytes], *, negate: bool, after: bool, most: tuple[int, int]
    ) -> None:
        """`most` are the lines and the bytes of an entry."""
        self._inner = inner
        self._search = pattern.search
        self._negate, self._after = negate, after
        self._max_lines, self._max_bytes = most

    def cut(self, data: bytes, *, final: bool = False) -> int:
        """Up to where an entry is known to be over."""
        return len(data) if final else self.walk(data, final=False).whole

    def entries(self, data: bytes) -> Iterator[Entry]:
        """The joined ones."""
        return iter(self.walk(data, final=True).entries)

    def walk(self, data: bytes, *, final: bool) -> Walked:
        """Groups what the inner format finds, up to where what came before also began before.

        A line of a container that was cut in parts comes when it is whole: others, begun after it, may come first.
        """
        inner = self._inner.walk(data, final=final)
        groups, over = self._groups(inner.entries)
        if final or not groups:
            return Walked([_joined(group) for group in groups], inner.whole)
        if over:
            return Walked([_joined(group) for group in groups], inner.whole)
        while groups:
            last = groups.pop()
            if last[0].clean and not any(entry.offset > last[0].offset for group in groups for entry in group):
                return Walked([_joined(group) for group in groups], last[0].offset)
        return Walked([], 0)

    def _groups(self, entries: list[Entry]) -> tuple[list[list[Entry]], bool]:
        """The groups, and whether the last one is over whatever comes."""
        groups: list[list[Entry]] = []
        over, size = True, 0
        for entry in entries:
            belongs = (self._search(entry.text) is not None) != self._negate
            if over or (self._after and not belongs):
                groups.append([])
                size = 0
            groups[-1].append(entry)
            size += len(entry.text) + 1
            full = len(groups[-1]) >= self._max_lines or size >= self._max_bytes
            over = full or (not self._after and not belongs)
            if full and (len(groups[-1]) > 1 or size >= self._max_bytes):
                groups[-1][-1] = entry._replace(flags=(*entry.flags, TRUNCATED))
        return groups, over


def _joined(group: list[Entry]) -> Entry:
    first = group[0]
    flags = dict.fromkeys(flag for entry in group for flag in entry.flags)
    if len(group) == 1:
        return first._replace(flags=tuple(flags))
    return first._replace(text=b"\n".join(entry.text for entry in group), flags=(MULTILINE, *flags))
