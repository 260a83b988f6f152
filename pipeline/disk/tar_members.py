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


def is_tar(head: bytes) -> bool:
    """Whether the first bytes of a stream, at least 512 of them, are those of a tar archive."""
    return head[_MAGIC] == b"ustar"


def members(blocks: Iterator[bytes]) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Name and blocks of each regular file; each is to be read before the next. Raises `Damaged`."""
    stream = _Stream(blocks)
    try:
        # a member's name stays a name: nothing is written to disk
        with tarfile.open(fileobj=cast("IO[bytes]", stream), mode="r|", bufsize=AHEAD) as archive:
            for member in archive:
                if member.isfile() and (file := archive.extractfile(member)) is not None:
                    yield member.name, _content(file, member.size)
            end = archive.offset
    except (tarfile.TarError, EOFError) as error:
        raise Damaged(f"the tar archive cannot be read on: {error}") from error
    stream.check_end(end)


def _content(file: IO[bytes], size: int) -> Iterator[bytes]:
    read = 0
    while read < size:
        try:
            data = file.read(min(BLOCK, size - read))
        except tarfile.TarError as error:
            raise Damaged(f"the tar archive cannot be read on: {error}") from error
        if not data:
            raise Damaged("the tar archive is cut short")
        read += len(data)
        yield data


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
