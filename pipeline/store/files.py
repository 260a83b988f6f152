"""The files of the store: where they are, what is in them, how they are opened, marked and removed.

    DIR/indices/<index>.sqlite     one SQLite file an index, in WAL mode
    DIR/indices/.lock              held while a file comes into being or is removed

    documents(row, id, timestamp, source)   source: the JSON bytes as given; row is never used twice
    words                                   FTS5 over the folded JSON text; rowid is documents.row
    facts(name, value)                      index, created (epoch seconds), dropped

A file is removed in two steps: it is marked `dropped` in a transaction, then unlinked. A writer looks at the
mark inside its own transaction, so it never writes to a file that is going away: it makes a new one.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from pipeline.disk.file_layer import sync_folder
from pipeline.errors import StoreError
from pipeline.store import names

OLDEST_SQLITE = (3, 40, 0)
BUSY_SECONDS = 5.0
_APPLICATION = 0x61706C67
_VERSION = 1

_SCHEMA = """
    BEGIN IMMEDIATE;
    CREATE TABLE IF NOT EXISTS facts(name TEXT PRIMARY KEY, value) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS documents(
        row INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, timestamp INTEGER, source BLOB NOT NULL
    );
    CREATE INDEX IF NOT EXISTS documents_by_time ON documents(timestamp);
    CREATE VIRTUAL TABLE IF NOT EXISTS words
        USING fts5(text, content='', detail=none, columnsize=0, tokenize='ascii');
    INSERT INTO words(words, rank) VALUES ('hashsize', 8388608);
    INSERT INTO words(words, rank) VALUES ('automerge', 8);
"""  # the words of a body fit in 8 MiB, so they become one segment; eight segments are merged


def folder(directory: Path) -> Path:
    """Where the files of a store are."""
    return directory / "indices"


def path_of(directory: Path, index: str) -> Path:
    """The file of an index; raises `StoreError` for a name that no index can have."""
    problem = names.problem(index)
    if problem is not None:
        raise StoreError(problem)
    return folder(directory) / names.file_name(index)


def require_sqlite() -> None:
    """Raises `StoreError` where this Python's SQLite cannot hold a store."""
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        needed = ".".join(map(str, OLDEST_SQLITE[:2]))
        raise StoreError(
            f"the embedded store needs SQLite {needed} or newer, and this Python has {sqlite3.sqlite_version}:"
            " use a Python that was built with a newer SQLite"
        )
    with closing(sqlite3.connect(":memory:")) as connection:
        if not connection.execute("SELECT sqlite_compileoption_used('ENABLE_FTS5')").fetchone()[0]:
            raise StoreError("the embedded store needs SQLite with FTS5, and this Python's SQLite was built without it")


# ---------------------------------------------------------------------------------------------- writing


def open_for_writing(directory: Path, index: str) -> sqlite3.Connection:
    """A connection to the file of an index, which is made if it is missing, or anew if it was dropped."""
    path = path_of(directory, index)
    try:
        with locked(directory):
            return _opened(path, index)
    except (sqlite3.Error, OSError) as error:
        raise StoreError(f"cannot open {path}: {error}") from error


def _opened(path: Path, index: str) -> sqlite3.Connection:
    if not path.exists():
        unlink(path)  # what a crash may have left of its log
    connection = _connected(path)
    try:
        if is_dropped(connection):  # whoever marked it did not live to unlink it
            connection.close()
            unlink(path)
            connection = _connected(path)
        if not connection.execute("PRAGMA user_version").fetchone()[0]:
            connection.executescript(_SCHEMA)
            connection.execute(f"PRAGMA application_id = {_APPLICATION}")
            connection.execute(f"PRAGMA user_version = {_VERSION}")
            facts = [("index", index), ("created", time.time())]
            connection.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", facts)
            connection.execute("COMMIT")
            sync_folder(path.parent)
    except BaseException:
        connection.close()
        raise
    return connection


def _connected(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=8
    )
    try:
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if application not in (0, _APPLICATION) or version > _VERSION:
            raise StoreError(f"{path} is no store of this version of apex-logs: move it away")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA wal_autocheckpoint = 4000")
        connection.execute(f"PRAGMA journal_size_limit = {64 << 20}")
    except BaseException:
        connection.close()
        raise
    return connection


def is_dropped(connection: sqlite3.Connection) -> bool:
    """Whether the file behind a connection is marked."""
    if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'facts'").fetchone():
        return False
    return connection.execute("SELECT 1 FROM facts WHERE name = 'dropped'").fetchone() is not None


# ---------------------------------------------------------------------------------------------- reading


def existing(directory: Path) -> list[Path]:
    """The files of a store, by name; raises `StoreError` if there is no store."""
    place = folder(directory)
    if not place.is_dir():
        raise StoreError(f"there is no embedded store in {directory}")
    return sorted(path for path in place.iterdir() if path.name.endswith(names.SUFFIX))


def open_for_reading(path: Path) -> sqlite3.Connection | None:
    """A connection that cannot write; None if the file is gone, dropped, or not yet an index."""
    try:
        connection = _readable(path)
    except sqlite3.OperationalError:
        if not path.exists():
            return None
        raise
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if application == _APPLICATION and version == _VERSION and not is_dropped(connection):
        return connection
    connection.close()
    if version > _VERSION:
        raise StoreError(f"{path} was written by a newer version of apex-logs")
    return None


def _readable(path: Path) -> sqlite3.Connection:
    uri = path.absolute().as_uri()
    for mode in ("mode=ro", "immutable=1"):  # the second: a folder where nobody can write, so nobody does
        connection = sqlite3.connect(f"{uri}?{mode}", uri=True, timeout=BUSY_SECONDS, isolation_level=None)
        try:
            connection.execute("PRAGMA user_version").fetchone()
        except sqlite3.OperationalError:
            connection.close()
            if mode == "immutable=1" or os.access(path.parent, os.W_OK):
                raise
        except BaseException:
            connection.close()
            raise
        else:
            return connection
    raise AssertionError("unreachable")


# ---------------------------------------------------------------------------------------------- removing


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Holds the store's lock; makes the store's folder if it is missing."""
    place = folder(directory)
    if not place.is_dir():
        place.mkdir(parents=True, exist_ok=True)
        sync_folder(directory)
    with (place / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def unlink(path: Path) -> None:
    """Removes a file of the store with its log. The file goes first: a log without one says nothing."""
    for each in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
        with suppress(FileNotFoundError):
            each.unlink()
