"""Writes documents: one transaction for the operations of one index.

Every statement takes all rows at once. SQLite gives up Python's lock for each step of a statement, and
takes it back behind whatever thread is busy; a step for each row makes a writer beside a busy event loop
sixteen times slower.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from pipeline.errors import StoreError
from pipeline.kql.words import fold_json
from pipeline.protocols import bulk
from pipeline.store import files, timestamps

MOST_OPEN = 16
_ROWS = 2000
"""Rows in one statement; SQLite allows 32,766 parameters."""
_LONGEST_ID = 512


class Operation(NamedTuple):
    """What to do with one document, with Elasticsearch's meaning."""

    action: str
    """`create`, `index`, `update` or `delete`."""
    id: str | None
    """None draws one."""
    source: bytes
    """The document; of an update, `{"doc": ..., "doc_as_upsert": ..., "upsert": ...}`; nothing of a delete."""


class Outcome(NamedTuple):
    """What became of operations; those that are not dead are in the file, or were."""

    dead: list[tuple[int, str]]
    """Position and reason of operations that can never be done."""
    repeated: list[int]
    """Positions of those that were to create what was there before."""

    @property
    def duplicates(self) -> int:
        """How many these are."""
        return len(self.repeated)


class Writer:
    """The writing half of a store. Belongs to one thread at a time; other processes may write too."""

    def __init__(self, directory: Path, most_open: int = MOST_OPEN) -> None:
        self.directory = directory
        self.most_open = most_open
        self._open: OrderedDict[str, sqlite3.Connection] = OrderedDict()

    def write(self, index: str, operations: Sequence[Operation]) -> Outcome:
        """Does all of it in one transaction. Raises `StoreError` if nothing was done and it may be tried again."""
        try:
            while True:
                outcome = _transaction(self._connection(index), operations)
                if outcome is not None:
                    return outcome
                self._forget(index)  # it expired: the next connection is to a new file
        except sqlite3.Error as error:
            self._forget(index)
            raise StoreError(f"cannot write to index {index}: {error}") from error

    def close(self) -> None:
        """Closes every file; SQLite then folds the logs into them."""
        for index in list(self._open):
            self._forget(index)

    def _connection(self, index: str) -> sqlite3.Connection:
        connection = self._open.get(index)
        if connection is not None:
            self._open.move_to_end(index)
            return connection
        while len(self._open) >= self.most_open:
            self._forget(next(iter(self._open)))
        connection = self._open[index] = files.open_for_writing(self.directory, index)
        return connection

    def _forget(self, index: str) -> None:
        connection = self._open.pop(index, None)
        if connection is not None:
            connection.close()


def _transaction(connection: sqlite3.Connection, operations: Sequence[Operation]) -> Outcome | None:
    """None if the file is marked as dropped."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        dropped, last_row = connection.execute(_STATE).fetchone()
        if dropped:
            connection.execute("ROLLBACK")
            return None
        changes = _Changes(connection, operations)
        for position, operation in enumerate(operations):
            changes.apply(position, operation)
        changes.save(last_row + 1)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return Outcome(changes.dead, changes.repeated)


_STATE = """
    SELECT EXISTS (SELECT 1 FROM facts WHERE name = 'dropped'),
           coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'documents'), 0)
"""
_FIND = """
    SELECT json_group_array(json_array(id, row, iif(?, CAST(source AS TEXT), NULL)))
    FROM documents WHERE id IN (SELECT value FROM json_each(?))
