"""One archive: a file, an object of S3, a stream.

An archive is complete: it is read up to the size that it had when it was found. Its fingerprint is of its size, its
first and its last 64 KiB, so that a copy, or the same archive under another name, is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import xxhash

from pipeline.errors import ApexLogsError, Damaged

EDGE = 64 * 1024
BLOCK = 1 << 20

Blocks = Callable[[int], Iterator[bytes]]
"""The bytes from a position on; they may be read again and again."""


class NotThere(ApexLogsError):
    """Paths that lead to nothing that can be read. `problems` holds each with its reason."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(slots=True)
class Counted:
    """How much of an archive was read, in bytes as it lies there."""

    bytes: int = 0
    left: int = 0
    """Those of them that are not unpacked yet."""
    stopped: bool = False
    """Who waits for more of a stream is to wait no longer."""
    ended: int = 0
    """Those before which every line has its end, about."""
    passed: int = 0
    """Those that were passed over, as they were delivered before, without being read."""
    open: int = 0
    """Blocks of lines, and pieces of these, that have no end yet."""
    finished: bool = False
    """There is no more to read."""

    def leave(self, left: int) -> None:
        """So many are not unpacked yet."""
        self.left = left

    @property
    def used(self) -> int:
        """Those that were read, and unpacked."""
        return self.bytes - self.left

    @property
    def done(self) -> int:
        """Bytes that are over and done with."""
        return max(self.ended, self.passed, self.bytes if self.finished and not self.open else 0)


@dataclass(frozen=True, slots=True)
class Archive:
    """One file, object or stream."""

    path: str
    """As it is shown, and as the events of raw lines name it."""
    size: int | None
    """None: it ends when it ends."""
    modified: float
    """Seconds since 1970."""
    fingerprint: str
    blocks: Blocks
    local: Path | None = None
    """Where it is a file of this machine."""
    read: Counted = field(default_factory=Counted)

    @property
    def repeatable(self) -> bool:
        """Whether it can be read again."""
        return self.size is not None


def fingerprint(size: int, first: bytes, last: bytes) -> str:
    """Names an archive by what it holds."""
    return xxhash.xxh3_128_hexdigest(b"archive1:%d:%d:" % (size, len(first)) + first + last)


def up_to(file: Any, size: int, counted: Counted) -> Iterator[bytes]:
    """The blocks of an open file up to a size; raises `Damaged` where there are fewer."""
    while counted.bytes < size:
        try:
            data = file.read(min(BLOCK, size - counted.bytes))
        except OSError as error:
            raise Damaged(f"it cannot be read on: {error.strerror or error}") from error
        if not data:
            raise Damaged("it has become shorter while it was read")
        counted.bytes += len(data)
        yield data
