"""Segments: append-only files of records, for what must survive a crash.

    segment   = header record*
    header    = "APXS" version:u8 zero:u8[3]
    record    = length:u32 check:u32 crc:u32 payload      all big-endian; CRC-32 of the length, and of the payload

A segment is written by one process and never changed after it. A record that was cut by a crash is the last
one of its segment; reading stops before it. A record whose sum does not match is reported, not skipped over
in silence.

    open      its writer holds a lock on the file (flock), which ends with the process; nobody deletes it
    closed    no lock, and never written to again
    deleted   the file is gone. Its number is not used again: `N.removed` stays while N is the highest number
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from zlib import crc32

from pipeline.disk.file_layer import sync_folder
from pipeline.errors import StoreError

MAGIC = b"APXS\x01\x00\x00\x00"
_HEAD = struct.Struct(">III")
_LENGTH = struct.Struct(">I")
_SUFFIX = ".segment"
REMOVED = ".removed"
"""What stands beside a segment: which of its records count no more (`pipeline/disk/removals.py`)."""


def size_of(payload: bytes) -> int:
    """How many bytes a record takes."""
    return _HEAD.size + len(payload)


class SegmentWriter:
    """Appends records to segments in a folder; each process and each size limit starts a new one."""

    def __init__(self, folder: Path, max_bytes: int = 64 << 20, *, sync: bool = True) -> None:
        """Without `sync`, records are on disk (fsync) when `sync` is called, not before `append` returns."""
        self._folder = folder
        self._max_bytes = max_bytes
        self._sync = sync
        self._descriptor = -1
        self._size = 0
        self.path: Path | None = None
        """The open segment."""

    @property
    def begins(self) -> bool:
        """Whether what is appended next begins a segment, and takes the bytes of its header too."""
        return self.path is None or self._size >= self._max_bytes

    def append(self, payloads: Sequence[bytes]) -> None:
        """Writes the records and returns when they are on disk (fsync); raises `StoreError` if they are not."""
        data = b"".join(_record(payload) for payload in payloads)
        try:
            if self.begins:
                self.close()
                self._open()
            if os.write(self._descriptor, data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            if self._sync:
                os.fsync(self._descriptor)
        except OSError as error:
            self._give_up()
            raise StoreError(f"cannot write to {self._folder}: {error.strerror}; free or mount the disk") from error
        self._size += len(data)

    def sync(self) -> None:
        """Returns when all that was written to the open segment is on disk; raises `StoreError`."""
        if self.path is None:
            return
        try:
            os.fsync(self._descriptor)
        except OSError as error:
            self.close()
            raise StoreError(f"cannot write to {self._folder}: {error.strerror}; free or mount the disk") from error

    def close(self) -> None:
        """Closes the open segment, if there is one; without `sync`, what it holds reaches the disk first."""
        if self._descriptor >= 0:
            if not self._sync:
                with contextlib.suppress(OSError):
                    os.fsync(self._descriptor)
            os.close(self._descriptor)
        self._descriptor, self._size, self.path = -1, 0, None

    def _give_up(self) -> None:
        """What was written in part is the end of its segment: nothing may come after it, and it is cut off if it can
        be, so that what is written once more elsewhere is not there twice."""
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, self._size)
        self.close()

    def _open(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        number = max([*map(_number, segments(self._folder)), *removal_numbers(self._folder)], default=0) + 1
        while not self._take(self._folder / f"{number:016d}{_SUFFIX}"):
            number += 1
        if os.write(self._descriptor, MAGIC) != len(MAGIC):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._size = len(MAGIC)
        sync_folder(self._folder)

    def _take(self, path: Path) -> bool:
        """Opens a segment of that name and locks it; False where the number is, or was, another's."""
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        except FileExistsError:  # another process was faster
            return False
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink and not path.with_suffix(REMOVED).exists():
            self._descriptor, self.path = descriptor, path
            return True
        os.close(descriptor)
        path.unlink(missing_ok=True)
        return False


