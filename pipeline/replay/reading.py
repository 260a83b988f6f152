"""From entries to blocks of whole lines, each with its place; and which of them are left to read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import xxhash

from pipeline.errors import Damaged
from pipeline.replay.entries import LOOKED_BACK, Entry
from pipeline.replay.kinds import UTF8_BOM
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
    read: tuple[int, int] = (0, 0)
    """How much of the archive was read before it, and with it."""


def identity(entry: Entry, fields: str) -> str:
    """Names the lines of an entry. `fields` are those that are set in raw lines: they tell equal lines apart."""
    name = entry.name
    if not name and not fields:
        return entry.archive.fingerprint
    text = f"{entry.archive.fingerprint}:{len(name)}:{name}{fields}"
    return xxhash.xxh3_128_hexdigest(text.encode(errors="surrogateescape"))


def blocks(entry: Entry, position: int, clock: Clock | None, size: int = BLOCK) -> Iterator[Block]:
    """The blocks from a position on; raises `Damaged` after what is whole before the damage.

    `clock` reads the times of raw lines, where they are.
    """
    stream, time = entry.lines(position), None
    if clock is not None and position:
        stream, time = _from(entry, position, clock)
    for offset, data, end in _lines(stream, position, size):
        yield Block(entry, offset, data, end, time)
        if clock is not None:
            time = clock.last(data, time)


def _from(entry: Entry, position: int, clock: Clock) -> tuple[Iterator[bytes], str | None]:
    """The lines from a position on, and the time of the last one before it that has one."""
    before = bytearray()
    if entry.seekable:
        return entry.lines(position), clock.last(_just_before(entry, position), None)
    stream = entry.lines(position, before)
    first = [block] if (block := next(stream, None)) is not None else []
    return chain(first, stream), clock.last(bytes(before), None)


def _just_before(entry: Entry, position: int) -> bytes:
    start = max(0, position - LOOKED_BACK)
    data = bytearray()
    for block in entry.archive.blocks(start):
        data += block
        if len(data) >= position - start:
            break
    return bytes(data[: position - start])


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
        if not offset and rest.startswith(UTF8_BOM):
            del rest[: len(UTF8_BOM)]
            offset = len(UTF8_BOM)
        if len(rest) < wanted and damage is None:
            continue
        # a line that is too long is cut at the same places wherever the blocks of a file begin
        whole = rest.rfind(b"\n") + 1 or (LONGEST_LINE if len(rest) >= LONGEST_LINE else 0)
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
