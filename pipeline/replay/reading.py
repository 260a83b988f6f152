"""From entries to blocks of whole lines, each with its place; and which of them are left to read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import xxhash

from pipeline.errors import Damaged
from pipeline.replay.entries import Entry
from pipeline.replay.times import Clock

BLOCK = 1 << 20
"""Bytes of a block, about: a thousand events are one batch."""
_NEWLINE = 10
LONGEST_LINE = 16 << 20
"""A line is cut there, as no Beat could have sent a longer one."""


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines of an entry."""

    entry: Entry
    offset: int
    """Of its first line, in the unpacked lines."""
    data: bytes
    """Without the last newline."""
    end: int
    """Where the next one begins."""
    time: str | None
    """That of the last line before it that has one."""


def identity(entry: Entry, fields: str) -> str:
    """Names the lines of an entry. `fields` are those that are set in raw lines: they tell equal lines apart."""
    if not entry.member and not fields:
        return entry.archive.fingerprint
    text = f"{entry.archive.fingerprint}:{len(entry.member)}:{entry.member}{fields}"
    return xxhash.xxh3_128_hexdigest(text.encode(errors="surrogateescape"))


def blocks(entry: Entry, position: int, clock: Clock | None, size: int = BLOCK) -> Iterator[Block]:
    """The blocks from a position on; raises `Damaged` after what is whole before the damage.

    `clock` reads the times of raw lines, where they are.
    """
    time = _time_before(entry, position, clock) if clock is not None and position else None
    for offset, data, end in _lines(entry.lines(position), position, size):
        yield Block(entry, offset, data, end, time)
        if clock is not None:
            time = clock.last(data, time)


def _time_before(entry: Entry, position: int, clock: Clock) -> str | None:
    """That of the last line before a position, where the archive can be looked into there."""
    if not entry.seekable:
        return None
    start = max(0, position - LONGEST_LINE // 16)
    data = bytearray()
    for block in entry.archive.blocks(start):
        data += block
        if len(data) >= position - start:
            break
    return clock.last(bytes(data[: position - start]), None)


def _lines(stream: Iterator[bytes], offset: int, size: int) -> Iterator[tuple[int, bytes, int]]:
    """Whole lines in blocks of about that size, without the last newline, and where each begins and ends."""
    rest, wanted, damage = bytearray(), size, None
    while damage is None:
        try:
            block = next(stream, None)
        except Damaged as error:
            damage, block = error, b""
        if block is None:
            break
        rest += block
        if len(rest) < wanted and damage is None:
            continue
        whole = rest.rfind(b"\n") + 1 or (len(rest) if len(rest) >= LONGEST_LINE else 0)
        if whole:
            yield offset, _without_newline(rest, whole), offset + whole
            offset += whole
            del rest[:whole]
        wanted = size if whole else min(len(rest) * 2, LONGEST_LINE)
    if damage is not None:
        raise damage
    if rest:
        yield offset, _without_newline(rest, len(rest)), offset + len(rest)


def _without_newline(data: bytearray, end: int) -> bytes:
    """The data up to there, copied once."""
    with memoryview(data) as view:
        return bytes(view[: end - (view[end - 1] == _NEWLINE)])
