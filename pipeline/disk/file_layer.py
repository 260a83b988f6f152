"""The few things that a queue asks of a file system, behind a protocol, so that tests can make each of them fail.

Every call may raise `OSError`. Nothing is promised to be on disk before `sync`, and no name before `sync_folder`.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Protocol


class File(Protocol):
    """An open file, read and written by place."""

    def read_at(self, offset: int, length: int) -> bytes:
        """The bytes there are, at most so many."""
        ...

    def write_at(self, offset: int, data: bytes) -> int:
        """Writes, perhaps not all; returns how many bytes."""
        ...

    def sync(self) -> None:
        """Returns when all that was written is on disk."""
        ...

    def cut(self, size: int) -> None:
        """Leaves the first bytes alone."""
        ...

    def size(self) -> int:
        """How long it is."""
        ...

    def close(self) -> None:
        """Done with it."""
        ...


class Files(Protocol):
    """What a queue asks of a file system. Raises OSError."""

    def names(self, folder: str) -> list[str]:
        """What is in the folder; it is made if it is not there."""
        ...

    def open(self, path: str, *, new: bool = False) -> File:
        """A file that is there, or with `new` an empty one."""
        ...

    def look(self, path: str) -> File:
        """A file that is there, to be read alone: also where nothing can be written."""
        ...

    def replace(self, old: str, new: str) -> None:
        """Gives the file another name; what had it is gone."""
        ...

    def remove(self, path: str) -> None:
        """Removes a file."""
        ...

    def sync_folder(self, folder: str) -> None:
        """Returns when the names in the folder are on disk."""
        ...


class SystemFile:
    """A file of the operating system."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def read_at(self, offset: int, length: int) -> bytes:
        """See `File`."""
        return os.pread(self._descriptor, length, offset)

    def write_at(self, offset: int, data: bytes) -> int:
        """See `File`."""
        return os.pwrite(self._descriptor, data, offset)

    def sync(self) -> None:
        """See `File`."""
        os.fsync(self._descriptor)

    def cut(self, size: int) -> None:
        """See `File`."""
        os.ftruncate(self._descriptor, size)

    def size(self) -> int:
        """See `File`."""
        return os.fstat(self._descriptor).st_size

    def close(self) -> None:
        """See `File`."""
        os.close(self._descriptor)


class SystemFiles:
    """The file system of the operating system."""

    def names(self, folder: str) -> list[str]:
        """See `Files`."""
        os.makedirs(folder, exist_ok=True)
        return os.listdir(folder)

    def open(self, path: str, *, new: bool = False) -> File:
        """See `Files`."""
        return SystemFile(os.open(path, os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT | os.O_TRUNC if new else 0), 0o640))

    def look(self, path: str) -> File:
        """See `Files`."""
        return SystemFile(os.open(path, os.O_RDONLY | os.O_CLOEXEC))

    def replace(self, old: str, new: str) -> None:
        """See `Files`."""
        os.replace(old, new)

    def remove(self, path: str) -> None:
        """See `Files`."""
        os.unlink(path)

    def sync_folder(self, folder: str) -> None:
        """See `Files`."""
        sync_folder(folder)


def sync_folder(folder: str | Path) -> None:
    """Returns when the names in a folder are on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_whole(file: File, offset: int, data: bytes) -> None:
    """Writes all of the data, or raises `OSError`."""
    done = file.write_at(offset, data)
    while done < len(data):
        more = file.write_at(offset + done, data[done:])
        if not more:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        done += more
