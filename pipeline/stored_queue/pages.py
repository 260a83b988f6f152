"""Pages: the files of a persistent queue, and the records in them.

    page      = header record*                 named after the sequence of its first record
    header    = "APXQ" version:u8 zero:u8[3] queue:u64 first:u64 crc:u32
    record    = head crc:u32 meta data
    head      = "APXR" kind:u8 zero:u8[3] meta:u32 data:u32 sequence:u64 durable:u64 time:u64 sum:u32

All big-endian. `queue` names the queue: pages of another one are not read. `meta` and `data` are lengths; meta is JSON,
the input that took the batch and its origin; data are the batch's bytes, as they came (kind 0) or deflated (kind 1).
`durable` is the sequence up to which all was on disk when the record was written; `time` is in milliseconds since 1970.
`sum` is the CRC-32 of meta and data, `crc` that of the head; both begin with the queue's name, so that bytes which a
sender made up are no record.

Sequences go up within a page. What has no valid record in its place is damage; what that means, a torn end or a loss,
is decided by who knows all pages (`queue`).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from pipeline.batch import as_json, of_json
from pipeline.disk.file_layer import File
from pipeline.errors import StoreError

_HEADER = struct.Struct(">4sB3xQQI")
_HEAD = struct.Struct(">4sB3xIIQQQI")
_CRC = struct.Struct(">I")
_MAGIC, _MARK, VERSION = b"APXQ", b"APXR", 1
HEADER_SIZE = _HEADER.size
HEAD_SIZE = _HEAD.size + _CRC.size
PLAIN, DEFLATED = 0, 1
SUFFIX = ".page"
_AHEAD = 1 << 20
"""Bytes that are read at once."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is put into a queue: a batch, and the input that took it."""

    input: str
    origin: dict[str, Any]
    data: bytes
    time: int
    """Milliseconds since 1970."""


class Record(NamedTuple):
    """An entry in its place."""

    sequence: int
    entry: Entry


class Head(NamedTuple):
    """A record that was found whole: where it is, and what its head says."""

    offset: int
    end: int
    kind: int
    meta: int
    sequence: int
    durable: int
    time: int


class Damage(NamedTuple):
    """Bytes that are no record."""

    offset: int
    end: int
    reason: str


def page_name(first: int) -> str:
    """The name of the page whose first record has that sequence."""
    return f"{first:020d}{SUFFIX}"


def first_of(name: str) -> int | None:
    """The sequence in the name of a page; None for any other file."""
    stem = name.removesuffix(SUFFIX)
    return int(stem) if stem != name and stem.isdigit() else None


# ---------------------------------------------------------------------------------------------- writing


def header(queue: int, first: int) -> bytes:
    """The beginning of a page."""
    head = _HEADER.pack(_MAGIC, VERSION, queue, first, 0)[: -_CRC.size]
    return head + _CRC.pack(zlib.crc32(head))


def encode(entry: Entry, sequence: int, durable: int, queue: int, deflated: bytes | None = None) -> bytes:
    """The bytes of a record; with its data deflated, where that is given."""
    meta = as_json({"input": entry.input, "origin": entry.origin})
    kind, data = (PLAIN, entry.data) if deflated is None else (DEFLATED, deflated)
    total = zlib.crc32(data, zlib.crc32(meta, _seed(queue)))
    head = _HEAD.pack(_MARK, kind, len(meta), len(data), sequence, durable, entry.time, total)
    return b"".join((head, _CRC.pack(zlib.crc32(head, _seed(queue))), meta, data))


def _seed(queue: int) -> int:
    return (queue ^ queue >> 32) & 0xFFFFFFFF


# ---------------------------------------------------------------------------------------------- reading


def queue_of(file: File) -> int | None:
    """The queue that a page belongs to; None if its header is damaged. Raises `StoreError` for another version."""
    data = file.read_at(0, HEADER_SIZE)
    if len(data) < HEADER_SIZE:
        return None
    magic, version, queue, _, crc = _HEADER.unpack(data)
    if magic != _MAGIC or crc != zlib.crc32(data[: -_CRC.size]):
        return None
    if version != VERSION:
        raise StoreError(f"a page of version {version} of the format; this program reads version {VERSION}")
    return int(queue)


class Pager:
    """Reads a page with few calls."""

    def __init__(self, file: File) -> None:
        self._file = file
        self._data, self._at = b"", 0

    def read(self, offset: int, length: int) -> bytes:
        """The bytes there are, at most so many."""
        start = offset - self._at
        if start < 0 or start + length > len(self._data):
            data = self._file.read_at(offset, max(length, _AHEAD))
            while len(data) < length and (more := self._file.read_at(offset + len(data), length - len(data))):
                data += more
            self._data, self._at, start = data, offset, 0
        return self._data[start : start + length]


def scan(pager: Pager, start: int, size: int, queue: int) -> Iterator[Head | Damage]:
    """What is in a page from a place to its end: whole records, and damage between them."""
    at = start
    while at < size:
        found = _head_at(pager, at, size, queue)
        if isinstance(found, Head):
            yield found
            at = found.end
        else:
            end = found.end if found.end > at else _next_mark(pager, at + 1, size, queue)
            yield Damage(at, end, found.reason)
            at = end


def _head_at(pager: Pager, at: int, size: int, queue: int) -> Head | Damage:
    """The record at a place; damage that ends where it begins if it is not known where the next one is."""
    data = pager.read(at, HEAD_SIZE)
    if len(data) < HEAD_SIZE:
        return Damage(at, size, "a record is cut short")
    mark, kind, meta, length, sequence, durable, time, total = _HEAD.unpack_from(data)
    if mark != _MARK or _CRC.unpack_from(data, _HEAD.size)[0] != zlib.crc32(data[: _HEAD.size], _seed(queue)):
        return Damage(at, at, "no record begins here")
    end = at + HEAD_SIZE + meta + length
    if end > size:
        return Damage(at, size, f"record {sequence} is cut short")
    if zlib.crc32(pager.read(at + HEAD_SIZE, meta + length), _seed(queue)) != total:
        return Damage(at, end, f"the checksum of record {sequence} does not match")
    return Head(at, end, kind, meta, sequence, durable, time)


def _next_mark(pager: Pager, at: int, size: int, queue: int) -> int:
    """Where the next whole record begins, at the earliest at a place; else the end of the page."""
    while at < size:
        data = pager.read(at, min(_AHEAD, size - at))
        found = data.find(_MARK)
        if found < 0:
            at += max(len(data) - len(_MARK) + 1, 1)
            continue
        if isinstance(_head_at(pager, at + found, size, queue), Head):
            return at + found
        at += found + 1
    return size


def load(pager: Pager, head: Head) -> Record:
    """The record of a head that `scan` found."""
    payload = pager.read(head.offset + HEAD_SIZE, head.end - head.offset - HEAD_SIZE)
    meta = of_json(payload[: head.meta])
    data = payload[head.meta :]
    if head.kind == DEFLATED:
        data = zlib.decompress(data)
    elif head.kind != PLAIN:
        raise StoreError(f"record {head.sequence} is of a kind {head.kind} that this program does not read")
    return Record(head.sequence, Entry(meta["input"], meta["origin"], data, head.time))