def _record(payload: bytes) -> bytes:
    length = len(payload)
    return _HEAD.pack(length, crc32(_LENGTH.pack(length)), crc32(payload)) + payload


# ---------------------------------------------------------------------------------------------- reading


def segments(folder: Path) -> list[Path]:
    """The segments of a folder, oldest first."""
    return sorted(path for path in folder.glob(f"*{_SUFFIX}") if path.stem.isdigit())


def segment_path(folder: Path, number: int) -> Path:
    """Where the segment of a number is, if it is there."""
    return folder / f"{number:016d}{_SUFFIX}"


def _number(path: Path) -> int:
    return int(path.stem)


def removal_numbers(folder: Path) -> list[int]:
    """The segments that have, or had, removed records."""
    return sorted(int(path.stem) for path in folder.glob(f"*{REMOVED}") if path.stem.isdigit())


def records(path: Path) -> Iterator[bytes]:
    """The payloads of a segment, in the order they were written; stops before a record that was cut.

    Raises `StoreError` at a record whose checksum does not match, and for a file that is no segment.
    """
    return (payload for _, payload in records_from(path, 0))


def records_from(path: Path, position: int) -> Iterator[tuple[int, bytes]]:
    """The records from a position on (0 is the first), each with the position behind it; else as `records`."""
    with path.open("rb") as file:
        magic = file.read(len(MAGIC))
        if magic != MAGIC:
            if MAGIC.startswith(magic):
                return
            raise StoreError(f"{path} is no segment: it starts with {magic!r}")
        file.seek(max(position, len(MAGIC)))
        while (length := _length(path, file.tell(), head := file.read(_HEAD.size))) is not None:
            payload = file.read(length)
            if len(payload) < length:
                return
            if crc32(payload) != _HEAD.unpack(head)[2]:
                place = file.tell() - length - _HEAD.size
                raise StoreError(f"{path} is damaged at byte {place}: the checksum does not match")
            yield file.tell(), payload


def _length(path: Path, place: int, head: bytes) -> int | None:
    """The length that the head of a record gives; None where there is no whole head."""
    if len(head) < _HEAD.size:
        return None
    length, check, _ = _HEAD.unpack(head)
    if crc32(head[: _LENGTH.size]) == check:
        return int(length)
    if not any(head):  # a crash may leave zeros where nothing was written yet
        return None
    raise StoreError(f"{path} is damaged at byte {place}: the length of a record does not match its sum")


def count(path: Path, at_most: int | None = None) -> int:
    """How many records a segment holds, by their heads alone; raises `StoreError` where one is damaged.

    With `at_most`, it counts no further: to know that there are more than some, not all need be looked at.
    """
    found = 0
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        place = len(MAGIC)
        if file.read(place) != MAGIC:
            return 0
        while found != at_most and (length := _length(path, place, file.read(_HEAD.size))) is not None:
            place += _HEAD.size + length
            if place > size:
                break
            file.seek(place)
            found += 1
    return found


# ---------------------------------------------------------------------------------------------- deleting


def delete(path: Path) -> bool:
    """Deletes a segment that nobody writes to any more. False, and nothing happens, where somebody does.

    Raises `StoreError` where the folder does not let go of it.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # While its number is the highest, this file keeps it from being given out again. A full disk may refuse it.
        with contextlib.suppress(OSError):
            path.with_suffix(REMOVED).touch()
        path.unlink(missing_ok=True)
        sync_folder(path.parent)
        _forget_numbers(path.parent)
    except BlockingIOError:
        return False
    except OSError as error:
        raise StoreError(f"cannot delete {path}: {error.strerror}; check the owner of its folder") from error
    finally:
        os.close(descriptor)
    return True


def _forget_numbers(folder: Path) -> None:
    """Deletes what is left of deleted segments, except of the one with the highest number of all."""
    there, left = set(map(_number, segments(folder))), removal_numbers(folder)
    highest = max([*there, *left], default=0)
    for number in left:
        if number not in there and number != highest:
            (folder / f"{number:016d}{REMOVED}").unlink(missing_ok=True)
