"""Upkeep of the files: whether they are sound, and giving back the room that deleted documents took."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import StoreError
from pipeline.store import files, names, reader

_MOST_PROBLEMS = 10
_PATIENCE = 60.0
"""Seconds to wait for those who write."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A file of the store, and what is wrong with it."""

    index: str
    """The name of the file where it cannot be read."""
    problems: list[str]


@dataclass(frozen=True, slots=True)
class Vacuumed:
    """An index, and its bytes before and after."""

    index: str
    before: int
    after: int


def check(directory: Path) -> list[Checked]:
    """Looks at every page, every index entry and every word of the store. Raises `StoreError` where there is none."""
    found = []
    for path in files.existing(directory):
        name = path.name.removesuffix(names.SUFFIX)
        try:
            with _writable(path) as connection:
                if connection is None:
                    continue
                name = connection.execute("SELECT value FROM facts WHERE name = 'index'").fetchone()[0]
                rows = connection.execute(f"PRAGMA integrity_check({_MOST_PROBLEMS})").fetchall()
                problems = [problem for (problem,) in rows if problem != "ok"]
                _command(connection, "integrity-check")
        except (sqlite3.Error, StoreError) as error:
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY:
                raise StoreError(f"{path} was busy for {_PATIENCE:.0f} s: try again when less is written") from error
            problems = [str(error)]
        found.append(Checked(name, problems))
    return found


def vacuum(directory: Path) -> Iterator[Vacuumed]:
    """Writes every file anew without its holes. Needs as much free room as the largest file; writers wait meanwhile.

    Raises `StoreError` for the first file with which it cannot be done.
    """
    for path in files.existing(directory):
        try:
            with _writable(path) as connection:
                if connection is None:
                    continue
                before = reader.bytes_of(path)
                name = connection.execute("SELECT value FROM facts WHERE name = 'index'").fetchone()[0]
                _command(connection, "optimize")
                connection.execute("VACUUM")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                yield Vacuumed(name, before, reader.bytes_of(path))
        except sqlite3.Error as error:
            raise StoreError(
                f"cannot vacuum {path}: {error}; where it is busy, try again when less is written"
            ) from error


@contextmanager
def _writable(path: Path) -> Iterator[sqlite3.Connection | None]:
    """A connection that may write; None where the file is gone, dropped or not yet an index."""
    readable = files.open_for_reading(path)
    if readable is None:
        yield None
        return
    readable.close()
    with closing(sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None)) as connection:
        yield connection


def _command(connection: sqlite3.Connection, command: str) -> None:
    """A command to the full-text index. It writes, and a transaction that only becomes a writing one does not wait."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute("INSERT INTO words(words) VALUES (?)", (command,))
    finally:
        connection.execute("COMMIT" if command == "optimize" else "ROLLBACK")
