"""Reads documents: what a query finds, in the order of time, and what a store holds. Never in the way of a writer.

Of the documents that the words of a query leave over, few are fetched by their rows; many are read along the index
by time, so that the first hits come first and the rest is never read.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from pipeline.errors import StoreError
from pipeline.kql.query import Query
from pipeline.store import files

_FEW = 20_000
"""So many documents are sorted faster than an index of a million is read."""
_AT_ONCE = 200


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
class Scope:
    """Which documents are meant. Times are in milliseconds since 1970, and belong to it."""

    query: Query
    since: int | None = None
    until: int | None = None
    indices: str = "*"
    """Globs with commas between them: only indices whose name matches one."""

    @property
    def bounds(self) -> tuple[int | None, int | None]:
        """The times, narrowed by what the query says of them."""
        since = [each for each in (self.since, self.query.since) if each is not None]
        until = [each for each in (self.until, self.query.until) if each is not None]
        return max(since, default=None), min(until, default=None)


@dataclass(frozen=True, slots=True)
class Search:
    """What to look for, and how much of it."""

    scope: Scope
    limit: int
    oldest_first: bool = False
    without: frozenset[str] = frozenset()
    """Documents that are left out, by their ids: those of the page before with the time at which this one begins."""
    timeless: bool = False
    """Only documents without a time, which come last."""


def search(directory: Path, wanted: Search) -> list[Hit]:
    """The hits in the order of time. Raises `StoreError` where there is no store, or one that cannot be read.

    One file is open at a time. They are read from the one with the newest document on (or the oldest), until no
    other can hold a document as new as the ones that were found.
    """
    hits: list[Hit] = []
    age = _age_forwards if wanted.oldest_first else _age
    for edge, path in _in_order(directory, wanted):
        if len(hits) == wanted.limit and _before(wanted, age(hits[-1]), edge):
            break
        for index, connection in reading(path):
            with closing(matching(connection, wanted)) as found:
                fresh = (each for each in found if each[1] not in wanted.without)
                hits += [Hit(time, index, name, source) for time, name, source, _ in islice(fresh, wanted.limit)]
        hits.sort(key=age, reverse=not wanted.oldest_first)
        del hits[wanted.limit :]
    return hits


def document(directory: Path, index: str, document_id: str) -> Hit | None:
    """One document, or None. Raises `StoreError`."""
    path = files.path_of(directory, index)
    for _, connection in reading(path) if path.exists() else ():
        found = connection.execute("SELECT timestamp, source FROM documents WHERE id = ?", (document_id,)).fetchone()
        return None if found is None else Hit(found[0], index, document_id, found[1])
    return None


def sizes(directory: Path) -> list[IndexSize]:
    """The indices of a store, by name. Raises `StoreError` where there is no store, or one that cannot be read."""
    return [
        IndexSize(index, connection.execute("SELECT count(*) FROM documents").fetchone()[0], bytes_of(path))
        for path in files.existing(directory)
        for index, connection in reading(path)
    ]


def reading(path: Path) -> Iterator[tuple[str, sqlite3.Connection]]:
    """The index in a file, and a connection to it; nothing if it is gone. It is closed when the loop goes on."""
    try:
        connection = files.open_for_reading(path)
        if connection is not None:
            with closing(connection):
                yield connection.execute("SELECT value FROM facts WHERE name = 'index'").fetchone()[0], connection
    except sqlite3.Error as error:
        raise StoreError(f"cannot read {path}: {error}") from error


def matching(
    connection: sqlite3.Connection, wanted: Search
) -> Generator[tuple[int | None, str, bytes, dict[str, Any]], None, None]:
    """The documents of one file that match, in the order of time: time, id, source and the document."""
    matches = wanted.scope.query.matches
    for timestamp, document_id, source in _candidates(connection, wanted):
        loaded = load(source)
        if matches(loaded):
            yield timestamp, document_id, source, loaded


def wants(scope: Scope, index: str) -> bool:
    """Whether an index is meant."""
    return any(fnmatchcase(index, glob.strip()) for glob in scope.indices.split(","))


# ---------------------------------------------------------------------------------------------- parts

_TIMELESS = -(1 << 62)


def _age(hit: Hit) -> int:
    return _TIMELESS if hit.timestamp is None else hit.timestamp


def _age_forwards(hit: Hit) -> int:
    return -_TIMELESS if hit.timestamp is None else hit.timestamp


def _before(wanted: Search, last: int, edge: int) -> bool:
    """Whether a file whose edge this is can hold nothing that stands before the last hit."""
    return edge > last if wanted.oldest_first else edge < last


def _in_order(directory: Path, wanted: Search) -> list[tuple[int, Path]]:
    """The files that are meant, by their newest document, the newest first (or the other way round)."""
    found: list[tuple[int, Path]] = []
    since, until = wanted.scope.bounds
    for path in files.existing(directory):
        for index, connection in reading(path):
            if not wants(wanted.scope, index):
                continue
            oldest = connection.execute("SELECT min(timestamp) FROM documents").fetchone()[0]
            newest = connection.execute("SELECT max(timestamp) FROM documents").fetchone()[0]
            outside = oldest is None or (since is not None and newest < since) or (until is not None and oldest > until)
            if outside and not (since is None and until is None):
                continue
            edge = oldest if wanted.oldest_first else newest
            found.append((edge if edge is not None else -_TIMELESS if wanted.oldest_first else _TIMELESS, path))
    return sorted(found, reverse=not wanted.oldest_first)


def _candidates(connection: sqlite3.Connection, wanted: Search) -> Iterator[tuple[int | None, str, bytes]]:
    conditions, parameters = _conditions(wanted)
    direction = "ASC" if wanted.oldest_first else "DESC"
    order = f"ORDER BY timestamp {direction} NULLS LAST, row {direction}"
    words = wanted.scope.query.narrowing
    if words is not None:
        limited = "SELECT count(*) FROM (SELECT 1 FROM words WHERE words MATCH ? LIMIT ?)"
        if connection.execute(limited, (words, _FEW + 1)).fetchone()[0] <= _FEW:
            where = _where([*conditions, "row IN (SELECT rowid FROM words WHERE words MATCH ?)"])
            rows = connection.execute(f"SELECT row FROM documents {where} {order}", [*parameters, words])  # noqa: S608  (the conditions are ours, values are bound)
            yield from _fetched(connection, [row for (row,) in rows])
            return
        # The plus keeps SQLite on the index by time.
        conditions.append("+row IN (SELECT rowid FROM words WHERE words MATCH ?)")
        parameters.append(words)
    timed = [(_where([*conditions, "timestamp IS NOT NULL"]), order)] if not wanted.timeless else []
    bounded = any(bound is not None for bound in wanted.scope.bounds)
    timeless = [] if bounded else [(_where([*conditions, "timestamp IS NULL"]), f"ORDER BY row {direction}")]
    for where, by in timed + timeless:
        yield from connection.execute(
            f"SELECT timestamp, id, source FROM documents {where} {by.replace(' NULLS LAST', '')}",  # noqa: S608  (as above)
            parameters,
        )


def _conditions(wanted: Search) -> tuple[list[str], list[int | str]]:
    conditions: list[str] = ["timestamp IS NULL"] if wanted.timeless else []
    parameters: list[int | str] = []
    for sign, bound in zip((">=", "<="), wanted.scope.bounds, strict=True):
        if bound is not None:
            conditions.append(f"timestamp {sign} ?")
            parameters.append(bound)
    return conditions, parameters


def _where(conditions: Sequence[str]) -> str:
    return f"WHERE {' AND '.join(conditions)}" if conditions else ""


def _fetched(connection: sqlite3.Connection, rows: Sequence[int]) -> Iterator[tuple[int | None, str, bytes]]:
    for start in range(0, len(rows), _AT_ONCE):
        some = rows[start : start + _AT_ONCE]
        found = connection.execute(
            "SELECT row, timestamp, id, source FROM documents WHERE row IN (SELECT value FROM json_each(?))",
            (orjson.dumps(some).decode(),),
        )
        by_row = {row: (timestamp, document_id, source) for row, timestamp, document_id, source in found}
        yield from (by_row[row] for row in some if row in by_row)


def load(source: bytes) -> dict[str, Any]:
    """A document; what orjson refuses (cut surrogates) the standard library reads."""
    try:
        document: dict[str, Any] = orjson.loads(source)
    except ValueError:
        document = json.loads(source)
    return document


def bytes_of(path: Path) -> int:
    """What a file of the store takes on disk, its log included."""
    total = 0
    for each in (path, path.with_name(path.name + "-wal")):
        try:
            total += each.stat().st_size
        except FileNotFoundError:
            continue
    return total
