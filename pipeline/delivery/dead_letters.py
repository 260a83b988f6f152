"""The dead letter queue: what could not be delivered, with all that is needed to see why and try again.

What a letter is stands in `pipeline/disk/letters.py`. The queue is a folder of segments, bounded in bytes and age:

    room       letters are written, fsync, and their events have their end
    no room    block: nothing is written until there is room, whoever makes it; nothing is lost
               drop_newer: these letters are lost, and counted
               drop_older: the oldest segments are, until these fit

Processes that share a folder each look at all of it, but not at what another is just writing: the bound may be passed
by one group of letters for each of them. A letter that is larger than the bound is taken where the queue is empty.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import orjson

from pipeline.batch import Origin, Tally
from pipeline.dates.timestamps import now
from pipeline.disk.letters import read as read  # where letters are written, they are looked for
from pipeline.disk.letters import to_text
from pipeline.disk.removals import is_emptied, removed
from pipeline.disk.segments import MAGIC, REMOVED, SegmentWriter, count, delete, segments, size_of
from pipeline.errors import StoreError

log = logging.getLogger("apex.delivery")

Policy = Literal["block", "drop_newer", "drop_older"]
Fsync = Literal["always", "interval", "never"]

_LOOK = 0.5
"""Seconds between two looks for room, at most."""
_REMIND = 60.0
"""Seconds after which it is said once more that there is no room."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How large and how old the queue may become, and when it is written to the disk."""

    max_bytes: int | None = 1 << 30
    """Bytes of the whole folder; None: no bound."""
    policy: Policy = "block"
    retain_age: float | None = None
    """Seconds after which a segment that is wholly older is deleted; None: never."""
    flush_interval: float = 5.0
    """Seconds between two looks after the segments: old and emptied ones are deleted."""
    fsync: Fsync = "always"
    """When letters are forced to the disk: before their events have their end, each interval, or by the system."""

    @property
    def segment_bytes(self) -> int:
        """The size at which a segment is full: a tenth of the bound, as whole segments are dropped."""
        return 10 << 20 if self.max_bytes is None else max(1, min(10 << 20, self.max_bytes // 10))


@dataclass(slots=True)
class DeadLetter:
    """One event, or one item, that is given up for now."""

    reason: str
    plugin: str
    original: bytes
    origin: Origin
    item: bytes | None = None
    event_id: str | None = None
    input: str = ""
    """The name of the input that took the event; empty where there was none."""
    plugin_type: str = ""
    sibling: int = 0
    """Which of the events that the original decodes to."""
    tally: Tally | None = None
    """Where it is counted what became of the events of its batch."""


class Taken(NamedTuple):
    """What became of the first of the letters that were put: the others are to be put again."""

    kept: int
    """So many are on disk."""
    dropped: int = 0
    """So many after them are lost."""
    pushed_out: int = 0
    """So many older letters are lost, which they took the place of."""


class DeadLetterQueue:
    """Writes dead letters durably; the folder is made at the first one."""

    def __init__(
        self,
        folder: Path,
        pipeline_id: str,
        bounds: Bounds | None = None,
        tell: Callable[[str], None] = lambda reason: None,
    ) -> None:
        """`tell` hears why delivery waits for room, and of an empty reason when it goes on."""
        self._tell = tell
        self.folder = folder
        self.bounds = bounds or Bounds()
        self.blocked = False
        """There is no room, and delivery waits for it."""
        self._writer = SegmentWriter(folder, self.bounds.segment_bytes, sync=self.bounds.fsync == "always")
        self._pipeline_id = pipeline_id
        self._turn = asyncio.Lock()

    async def put(self, letters: Sequence[DeadLetter]) -> Taken:
        """Writes as many letters as there is room for, one at least, and returns when they are on disk.

        Where there is no room for one, it waits, or drops, as the policy says. Raises `StoreError` if the disk refuses.
        """
        moment = now()
        payloads = [_json(_record(letter, self._pipeline_id, moment)) for letter in letters]
        async with self._turn:
            said = -_REMIND
            try:
                while not any(taken := await asyncio.to_thread(self._offer, payloads)):
                    if time.monotonic() - said >= _REMIND:
                        said = time.monotonic()
                        self._say_blocked()
                    self.blocked = True
                    self._tell(f"{self.folder} has reached dead_letter_queue.max_bytes")
                    await asyncio.sleep(min(_LOOK, self.bounds.flush_interval))
                if self.blocked:
                    log.warning("there is room for dead letters in %s again; delivery goes on", self.folder)
            finally:
                if self.blocked:
                    self.blocked = False
                    self._tell("")
        if taken.dropped or taken.pushed_out:
            log.error(
                "%d dead letters are lost, as dead_letter_queue.storage_policy is %s and %s has reached its bound",
                taken.dropped + taken.pushed_out,
                self.bounds.policy,
                self.folder,
            )
        return taken

    async def tend(self) -> None:
        """Looks after the segments: what is old or emptied is deleted, what waits for the disk is forced to it."""
        async with self._turn:
            try:
                await asyncio.to_thread(self._tend)
            except StoreError as error:
                log.error("%s", error)

    async def keep(self) -> None:
        """Tends now and then, without end."""
        while True:
            await self.tend()
            await asyncio.sleep(self.bounds.flush_interval)

    def close(self) -> None:
        """Closes the open segment."""
        self._writer.close()

    # ------------------------------------------------------------------------------------------ in a thread

    def _offer(self, payloads: Sequence[bytes]) -> Taken:
        fits, pushed_out = self._fitting(payloads), 0
        if fits < len(payloads):
            self._tend()
            fits = self._fitting(payloads)
        while self.bounds.policy == "drop_older" and fits < len(payloads):
            lost = self._drop_oldest()
            if lost is None:
                break
            pushed_out += lost
            fits = self._fitting(payloads)
        if fits:
            self._writer.append(payloads[:fits])
        dropped = 0 if self.bounds.policy == "block" else len(payloads) - fits
        return Taken(fits, dropped, pushed_out)

    def _fitting(self, payloads: Sequence[bytes]) -> int:
        """How many of the payloads there is room for."""
        if self.bounds.max_bytes is None:
            return len(payloads)
        used = _bytes_in(self.folder)
        room = self.bounds.max_bytes - used - (len(MAGIC) if self._writer.begins else 0)
        for fits, payload in enumerate(payloads):
            room -= size_of(payload)
            if room < 0:
                return fits or int(not segments(self.folder))
        return len(payloads)

    def _drop_oldest(self) -> int | None:
        """Deletes the oldest segment that nobody else writes to: how many letters are lost; None if there is none."""
        for path in segments(self.folder):
            lost = self._delete(path)
            if lost is not None:
                return lost
        return None

    def _tend(self) -> None:
        for path in segments(self.folder):
            if is_emptied(path):
                self._delete(path)
            elif self._is_old(path):
                lost = self._delete(path)
                if lost:
                    log.warning("%d dead letters are deleted: they are older than dead_letter_queue.retain.age", lost)
        if self.bounds.fsync == "interval":
            self._writer.sync()

    def _is_old(self, path: Path) -> bool:
        if self.bounds.retain_age is None:
            return False
        try:
            return path.stat().st_mtime < time.time() - self.bounds.retain_age
        except FileNotFoundError:
            return False

    def _delete(self, path: Path) -> int | None:
        """How many letters were in the segment; None where another process writes to it."""
        try:
            held = count(path) - len(removed(path))
        except (StoreError, FileNotFoundError):
            held = 0  # what is damaged cannot be counted
        if path == self._writer.path:
            self._writer.close()
        return max(held, 0) if delete(path) else None

    def _say_blocked(self) -> None:
        log.error(
            "THE DEAD LETTER QUEUE IS FULL: %s has reached the %s bytes of dead_letter_queue.max_bytes, and delivery "
            "waits; nothing is dropped. Make room with `apex-logs dlq retry` or `dlq purge`, or raise the bound",
            self.folder,
            self.bounds.max_bytes,
        )


def _bytes_in(folder: Path) -> int:
    total = 0
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.endswith((".segment", REMOVED)):
                    total += _size(entry)
    except FileNotFoundError:
        return 0
    return total


def _size(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat().st_size
    except FileNotFoundError:  # deleted meanwhile
        return 0


def _record(letter: DeadLetter, pipeline_id: str, moment: str) -> dict[str, Any]:
    record: Iterable[tuple[str, Any]] = (
        ("time", moment),
        ("reason", letter.reason),
        ("plugin", letter.plugin),
        ("plugin_type", letter.plugin_type or None),
        ("pipeline", pipeline_id),
        ("input", letter.input or None),
        ("id", letter.event_id),
        ("sibling", letter.sibling or None),
        ("item", None if letter.item is None else to_text(letter.item)),
        ("original", to_text(letter.original)),
        ("origin", letter.origin),
    )
    return {name: value for name, value in record if value is not None}


def _json(record: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(record)
    except TypeError:  # half of a surrogate pair, as an error may quote it from an event
        return json.dumps(record, ensure_ascii=False).encode(errors="replace")
