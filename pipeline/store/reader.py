"""Reads documents: what a query finds, newest first, and what a store holds. Never in the way of a writer."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import orjson

from pipeline.errors import StoreError
from pipeline.languages.search_query import Query
from pipeline.store import files


@dataclass(frozen=True, slots=True)
class Hit:
    """A document that was found."""

    timestamp: int | None
    """Milliseconds since 1970, None where the document has no time."""
    index: str
    id: str
    source: bytes
    """The JSON bytes as they were given."""


@dataclass(frozen=True, slots=True)
class IndexSize:
    """An index, and how much is in it."""

    index: str
    documents: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Search:
    """What to look for."""

    query: Query
    limit: int
    since: int | None = None
    """Only documents of this time or later, in milliseconds since 1970."""
    indices: str = "*"
    """Only in indices whose name matches this glob."""


def search(directory: Path, wanted: Search) -> list[Hit]:
    """The newest hits, newest first. Raises `StoreError` where there is no store, or one that cannot be read.

    One file is open at a time. They are read from the one with the newest document on, until no other can
    hold a document as new as the ones that were found.
    """
    hits: list[Hit] = []
    for newest, path in _newest_first(directory, wanted.indices):
        if len(hits) == wanted.limit and newest < _age(hits[-1]):
            break
        for index, connection in _reading(path):
            hits += _hits(connection, index, wanted)
        hits.sort(key=_age, reverse=True)
        del hits[wanted.limit :]
    return hits


def sizes(directory: Path) -> list[IndexSize]:
    """The indices of a store, by name. Raises `StoreError` where there is no store, or one that cannot be read."""
    return [
        IndexSize(index, connection.execute("SELECT count(*) FROM documents").fetchone()[0], _bytes(path))
        for path in files.existing(directory)
        for index, connection in _reading(path)
    ]


# ---------------------------------------------------------------------------------------------- parts

_TIMELESS = -(1 << 62)


def _age(hit: Hit) -> int:
    return _TIMELESS if hit.timestamp is None else hit.timestamp


def _reading(path: Path) -> Iterator[tuple[str, sqlite3.Connection]]:
    """The index in a file, and a connection to it; nothing if it is gone. It is closed when the loop goes on."""
    try:
        connection = files.open_for_reading(path)
        if connection is not None:
            with closing(connection):
                yield connection.execute("SELECT value FROM facts WHERE name = 'index'").fetchone()[0], connection
    except sqlite3.Error as error:
        raise StoreError(f"cannot read {path}: {error}") from error


def _newest_first(directory: Path, glob: str) -> list[tuple[int, Path]]:
    found: list[tuple[int, Path]] = []
    for path in files.existing(directory):
        for index, connection in _reading(path):
            newest = connection.execute("SELECT max(timestamp) FROM documents").fetchone()[0]
            if fnmatchcase(index, glob):
                found.append((_TIMELESS if newest is None else newest, path))
    return sorted(found, reverse=True)


def _hits(connection: sqlite3.Connection, index: str, wanted: Search) -> Iterator[Hit]:
    conditions: list[str] = []
    parameters: list[str | int] = []
    if wanted.query.narrowing is not None:
        # The plus keeps SQLite on the index by time, so the newest hits come first and the rest is never read.
        conditions.append("+row IN (SELECT rowid FROM words WHERE words MATCH ?)")
        parameters.append(wanted.query.narrowing)
    if wanted.since is not None:
        conditions.append("timestamp >= ?")
        parameters.append(wanted.since)
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    rows = connection.execute(
        f"SELECT timestamp, id, source FROM documents {where} ORDER BY timestamp DESC, row DESC",  # noqa: S608  (the conditions are ours, values are bound)
        parameters,
    )
    count = 0
    for timestamp, document_id, source in rows:
        if wanted.query.matches(load(source)):
            yield Hit(timestamp, index, document_id, source)
            count += 1
            if count == wanted.limit:
                break


def load(source: bytes) -> dict[str, Any]:
    """A document; what orjson refuses (cut surrogates) the standard library reads."""
    try:
        document: dict[str, Any] = orjson.loads(source)
    except ValueError:
        document = json.loads(source)
    return document


def _bytes(path: Path) -> int:
    total = 0
    for each in (path, path.with_name(path.name + "-wal")):
        try:
            total += each.stat().st_size
        except FileNotFoundError:
            continue
    return total
