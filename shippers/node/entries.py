"""What a format finds in the bytes of a file: entries, and where it is safe to stop.

A format is asked twice: `cut` says how many leading bytes hold whole entries, and `entries` gives those of bytes that
were cut so. Where an entry begins and ends follows from the bytes since the last cut alone, never from how much of the
file was there: so an entry that is read again, after a restart, is the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

TRUNCATED, MULTILINE = "truncated", "multiline"
"""Filebeat's words in `log.flags`."""


class Entry(NamedTuple):
    """A line, or lines that belong together."""

    offset: int
    """Of its first byte, in the data."""
    text: bytes
    stream: str = ""
    """`stdout` or `stderr`, of a container."""
    time: str = ""
    """When a container wrote it, in ISO 8601."""
    flags: tuple[str, ...] = ()
    clean: bool = True
    """Where it begins nothing is unfinished: it is safe to stop before it."""


class Format(Protocol):
    """How the lines of an input are read."""

    def cut(self, data: bytes, *, final: bool = False) -> int:
        """How many leading bytes hold whole entries; all of them where nothing more will come."""
        ...

    def entries(self, data: bytes) -> Iterator[Entry]:
        """The entries of bytes that were cut."""
        ...


class Walked(NamedTuple):
    """What a format that cannot look back has found."""

    entries: list[Entry]
    whole: int
    """How many bytes it takes to find the same again."""


class Walking(Protocol):
    """A format that others build on."""

    def walk(self, data: bytes, *, final: bool) -> Walked:
        """The entries that are whole; with `final`, what is unfinished is an entry too."""
        ...
