"""Files that grow: found by their paths, followed by their inodes.

    path  --stat-->  key (inode, device)  -->  FollowedFile, open

A file that is renamed is followed through its open descriptor, and by its new path if that matches too; what
appears under its old path is a new file, read from its beginning. A file that no path leads to any more is read
to its end and closed, soon if it was deleted, else when it has been idle for `close_older`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from pipeline.disk.chunks import Chunk, Watch
from pipeline.disk.followed_file import FollowedFile
from pipeline.disk.sincedb import Key, Record, SinceDb

GRACE = 5.0
"""Seconds that a deleted file must have been idle: whoever writes it may not have noticed."""


class TailedFiles:
    """Called from a thread, but for what a chunk calls."""

    finished = False

    def __init__(self, watch: Watch, sincedb: SinceDb, *, from_beginning: bool) -> None:
        self.watch = watch
        self.sincedb = sincedb
        self.dirty = False
        """Something must be saved before anything more is given out."""
        self._files: dict[Key, FollowedFile] = {}
        self._paths: dict[str, Key] = {}
        self._from_beginning = from_beginning
        self._next_discovery = float("-inf")

    def scan(self) -> None:
        """Finds new files, and looks at those that are known."""
        now = self.watch.monotonic()
        if now >= self._next_discovery:
            first = self._next_discovery == float("-inf")
            self._next_discovery = now + self.watch.discover_interval
            found = self.watch.found()
        else:
            first, found = False, _stats(self._paths)
        self._paths = {path: Key.of(status) for path, status in found.items()}
        for path, status in found.items():
            self._meet(path, status, first=first)
        for file in list(self._files.values()):
            if file.descriptor >= 0 and file.look(now):
                self.dirty = True
        self._forget_lost(now)

    def _meet(self, path: str, status: os.stat_result, *, first: bool) -> None:
        key = Key.of(status)
        file = self._files.get(key)
        if file is not None:
            if self._paths.get(file.path) != key:
                file.path = path
            if file.descriptor < 0 and status.st_size != file.size:
                self._open(file)
            return
        record = self.sincedb.get(key)
        if record is not None:
            position = record.position
        elif self.watch.is_old(status) or (first and not self._from_beginning):
            position = status.st_size
        else:
            position = 0
        file = self._files[key] = FollowedFile(path, key, position, record)
        self.dirty = True
        if self.watch.is_old(status) and position == status.st_size:
            file.size = status.st_size
        else:
            self._open(file)

    def _open(self, file: FollowedFile) -> None:
        still_open = [other for other in self._files.values() if other.descriptor >= 0]
        if len(still_open) >= self.watch.most_open:
            min(still_open, key=lambda other: other.grown).close()
        file.open()

    def _forget_lost(self, now: float) -> None:
        for key, file in list(self._files.items()):
            lost = self._paths.get(file.path) != key
            if file.descriptor < 0:
                if lost and not len(file.progress):
                    del self._files[key]
                continue
            idle = now - file.grown
            deleted = lost and idle > GRACE and os.fstat(file.descriptor).st_nlink == 0
            if file.tried != file.size or not (deleted or idle > self.watch.close_older):
                continue
            if lost and file.position < file.size and not file.last:
                file.last = True
            else:
                file.close()

    def chunks(self) -> Iterator[Chunk]:
        """One turn of all files that have something new."""
        for file in list(self._files.values()):
            for _ in range(self.watch.blocks_each):
                chunk = self._read(file)
                if chunk is None:
                    break
                yield chunk

    def _read(self, file: FollowedFile) -> Chunk | None:
        if file.descriptor < 0:
            return None
        flush = self._flush_due(file)
        if file.tried == file.size and not flush:
            return None
        got = file.read(self.watch.codec, self.watch.block, final=flush)
        file.flushed = flush
        if got is None:
            return None
        start, data = got
        progress, end = file.progress, start + len(data)
        return Chunk(
            file.path, file.identity, start, data, lambda: progress.begin(start, end), lambda: progress.end(start)
        )

    def _flush_due(self, file: FollowedFile) -> bool:
        if file.flushed or file.position >= file.size:
            return False
        patience = self.watch.auto_flush
        return file.last or (patience is not None and self.watch.monotonic() - file.grown >= patience)

    def records(self) -> dict[Key, Record]:
        """What is to be saved of every file."""
        self.dirty = False
        now = self.watch.now()
        return {key: file.record(now) for key, file in list(self._files.items())}

    def close(self) -> None:
        """Closes all files."""
        for file in self._files.values():
            file.close()


def _stats(paths: dict[str, Key]) -> dict[str, os.stat_result]:
    found: dict[str, os.stat_result] = {}
    for path in paths:
        try:
            found[path] = os.stat(path)  # noqa: PTH116
        except OSError:
            continue
    return found
