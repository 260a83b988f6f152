"""One file that is read as it grows, and how far what was read has been delivered.

    position    where the next read begins; always the start of an event
    progress    what was given out and has not ended; `safe` is the position that may be saved

A file that shrinks, or whose beginning changes, begins anew: a new generation, from position 0. The beginning is
the first line, or 1 KiB of it.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any, Protocol, cast

import xxhash
from isal import isal_zlib

from pipeline.disk.sincedb import Key, Record

HEAD = 1024
EDGE = 64 * 1024
DAMAGES: tuple[type[Exception], ...] = (OSError, EOFError, cast("type[Exception]", isal_zlib.error))


class Cutter(Protocol):
    """What is asked of a codec."""

    def cut(self, data: bytes, *, final: bool = False) -> int:
        """How many leading bytes hold whole events."""
        ...


class Progress:
    """The ranges of a file that were given out, and the position before which all of them have ended."""

    def __init__(self, safe: int) -> None:
        self.safe = safe
        self._open: OrderedDict[int, tuple[int, bool]] = OrderedDict()

    def begin(self, start: int, end: int) -> None:
        """A range was given out."""
        self._open[start] = (end, False)

    def end(self, start: int) -> None:
        """It has ended."""
        self._open[start] = (self._open[start][0], True)
        while self._open:
            first, (end, ended) = next(iter(self._open.items()))
            if not ended:
                return
            del self._open[first]
            self.safe = end

    def __len__(self) -> int:
        return len(self._open)


class FollowedFile:
    """A file by its key; its path may change."""

    def __init__(self, path: str, key: Key, position: int, record: Record | None = None) -> None:
        self.path = path
        self.key = key
        self.position = position
        self.progress = Progress(position)
        self.length = record.length if record else 0
        self.head = record.head if record else ""
        self.generation = record.generation if record else 0
        self.descriptor = -1
        self.size = 0
        self.grown = 0.0
        self.tried = -1
        """The size at which there was nothing whole to read."""
        self.flushed = False
        """What is not whole was given out, or tried to be, since the file has grown."""
        self.last = False
        """No path leads to it any more and it is read to its end: what is not whole is its last event."""

    # ------------------------------------------------------------------------------------------ open and closed

    def open(self) -> bool:
        """Opens the file if its path still leads to it; False if not."""
        if self.descriptor >= 0:
            return True
        try:
            descriptor = os.open(self.path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        except OSError:
            return False
        if Key.of(os.fstat(descriptor)) != self.key:
            os.close(descriptor)
            return False
        self.descriptor = descriptor
        return True

    def close(self) -> None:
        """Closes it; it can be opened again."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    # ------------------------------------------------------------------------------------------ generations

    def look(self, now: float) -> bool:
        """Takes note of the size; True if the file began anew (the record must be saved before it is read)."""
        status = os.fstat(self.descriptor)
        changed, self.size = status.st_size != self.size, status.st_size
        if changed:
            self.grown, self.flushed = now, False
        if self.size < self.position or (changed and not self._same_beginning()):
            self.generation += 1
            self.position, self.tried, self.length, self.head = 0, -1, 0, ""
            self.progress = Progress(0)
            return True
        return False

    def _same_beginning(self) -> bool:
        if not self.length:
            self._learn_beginning()
            return True
        head = os.pread(self.descriptor, self.length, 0)
        return len(head) == self.length and xxhash.xxh3_64_hexdigest(head) == self.head

    def _learn_beginning(self) -> None:
        head = os.pread(self.descriptor, HEAD, 0)
        length = head.find(b"\n") + 1 or (HEAD if len(head) == HEAD else 0)
        if length:
            self.length, self.head = length, xxhash.xxh3_64_hexdigest(head[:length])

    @property
    def identity(self) -> str:
        """Names this file and generation; the same after a restart."""
        text = f"{self.key.inode}:{self.key.major}:{self.key.minor}:{self.length}:{self.head}:{self.generation}"
        return xxhash.xxh3_64_hexdigest(text.encode())

    def record(self, now: float) -> Record:
        """What is to be saved."""
        return Record(self.progress.safe, now, self.path, self.length, self.head, self.generation)

    # ------------------------------------------------------------------------------------------ reading

    def read(self, codec: Cutter, block: int, *, final: bool = False) -> tuple[int, bytes] | None:
        """The next whole events and where they begin; None if there are none.

        `final` says that the end of the file ends an event. The caller owes `progress.begin`.
        """
        size = block
        while True:
            data = os.pread(self.descriptor, size, self.position)
            at_end = len(data) < size
            whole = codec.cut(data, final=final and at_end) if data else 0
            if whole:
                start = self.position
                self.position += whole
                return start, data[:whole]
            if at_end:
                self.tried = self.position + len(data)
                return None
            size *= 2


def archive_identity(path: str, size: int) -> str:
    """Names a file that does not change by its content: its size, its first and its last 64 KiB."""
    with open(path, "rb") as file:  # noqa: PTH123
        first = file.read(EDGE)
        file.seek(max(0, size - EDGE))
        return xxhash.xxh3_64_hexdigest(b"%d:" % size + first + file.read(EDGE))


def unpacked(path: str, codec: Cutter, block: int) -> Iterator[tuple[int, bytes]]:
    """The events of a gzip file and where each block of them begins in the unpacked text; lines end in \\n alone.

    Raises `DAMAGES` where the archive is damaged, after what is whole before the damage.
    """
    offset, rest = 0, b""
    for data in unpacked_blocks(path, block):
        rest += data
        whole = codec.cut(rest, final=not data)
        if whole:
            yield offset, rest[:whole].replace(b"\r\n", b"\n")
            offset, rest = offset + whole, rest[whole:]


def unpacked_blocks(path: str, block: int) -> Iterator[bytes]:
    """The unpacked text in blocks of one size, so that offsets are the same every time; at its end an empty one."""
    ready = bytearray()
    try:
        for data in _unpack(path, block):
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


def _unpack(path: str, most: int) -> Iterator[bytes]:
    unpacker: Any = None
    with open(path, "rb") as file:  # noqa: PTH123
        while packed := file.read(EDGE):
            while packed:
                if unpacker is None:
                    unpacker = isal_zlib.decompressobj(isal_zlib.MAX_WBITS | 16)
                yield unpacker.decompress(packed, most)
                packed = unpacker.unconsumed_tail
                if unpacker.eof:  # another member may follow, or padding
                    packed, unpacker = unpacker.unused_data.lstrip(b"\0"), None
    if unpacker is not None:
        yield unpacker.flush()
        if not unpacker.eof:
            raise EOFError("the archive is cut short")