"""
_REMOVE = "DELETE FROM documents WHERE row IN (SELECT value FROM json_each(?))"

# ---------------------------------------------------------------------------------------------- operations


class _Changes:
    """The documents that a transaction touches: how they were, and how they will be."""

    def __init__(self, connection: sqlite3.Connection, operations: Sequence[Operation]) -> None:
        self.connection = connection
        self.dead: list[tuple[int, str]] = []
        self.repeated: list[int] = []
        self.before: dict[str, tuple[int, str | None]] = {}
        """Row and source of the documents that were there; their sources only if one may be changed."""
        self.after: dict[str, bytes | None] = {}
        """The sources of the documents that change; None takes one away."""
        self.words: dict[str, str] = {}
        changing = any(operation.action != "create" for operation in operations)
        ids = [operation.id for operation in operations if operation.id is not None]
        found = connection.execute(_FIND, (changing, _as_json(ids))).fetchone()[0]
        for document_id, row, source in orjson.loads(found):
            self.before[document_id] = (row, source)

    def apply(self, position: int, operation: Operation) -> None:
        """Does one operation, as Elasticsearch would after those before it."""
        action, document_id, source = operation
        try:
            if document_id is None:
                if action not in ("create", "index"):
                    raise ValueError(f"400 the action {action} needs an id")
                document_id = secrets.token_urlsafe(15)
            elif not document_id or "\0" in document_id or len(document_id.encode()) > _LONGEST_ID:
                raise ValueError(f"400 an id has 1 to {_LONGEST_ID} bytes, none of them 0: {document_id[:100]!r}")
            there = self.after[document_id] is not None if document_id in self.after else document_id in self.before
            if action == "create" and there:
                self.repeated.append(position)
            elif action in ("create", "index"):
                self._put(document_id, source)
            elif action == "update":
                self._update(document_id, source, there)
            elif action != "delete":
                raise ValueError(f'400 there is no action "{action}"')
            elif there:
                self.after[document_id] = None
        except (ValueError, RecursionError) as error:
            self.dead.append((position, str(error)))

    def _put(self, document_id: str, source: bytes) -> None:
        if source[:1] != b"{":
            raise ValueError("400 a document is a JSON object")
        self.words[document_id] = fold_json(source)
        self.after[document_id] = source

    def _update(self, document_id: str, source: bytes, there: bool) -> None:
        change = json.loads(source)
        if type(change) is not dict or "script" in change:
            raise ValueError("400 the embedded store runs no scripts: update with a document")
        document = change.get("doc")
        if not there:
            if not change.get("doc_as_upsert"):
                document = change.get("upsert")
            if type(document) is not dict:
                raise ValueError(f"404 document_missing_exception: [{document_id}]: document missing")
            self._put(document_id, bulk.encode(document)[:-1])
            return
        if type(document) is not dict:
            raise ValueError('400 an update has the fields to change in "doc"')
        old = self.after.get(document_id) or self.before[document_id][1]
        assert old is not None, "sources were fetched, as this is an update"
        merged = json.loads(old)  # not orjson: integers of any size must stay as they are
        if _merge(merged, document):
            self._put(document_id, bulk.encode(merged)[:-1])

    def save(self, row: int) -> None:
        """Writes what has changed; new documents, and new versions of old ones, get rows from `row` on."""
        gone = sorted(self.before[document_id] for document_id in self.after if document_id in self.before)
        if gone:
            self.connection.execute(_REMOVE, (_as_json([old_row for old_row, _ in gone]),))
            old_words = [(old_row, fold_json((source or "").encode())) for old_row, source in gone]
            _insert(self.connection, "words(words, rowid, text)", "('delete', ?, ?)", old_words)
        rows: list[tuple[Any, ...]] = []
        new_words: list[tuple[Any, ...]] = []
        for document_id, source in self.after.items():
            if source is not None:
                rows.append((row, document_id, timestamps.of_document(source), source))
                new_words.append((row, self.words[document_id]))
                row += 1
        _insert(self.connection, "documents(row, id, timestamp, source)", "(?, ?, ?, ?)", rows)
        _insert(self.connection, "words(rowid, text)", "(?, ?)", new_words)


def _merge(document: dict[str, Any], change: dict[str, Any]) -> bool:
    """Merges objects into objects and replaces the rest, as Elasticsearch does; False if nothing changed."""
    changed = False
    for key, value in change.items():
        old = document.get(key)
        if type(old) is dict and type(value) is dict:
            changed = _merge(old, value) or changed
        elif key not in document or type(old) is not type(value) or old != value:
            document[key] = value
            changed = True
    return changed


def _insert(connection: sqlite3.Connection, into: str, pattern: str, rows: Sequence[tuple[Any, ...]]) -> None:
    for start in range(0, len(rows), _ROWS):
        some = rows[start : start + _ROWS]
        flat = [value for row in some for value in row]
        connection.execute(f"INSERT INTO {into} VALUES {','.join([pattern] * len(some))}", flat)  # noqa: S608  (names are ours, values are bound)


def _as_json(values: Sequence[str | int]) -> str:
    return orjson.dumps(values).decode()
