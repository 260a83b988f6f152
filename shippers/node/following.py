"""The files of one input: what is new in them, and how far it has ended."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pipeline.disk.chunks import Chunk, Watch
from pipeline.disk.sincedb import SinceDb
from pipeline.disk.tailed_files import TailedFiles
from pipeline.errors import StoreError
from shippers.node.entries import Format
from shippers.node.envelopes import Envelopes

log = logging.getLogger("apex.ship")

T = TypeVar("T")

BLOCK = 256 * 1024
"""Bytes read at a time."""
TURN = 16
"""Blocks of a file before the next has its turn."""


@dataclass(frozen=True, slots=True)
class Input:
    """Which files are followed, and how; times in seconds."""

    id: str
    paths: tuple[str, ...]
    excluded: tuple[str, ...]
    formatted: Format
    from_beginning: bool
    ignore_older: float | None
    close_inactive: float
    clean_removed: float
    copies: re.Pattern[str] | None
    """What a rotation by copying and truncating appends to the path."""
    flush_after: float | None
    """Seconds without anything new after which an event that could go on is taken to be over."""


class Following:
    """Reads in a thread of its own, one thing after the other; what was read is taken, and ended, by the loop."""

    def __init__(self, options: Input, envelopes: Envelopes, registry: Path, most_open: int, interval: float) -> None:
        self.envelopes = envelopes
        self.flush_after = options.flush_after
        self._name = options.id
        path = registry / options.id
        self._very_first = not path.exists()
        """It never ran before: what it finds now is old, and what it finds at a later start is new."""
        self._sincedb = SinceDb(path, options.clean_removed, time.time)
        if self._sincedb.damage:
            log.warning("%s", self._sincedb.damage)
        watch = Watch(
            codec=options.formatted,
            delimiter=b"\n",
            packed=options.formatted,
            packed_unix=True,
            source=options.id,
            patterns=options.paths,
            excluded=options.excluded,
            block=BLOCK,
            blocks_each=TURN,
            sort_by="last_modified",
            descending=False,
            ignore_older=options.ignore_older,
            close_older=options.close_inactive,
            most_open=most_open,
            discover_interval=interval,
            auto_flush=options.flush_after,
            now=time.time,
            monotonic=time.monotonic,
            warn=lambda text: log.warning("%s", text),
            copies=options.copies,
        )
        from_beginning = options.from_beginning or not self._very_first
        self._files = TailedFiles(watch, self._sincedb, from_beginning=from_beginning)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=options.id)
        self._changed = False
        self._folders: dict[str, str] = {}
        """Of each path, where the file is that a link may lead to."""
        self._roots = {_root(pattern) for pattern in options.paths}

    async def scan(self) -> None:
        """Finds new files and opens them; saves the positions where that has to come before reading."""
        await self._aside(self._files.scan)
        self._changed = self._changed or self._very_first  # that it ran is kept, also where there is no file yet
        if self._very_first and not self._files.paths:
            log.info("%s: no file matches yet", self._name)
        if self._files.dirty or self._very_first:
            self._very_first = False
            await self.save()

    def folders(self) -> set[str]:
        """Where its files are, and where new ones can appear."""
        known = self._folders
        self._folders = {path: known.get(path) or _folder(path) for path in self._files.paths}
        return {*self._folders.values(), *self._roots}

    async def chunks(self) -> AsyncIterator[Chunk]:
        """One turn of all files that have something new."""
        chunks = self._files.chunks()
        while (chunk := await self._aside(lambda: next(chunks, None))) is not None:
            chunk.begin()
            yield chunk

    def ended(self, chunk: Chunk) -> None:
        """All that came of it is acknowledged."""
        chunk.end()
        self._changed = True

    async def save(self) -> None:
        """Saves the positions if they have changed; a disk that refuses is told of, and asked again later."""
        if not (self._changed or self._files.dirty):
            return
        self._changed = False
        try:
            await self._aside(lambda: self._sincedb.save(self._files.records()))
        except StoreError as error:
            self._changed = True
            log.warning("%s", error)

    @property
    def unsaved(self) -> bool:
        """Whether the disk has refused the positions."""
        return self._changed

    async def close(self) -> None:
        """Saves the positions, and closes the files."""
        await self.save()
        await self._aside(self._files.close)
        self._thread.shutdown()

    def _aside(self, work: Callable[[], T]) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(self._thread, work)


def _folder(path: str) -> str:
    return os.path.dirname(os.path.realpath(path))


def _root(pattern: str) -> str:
    """The folder of a glob, or the last one before its first special character."""
    plain = re.split(r"[*?\[{]", pattern, maxsplit=1)[0]
    return os.path.dirname(plain) or "/"
