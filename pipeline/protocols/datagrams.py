"""Datagrams side by side in a batch, each with who sent it.

127.0.0.1 5140 11\\nhello world        address, port, and how many bytes follow the line
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from pipeline.errors import BrokenFraming


class Datagram(NamedTuple):
    """One datagram, its sender, and where it and its line stand in the batch."""

    address: str
    port: int
    payload: bytes
    start: int
    end: int


def packed(address: str, port: int, payload: bytes) -> bytes:
    """A datagram behind its line."""
    return b"%s %d %d\n%s" % (address.encode(), port, len(payload), payload)


def unpacked(data: bytes) -> Iterator[Datagram]:
    """The datagrams in their order; raises `BrokenFraming` before the first one, or not at all."""
    return iter(list(_unpacked(data)))


def _unpacked(data: bytes) -> Iterator[Datagram]:
    at = 0
    while at < len(data):
        end = data.find(b"\n", at)
        words = data[at:end].split(b" ") if end >= 0 else []
        if len(words) != 3 or not (words[1].isdigit() and words[2].isdigit()):
            raise BrokenFraming("no datagrams with their senders")
        stop = end + 1 + int(words[2])
        if stop > len(data):
            raise BrokenFraming("a datagram is cut")
        yield Datagram(words[0].decode("utf-8", "replace"), int(words[1]), data[end + 1 : stop], at, stop)
        at = stop


class Picker:
    """Finds a datagram by its number, with its line; those of the last data are remembered."""

    def __init__(self) -> None:
        self._data: bytes | None = None
        self._found: list[Datagram] = []

    def __call__(self, data: bytes, number: int) -> bytes:
        """The part of the data that holds just this datagram."""
        if self._data is not data:
            self._data, self._found = data, list(unpacked(data))
        found = self._found[number]
        return data[found.start : found.end]
