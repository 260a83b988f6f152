"""How far each entry was delivered, while a replay runs; and the checkpoint, where that is saved."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from pipeline.disk.followed_file import Progress
from pipeline.errors import StoreError
from pipeline.replay.checkpoint import Checkpoint, Key, Place, Row
from pipeline.replay.entries import Entry

log = logging.getLogger("apex.replay")


@dataclass(slots=True)
class Delivered:
    """How far one entry was delivered."""

    key: Key
    path: str
    progress: Progress
    finish: int | None = None
    """Where it ends, once it was read to there."""
    changed: bool = False

    def begin(self, start: int, end: int) -> None:
        """These lines were given out."""
        self.progress.begin(start, end)

    def end(self, start: int) -> None:
        """The lines from there on have their end."""
        self.progress.end(start)
        self.changed = True

    def read_whole(self, finish: int) -> None:
        """All of it was read."""
        self.finish, self.changed = finish, True

    def row(self) -> Row:
        """What is to be saved of it."""
        return Row(self.key, self.path, Place(self.progress.safe, self.finish))


class Positions:
    """Of all entries of a replay."""

    def __init__(self, checkpoint: Checkpoint | None) -> None:
        """Without a checkpoint, nothing is remembered."""
        self._checkpoint = checkpoint
        self._before = checkpoint.places() if checkpoint is not None else {}
        self._open: dict[Key, Delivered] = {}
        self._saving = asyncio.Lock()

    def before(self, entry: Entry) -> Place:
        """How far it was delivered when the replay was begun."""
        return self._before.get(_key(entry), Place())

    def open(self, entry: Entry) -> None:
        """It is read now. Of what cannot be read again there is no position."""
        if entry.archive.repeatable:
            self._open[_key(entry)] = Delivered(_key(entry), entry.path, Progress(self.before(entry).position))

    def of(self, entry: Entry) -> Delivered | None:
        """That of an entry which is read."""
        return self._open.get(_key(entry))

    async def save(self) -> None:
        """Saves what has changed; a disk that refuses is told of, and asked again later."""
        async with self._saving:
            changed = [one for one in list(self._open.values()) if one.changed]
            if self._checkpoint is None or not changed:
                return
            rows = [one.row() for one in changed]
            for one in changed:
                one.changed = False
            try:
                await asyncio.to_thread(self._checkpoint.save, rows)
            except BaseException as error:
                for one in changed:
                    one.changed = True
                if not isinstance(error, StoreError):
                    raise
                log.error("%s", error)
                return
            for row in rows:
                if row.place.done:
                    self._open.pop(row.key, None)


def _key(entry: Entry) -> Key:
    member = entry.member.encode(errors="backslashreplace").decode()
    return Key(entry.archive.fingerprint, member, entry.archive.modified)
