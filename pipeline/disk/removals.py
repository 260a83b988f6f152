"""Which records of a segment count no more: a file of rows beside it, as a segment is never changed.

    removed   = header row*
    header    = "APXR" version:u8 zero:u8[3]
    row       = index:u32 check:u32                       big-endian; CRC-32 of the segment's number and the index

Rows have one size, so one that a crash cut is known by the length of the file, and cut off before the next is written.
A row whose sum does not match counts as not there: a record that comes back is seen, one that is lost is not.
When every record of a segment is removed, the segment is deleted, unless it is still written to.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
from collections.abc import Collection, Iterator
from pathlib import Path
from zlib import crc32

from pipeline.disk.file_layer import sync_folder
from pipeline.disk.segments import REMOVED, count, delete, segments
from pipeline.errors import StoreError

MAGIC = b"APXR\x01\x00\x00\x00"
_ROW = struct.Struct(">II")
_SUM = struct.Struct(">QI")
_LOCK = ".lock"


def removed(segment: Path) -> set[int]:
    """The indexes of the removed records of a segment."""
    try:
        data = segment.with_suffix(REMOVED).read_bytes()
    except FileNotFoundError:
        return set()
    number = int(segment.stem)
    whole = len(data) - len(data) % _ROW.size
    rows = _ROW.iter_unpack(data[len(MAGIC) : whole])
    return {index for index, check in rows if check == _check(number, index)}


def remove(segment: Path, indexes: Collection[int]) -> None:
    """Returns when it is on disk that the records are removed; raises `StoreError` if it is not."""
    number = int(segment.stem)
    rows = b"".join(_ROW.pack(index, _check(number, index)) for index in sorted(indexes))
    path = segment.with_suffix(REMOVED)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            _append(descriptor, rows)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        sync_folder(path.parent)
    except OSError as error:
        raise StoreError(f"cannot write to {path}: {error.strerror}; free or mount the disk") from error


def _append(descriptor: int, rows: bytes) -> None:
    size = os.fstat(descriptor).st_size
    size -= size % _ROW.size
    if not size:
        rows = MAGIC + rows
    os.ftruncate(descriptor, size)
    os.lseek(descriptor, size, os.SEEK_SET)
    while rows:
        rows = rows[os.write(descriptor, rows) :]


def _check(number: int, index: int) -> int:
    return crc32(_SUM.pack(number, index))


def is_emptied(segment: Path) -> bool:
    """Every record of it is removed. One that is damaged is not: what it holds is not known."""
    gone = removed(segment)
    try:
        return count(segment, len(gone) + 1) <= len(gone)
    except FileNotFoundError:
        return True
    except StoreError:
        return False


def delete_emptied(folder: Path) -> None:
    """Deletes the segments of which every record is removed and which nobody writes to."""
    for segment in segments(folder):
        if is_emptied(segment):
            delete(segment)


@contextlib.contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Keeps others who remove from the folder out while the block runs; raises `StoreError` if one is at it."""
    path = folder / _LOCK
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise StoreError(f"cannot lock {folder}: {error.strerror}") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(descriptor, 20, 0).decode(errors="replace").strip() or "unknown"
            raise StoreError(
                f"another apex-logs dlq (process {owner}) works on {folder}; try again when it has ended"
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)
