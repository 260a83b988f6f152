"""A file system in memory that fails when it is told to, and that loses at a crash what was not synced.

Bytes that were written and not synced survive a crash sector by sector, each or not, whatever their order; names that
were made, replaced or removed since the folder was synced survive as they were made, up to any one of them.
"""

from __future__ import annotations

import errno
import random
from collections.abc import Callable
from dataclasses import dataclass, field

SECTOR = 64
"""Small, so that records of a few bytes are torn."""


@dataclass(eq=False)
class Stored:
    """What is of one file in memory and on disk."""

    data: bytearray = field(default_factory=bytearray)
    synced: bytes = b""

    def crash(self, draw: random.Random) -> None:
        """Each sector is as it was synced, or as it was written since; the size is one of the two, or between."""
        before, after = bytes(self.synced), bytes(self.data)
        sizes = sorted((len(before), len(after)))
        size = draw.choice((*sizes, draw.randint(*sizes)))
        kept = bytearray()
        for start in range(0, size, SECTOR):
            kept += draw.choice((before, after))[start : start + SECTOR].ljust(SECTOR, b"\0")
        self.data = kept[:size]
        self.synced = bytes(self.data)


class OpenFile:
    def __init__(self, stored: Stored, files: FaultyFiles) -> None:
        self._stored, self._files = stored, files
        self._open = True

    def _step(self, kind: str) -> int | None:
        if not self._open:
            raise OSError(errno.EBADF, "the file is closed")
        return self._files.step(kind)

    def read_at(self, offset: int, length: int) -> bytes:
        self._step("read")
        return bytes(self._stored.data[offset : offset + length])

    def write_at(self, offset: int, data: bytes) -> int:
        room = self._step("write")
        data = data if room is None else data[:room]
        held = self._stored.data
        held.extend(b"\0" * (offset - len(held)))
        held[offset : offset + len(data)] = data
        return len(data)

    def sync(self) -> None:
        self._step("sync")
        self._stored.synced = bytes(self._stored.data)

    def cut(self, size: int) -> None:
        self._step("cut")
        del self._stored.data[size:]

    def size(self) -> int:
        return len(self._stored.data)

    def close(self) -> None:
        if not self._open:
            raise OSError(errno.EBADF, "the file is closed")
        self._open = False


class FaultyFiles:
    """One folder. `faults` are asked before each step: an `OSError` is raised, a number is a short write."""

    def __init__(self) -> None:
        self.now: dict[str, Stored] = {}
        self.faults: Callable[[str], OSError | int | None] = lambda step: None
        self._on_disk: dict[str, Stored] = {}
        self._changes: list[dict[str, Stored]] = []

    def step(self, kind: str) -> int | None:
        fault = self.faults(kind)
        if isinstance(fault, OSError):
            raise fault
        return fault

    def names(self, folder: str) -> list[str]:
        return [name.rpartition("/")[2] for name in self.now]

    def open(self, path: str, *, new: bool = False) -> OpenFile:
        self.step("open")
        return self._opened(path, new=new)

    def look(self, path: str) -> OpenFile:
        self.step("look")
        return self._opened(path)

    def _opened(self, path: str, *, new: bool = False) -> OpenFile:
        if new:
            if path in self.now:
                self.now[path].data = bytearray()
            else:
                self.now[path] = Stored()
                self._changed()
        if path not in self.now:
            raise OSError(errno.ENOENT, "there is no such file")
        return OpenFile(self.now[path], self)

    def replace(self, old: str, new: str) -> None:
        self.step("replace")
        self.now[new] = self.now.pop(old)
        self._changed()

    def remove(self, path: str) -> None:
        self.step("remove")
        del self.now[path]
        self._changed()

    def sync_folder(self, folder: str) -> None:
        self.step("sync folder")
        self._on_disk, self._changes = dict(self.now), []

    def _changed(self) -> None:
        self._changes.append(dict(self.now))

    def crash(self, draw: random.Random) -> None:
        """The machine stops: only what was synced is certain."""
        self.now = dict(draw.choice([self._on_disk, *self._changes]))
        self.sync_names()
        for stored in self.now.values():
            stored.crash(draw)

    def sync_names(self) -> None:
        self._on_disk, self._changes = dict(self.now), []
