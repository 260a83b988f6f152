"""Segments: append-only files of records, for what must survive a crash.

    segment   = header record*
    header    = "APXS" version:u8 zero:u8[3]
    record    = length:u32 check:u32 crc:u32 payload      all big-endian; CRC-32 of the length, and of the payload

A segment is written by one process and never changed after it. A record that was cut by a crash is the last
one of its segment; reading stops before it. A record whose sum does not match is reported, not skipped over
in silence.
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Iterator, Sequence
from io import FileIO
from pathlib import Path
from zlib import crc32

from pipeline.errors import StoreError

MAGIC = b"APXS\x01\x00\x00\x00"
_HEAD = struct.Struct(">III")
_LENGTH = struct.Struct(">I")
_SUFFIX = ".segment"


class SegmentWriter:
    """Appends records to segments in a folder; each process and each size limit starts a new one."""

    def __init__(self, folder: Path, max_bytes: int = 64 << 20) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._file: FileIO | None = None

    def append(self, payloads: Sequence[bytes]) -> None:
        """Writes the records and returns when they are on disk (fsync); raises `StoreError` if they are not."""
        data = b"".join(_record(payload) for payload in payloads)
        try:
            if self._file is not None and self._file.tell() >= self._max_bytes:
                self.close()
            file = self._file or self._open()
            if file.write(data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(file.fileno())
        except OSError as error:
            # What was written in part is the end of its segment: nothing may come after it.
            self.close()
            raise StoreError(f"cannot write to {self._folder}: {error.strerror}; free or mount the disk") from error

    def close(self) -> None:
        """Closes the open segment, if there is one."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self) -> FileIO:
        self._folder.mkdir(parents=True, exist_ok=True)
        number = max((int(path.stem) for path in segments(self._folder)), default=0) + 1
        while True:
            try:
                file = (self._folder / f"{number:016d}{_SUFFIX}").open("xb", buffering=0)
                break
            except FileExistsError:  # another process was faster
                number += 1
        self._file = file
        file.write(MAGIC)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return file


def _record(payload: bytes) -> bytes:
    length = len(payload)
    return _HEAD.pack(length, crc32(_LENGTH.pack(length)), crc32(payload)) + payload


def segments(folder: Path) -> list[Path]:
    """The segments of a folder, oldest first."""
    return sorted(path for path in folder.glob(f"*{_SUFFIX}") if path.stem.isdigit())


def records(path: Path) -> Iterator[bytes]:
    """The payloads of a segment, in the order they were written; stops before a record that was cut.

    Raises `StoreError` at a record whose checksum does not match, and for a file that is no segment.
    """
    with path.open("rb") as file:
        magic = file.read(len(MAGIC))
        if magic != MAGIC:
            if MAGIC.startswith(magic):
                return
            raise StoreError(f"{path} is no segment: it starts with {magic!r}")
        while len(head := file.read(_HEAD.size)) == _HEAD.size:
            length, check, checksum = _HEAD.unpack(head)
            position = file.tell() - _HEAD.size
            if crc32(head[: _LENGTH.size]) != check:
                if not any(head):  # a crash may leave zeros where nothing was written yet
                    return
                raise StoreError(f"{path} is damaged at byte {position}: the length of a record does not match its sum")
            payload = file.read(length)
            if len(payload) < length:
                return
            if crc32(payload) != checksum:
                raise StoreError(f"{path} is damaged at byte {position}: the checksum does not match")
            yield payload
