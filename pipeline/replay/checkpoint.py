"""How far each entry of each archive was delivered: a SQLite file for each replay, under `path.data`.

    facts      what the replay was begun with, so that going on means the same
    entries    fingerprint, member of a tar, time of change, position, end
               position: all lines before it have their end; end: where the entry ends, once that is known

A replay is known by what it does (the configuration, where it writes, how archives are read), and not by which archives
are named: a further one may be added. Every save is one transaction, on disk before it returns (`synchronous=FULL`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from pipeline.disk.folder_lock import FolderLock
from pipeline.errors import StoreError

_SCHEMA = """
    CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS entries (
        fingerprint TEXT NOT NULL, member TEXT NOT NULL, path TEXT NOT NULL,
        modified REAL NOT NULL, position INTEGER NOT NULL, end INTEGER,
        PRIMARY KEY (fingerprint, member));
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
        except sqlite3.Error as error:
            self._lock.release()
            raise StoreError(f"{self.path} cannot be used: {error}; --restart forgets it") from error

    def places(self) -> dict[Key, Place]:
        """How far everything was delivered."""
        rows = self._connection.execute("SELECT fingerprint, member, modified, position, end FROM entries")
        return {Key(*row[:3]): Place(*row[3:]) for row in rows}

    def begun_with(self, facts: Mapping[str, str]) -> dict[str, str]:
        """What the replay was begun with; these, if it begins now."""
        with self._transaction():
            for name, value in facts.items():
                self._connection.execute("INSERT OR IGNORE INTO facts VALUES (?, ?)", (name, value))
        return dict(self._connection.execute("SELECT name, value FROM facts"))

    def save(self, rows: Iterable[Row]) -> None:
        """Returns when all of it is on disk; raises `StoreError` if it is not, and then nothing of it is."""
        values = [(*row.key[:2], row.path, row.key.modified, *row.place) for row in rows]
        try:
            with self._turn, self._transaction():
                self._connection.executemany("INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?, ?)", values)
        except sqlite3.Error as error:
            raise StoreError(f"{self.path} cannot be written: {error}; free or mount the disk") from error

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
