"""Archives as an input: blocks of whole lines, and how far they were delivered.

    archives --readers, in threads--> blocks --batches()--> the engine, or the front's workers
    checkpoint <--save, now and then-- positions <--end() of each batch

Several archives are read side by side where several workers are to be kept busy; of one archive the blocks are given
out in their order, and every worker may get the next.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from pipeline.batch import Batch, Origin, Tally
from pipeline.disk.unpacking import Bound
from pipeline.errors import Damaged
from pipeline.event import Event
from pipeline.plugin import Reject
from pipeline.replay.archive import Archive
from pipeline.replay.checkpoint import Checkpoint
from pipeline.replay.decoding import Decoder
from pipeline.replay.entries import Entry, entries
from pipeline.replay.kinds import Kind
from pipeline.replay.pace import Pace
from pipeline.replay.positions import Positions
from pipeline.replay.reading import Block, blocks, identity
from pipeline.replay.times import Clock

log = logging.getLogger("apex.replay")


@dataclass(frozen=True, slots=True)
class Terms:
    """How archives are read."""

    kind: Kind | None = None
    """What they hold, whatever is found out; None: what is found out."""
    bound: Bound = field(default_factory=Bound)
    clock: Clock = field(default_factory=Clock)
    fields: str = ""
    """What is set in raw lines, as a text: part of the ids of these."""
    readers: int = 1
    pace: Pace | None = None
    """How fast; None: as fast as can be."""
    refuses: Callable[[Entry], str] = field(default=lambda _entry: "")
    """Why an entry is left out; empty, where it is not."""


_ENVELOPES = Clock()


@dataclass(slots=True)
class Problem:
    """An archive that could not be read to its end."""

    path: str
    text: str


class Replay:
    """The two halves of an input. The second one needs neither archives nor checkpoint: a worker has it alone."""

    def __init__(
        self, archives: Sequence[Archive], terms: Terms, decoder: Decoder, checkpoint: Checkpoint | None = None
    ) -> None:
        """Without `checkpoint`, nothing is remembered."""
        self.problems: list[Problem] = []
        self.finished = 0
        """Archives that were read to their end, or known to be delivered."""
        self.known = 0
        """Entries that were delivered before."""
        self._ended: Tally = Counter()
        self._archives = archives
        self._waiting = iter(archives)
        self._terms = terms
        self._decoder = decoder
        self._positions = Positions(checkpoint)
        self._stopped = asyncio.Event()
        self._ready: asyncio.Queue[Block | Exception | None] = asyncio.Queue(maxsize=max(1, terms.readers))

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stopped.is_set()

    @property
    def loose(self) -> Tally:
        """Where it is counted what becomes of the events that filters make of their own state."""
        return self._positions.loose

    @property
    def tally(self) -> Tally:
        """What became of the events of this run whose batches have their end."""
        return Counter({key: self._ended[key] + self.loose[key] for key in self._ended.keys() | self.loose.keys()})

    @property
    def before(self) -> Tally:
        """The same of all runs before it of these archives, as far as that is saved."""
        return self._positions.counted(archive.fingerprint for archive in self._archives)

    @property
    def unsaved(self) -> bool:
        """Whether it is not saved how far everything was delivered."""
        return self._positions.unsaved

    # ------------------------------------------------------------------------------------ reading

    async def batches(self) -> AsyncIterator[Batch]:
        """What there is, until its end or `stop`."""
        readers = {asyncio.create_task(self._read()) for _ in range(self._terms.readers)}
        left = len(readers)
        try:
            while left and not self._stopped.is_set():
                block = await self._ready.get()
                if isinstance(block, Exception):
                    raise block
                if block is None:
                    left -= 1
                elif not self._stopped.is_set():
                    async for piece in self._paced(block):
                        yield self._batch(piece)
                    block.entry.archive.read.open -= not self._stopped.is_set()
        finally:
            for reader in readers:
                reader.cancel()
            for reader in readers:
                with suppress(asyncio.CancelledError):
                    await reader

    async def _paced(self, block: Block) -> AsyncIterator[Block]:
        pace = self._terms.pace
        for piece in [block] if pace is None else pace.pieces(block, self._clock(block.entry)):
            if pace is not None:
                with suppress(TimeoutError):
                    async with asyncio.timeout(pace.wait(piece)):
                        await self._stopped.wait()
            if self._stopped.is_set():
                return
            yield piece

    async def _read(self) -> None:
        try:
            for archive in self._waiting:
                found = self._blocks(archive)
                while (block := await asyncio.to_thread(next, found, None)) is not None:
                    archive.read.open += 1
                    await self._ready.put(block)
                archive.read.finished = not archive.read.stopped
                self.finished += 1
        except Exception as error:
            await self._ready.put(error)
        await self._ready.put(None)

    def _blocks(self, archive: Archive) -> Iterator[Block]:
        """What is left of an archive, in a thread."""
        at = ""
        try:
            for entry in entries(archive, self._terms.bound, self._terms.kind):
                at = f" in {entry.member}" if entry.member else ""
                yield from self._left_of(entry)
                at = ""
        except Damaged as error:
            self._note(archive, f"{error}{at}", error.unused)

    def _left_of(self, entry: Entry) -> Iterator[Block]:
        place, counted = self._positions.before(entry), entry.archive.read
        if entry.seekable:
            counted.passed = entry.archive.size or 0 if place.done else place.position
        if place.done:
            self.known += 1
            return
        if reason := self._terms.refuses(entry):
            self._note(entry.archive, f"{entry.path}: {reason}")
            return
        self._positions.open(entry)
        end, read = place.position, counted.passed
        for block in blocks(entry, place.position, self._clock(entry)):
            end = block.end
            yield replace(block, read=(read, counted.used))
            read = counted.used
        if (delivered := self._positions.of(entry)) is not None:
            delivered.read_whole(end)

    def _clock(self, entry: Entry) -> Clock | None:
        return {"lines": self._terms.clock, "envelopes": _ENVELOPES}.get(entry.kind)

    def _note(self, archive: Archive, reason: str, unused: int = 0) -> None:
        read = archive.read.bytes - unused
        rest = 0 if archive.size is None else archive.size - read
        left = f"; up to {rest:,} of its {archive.size:,} bytes are left out" if rest else ""
        problem = Problem(archive.path, f"{archive.path}: read up to byte {read:,}: {reason}{left}")
        self.problems.append(problem)
        log.error("%s", problem.text)

    # ------------------------------------------------------------------------------------ delivery

    def _batch(self, block: Block) -> Batch:
        entry = block.entry
        named = identity(entry, self._terms.fields if entry.kind == "lines" else "")
        origin: Origin = {
            "id": f"{named}{block.offset:x}",
            "kind": entry.kind,
            "path": entry.place,
            "identity": named,
            "offset": block.offset,
            "mtime": entry.archive.modified,
        }
        if block.time is not None:
            origin["time"] = block.time
        delivered = self._positions.of(entry)
        if delivered is not None:
            delivered.begin(block.offset, block.end)

        tally: Tally = Counter()
        counted = entry.archive.read
        counted.open += 1

        def end(_: int) -> None:
            self._ended.update(tally)
            counted.ended, counted.open = max(counted.ended, block.read[1]), counted.open - 1
            if delivered is not None:
                delivered.end(block.offset, tally)

        return Batch(block.data, origin, end, lambda _: None, tally)

    async def save(self) -> None:
        """Saves how far everything was delivered."""
        await self._positions.save()

    def stop(self) -> None:
        """Take no more."""
        self._stopped.set()
        for archive in self._archives:
            archive.read.stopped = True
        with suppress(asyncio.QueueFull):
            self._ready.put_nowait(None)

    async def close(self) -> None:
        """Every batch has its end: saves that."""
        await self.save()

    # ------------------------------------------------------------------------------------ the second half

    def decode(self, data: bytes, origin: Origin, reject: Reject) -> Iterator[Event]:
        """The events of a block."""
        return self._decoder.decode(data, origin, reject)

    def pick(self, data: bytes, origin: Origin, piece: int) -> bytes:
        """One event of it, as a Beat would have sent it."""
        return self._decoder.pick(data, origin, piece)
