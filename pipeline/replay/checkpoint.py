"""How far each entry of each archive was delivered: a SQLite file for each replay, under `path.data`.

    facts      what the replay was begun with, so that going on means the same
    entries    fingerprint, member of a tar, time of change, position, end
               position: all lines before it have their end; end: where the entry ends, once that is known
    counts     of each archive, what became of the events of the lines before these positions, in all runs: a `Tally`;
               without a fingerprint, what became of events that filters made of their own state

A replay is known by what it does (the configuration, where it writes, how archives are read), and not by which archives
are named: a further one may be added. Every save is one transaction, on disk before it returns (`synchronous=FULL`).
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from pipeline.batch import Tally
from pipeline.disk.folder_lock import FolderLock
from pipeline.errors import StoreError

_SCHEMA = """
    CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS entries (
        fingerprint TEXT NOT NULL, member TEXT NOT NULL, path TEXT NOT NULL,
        modified REAL NOT NULL, position INTEGER NOT NULL, end INTEGER,
        PRIMARY KEY (fingerprint, member));
    CREATE TABLE IF NOT EXISTS counts (
        fingerprint TEXT NOT NULL, what TEXT NOT NULL, whose TEXT NOT NULL, why TEXT NOT NULL, count INTEGER NOT NULL,
        PRIMARY KEY (fingerprint, what, whose, why));
"""
_COUNT = """
    INSERT INTO counts VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (fingerprint, what, whose, why) DO UPDATE SET count = count + excluded.count
"""


class Key(NamedTuple):
    """An entry."""

    fingerprint: str
    member: str = ""
    modified: float = 0.0
    """A damaged archive that was mended is looked at anew: its beginning and its end may be the same."""


class Place(NamedTuple):
    """How far an entry was delivered."""

    position: int = 0
    end: int | None = None

    @property
    def done(self) -> bool:
        """All of it."""
        return self.position == self.end


class Row(NamedTuple):
    """What is saved of an entry."""

    key: Key
    path: str
    place: Place


class Checkpoint:
    """Belongs to one process at a time. Any thread may save."""

    def __init__(self, folder: Path) -> None:
        """Makes or opens it; raises `StoreError` where it cannot be used, or another process has it."""
        self.path = folder / "checkpoint.sqlite"
        self._turn = Lock()
        self._lock = _locked(folder)
        try:
            self._connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.executescript(_SCHEMA)
            self._places = self._read_places()
            self.counted = self._read_counts()
            """What became of the events of all runs before this one, by the fingerprint of their archive."""
        except sqlite3.Error as error:
            self._lock.release()
            raise self._refused("used", error) from error

    def places(self) -> dict[Key, Place]:
        """How far everything was delivered when it was opened."""
        return self._places

    def _read_places(self) -> dict[Key, Place]:
        rows = self._connection.execute("SELECT fingerprint, member, modified, position, end FROM entries")
        return {Key(*row[:3]): Place(*row[3:]) for row in rows}

    def _read_counts(self) -> dict[str, Tally]:
        found: dict[str, Tally] = {}
        for fingerprint, *key, count in self._connection.execute("SELECT * FROM counts"):
            what, whose, why = key
            found.setdefault(fingerprint, Counter())[what, whose, why] = count
        return found

    def begun_with(self, facts: Mapping[str, str]) -> dict[str, str]:
        """What the replay was begun with; these, if it begins now. Raises `StoreError`."""
        try:
            with self._transaction():
                for name, value in facts.items():
                    self._connection.execute("INSERT OR IGNORE INTO facts VALUES (?, ?)", (name, value))
            return dict(self._connection.execute("SELECT name, value FROM facts"))
        except sqlite3.Error as error:
            raise self._refused("used", error) from error

    def save(self, rows: Iterable[Row], counts: Mapping[str, Tally]) -> None:
        """`counts`, by fingerprint, are added to those that are there.

        Returns when all of it is on disk; raises `StoreError` if it is not, and then nothing of it is."""
        values = [(*row.key[:2], row.path, row.key.modified, *row.place) for row in rows]
        try:
            with self._turn, self._transaction():
                self._connection.executemany("INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?, ?)", values)
                self._connection.executemany(_COUNT, self._added(counts))
        except sqlite3.Error as error:
            raise self._refused("written", error) from error

    def _added(self, counts: Mapping[str, Tally]) -> Iterator[tuple[str, str, str, str, int]]:
        for fingerprint, tally in counts.items():
            for key, count in tally.items():
                if count:
                    yield fingerprint, *key, count

    def _refused(self, what: str, error: sqlite3.Error) -> StoreError:
        damaged = getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
        remedy = "--restart forgets it" if damaged else "free or mount the disk"
        return StoreError(f"{self.path} cannot be {what}: {error}; {remedy}")

    def _transaction(self) -> sqlite3.Connection:
        self._connection.execute("BEGIN IMMEDIATE")
        return self._connection  # as a context: commits, or rolls back where an exception passes

    def close(self) -> None:
        """Lets others have it."""
        self._connection.close()
        self._lock.release()


def _locked(folder: Path) -> FolderLock:
    try:
        return FolderLock(str(folder))
    except StoreError as error:
        raise StoreError("the same replay runs already, in another process: wait for it, or stop it") from error
    except OSError as error:
        remedy = "name another folder with --path.data or --embedded, or see that it can be written"
        raise StoreError(f"{folder} cannot be used for the checkpoint: {error.strerror}; {remedy}") from error


def forget(folder: Path) -> None:
    """Removes the checkpoint, if there is one; raises `StoreError` where another process has it."""
    if not folder.exists():
        return
    lock = _locked(folder)
    try:
        for path in folder.glob("checkpoint.sqlite*"):
            path.unlink()
    finally:
        lock.release()
