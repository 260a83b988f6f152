"""The worker's side of an input that it runs itself: notes what it begins, and reads with care what others died of."""

from __future__ import annotations

import json
import struct
from collections.abc import AsyncIterator, Iterator, Sequence
from mmap import mmap
from typing import Any

from pipeline.batch import Batch, Origin
from pipeline.event import SIBLING, Event
from pipeline.front.dealt import PROGRESS_SIZE, Deadly
from pipeline.front.suspicions import Noted
from pipeline.plugin import Input, Lag, Lagging, Reject, SharesItself

# In the memory that outlives the worker, behind what is dealt: size:u16, at:i64 (-1: not noted), JSON of the batch.
_HEAD = struct.Struct("<Hq")
_START = PROGRESS_SIZE
_LONGEST = 2048
SIZE = PROGRESS_SIZE + _HEAD.size + _LONGEST


def note(progress: mmap, noted: Noted | None) -> None:
    """Writes down what comes next, or that nothing does."""
    text = b"" if noted is None else json.dumps(noted[:4]).encode()
    _HEAD.pack_into(progress, _START, 0, -1)
    if len(text) <= _LONGEST:
        progress[_START + _HEAD.size : _START + _HEAD.size + len(text)] = text
        _HEAD.pack_into(progress, _START, len(text), -1)


def note_place(progress: mmap, at: int) -> None:
    """Writes down to which record of the batch it comes."""
    size, _ = _HEAD.unpack_from(progress, _START)
    _HEAD.pack_into(progress, _START, size, at)


def noted(progress: mmap) -> Noted | None:
    """What a worker wrote down last."""
    size, at = _HEAD.unpack_from(progress, _START)
    if not size:
        return None
    start = _START + _HEAD.size
    number, part, first, last = json.loads(progress[start : start + size])
    return Noted(number, part, first, last, None if at < 0 else at)


class WatchedInput:
    """An input whose batches this worker takes itself."""

    shares_itself = True

    def __init__(self, real: Input, number: int, progress: mmap, suspects: Sequence[Sequence[Any]]) -> None:
        assert isinstance(real, SharesItself)
        self._real, self._shared = real, real
        self.named_by_seat = real.named_by_seat
        self._number = number
        self._progress = progress
        self._suspects = [suspect for suspect in suspects if suspect[0] == number]

    async def batches(self) -> AsyncIterator[Batch]:
        """What it takes; whoever asks for the next one is done with the one before."""
        async for batch in self._real.batches():
            batch.careful = self._culprits(self._begun(batch.origin)) is not None
            yield batch
            note(self._progress, None)

    def stop(self) -> None:
        """As the input itself does it."""
        self._real.stop()

    async def close(self) -> None:
        """As the input itself does it."""
        await self._real.close()

    def lags(self) -> list[Lag]:
        """As the input itself says it."""
        return list(self._real.lags()) if isinstance(self._real, Lagging) else []

    def decode(self, data: bytes, origin: Origin, reject: Reject) -> Iterator[Event]:
        """As the input itself does it; with care, where workers have died of it."""
        begun = self._begun(origin)
        culprits = self._culprits(begun)
        note(self._progress, begun)
        if culprits is None:
            return self._real.decode(data, origin, reject)
        return self._carefully(culprits, data, origin, reject)

    def pick(self, data: bytes, origin: Origin, piece: int) -> bytes:
        """As the input itself does it."""
        return self._real.pick(data, origin, piece)

    def span(self, origin: Origin) -> tuple[str, int, int]:
        """As the input itself says it."""
        return self._shared.span(origin)

    def singly(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """As the input itself does it."""
        return self._shared.singly(data)

    def _begun(self, origin: Origin) -> Noted:
        return Noted(self._number, *self._shared.span(origin))

    def _culprits(self, begun: Noted) -> set[int] | None:
        """The records to leave out; None if nobody died of the batch."""
        found = [
            culprits
            for _, part, first, last, culprits in self._suspects
            if part == begun.part and first <= begun.last and begun.first <= last
        ]
        return set().union(*found) if found else None

    def _carefully(self, culprits: set[int], data: bytes, origin: Origin, reject: Reject) -> Iterator[Event]:
        for number, (at, alone) in enumerate(self._shared.singly(data)):
            note_place(self._progress, at)
            if at in culprits:
                reject(alone, Deadly("two workers died of this record"))
                continue
            for event in self._real.decode(alone, origin, reject):
                event.ordinal += number - event.ordinal % SIBLING
                yield event
        note(self._progress, None)
