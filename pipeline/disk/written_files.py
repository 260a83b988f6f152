"""Files that are appended to: opened when needed, closed when they are stale, whole items or nothing.

A write that fails in the middle (a full disk) is taken back to the end of the last whole item, so that sending
the rest again writes nothing twice.
"""

from __future__ import annotations

import contextlib
import gzip
import os
import stat
import time
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

MOST_OPEN = 256


@dataclass(slots=True)
class _Open:
    descriptor: int
    inode: tuple[int, int]
    used: float
    fresh: bool = True


@dataclass(slots=True)
class WriteError(Exception):
    """How many items were written before the disk refused, and why it did."""

    written: int
    reason: str


class WrittenFiles:
    """The open files of one output."""

    def __init__(self, *, file_mode: int, dir_mode: int, compress: bool, fsync: bool, overwrite: bool) -> None:
        self.file_mode = file_mode
        self.dir_mode = dir_mode
        self.compress = compress
        self.fsync = fsync
        self.overwrite = overwrite
        self._open: OrderedDict[str, _Open] = OrderedDict()

    def append(self, path: str, data: bytes | bytearray, ends: Sequence[int]) -> None:
        """Appends items that lie one after the other and end at `ends`; raises `WriteError`."""
        try:
            file = self._opened(path)
            file.used = time.monotonic()
            if self.overwrite:
                data = data[ends[-2] if len(ends) > 1 else 0 :]
                os.ftruncate(file.descriptor, 0)
            elif file.fresh and not self.compress:
                _end_torn_line(file.descriptor, path, data)
            file.fresh = False
        except OSError as error:
            raise WriteError(0, f"{path}: {error.strerror}") from error
        if self.compress or self.overwrite:
            ends = [len(data)]
        self._write(file.descriptor, path, _compressed(data) if self.compress else data, ends)

    def _write(self, descriptor: int, path: str, data: bytes | bytearray, ends: Sequence[int]) -> None:
        before, done, written = os.fstat(descriptor), 0, len(ends)
        problem: OSError | None = None
        try:
            with memoryview(data) as view:
                while done < len(view):
                    done += os.write(descriptor, view[done:])
        except OSError as error:
            written = 0 if self.compress else bisect_right(ends, done)
            kept = ends[written - 1] if written else 0
            _take_back(descriptor, before, done, kept)
            problem, done = error, kept
        if self.fsync and written and stat.S_ISREG(before.st_mode):
            try:
                os.fsync(descriptor)
            except OSError as error:  # what it was for may be gone, whatever the next one says
                _take_back(descriptor, before, done, 0)
                problem, written = error, 0
        if problem is not None:
            raise WriteError(written, f"{path}: {problem.strerror}") from problem

    def _opened(self, path: str) -> _Open:
        file = self._open.get(path)
        if file is not None:
            with contextlib.suppress(FileNotFoundError):
                found = os.stat(path)
                if (found.st_dev, found.st_ino) == file.inode:
                    self._open.move_to_end(path)
                    return file
            self.forget(path)
        while len(self._open) >= MOST_OPEN:
            self.forget(next(iter(self._open)))
        return self._open_new(path)

    def _open_new(self, path: str) -> _Open:
        folder = Path(path).parent
        if not folder.is_dir():
            _make_folders(folder, self.dir_mode)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
        descriptor = os.open(path, flags, 0o666 if self.file_mode < 0 else self.file_mode)
        found = os.fstat(descriptor)
        file = self._open[path] = _Open(descriptor, (found.st_dev, found.st_ino), time.monotonic())
        return file

    def forget(self, path: str) -> None:
        """Closes a file; the next item opens it again."""
        os.close(self._open.pop(path).descriptor)

    def close_unused(self, seconds: float) -> None:
        """Closes the files that were not written to for so long."""
        limit = time.monotonic() - seconds
        for path in [path for path, file in self._open.items() if file.used <= limit]:
            self.forget(path)

    def close(self) -> None:
        """Closes all."""
        for path in list(self._open):
            self.forget(path)


def _take_back(descriptor: int, before: os.stat_result, done: int, kept: int) -> None:
    """Cuts a file to what is kept of what was written to it, unless somebody else has written to it too."""
    if stat.S_ISREG(before.st_mode) and os.fstat(descriptor).st_size == before.st_size + done:
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, before.st_size + kept)


def _make_folders(folder: Path, mode: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if mode >= 0:
        folder.chmod(mode)


def _end_torn_line(descriptor: int, path: str, data: bytes | bytearray) -> None:
    """Ends a last line that a crash cut, where lines are written, so that the next one is not glued to it."""
    size = os.fstat(descriptor).st_size
    if size and data.endswith(b"\n"):
        with open(path, "rb") as file:
            file.seek(size - 1)
            if file.read(1) not in (b"\n", b""):
                os.write(descriptor, b"\n")


def _compressed(data: bytes | bytearray) -> bytes:
    """One gzip member; members one after the other are a gzip file."""
    return gzip.compress(data, 6)
