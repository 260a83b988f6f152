"""What tailing and reading have in common: settings, and the pieces of files that they give out."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass

from pipeline.disk import globs
from pipeline.disk.followed_file import Cutter
from pipeline.disk.sincedb import Key


@dataclass(frozen=True, slots=True)
class Chunk:
    """Whole events of a file. The loop calls `begin` when it takes it, and `end` when all its events have ended."""

    path: str
    identity: str
    offset: int
    data: bytes
    begin: Callable[[], None]
    end: Callable[[], None]
    packed: bool = False
    """The data are of a packed file, whose lines end in \\n whatever the option `delimiter` says."""
    first_path: str = ""
    """The path under which a followed file was found, before it was renamed."""
    key: Key | None = None
    """Of a followed file."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Which files are followed, and how."""

    codec: Cutter
    delimiter: bytes
    """What ends a line, as the codec sees it."""
    packed: Cutter
    """The codec of packed files."""
    packed_unix: bool
    """Its lines end in \\n: \\r\\n is made that."""
    source: str
    """Names the machine and the input: part of the identity of each file, so that no two give one id."""
    patterns: tuple[str, ...]
    excluded: tuple[str, ...]
    block: int
    blocks_each: int
    """How many blocks are read of one file before the next has its turn."""
    sort_by: str
    descending: bool
    ignore_older: float | None
    close_older: float
    most_open: int
    discover_interval: float
    auto_flush: float | None
    now: Callable[[], float]
    monotonic: Callable[[], float]
    warn: Callable[[str], None]
    copies: re.Pattern[str] | None = None
    """What a rotation by copying and truncating appends to the path; None: no file is taken for such a copy."""

    def found(self) -> dict[str, os.stat_result]:
        """The files there are, in the order in which they are to be read."""
        files = globs.found(self.patterns, self.excluded)
        if self.sort_by == "path":
            paths = sorted(files, reverse=self.descending)
        else:
            paths = sorted(files, key=lambda path: files[path].st_mtime_ns, reverse=self.descending)
        return {path: files[path] for path in paths}

    def is_old(self, status: os.stat_result) -> bool:
        """Not changed for longer than `ignore_older`."""
        return self.ignore_older is not None and status.st_mtime < self.now() - self.ignore_older
