"""Files that are complete: what names them, and the text of packed ones."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, cast

import xxhash
from isal import isal_zlib

from pipeline.disk.followed_file import Cutter
from pipeline.disk.sincedb import Key

EDGE = 64 * 1024
PACKED = (".gz", ".gzip")
DAMAGES: tuple[type[Exception], ...] = (OSError, EOFError, cast("type[Exception]", isal_zlib.error))


def stamp(descriptor: int, status: os.stat_result) -> str:
    """Tells a file from what becomes of it: its size, its time of change, its first and its last 64 KiB."""
    size = status.st_size
    first, last = os.pread(descriptor, EDGE, 0), os.pread(descriptor, EDGE, max(0, size - EDGE))
    return xxhash.xxh3_64_hexdigest(b"%d:%d:" % (size, status.st_mtime_ns) + first + last)


def identity(source: str, path: str, key: Key, stamped: str) -> str:
    """Names a complete file: two files with one content are two, and one that was written anew is another."""
    text = f"{source}:{key.inode}:{key.major}:{key.minor}:{stamped}:{path}"
    return xxhash.xxh3_64_hexdigest(text.encode("utf-8", "surrogateescape"))


def unpacked(descriptor: int, codec: Cutter, block: int, *, unix: bool = True) -> Iterator[tuple[int, bytes]]:
    """The events of a gzip file and where each block of them begins in the unpacked text.

    With `unix`, lines end in \\n alone. Raises `DAMAGES` where the archive is damaged, after what is whole before that.
    """
    blocks, damage = unpacked_blocks(descriptor, block), None
    offset, rest, tried, data = 0, bytearray(), 0, b" "
    while data:
        try:
            data = next(blocks)
        except DAMAGES as error:
            data, damage = b"", error
        rest += data
        if data and len(rest) < 2 * tried:  # so that a long line is not looked through for each of its blocks
            continue
        text, tried = bytes(rest), len(rest)
        whole = codec.cut(text, final=not data and damage is None)
        if whole:
            events = text[:whole]
            yield offset, events.replace(b"\r\n", b"\n") if unix else events
            del rest[:whole]
            offset, tried = offset + whole, 0
    if damage is not None:
        raise damage


def unpacked_blocks(descriptor: int, block: int) -> Iterator[bytes]:
    """The unpacked text in blocks of one size, so that offsets are the same every time; at its end an empty one."""
    ready = bytearray()
    try:
        for data in _unpack(descriptor, block):
            ready += data
            while len(ready) >= block:
                yield bytes(ready[:block])
                del ready[:block]
    except DAMAGES:
        if ready:
            yield bytes(ready)
        raise
    if ready:
        yield bytes(ready)
    yield b""


def _unpack(descriptor: int, most: int) -> Iterator[bytes]:
    unpacker: Any = None
    members = 0
    for block in _blocks(descriptor):
        packed = block
        while packed:
            if unpacker is None:
                if members and not (packed := packed.lstrip(b"\0")):  # padding
                    break
                unpacker, members = isal_zlib.decompressobj(isal_zlib.MAX_WBITS | 16), members + 1
            yield unpacker.decompress(packed, most)
            packed = unpacker.unconsumed_tail
            if unpacker.eof:  # another member may follow, or padding
                packed, unpacker = unpacker.unused_data, None
    if unpacker is not None:
        yield unpacker.flush()
        if not unpacker.eof:
            raise EOFError("the archive is cut short")


def _blocks(descriptor: int) -> Iterator[bytes]:
    position = 0
    while data := os.pread(descriptor, EDGE, position):
        yield data
        position += len(data)
