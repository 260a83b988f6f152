"""One file that is read as it grows, and how far what was read has been delivered.

    position    where the next read begins; always the start of an event
    progress    what was given out and has not ended; `safe` is the position that may be saved

A file that shrinks, or whose beginning changes, begins anew: a new generation, from position 0. The beginning is

    head        the first line, or 1 KiB of it: known before anything is read, and part of the ids of events
    covered     what was read of the first 16 KiB: more than a header that many files have in common
"""

from __future__ import annotations

import errno
import os
import stat
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple, Protocol

import xxhash

from pipeline.disk.sincedb import Key, Record

HEAD = 1024
COVERED = 16 * 1024


class Cutter(Protocol):
    """What is asked of a codec."""

    def cut(self, data: bytes, *, final: bool = False) -> int:
        """How many leading bytes hold whole events."""
        ...


class Progress:
    """The ranges of a file that were given out, and the position before which all of them have ended.

    What lies before the first range may be that of another file, of which this one is a copy: `before`.
    """

    def __init__(self, safe: int, before: Progress | None = None) -> None:
        self._safe = safe
        self._before = before
        self._open: OrderedDict[int, tuple[int, bool]] = OrderedDict()

    def begin(self, start: int, end: int) -> None:
        """A range was given out."""
        self._open[start] = (end, False)

    def end(self, start: int) -> None:
        """The range that begins there has its end; `safe` moves on where all before it have theirs."""
        self._open[start] = (self._open[start][0], True)
        while self._open:
            first, (end, ended) = next(iter(self._open.items()))
            if not ended:
                return
            del self._open[first]
            self._safe = end

    @property
    def safe(self) -> int:
        """The position before which everything has its end."""
        if self._before is not None and not len(self._before):
            self._before = None
        return self._safe if self._before is None else min(self._safe, self._before.safe)

    def __len__(self) -> int:
        return len(self._open)


class Origin(NamedTuple):
    """What was known of a file, or of a former generation of it, for one that turns out to be its copy."""

    first: str
    identity: str
    covered: tuple[int, str]
    position: int
    progress: Progress
    beginning: bytes = b""
    """What was read of a short one, for a copy that is shorter still."""


