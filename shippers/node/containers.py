"""The logs of containers, as their runtimes write them to files:

    2026-11-23T12:23:31.624573922Z stdout F the line                        CRI: containerd, CRI-O
    {"log":"the line\\n","stream":"stdout","time":"2026-11-23T12:23:31.624573922Z"}     Docker

A long line is cut by the runtime: in CRI its parts but the last are tagged P, in Docker they have no \\n. They are
joined, those of each stream by themselves, as the two may be mixed. Which of the two a line is, is seen from itself. A
line that is neither is an entry as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import orjson

from shippers.node.entries import TRUNCATED, Entry, Walked
from shippers.node.lines import Lines

_CRI = re.compile(rb"(\S+) (stdout|stderr) ([PF])(?::\S*)?(?: (.*))?", re.DOTALL)
_CRI_PART = re.compile(rb"^\S+ std(?:out|err) P", re.MULTILINE)
_DOCKER_WHOLE = b'\\n","stream":"'
"""Ends the text of a whole line: within a text its quotes would be escaped."""

Part = tuple[str, str, bytes, bool]
"""Stream, time, text, and whether it ends the line."""


class Containers:
    """Joins what a runtime has cut. `only` is the one stream that is wanted."""

    def __init__(self, max_bytes: int, only: str = "") -> None:
        self.max_bytes = max_bytes
        self._only = only
        self._lines = Lines(max(2 * max_bytes, 1 << 17))

    def cut(self, data: bytes, *, final: bool = False) -> int:
        """Up to where no line is unfinished."""
        if final:
            return len(data)
        whole = self._lines.cut(data)
        if whole and not _CRI_PART.search(data, 0, whole):
            starts = data.startswith(b"{") + data.count(b"\n{", 0, whole)
            if starts == data.count(_DOCKER_WHOLE, 0, whole):
                return whole
        return self.walk(data, final=False).whole

    def entries(self, data: bytes) -> Iterator[Entry]:
        """One for each line of the container."""
        return iter(self.walk(data, final=True).entries)

    def walk(self, data: bytes, *, final: bool) -> Walked:
        """Reads line by line, with what is open of each stream."""
        found: list[Entry] = []
        unfinished: dict[str, _Unfinished] = {}
        whole = 0
        lines = self._lines.walk(data, final=final)
        for line in lines.entries:
            if not unfinished:
                whole = line.offset
            part = _part(line.text)
            if part is None:
                found.append(line._replace(clean=not unfinished))
                continue
            stream, time, text, last = part
            held = unfinished.get(stream)
            if held is None:
                held = unfinished[stream] = _Unfinished(line.offset, time, not unfinished)
            held.parts.append(text)
            held.size += len(text)
            if last or held.size >= self.max_bytes:
                del unfinished[stream]
                self._finish(found, stream, held)
        if not unfinished:
            return Walked(found, lines.whole)
        if not final and lines.whole <= 8 * self.max_bytes:
            return Walked([entry for entry in found if entry.offset < whole], whole)
        for stream, held in unfinished.items():
            self._finish(found, stream, held)
        return Walked(found, lines.whole)

    def _finish(self, found: list[Entry], stream: str, held: _Unfinished) -> None:
        text = b"".join(held.parts)
        if text and (not self._only or stream == self._only):
            flags = (TRUNCATED,) if held.size >= self.max_bytes else ()
            found.append(Entry(held.offset, text, stream, held.time, flags, held.clean))


class _Unfinished:
    __slots__ = ("clean", "offset", "parts", "size", "time")

    def __init__(self, offset: int, time: str, clean: bool) -> None:
        self.offset, self.time, self.clean = offset, time, clean
        self.parts: list[bytes] = []
        self.size = 0


def _part(line: bytes) -> Part | None:
    if line.startswith(b"{"):
        return _docker(line)
    found = _CRI.fullmatch(line)
    if found is None:
        return None
    time, stream, tag, text = found.groups(default=b"")
    return stream.decode(), time.decode("utf-8", "replace"), text, tag == b"F"


def _docker(line: bytes) -> Part | None:
    try:
        fields: Any = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    text = fields.get("log")
    if type(text) is not str:
        return None
    stream, time = fields.get("stream"), fields.get("time")
    raw = text.encode()
    whole = raw.endswith(b"\n")
    if whole:
        raw = raw[:-2] if raw.endswith(b"\r\n") else raw[:-1]
    return stream if type(stream) is str else "", time if type(time) is str else "", raw, whole
