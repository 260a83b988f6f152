"""Files that grow: found by their paths, followed by their inodes.

    path  --stat-->  key (inode, device)  -->  FollowedFile, open

A file that is renamed is followed through its open descriptor, and by its new path if that matches too; what
appears under its old path is a new file, read from its beginning. A file that no path leads to any more is read
to its end and closed, soon if it was deleted, else when it has been idle for `close_older`. One that was closed, and
then disappears from its folder, counts as deleted too: what takes its inode is new.

Where a rotation copies a file and truncates it (`Watch.copies`), the copy is known by its path and its beginning, and
goes on where the file was: what was not read yet before it was truncated is read from there, as the file's.

A file that cannot be read (a disk that fails, a server of files that is away) is closed with its position kept, told
of once, and tried again at the next discovery; the others go on.

Where more files have something new than may be open, those that are read to their ends make room, and those that
were not looked at for longest are opened first; the rest waits.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections import deque
from collections.abc import Iterator

from pipeline.disk.chunks import Chunk, Watch
from pipeline.disk.followed_file import FollowedFile, Origin
from pipeline.disk.sincedb import Key, Record, SinceDb

GRACE = 5.0
"""Seconds that a deleted file must have been idle: whoever writes it may not have noticed. And a copy that is shorter
than what was read of its original, before that is taken for all of it."""


FORMER = 256
"""Generations that are remembered for copies of them."""


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
        self._left: deque[tuple[Key, Record]] = deque()
        """The last of files that are not followed any more, until it is saved."""
        self._former: deque[Origin] = deque(maxlen=FORMER)
        """Generations that were truncated, whose copies may turn up."""
        self._failed: set[Key] = set()
        """What could not be read, until the next discovery."""
        self._from_beginning = from_beginning
        self._next_discovery = float("-inf")

    @property
    def paths(self) -> list[str]:
        """Of the files that were found by the last `scan`."""
        return list(self._paths)

    def scan(self) -> None:
        """Finds new files, and looks at those that are known."""
        now = self.watch.monotonic()
        if now >= self._next_discovery:
            first = self._next_discovery == float("-inf")
            self._next_discovery = now + self.watch.discover_interval
            self._failed.clear()
            anew = self._look(self.watch.found(), now, first=first)
        else:
            anew = self._look(_stats(self._paths), now, first=False)
        if anew and self.watch.copies is not None:
            # Its copy is there by now: what is saved is known of both, or of neither.
            self._look(self.watch.found(), now, first=False)
        self._go_on()
        self._forget_lost(now)

    def _look(self, found: dict[str, os.stat_result], now: float, *, first: bool) -> bool:
        """Opens what is new and looks at what is open; whether any of it began anew."""
        self._paths = {path: Key.of(status) for path, status in found.items()}
        self._open([path for path, status in found.items() if self._meet(path, status, first=first)])
        anew = False
        for file in list(self._files.values()):
            with self._minding(file):
                if file.descriptor >= 0 and self._began_anew(file, now):
                    self.dirty = anew = True
        return anew

    def _began_anew(self, file: FollowedFile, now: float) -> bool:
        if self.watch.copies is None:
            return file.look(now)
        origin = file.origin(self.watch.source)
        anew = file.look(now)
        if anew:
            file.met = now
        if anew and origin.covered[0]:
            self._former.append(origin)
        return anew

    def _go_on(self) -> None:
        """New files that are copies of others go on where those were."""
        if self.watch.copies is None:
            return
        self._truncated()
        for file in [file for file in self._files.values() if file.descriptor >= 0 and file.unread]:
            if (found := self.watch.copies.search(file.path)) is None:
                continue
            with self._minding(file):
                self._go_on_as_copy(file, file.path[: found.start()])

    def _truncated(self) -> None:
        """Files that were copied, and do not begin like their copy any more. One that was not read shows it by nothing
        else: it may begin with the same line again."""
        opened = [file for file in self._files.values() if file.descriptor >= 0]
        if not any(file.named for file in opened):
            return
        originals = {file.identity(self.watch.source): file for file in opened if not file.named}
        for copy in opened:
            file = originals.get(copy.named)
            if file is not None and not file.continues(copy):
                del originals[copy.named]
                file.begin_anew()
                self.dirty = True

    def _go_on_as_copy(self, file: FollowedFile, path: str) -> None:
        living = (one.origin(self.watch.source) for one in self._files.values() if one is not file)
        taken = {one.named for one in self._files.values()}  # of files that begin alike, the oldest is the copy
        here = [one for one in (*self._former, *living) if one.first == path and one.identity not in taken]
        like = [one for one in here if file.begins_like(one)] or [one for one in here if file.is_beginning_of(one)]
        size = os.fstat(file.descriptor).st_size
        origin = max(like, key=lambda origin: origin.covered[0], default=None)
        now = self.watch.monotonic()
        young, grows = now - file.met < GRACE, now - file.grown < GRACE
        if origin is None and not (young and any(size < max(one.position, one.covered[0]) for one in here)):
            return
        if origin is None or (size < origin.position and grows):
            # it is being copied: what it will be is seen at another look
            file.close()
            self._failed.add(file.key)
            return
        file.go_on(origin, size)
        self.dirty = True
        self._truncated()

    @contextlib.contextmanager
    def _minding(self, file: FollowedFile) -> Iterator[None]:
        """What the disk refuses concerns this file alone."""
        try:
            yield
        except OSError as error:
            file.refuse(error, self.watch.warn)
            self._failed.add(file.key)

    def _meet(self, path: str, status: os.stat_result, *, first: bool) -> bool:
        """Takes note of a file; True if it is to be opened."""
        key = Key.of(status)
        file = self._files.get(key)
        if file is not None:
            if self._paths.get(file.path) != key:
                file.path = path
            if key in self._failed:
                return False
            return file.descriptor < 0 and (file.may_have_more(status) or self._may_flush(file))
        record = self.sincedb.get(key)
        if record is not None and not record.deleted:
            position = record.position
        elif self.watch.is_old(status) or (first and not self._from_beginning):
            position = status.st_size
        else:
            position = 0
        file = self._files[key] = FollowedFile(path, key, position, record, self.watch.delimiter)
        file.met = self.watch.monotonic()
        file.copied = self.watch.copies is not None
        self.dirty = True
        if self.watch.is_old(status) and position == status.st_size:
            file.size, file.tried, file.modified = status.st_size, status.st_size, status.st_mtime_ns
            return False
        return True

    def _open(self, paths: list[str]) -> None:
        wanted = sorted((self._files[self._paths[path]] for path in paths), key=lambda file: file.grown)
        still_open = [file for file in self._files.values() if file.descriptor >= 0]
        room = self.watch.most_open - len(still_open)
        spare = iter(sorted(filter(self._read_to_end, still_open), key=lambda file: (self._lost(file), file.grown)))
        for file in wanted:
            if file.descriptor >= 0:  # it has two paths
                continue
            if room <= 0:
                if (other := next(spare, None)) is None:
                    return
                self._close(other)
                room += 1
            room -= file.open(self.watch.warn)

    def _lost(self, file: FollowedFile) -> bool:
        return self._paths.get(file.path) != file.key

    def _read_to_end(self, file: FollowedFile) -> bool:
        """It may be closed: it can be opened again, or there is nothing left to read."""
        with self._minding(file):
            if self._lost(file):
                return file.position >= os.fstat(file.descriptor).st_size
            return file.tried >= file.size
        return True

    def _close(self, file: FollowedFile) -> None:
        """Closes a file; one that was deleted is over, and its inode will be that of another."""
        deleted = self._lost(file) and self._unlinked(file)
        file.close()
        if deleted:
            self._leave(file, file.ended(self.watch.now()))

    def _unlinked(self, file: FollowedFile) -> bool:
        """No path leads to it, not even one that is not looked for."""
        with self._minding(file):
            return file.descriptor >= 0 and os.fstat(file.descriptor).st_nlink == 0
        return False

    def _leave(self, file: FollowedFile, record: Record) -> None:
        self._left.append((file.key, record))
        del self._files[file.key]
        self.dirty = True

    def _forget_lost(self, now: float) -> None:
        for file in list(self._files.values()):
            lost = self._lost(file)
            if file.descriptor < 0:
                if lost and not len(file.progress):
                    gone = file.tried >= 0 and _has_left(file)
                    self._leave(file, file.ended(self.watch.now()) if gone else file.record(self.watch.now()))
                continue
            idle = now - file.grown
            deleted = lost and idle > GRACE and self._unlinked(file)
            if file.tried != file.size or not (deleted or idle > self.watch.close_older):
                continue
            if (lost or file.named) and file.position < file.size and not file.last:
                file.last = True  # a copy does not grow: what is not whole is a line that truncating has cut
            else:
                self._close(file)

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
        got = None
        with self._minding(file):
            got = file.read(self.watch.codec, self.watch.block, final=flush and file.last, flush=flush)
        if got is None:
            return None
        start, data = got
        progress, end = file.progress, start + len(data)
        identity = file.identity(self.watch.source)
        begin, ended = lambda: progress.begin(start, end), lambda: progress.end(start)
        return Chunk(file.path, identity, start, data, begin, ended, first_path=file.first, key=file.key)

    def _flush_due(self, file: FollowedFile) -> bool:
        if file.last:
            return not file.flushed and file.position < file.size
        patience = self.watch.auto_flush
        return self._may_flush(file) and patience is not None and self.watch.monotonic() - file.grown >= patience

    def _may_flush(self, file: FollowedFile) -> bool:
        """What is not whole is given out when it has waited long enough."""
        return self.watch.auto_flush is not None and not file.flushed and file.position < file.size

    def records(self) -> dict[Key, Record]:
        """What is to be saved of every file."""
        self.dirty = False
        now = self.watch.now()
        left = dict(self._left.popleft() for _ in range(len(self._left)))
        # A file is left before it is let go: what it leaves counts, where it is still among the others.
        return {**{key: file.record(now) for key, file in list(self._files.items())}, **left}

    def close(self) -> None:
        """Closes all files."""
        for file in self._files.values():
            file.close()


def _has_left(file: FollowedFile) -> bool:
    """It is not in its folder under another name; False also where a disk is not mounted any more."""
    folder = os.path.dirname(file.path)
    try:
        if Key.of(os.stat(folder))[1:] != file.key[1:]:
            return False
        with os.scandir(folder) as entries:
            return all(entry.inode() != file.key.inode for entry in entries)
    except OSError:
        return False


def _stats(paths: dict[str, Key]) -> dict[str, os.stat_result]:
    found: dict[str, os.stat_result] = {}
    for path in paths:
        with contextlib.suppress(OSError):
            status = os.stat(path)
            if stat.S_ISREG(status.st_mode):
                found[path] = status
    return found
