"""How far each file was read, in Logstash's own format, so that either program can go on where the other stopped.

A line a file:

    inode major minor position seen path #length:hash:generation:covered:hash:completed:first:identity

`seen` is the time of the last change in seconds since 1970; a record that is older than `clean_after` is left out.
The last column is ours and ignored by Logstash: a hash of the first `length` bytes and one of the first `covered`,
by which a file that took the inode of another is told from it, how often the file was truncated or replaced, in read
mode the stamp of a file that was completed, of a file that was renamed its first path, quoted as in a URL, and of a
copy the identity of what it is a copy of. Older versions wrote three, five or six of its parts. What does not look
exactly so belongs to the path. A record without a path is of a file that was deleted.

The file is replaced as a whole, after its content has reached the disk.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, unquote

from pipeline.errors import StoreError


class Key(NamedTuple):
    """The identity of a file on this machine: JRuby, and so Logstash, splits the device number at bit 24."""

    inode: int
    major: int
    minor: int

    @classmethod
    def of(cls, status: os.stat_result) -> Key:
        """The key of a file by its `stat`."""
        return cls(status.st_ino, (status.st_dev >> 24) & 0xFF, status.st_dev & 0xFFFFFF)


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of a file."""

    position: int
    seen: float
    path: str = ""
    length: int = 0
    """How many bytes `head` is the hash of; 0 where it is not known."""
    head: str = ""
    generation: int = 0
    covered: tuple[int, str] = (0, "")
    """A hash like `head`, of more bytes: how many, and the hash."""
    completed: str = ""
    """The stamp of the file that was read to its end, delivered, and logged."""
    first: str = ""
    """The path under which this generation was found, where it is another now."""
    named: str = ""
    """The identity of the file of which this one is a copy."""

    @property
    def deleted(self) -> bool:
        """The file is gone: one that has its inode now was never seen, and is of this generation."""
        return self.generation > 0 and not self.path

    def line(self, key: Key) -> str:
        """As it is written."""
        numbers = f"{key.inode} {key.major} {key.minor} {self.position} {self.seen:.6f}"
        covered, known = self.covered
        first = f":{quote(self.first, errors='surrogateescape')}" if self.first else ""
        first += f":{self.named}" if self.named else ""
        beginning = f"{self.length}:{self.head}:{self.generation}:{covered}:{known}"
        return f"{numbers} {self.path} #{beginning}:{self.completed}{first}\n"


_OURS = re.compile(
    r"(.*) #(\d+):([0-9a-f]*):(\d+)(?::(\d+):([0-9a-f]*)(?::([0-9a-f]*)(?::([^: ]+)(?::([0-9a-f]+))?)?)?)?"
)


def read_line(line: str) -> tuple[Key, Record] | None:
    """Reads a line of this or an older format (four columns); None for what is none."""
    parts = line.lstrip().rstrip("\r\n").split(" ", 5)
    try:
        key = Key(int(parts[0]), int(parts[1]), int(parts[2]))
        record = Record(int(parts[3]), float(parts[4]) if len(parts) > 4 else 0.0)
        if len(parts) < 6:
            return key, record
        if (ours := _OURS.fullmatch(parts[5])) is None:
            return key, Record(record.position, record.seen, parts[5])
        path, length, head, generation, covered, known, completed, first, named = ours.groups(default="")
        beginning = int(length), head, int(generation), (int(covered or 0), known)
        first = unquote(first, errors="surrogateescape")
        return key, Record(record.position, record.seen, path, *beginning, completed, first, named)
    except (ValueError, IndexError):
        return None


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class SinceDb:
    """The records of one input. Without a path (/dev/null) nothing is kept."""

    def __init__(self, path: Path | None, clean_after: float, now: Callable[[], float]) -> None:
        self.path = path
        self.clean_after = clean_after
        self.now = now
        self.records: dict[Key, Record] = {}
        self.damage = ""
        """What is wrong with what is on disk, in words; empty, where nothing is."""
        self.load()

    def load(self) -> None:
        """Reads what is on disk; again when the input starts, as another may have gone on in between (a reload)."""
        if self.path is not None and self.path.exists():
            lines = self.path.read_text("utf-8", "surrogateescape").split("\n")
            read = [read_line(line) for line in lines if line.strip()]
            self.records = dict(filter(None, read))
            odd = read.count(None)
            self.damage = (
                f"{self.path} is damaged: {odd} of its {len(read)} lines are no positions; the files that they were of "
                "are read anew, under the same ids unless they were truncated once"
                if odd
                else ""
            )

    def get(self, key: Key) -> Record | None:
        """The record of a file that is there, if it was seen before.

        One that knows how the file began does not age, as it is compared: else what was written in a long pause would
        be passed over, or what came before the clock was set right. One of four columns has no time.
        """
        record = self.records.get(key)
        if record is None or record.length or record.completed:
            return record
        return None if record.seen and record.seen + self.clean_after < self.now() else record

    def save(self, current: Mapping[Key, Record]) -> None:
        """Writes the records, `current` in place of what was known; raises StoreError."""
        self.records.update(current)
        limit = self.now() - self.clean_after
        self.records = {
            key: record
            for key, record in self.records.items()
            if key in current or not record.seen or record.seen >= limit
        }
        if self.path is not None:
            self._replace("".join(record.line(key) for key, record in self.records.items()))

    def forget(self, key: Key) -> None:
        """Leaves a file out of the next `save`."""
        self.records.pop(key, None)

    def _replace(self, text: str) -> None:
        assert self.path is not None
        fresh = self.path.with_name(f"{self.path.name}.new")
        try:
            with fresh.open("w", encoding="utf-8", errors="surrogateescape") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self.path)
            _sync_folder(self.path.parent)
        except OSError as error:
            with contextlib.suppress(OSError):
                fresh.unlink()
            raise StoreError(
                f"the positions of followed files cannot be saved in {self.path}: {error.strerror}; it is tried again, "
                "and what is not saved is sent again after a restart, under the same ids"
            ) from error
