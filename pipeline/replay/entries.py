"""What is in an archive: one stream of lines, or, in a tar, one for each of its files.

archive --unpack--> stream --not a tar--> entry
                      +----tar----> member --unpack--> entry
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from pipeline.disk.removals import removed
from pipeline.disk.segments import records
from pipeline.disk.tar_members import is_tar, members
from pipeline.disk.unpacking import Bound, packing, unpack
from pipeline.errors import Damaged, StoreError
from pipeline.replay.answers import lines_of_answers
from pipeline.replay.archive import Archive
from pipeline.replay.kinds import LOOKED_AT, UTF8_BOM, Kind, kind_of

LOOKED_BACK = 1 << 20
"""Bytes before a position, in which the time of the last line is looked for."""


@dataclass(slots=True)
class Entry:
    """One stream of lines."""

    archive: Archive
    member: str
    """Its name in a tar; empty, where the archive is no tar."""
    head: bytes
    """How it begins, without a byte order mark."""
    whole: bool
    """The head is all of it."""
    blocks: Iterator[bytes]
    """All of it, as it lies there: with the head."""
    seekable: bool
    """Its place in the archive is its place in the stream."""
    kind: Kind = "lines"
    repeat: int = 0
    """How many files before it in the tar have its name: `tar -r` appends a file again when it was changed."""

    @property
    def name(self) -> str:
        """Names it in the archive, as no other file in it."""
        return f"{self.member}\0{self.repeat}" if self.repeat else self.member

    @property
    def path(self) -> str:
        """As it is shown."""
        return self._within(self.archive.path)

    @property
    def place(self) -> str:
        """What raw lines say where they come from: an absolute path, as Filebeat's."""
        local = self.archive.local
        return self._within(self.archive.path if local is None else str(local.resolve()))

    def _within(self, path: str) -> str:
        whole = f"{path}:{self.member}" if self.member else path
        return whole.encode(errors="backslashreplace").decode()  # a name may hold bytes that are no UTF-8

    def lines(self, position: int, before: bytearray | None = None) -> Iterator[bytes]:
        """Blocks of lines from a position in them on; of what is no text of lines, lines are made. `before` gets the
        last of what is passed over, where the archive has to be unpacked up to the position."""
        if self.kind == "segment":
            return _passed_over(_letters(self.archive), position)
        if self.kind == "search":
            return _passed_over(lines_of_answers(self.blocks), position)
        if self.seekable:
            return self.archive.blocks(position) if position else self.blocks
        return _passed_over(self.blocks, position, before)


def entries(archive: Archive, bound: Bound, kind: Kind | None = None) -> Iterator[Entry]:
    """The entries, each to be read before the next; raises `Damaged`. `kind` overrides what is found out."""
    head, whole, blocks = peeked(archive.blocks(0))
    packed = packing(head)
    if packed is not None:
        head, whole, blocks = peeked(unpack(blocks, packed, bound, archive.read.leave))
    if not is_tar(head):
        yield _entry(Entry(archive, "", head, whole, blocks, packed is None and archive.repeatable), kind)
        return
    met = Counter[str]()
    for name, content in members(blocks):
        head, whole, stream = peeked(content)
        packed = packing(head)
        if packed is not None:
            head, whole, stream = peeked(_in_a_tar(unpack(stream, packed, bound)))
        yield _entry(Entry(archive, name, head, whole, stream, seekable=False, repeat=met[name]), kind)
        met[name] += 1


def _in_a_tar(blocks: Iterator[bytes]) -> Iterator[bytes]:
    try:
        yield from blocks
    except Damaged as error:
        error.unused = 0  # bytes of the member, and not of the archive
        raise


def _entry(entry: Entry, kind: Kind | None) -> Entry:
    entry.head = entry.head.removeprefix(UTF8_BOM)
    found = kind_of(entry.head, whole=entry.whole)
    entry.kind = kind or found
    if "segment" in (found, kind):  # its bytes are no lines, whatever it is called
        entry.kind = "segment"
        if not entry.seekable or entry.archive.local is None:
            raise Damaged("segments of a dead letter queue are read where they lie, not packed and not from afar")
    if kind == "documents" and found == "search":
        entry.kind = "search"
    return entry


def peeked(blocks: Iterator[bytes]) -> tuple[bytes, bool, Iterator[bytes]]:
    """The first 64 KiB or what there is, whether that is all, and all blocks. Damage is met again by who reads on."""
    first: list[bytes] = []
    size = 0
    damage: Damaged | None = None
    ended = False
    while size < LOOKED_AT and not ended:
        try:
            block = next(blocks, None)
        except Damaged as error:
            damage, block = error, None
        ended = block is None
        if block is not None:
            first.append(block)
            size += len(block)
    return b"".join(first)[:LOOKED_AT], ended and damage is None, chain(first, _rest(blocks, damage))


def _rest(blocks: Iterator[bytes], damage: Damaged | None) -> Iterator[bytes]:
    if damage is not None:
        raise damage
    yield from blocks


def _passed_over(blocks: Iterator[bytes], position: int, before: bytearray | None = None) -> Iterator[bytes]:
    for block in blocks:
        if before is not None and position:
            before += block[:position]
            del before[:-LOOKED_BACK]
        if position >= len(block):
            position -= len(block)
            continue
        yield block[position:] if position else block
        position = 0


# ---------------------------------------------------------------------------------------------- what becomes lines


def _letters(archive: Archive) -> Iterator[bytes]:
    """The letters of a segment that are not removed, as `dlq export` writes them."""
    path = archive.local
    assert path is not None
    gone = _removed(path)
    try:
        for index, payload in enumerate(records(path)):
            name = f"{int(path.stem) if path.stem.isdigit() else 0}-{index}".encode()
            archive.read.bytes += len(payload)
            line = b'{"name":"%s",%s\n' % (name, payload[1:])
            # blanks keep the place of one that is removed: the offsets of the others stay what they are
            yield b" " * (len(line) - 1) + b"\n" if index in gone else line
    except StoreError as error:
        raise Damaged(str(error)) from error


def _removed(path: Path) -> frozenset[int] | set[int]:
    return set(removed(path)) if path.stem.isdigit() else frozenset()
