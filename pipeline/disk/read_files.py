"""Files that are complete: read once from beginning to end, packed or not, and then logged or deleted.

    found --> reading --> read --> completed (when all of its events have ended)

A packed file has no position to save: it counts as unread until it is completed. One that is still being copied would
look damaged: it is read when it has not changed from one discovery to the next, where there is a next. One that is
damaged is left where it is and not tried again until it changes.

A completed file is recorded with its stamp, and left alone as long as it has that; a plain one that grew is gone on
with, any other that was changed is read anew. What was added to a file, or put in its place, while it was read is read
as well before anything is logged or deleted.
"""

from __future__ import annotations

import contextlib
import os
from collections import deque
from collections.abc import Generator, Iterator, Mapping
from dataclasses import replace

from pipeline.disk.archives import DAMAGES, PACKED, identity, stamp, unpacked, unpacked_blocks
from pipeline.disk.chunks import Chunk, Watch
from pipeline.disk.completion import Complete
from pipeline.disk.followed_file import FollowedFile
from pipeline.disk.sincedb import Key, Record, SinceDb


class ReadFiles:
    """Called from a thread, but for what a chunk calls."""

    def __init__(self, watch: Watch, sincedb: SinceDb, complete: Complete, *, once: bool, check: bool) -> None:
        self.watch = watch
        self.sincedb = sincedb
        self.complete = complete
        self.once = once
        self.check = check
        self.dirty = False
        self.finished = False
        self._new: dict[Key, FollowedFile] = {}
        self._known: dict[Key, tuple[int, int]] = {}
        """The size and the time of change of what was met."""
        self._growing: dict[Key, tuple[int, int]] = {}
        """The same of packed files that were not so at the last discovery."""
        self._paths: dict[Key, list[str]] = {}
        """All paths that led to a file at the last discovery."""
        self._refused: dict[Key, FollowedFile] = {}
        """What could not be opened, and is tried again."""
        self._reading: dict[Key, FollowedFile] = {}
        self._done: dict[Key, Record] = {}
        self._gone: list[Key] = []
        """Of these, what no path leads to any more: from the next `records` on it is the sincedb's, and ages."""
        self._next_discovery = float("-inf")

    def scan(self) -> None:
        """Finds new files, and files that have changed since they were read."""
        now = self.watch.monotonic()
        if now >= self._next_discovery:
            self._discover(now)
        self._new.update(self._refused)
        self._refused.clear()

    def _discover(self, now: float) -> None:
        self._next_discovery = float("inf") if self.once else now + self.watch.discover_interval
        found = self.watch.found()
        growing, self._growing = self._growing, {}
        self._paths = _by_key(found)
        self._forget()
        for path, status in found.items():
            key, version = Key.of(status), (status.st_size, status.st_mtime_ns)
            if key in self._reading or self._known.get(key) == version or self.watch.is_old(status):
                continue
            if path.endswith(PACKED) and not self.once and growing.get(key) != version:
                self._growing[key] = version
            else:
                self._known[key] = version
                self._meet(path, key, status)

    def _forget(self) -> None:
        here = {*self._paths, *list(self._reading), *self._refused}
        for key in list(self._known):
            if key not in here:
                self._known.pop(key, None)
        self._gone = [key for key in list(self._done) if key not in here]
        self.dirty = self.dirty or bool(self._gone)

    def _meet(self, path: str, key: Key, status: os.stat_result) -> None:
        record = self._done.get(key) or self.sincedb.get(key)
        grown = record is not None and not (record.completed and record.position == status.st_size)
        if record is not None and grown and not path.endswith(PACKED):
            file = FollowedFile(path, key, record.position, record, self.watch.delimiter)
        else:
            file = FollowedFile(path, key, 0)
        if record is not None and self._is_completed(file, status, record):
            self._done[key] = record
        else:
            self._new[key] = file

    def _is_completed(self, file: FollowedFile, status: os.stat_result, record: Record) -> bool:
        """The file is as it was when it was completed. Of a packed one Logstash's record has the size alone."""
        if not record.completed or record.position != status.st_size:
            known = (record.path, record.position) == (file.path, status.st_size)
            return known and not record.completed and file.path.endswith(PACKED)
        try:
            return file.open(self.watch.warn) and stamp(file.descriptor, status) == record.completed
        except OSError:
            return False  # whoever reads it says so
        finally:
            file.close()

    def chunks(self) -> Iterator[Chunk]:
        """The files that are new, each to its end; several in turns if `blocks_each` is smaller than they are."""
        turns: deque[Iterator[Chunk]] = deque()
        while self._new or turns:
            if self._new and len(turns) < self.watch.most_open:
                file = self._new.pop(next(iter(self._new)))
                self._reading[file.key] = file
                turn = self._chunks_of(file)
            else:
                turn = turns.popleft()
            for _ in range(self.watch.blocks_each):
                chunk = next(turn, None)
                if chunk is None:
                    break
                yield chunk
            else:
                turns.append(turn)
        self.finished = self.once

    def _chunks_of(self, file: FollowedFile) -> Iterator[Chunk]:
        if not file.open(self.watch.warn):
            if file.refused:
                self._refused[file.key] = file
            else:  # it may be found under another path
                self._known.pop(file.key, None)
            self._reading.pop(file.key, None)
            return
        try:
            status = os.fstat(file.descriptor)
            size, file.modified, file.stamp = status.st_size, status.st_mtime_ns, stamp(file.descriptor, status)
            named = identity(self.watch.source, file.path, file.key, file.stamp)
            if file.path.endswith(PACKED):
                if self.check:
                    _check(file.descriptor)
                packed, unix = self.watch.packed, self.watch.packed_unix
                for offset, data in unpacked(file.descriptor, packed, self.watch.block, unix=unix):
                    yield self._chunk(file, named, offset, data)
            else:
                size = yield from self._plain(file, named)
        except DAMAGES as error:
            self.watch.warn(f"{file.path} is left as it is: {error}")
            self._reading.pop(file.key, None)
            return
        finally:
            file.close()
        yield Chunk(file.path, named, size, b"", lambda: self._read_whole(file, size), lambda: None)

    def _plain(self, file: FollowedFile, named: str) -> Generator[Chunk, None, int]:
        file.look(self.watch.monotonic())
        while (got := file.read(self.watch.codec, self.watch.block, final=True)) is not None:
            yield self._chunk(file, named, *got)
        return file.position

    def _chunk(self, file: FollowedFile, named: str, start: int, data: bytes) -> Chunk:
        progress, end = file.progress, start + len(data)

        def ended() -> None:
            progress.end(start)
            if file.size < 0 and not len(progress):
                self._complete(file)

        packed = file.path.endswith(PACKED)
        return Chunk(file.path, named, start, data, lambda: progress.begin(start, end), ended, packed)

    def _read_whole(self, file: FollowedFile, size: int) -> None:
        """Everything was given out: the file is completed now, or when the last of it has ended."""
        file.position, file.size = size, -1
        if not len(file.progress):
            self._complete(file)

    def _complete(self, file: FollowedFile) -> None:
        completed, deleted = "", False
        try:
            if self._as_read(file):
                deleted = self.complete(file.path, self._paths_of(file))
                completed = file.stamp
        except OSError as error:
            self.watch.warn(f"{file.path} was read, but cannot be logged or deleted: {error}")
        if deleted:
            self._done.pop(file.key, None)
            self._known.pop(file.key, None)
            self.sincedb.forget(file.key)
        elif completed or not file.path.endswith(PACKED):
            record = file.record(self.watch.now())
            self._done[file.key] = replace(record, position=file.position, completed=completed)
        self._reading.pop(file.key, None)
        self.dirty = True

    def _paths_of(self, file: FollowedFile) -> list[str]:
        """Those that still lead to it."""
        paths = []
        for path in self._paths.get(file.key, []):
            with contextlib.suppress(FileNotFoundError):
                if Key.of(os.stat(path)) == file.key:
                    paths.append(path)
        return paths

    def _as_read(self, file: FollowedFile) -> bool:
        """The path leads to the file as it was read, or to nothing; if not, it is looked at again."""
        try:
            status = os.stat(file.path)
        except FileNotFoundError:
            return True
        if (Key.of(status), status.st_size, status.st_mtime_ns) == (file.key, file.position, file.modified):
            return True
        self._known.pop(file.key, None)
        return False

    def records(self) -> dict[Key, Record]:
        """What is to be saved; of packed files only those that are completed."""
        self.dirty = False
        now = self.watch.now()
        reading = {k: f.record(now) for k, f in list(self._reading.items()) if not f.path.endswith(PACKED)}
        done = {key: replace(record, seen=now) for key, record in list(self._done.items())}
        for key in self._gone:
            self._done.pop(key, None)
        self._gone = []
        return {**done, **reading}

    def close(self) -> None:
        """Closes all files."""
        for file in self._reading.values():
            file.close()


def _check(descriptor: int) -> None:
    for _ in unpacked_blocks(descriptor, 1 << 20):
        pass


def _by_key(found: Mapping[str, os.stat_result]) -> dict[Key, list[str]]:
    paths: dict[Key, list[str]] = {}
    for path, status in found.items():
        paths.setdefault(Key.of(status), []).append(path)
    return paths
