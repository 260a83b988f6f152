"""The files in a tar archive, in one pass over a stream of blocks.

The standard library takes whatever it cannot read for the end of the archive. Here, an archive that does not end with
its two empty blocks, or goes on behind them, is damaged.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from typing import IO, cast

from pipeline.errors import Damaged

BLOCK = 256 * 1024
RECORD = 512
AHEAD = RECORD * 20
"""Bytes that `tarfile` reads at a time."""
_MAGIC = slice(257, 262)
_SUM = slice(148, 156)


def is_tar(head: bytes) -> bool:
    """Whether the first bytes of a stream, at least 512 of them, are those of a tar archive."""
    return head[_MAGIC] == b"ustar" or _is_old_header(head[:RECORD])


def _is_old_header(record: bytes) -> bool:
    """That of the tar of Unix 7, which has no magic number: a record, not empty, with the sum of its bytes in it."""
    told = record[_SUM].strip(b" \0")
    if len(record) < RECORD or not record[0] or not told.isdigit() or told.strip(b"01234567"):
        return False
    return int(told, 8) == sum(record) - sum(record[_SUM]) + len(record[_SUM]) * ord(" ")


def members(blocks: Iterator[bytes]) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Name and blocks of each regular file; each is to be read before the next. Raises `Damaged`."""
    stream = _Stream(blocks)
    try:
        # a member's name stays a name: nothing is written to disk
        with tarfile.open(fileobj=cast("IO[bytes]", stream), mode="r|", bufsize=AHEAD) as archive:
            for member in archive:
                if member.isfile() and (file := archive.extractfile(member)) is not None:
                    yield member.name, _content(file, member, stream)
            end = archive.offset
    except (tarfile.TarError, EOFError) as error:
        raise _unreadable(error) from error
    stream.check_end(end)


def _content(file: IO[bytes], member: tarfile.TarInfo, stream: _Stream) -> Iterator[bytes]:
    read, ready = 0, bytearray()
    while read < member.size:
        try:
            data = file.read(min(AHEAD, member.size - read))
            if not data:
                raise Damaged("the tar archive is cut short")
        except (tarfile.TarError, Damaged) as error:
            # `tarfile` keeps to itself what it has got of a piece that is not whole
            ready += b"" if member.issparse() else stream.after(member.offset_data + read)
            if ready:
                yield bytes(ready)
            if isinstance(error, Damaged):
                raise
            raise _unreadable(error) from error
        read += len(data)
        ready += data
        if len(ready) >= BLOCK or read == member.size:
            yield bytes(ready)
            ready.clear()


def _unreadable(error: Exception) -> Damaged:
    return Damaged(f"the tar archive cannot be read on: {error}")


class _Stream:
    """What `tarfile` reads from."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._ready = bytearray()
        self._last = b""
        """What was read last: more than `tarfile` reads ahead."""
        self._position = 0

    def read(self, size: int) -> bytes:
        """So many bytes; fewer at the end."""
        while len(self._ready) < size and (block := next(self._blocks, None)) is not None:
            self._ready += block
        data = bytes(self._ready[:size])
        del self._ready[:size]
        self._position += len(data)
        self._last = (self._last + data)[-4 * AHEAD :]
        return data

    def after(self, place: int) -> bytes:
        """What there is from that place on, which `tarfile` has asked for last."""
        there = self._last + self._ready
        return bytes(there[max(0, len(self._last) - (self._position - place)) :])

    def check_end(self, end: int) -> None:
        """Raises `Damaged` unless there are two empty records from that place on, and nothing but zeros."""
        rest = len(self._last) - (self._position - end)
        zeros, size = not self._last[max(rest, 0) :].strip(b"\0"), self._position - end
        while data := self.read(AHEAD):
            zeros, size = zeros and not data.strip(b"\0"), size + len(data)
        if not zeros:
            raise Damaged(f"the tar archive cannot be read on: what stands at byte {end} is no header")
        if size < 2 * RECORD:
            raise Damaged("the tar archive is cut short")
