"""The worker's side: what it is dealt, as inputs of its pipeline."""

from __future__ import annotations

import asyncio
import os
import struct
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from mmap import mmap
from typing import Any, TypeGuard

from pipeline.batch import Batch, Origin, Tally
from pipeline.event import SIBLING, Event
from pipeline.front.wire import Kind, packed, receive
from pipeline.plugin import Input, Reject, SharesItself
from pipeline.settings.logstash_yml import Settings

Tell = Callable[[bytes], None]
"""Sends a message to the front."""

_PROGRESS = struct.Struct("<QQ")
PROGRESS_SIZE = _PROGRESS.size


def note(progress: mmap, seq: int, position: int) -> None:
    """Writes down what comes next, in memory that outlives this process."""
    _PROGRESS.pack_into(progress, 0, seq + 1, position + 1)


def noted(progress: mmap) -> tuple[int, int] | None:
    """What a worker wrote down last: the batch, and the position in it."""
    seq, position = _PROGRESS.unpack_from(progress)
    return (seq - 1, position - 1) if seq else None


def runs_itself(given: Input, settings: Settings) -> TypeGuard[SharesItself]:
    """Whether each worker runs an input of its own, as its source shares itself out.

    Not where there is a queue on disk: what is acknowledged is in that one queue, and so all of it goes there.
    """
    return isinstance(given, SharesItself) and settings.queue_type != "persisted"


class Deadly(Exception):
    """Why an event is left out."""


class DealtInput:
    """Stands in for an input: its batches come from the front, which has the first half of it."""

    def __init__(self, real: Input, tell: Tell, progress: mmap) -> None:
        self._real = real
        self._tell = tell
        self._progress = progress
        self._arrived: asyncio.Queue[tuple[dict[str, Any], bytes] | None] = asyncio.Queue()
        self._careful: dict[str, dict[str, Any]] = {}
        """By the id of its origin, what is said of a batch that workers have died of."""

    def arrive(self, head: dict[str, Any], data: bytes) -> None:
        """A batch came from the front, to be given out by `batches`."""
        if "careful" in head:
            self._careful[head["origin"]["id"]] = head
        self._arrived.put_nowait((head, data))

    async def batches(self) -> AsyncIterator[Batch]:
        """What is dealt, until `stop`; the front hears when there is room for more."""
        while (item := await self._arrived.get()) is not None:
            head, data = item
            self._tell(packed(Kind.TAKEN, {"seq": head["seq"]}))
            batch = self._batch(head["seq"], data, head["origin"], Counter() if "tally" in head else None)
            batch.careful = "careful" in head
            yield batch

    def _batch(self, seq: int, data: bytes, origin: Origin, tally: Tally | None) -> Batch:
        def end(events: int) -> None:
            self._careful.pop(origin["id"], None)
            told = {} if tally is None else {"tally": [[*key, count] for key, count in tally.items()]}
            self._tell(packed(Kind.ENDED, {"seq": seq, "events": events, **told}))

        def refuse(error: Exception) -> None:
            self._careful.pop(origin["id"], None)
            self._tell(packed(Kind.REFUSED, {"seq": seq, "reason": str(error)}))

        return Batch(data, origin, end, refuse, tally)

    def stop(self) -> None:
        """No more is coming."""
        self._arrived.put_nowait(None)

    async def close(self) -> None:
        """Nothing to close: senders are the front's."""

    def decode(self, data: bytes, origin: Origin, reject: Reject) -> Iterator[Event]:
        """As the input itself does it; with care, where workers have died of the batch."""
        head = self._careful.get(origin["id"]) if self._careful else None
        if head is None:
            return self._real.decode(data, origin, reject)
        return self._carefully(head, data, origin, reject)

    def pick(self, data: bytes, origin: Origin, piece: int) -> bytes:
        """As the input itself does it."""
        return self._real.pick(data, origin, piece)

    def _carefully(self, head: dict[str, Any], data: bytes, origin: Origin, reject: Reject) -> Iterator[Event]:
        if head["raw"]:
            reject(data, Deadly("workers died of decoding it"))
            return
        left_out = set(head["left_out"])
        events = iter(self._real.decode(data, origin, reject))
        position = 0
        while True:
            note(self._progress, head["seq"], position)
            event = next(events, None)
            if event is None:
                return
            if position in left_out:
                reject(self.pick(data, origin, event.ordinal % SIBLING), Deadly("two workers died of this event"))
            else:
                yield event
            position += 1


async def attend(reader: asyncio.StreamReader, inputs: dict[int, DealtInput], stop: Callable[[], None]) -> None:
    """Hands on what the front sends, until this process ends: it also ends when the front is gone."""
    while True:
        message = await receive(reader)
        if message is None:
            os._exit(1)  # the front is gone, and with it everybody who could be told of an end
        if message.kind is Kind.BATCH:
            inputs[message.head["input"]].arrive(message.head, message.data)
        elif message.kind is Kind.STOP:
            stop()
