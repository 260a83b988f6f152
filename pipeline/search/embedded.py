"""The embedded store, asked: each question in a thread, on connections of its own, beside whoever writes."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, TypeVar

from pipeline.kql.fields import values
from pipeline.kql.query import compile_query
from pipeline.search.counting import Percentiles, Tally, beginning, fields_of
from pipeline.search.questions import (
    PERCENTS,
    SAMPLE,
    After,
    Bucket,
    Fields,
    Found,
    Group,
    Index,
    Page,
    Question,
    Term,
    Terms,
    next_page,
    unbounded,
)
from pipeline.store import files, reader
from pipeline.store.reader import Hit, Scope, Search

Answer = TypeVar("Answer")
_LOOKED_AT = 20_000
"""So many of the newest documents are looked at for completion."""
_EVERYTHING = 1 << 62


@asynccontextmanager
async def opened(directory: Path) -> AsyncIterator[Embedded]:
    """The store in a folder; that there is none is told by the first question."""
    yield Embedded(directory)


class Embedded:
    """`Documents` of an embedded store."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    async def search(
        self, question: Question, *, limit: int = 100, oldest_first: bool = False, after: After | None = None
    ) -> Page:
        """The documents in the order of their time."""
        scope = _scope(question, after, oldest_first)
        without, timeless = (after.ids, after.timestamp is None) if after else (frozenset[str](), False)
        wanted = Search(scope, limit, oldest_first, without, timeless)
        hits = await asyncio.to_thread(lambda: [_found(hit) for hit in reader.search(self.directory, wanted)])
        return Page(hits, next_page(hits, limit, after, unbounded(question, scope.query)))

    async def count(self, question: Question) -> int:
        """How many documents there are."""
        return sum(bucket.count for bucket in await self._by_time(question, None))

    async def histogram(self, question: Question, interval: int) -> list[Bucket]:
        """Documents by time, those with a time."""
        return await self._by_time(question, interval)

    async def terms(self, question: Question, name: str, size: int = 10) -> Terms:
        """The most frequent values of a field."""

        def count(documents: Iterator[dict[str, Any]]) -> Terms:
            tally = Tally()
            for document in documents:
                tally.add(values(document, name))
            return tally.terms(size)

        return await self._over(question, count)

    async def percentiles(
        self, question: Question, name: str, percents: Sequence[float] = PERCENTS
    ) -> dict[float, float]:
        """Percentiles of the numbers in a field."""

        def take(documents: Iterator[dict[str, Any]]) -> dict[float, float]:
            found = Percentiles()
            for document in documents:
                found.add(values(document, name))
            return found.at(percents)

        return await self._over(question, take)

    async def groups(
        self,
        question: Question,
        by: str,
        *,
        size: int = 10,
        of: Sequence[str] = (),
        percents: Sequence[float] = PERCENTS,
    ) -> list[Group]:
        """The most frequent values of a field, each with percentiles: counted first, as only those need percentiles."""
        largest = (await self.terms(question, by, size)).terms
        if not of:
            return [Group(term.value, term.count) for term in largest]
        sketches = {(type(term.value), term.value): [Percentiles() for _ in of] for term in largest}

        def take(documents: Iterator[dict[str, Any]]) -> None:
            for document in documents:
                for value in {(type(value), value) for value in values(document, by)}:
                    for name, sketch in zip(of, sketches.get(value, ()), strict=False):
                        sketch.add(values(document, name))

        await self._over(question, take)
        return [
            Group(
                term.value,
                term.count,
                {
                    name: sketch.at(percents)
                    for name, sketch in zip(of, sketches[type(term.value), term.value], strict=True)
                },
            )
            for term in largest
        ]

    async def fields(self, question: Question) -> Fields:
        """The fields of the newest documents."""
        page = await self.search(question, limit=SAMPLE)
        return Fields(fields_of(hit.document for hit in page.hits), len(page.hits))

    async def values(self, question: Question, name: str, prefix: str = "", size: int = 10) -> list[Term]:
        """Frequent values of a field that begin so."""

        def count(documents: Iterator[dict[str, Any]]) -> list[Term]:
            tally = Tally()
            for looked_at, document in enumerate(documents):
                if looked_at == _LOOKED_AT:
                    break
                beginning(tally, document, name, prefix)
            return tally.terms(size).terms

        return await self._over(question, count)

    async def document(self, index: str, document_id: str) -> Found | None:
        """One document by its index and id; None where there is none."""
        hit = await asyncio.to_thread(reader.document, self.directory, index, document_id)
        return None if hit is None else _found(hit)

    async def indices(self) -> list[Index]:
        """The indices, by name."""
        sizes = await asyncio.to_thread(reader.sizes, self.directory)
        return [Index(each.index, each.documents, each.bytes) for each in sizes]

    async def close(self) -> None:
        """Nothing stays open between questions."""

    # ------------------------------------------------------------------------------------------ reading

    async def _over(self, question: Question, take: Callable[[Iterator[dict[str, Any]]], Answer]) -> Answer:
        """Lets a function read the documents of a question, file by file, until it has enough or is cancelled."""
        wanted = Search(_scope(question), _EVERYTHING)
        return await _in_thread(lambda stopped: take(_documents(self.directory, wanted, stopped)))

    async def _by_time(self, question: Question, interval: int | None) -> list[Bucket]:
        """Counts by time; without an interval all in one, those without a time among them."""
        wanted = Search(_scope(question), _EVERYTHING)

        def count(stopped: threading.Event) -> list[Bucket]:
            counts: Counter[int] = Counter()
            for connection in _connections(self.directory, wanted):
                if wanted.scope.query.everything:
                    counts.update(_counted(connection, wanted, interval))
                    continue
                with closing(reader.matching(connection, wanted)) as found:
                    for timestamp, *_ in found:
                        if stopped.is_set():
                            return []
                        if interval is None:
                            counts[0] += 1
                        elif timestamp is not None:
                            counts[timestamp // interval * interval] += 1
            return [Bucket(start, counts[start]) for start in sorted(counts) if counts[start]]

        return await _in_thread(count)


async def _in_thread(work: Callable[[threading.Event], Answer]) -> Answer:
    stopped = threading.Event()
    try:
        return await asyncio.to_thread(work, stopped)
    finally:
        stopped.set()


def _connections(directory: Path, wanted: Search) -> Iterator[sqlite3.Connection]:
    for path in reversed(files.existing(directory)):
        for index, connection in reader.reading(path):
            if reader.wants(wanted.scope, index):
                yield connection


def _documents(directory: Path, wanted: Search, stopped: threading.Event) -> Iterator[dict[str, Any]]:
    for connection in _connections(directory, wanted):
        with closing(reader.matching(connection, wanted)) as found:
            for *_, document in found:
                if stopped.is_set():
                    return
                yield document


def _counted(connection: sqlite3.Connection, wanted: Search, interval: int | None) -> dict[int, int]:
    """Counts without looking at documents, along the index by time."""
    since, until = wanted.scope.bounds
    if interval is None and since is None and until is None:
        return {0: connection.execute("SELECT count(*) FROM documents").fetchone()[0]}
    between = (-_EVERYTHING if since is None else since, _EVERYTHING if until is None else until)
    if interval is None:
        counted = connection.execute("SELECT count(*) FROM documents WHERE timestamp BETWEEN ? AND ?", between)
        return {0: counted.fetchone()[0]}
    return dict(
        connection.execute(
            "SELECT timestamp - (timestamp % ?1 + ?1) % ?1, count(*) FROM documents"
            " WHERE timestamp BETWEEN ?2 AND ?3 GROUP BY 1",
            (interval, *between),
        )
    )


def _scope(question: Question, after: After | None = None, oldest_first: bool = False) -> Scope:
    now = int(time.time() * 1000) if question.now is None else question.now
    since, until = question.since, question.until
    if after is not None and after.timestamp is not None:
        if oldest_first:
            since = after.timestamp
        else:
            until = after.timestamp
    return Scope(compile_query(question.query, now), since, until, question.indices)


def _found(hit: Hit) -> Found:
    return Found(hit.index, hit.id, hit.timestamp, reader.load(hit.source), hit.source)
