"""How far each entry was delivered, while a replay runs; and the checkpoint, where that is saved."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from pipeline.batch import Tally
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
    _ended: dict[int, Tally] = field(default_factory=dict)
    """Of blocks that have their end, while one before them has none: where each begins."""
    _counted: Tally = field(default_factory=Counter)
    """Of those before the position, since it was saved."""

    def begin(self, start: int, end: int) -> None:
        """These lines were given out."""
        self.progress.begin(start, end)

    def end(self, start: int, tally: Tally) -> None:
        """The lines from there on have their end."""
        self._ended[start] = tally
        self.progress.end(start)
        for before in [known for known in self._ended if known < self.progress.safe]:
            self._counted.update(self._ended.pop(before))
        self.changed = True

    def read_whole(self, finish: int) -> None:
        """All of it was read."""
        self.finish, self.changed = finish, True

    def take(self) -> tuple[Row, Tally]:
        """What is to be saved of it."""
        counted, self._counted, self.changed = self._counted, Counter(), False
        return Row(self.key, self.path, Place(self.progress.safe, self.finish)), counted

    def give_back(self, counted: Tally) -> None:
        """It was not saved."""
        self._counted.update(counted)
        self.changed = True


class Positions:
    """Of all entries of a replay."""

    def __init__(self, checkpoint: Checkpoint | None) -> None:
        """Without a checkpoint, nothing is remembered."""
        self._checkpoint = checkpoint
        self._before = checkpoint.places() if checkpoint is not None else {}
        self._open: dict[Key, Delivered] = {}
        self._saving = asyncio.Lock()
        self._save_under_way: asyncio.Task[None] | None = None
        self.loose: Tally = Counter()
        """What became of the events that filters made of their own state, which are of no entry."""
        self._loose_saved: Tally = Counter()

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

    @property
    def unsaved(self) -> bool:
        """Whether something is not on disk, as it was refused or not saved yet."""
        return self._checkpoint is not None and any(one.changed for one in self._open.values())

    def counted(self, fingerprints: Iterable[str]) -> Tally:
        """What became of the events of these archives in all runs before this one; nothing, if they are new."""
        known = {} if self._checkpoint is None else self._checkpoint.counted
        total: Tally = Counter()
        for fingerprint in set(fingerprints):
            total.update(known.get(fingerprint, {}))
        if total:
            total.update(known.get("", {}))
        return total

    async def save(self) -> None:
        """Saves what has changed; a disk that refuses is told of, and asked again later.

        Whoever waits for it may be cancelled, and it goes on: what is on disk must not be counted once more.
        """
        self._save_under_way = asyncio.create_task(self._save())
        await asyncio.shield(self._save_under_way)

    async def _save(self) -> None:
        async with self._saving:
            changed = [one for one in list(self._open.values()) if one.changed]
            loose = self.loose.copy()
            if self._checkpoint is None or not (changed or loose != self._loose_saved):
                return
            taken = [one.take() for one in changed]
            rows = [row for row, _ in taken]
            counts: dict[str, Tally] = {"": loose - self._loose_saved}
            for row, counted in taken:
                counts.setdefault(row.key.fingerprint, Counter()).update(counted)
            try:
                await asyncio.to_thread(self._checkpoint.save, rows, counts)
            except BaseException as error:
                for one, (_, counted) in zip(changed, taken, strict=True):
                    one.give_back(counted)
                if not isinstance(error, StoreError):
                    raise
                log.error("%s", error)
                return
            self._loose_saved = loose
            for row in rows:
                if row.place.done:
                    self._open.pop(row.key, None)


def _key(entry: Entry) -> Key:
    member = entry.name.encode(errors="backslashreplace").decode()
    return Key(entry.archive.fingerprint, member, entry.archive.modified)