class FollowedFile:
    """A file by its key; its path may change."""

    def __init__(
        self, path: str, key: Key, position: int, record: Record | None = None, delimiter: bytes = b"\n"
    ) -> None:
        self.path = path
        self.first = (record.first or record.path if record else "") or path
        """The path under which this generation was found: it stays, where `path` follows the file."""
        self.named = record.named if record else ""
        """The identity, where it is that of a file of which this one is a copy."""
        self.key = key
        self.delimiter = delimiter
        self.position = position
        self.progress = Progress(position)
        self.length = record.length if record else 0
        self.head = record.head if record else ""
        self.generation = record.generation if record else 0
        self.covered = record.covered if record else (0, "")
        """How many bytes of what was read are compared, and their hash; set as one: the loop calls `record`."""
        self._hash = xxhash.xxh3_64()
        self.copied = False
        """There may be copies of it."""
        self._beginning = b""
        """What is covered of a file that may be copied, while that is not all that can be."""
        self.descriptor = -1
        self.refused = 0
        """Why it could not be opened or read, as `errno` says it; until it has been read."""
        self.size = 0
        self.modified = 0
        """In nanoseconds; shows that a file was replaced by another of its size."""
        self.stamp = ""
        """Of a complete file, as it was when it was opened."""
        self.met = 0.0
        """When it, or this generation of it, was found."""
        self.grown = 0.0
        self.tried = -1
        """The size at which there was nothing whole to read; -1 from opening it until it has been read to there."""
        self.flushed = False
        """What is not whole was given out, or tried to be, since the file has grown."""
        self.last = False
        """No path leads to it any more and it is read to its end: what is not whole is its last event."""

    # ------------------------------------------------------------------------------------------ open and closed

    def open(self, warn: Callable[[str], None]) -> bool:
        """Opens the file if its path still leads to it; False if not. A refusal is told of once."""
        if self.descriptor >= 0:
            return True
        try:
            # a pipe in its place would keep whoever opens it waiting for a writer
            self.descriptor = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            status = os.fstat(self.descriptor)
        except FileNotFoundError:
            self.refused = 0
            return False
        except OSError as error:
            self.refuse(error, warn)
            return False
        self.tried = -1
        if Key.of(status) != self.key or not stat.S_ISREG(status.st_mode):
            self.close()
            self.refused = 0
            return False
        return True

    def refuse(self, error: OSError, warn: Callable[[str], None]) -> None:
        """Takes note that it cannot be opened or read, and tells of it once; it is closed, its position kept."""
        self.close()
        self.tried = -1
        if error.errno != self.refused:
            warn(_refusal(self.path, error))
        self.refused = error.errno or 0

    def close(self) -> None:
        """Closes it; it can be opened again."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    # ------------------------------------------------------------------------------------------ generations

    def look(self, now: float) -> bool:
        """Takes note of the size; True if the file began anew (the record must be saved before it is read)."""
        status = os.fstat(self.descriptor)
        if status.st_size != self.size:
            self.grown, self.flushed = now, False
        unchanged = status.st_mtime_ns == self.modified and self.tried >= 0
        self.size, self.modified = status.st_size, status.st_mtime_ns
        if self.size >= self.position and (unchanged or self._same_beginning()):
            return False
        self.begin_anew()
        return True

    def begin_anew(self) -> None:
        """It was truncated, or another file has its inode: a new generation (to be saved before it is read)."""
        self.progress = Progress(0)
        self.position, self.tried, self.length, self.head, self.covered = 0, -1, 0, "", (0, "")
        self.generation += 1
        self.first, self.named = self.path, ""
        self._same_beginning()

    def _same_beginning(self) -> bool:
        """Compares the beginning with what is known of it, and learns what is not."""
        data = os.pread(self.descriptor, COVERED, 0)
        if not self.length:
            self._learn_head(data[:HEAD])
        elif xxhash.xxh3_64_hexdigest(data[: self.length]) != self.head:
            return False
        covered, known = self.covered
        self._hash = xxhash.xxh3_64(data[:covered])
        self._beginning = data[:covered] if self.copied and covered < COVERED else b""
        if covered and self._hash.hexdigest() != known:
            return False
        self._cover(0, data[: self.position])
        return True

    def _learn_head(self, data: bytes, *, given_out: bool = False) -> None:
        """From what there is of the first 1 KiB; what was given out does not change any more."""
        if self.delimiter in data:
            length = data.find(self.delimiter) + len(self.delimiter)
        else:
            length = len(data) if given_out or len(data) == HEAD else 0
        if length:
            self.length, self.head = length, xxhash.xxh3_64_hexdigest(data[:length])

    def _cover(self, start: int, data: bytes) -> None:
        """What was read at `start` is compared from now on, as far as it goes on from what is."""
        covered, end = self.covered[0], min(start + len(data), COVERED)
        if start <= covered < end:
            self._hash.update(data[covered - start : end - start])
            self.covered = end, self._hash.hexdigest()
            if self.copied:
                self._beginning = self._beginning + data[covered - start : end - start] if end < COVERED else b""

    def identity(self, source: str) -> str:
        """Names this file and generation as the `source` sees it; the same after a restart."""
        if self.named:
            return self.named
        text = (
            f"{source}:{self.key.inode}:{self.key.major}:{self.key.minor}:{self.length}:{self.head}:{self.generation}"
        )
        return xxhash.xxh3_64_hexdigest(text.encode())

    def origin(self, source: str) -> Origin:
        """What a copy of it goes on from."""
        known = self.covered if self.covered[0] else (self.length, self.head)
        return Origin(self.first, self.identity(source), known, self.position, self.progress, self._beginning)

    @property
    def unread(self) -> bool:
        """Nothing of this generation was given out, and it is not known as a copy."""
        return not self.position and not self.covered[0] and not self.named

    def begins_like(self, origin: Origin) -> bool:
        """Whether what was read of the other is the beginning of this file too. Raises `OSError`."""
        covered, known = origin.covered
        data = os.pread(self.descriptor, covered, 0)
        return covered > 0 and len(data) == covered and xxhash.xxh3_64_hexdigest(data) == known

    def is_beginning_of(self, origin: Origin) -> bool:
        """Whether it is shorter than what was read of the other, which begins with all of it. Raises `OSError`."""
        data = os.pread(self.descriptor, COVERED, 0)
        return self.length > 0 and len(data) < origin.covered[0] and origin.beginning.startswith(data)

    def continues(self, copy: FollowedFile) -> bool:
        """Whether it still begins with all that is in a copy of it, as far as beginnings are compared."""
        return os.pread(self.descriptor, COVERED, 0).startswith(os.pread(copy.descriptor, COVERED, 0))

    def go_on(self, origin: Origin, size: int) -> None:
        """It is a copy: what was given out of the other is not given out again, and the rest as the other's. Where more
        was given out than there is in its `size`, there is no rest."""
        self.position, self.first, self.named = min(size, origin.position), origin.first, origin.identity
        data = os.pread(self.descriptor, origin.covered[0], 0)
        self._hash = xxhash.xxh3_64(data)
        self.covered = len(data), self._hash.hexdigest()
        self.progress = Progress(self.position, origin.progress)

    def may_have_more(self, status: os.stat_result) -> bool:
        """There may be something to read in it since it was closed."""
        return status.st_size != self.tried or status.st_mtime_ns != self.modified

    def record(self, now: float) -> Record:
        """What is to be saved."""
        first = self.first if self.first != self.path else ""
        beginning = self.length, self.head, self.generation, self.covered
        return Record(self.progress.safe, now, self.path, *beginning, first=first, named=self.named)

    def ended(self, now: float) -> Record:
        """What is to be saved when it is deleted: the next file with its inode is of another generation."""
        return Record(0, now, generation=self.generation + 1)

    # ------------------------------------------------------------------------------------------ reading

    def read(self, codec: Cutter, block: int, *, final: bool = False, flush: bool = False) -> tuple[int, bytes] | None:
        """The next whole events and where they begin; None if there are none.

        `final` says that the end of the file ends an event, `flush` that its last whole line does. The caller owes
        `progress.begin`.
        """
        size = block
        while True:
            data = os.pread(self.descriptor, size, self.position)
            at_end, self.refused = len(data) < size, 0
            if at_end and (final or flush):
                whole = len(data) if final else _whole_lines(data, self.delimiter)
                self.flushed = True
            else:
                whole = codec.cut(data) if data else 0
            if whole:
                start = self.position
                self.position += whole
                data = data[:whole]
                self._cover(start, data)
                if not self.length:
                    self._learn_head(os.pread(self.descriptor, min(HEAD, self.position), 0), given_out=True)
                return start, data
            if at_end:
                self.tried = self.position + len(data)
                return None
            size *= 2


def _whole_lines(data: bytes, delimiter: bytes) -> int:
    return data.rfind(delimiter) + len(delimiter) if delimiter in data else 0


def _refusal(path: str, error: OSError) -> str:
    if error.errno in (errno.EMFILE, errno.ENFILE):
        remedy = "raise `ulimit -n` or lower max_open_files"
    elif error.errno in (errno.EACCES, errno.EPERM):
        remedy = "give the user that runs apex-logs the right to read it"
    else:
        remedy = "it is tried again from where it was left; look after the disk or the mount it is on"
    return f"{path} cannot be read: {error.strerror}; {remedy}"
