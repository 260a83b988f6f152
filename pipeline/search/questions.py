"""What can be asked of documents, and what comes back: one protocol over the embedded store and Elasticsearch.

    async with embedded.opened(Path("data")) as store:                # or cluster.opened("http://127.0.0.1:9200")
        question = Question('level: "error" and status >= 500', since=..., until=..., indices="apex-logs-*")
        page = await store.search(question, limit=50)                 # newest first
        more = await store.search(question, limit=50, after=page.after)       # None after the last page
        bars = await store.histogram(question, interval=60_000)       # one Bucket a minute that has documents
        routes = await store.terms(question, "route", size=10)        # .terms of value and count; .others
        times = await store.percentiles(question, "duration_ms")      # {50.0: 12.1, 95.0: ..., 99.0: ...}
        groups = await store.groups(question, "route", of=("duration_ms",))   # count and percentiles for each route
        found = await store.fields(question)                          # names, kinds, in how many of the newest
        names = await store.values(question, "route", prefix="/pro")  # for completion
        hit = await store.document("apex-logs-2026.11.23", "id")      # None if there is none

A query is KQL (docs/search.md); `pipeline.kql.writer.field_is(name, value)` writes a filter, to be joined
with ` and ` and `not `; `parse` checks a query without asking. All times are milliseconds since 1970, in UTC.

Every method raises `QueryError` (with `problem` and `position`) for a query that cannot be read, `StoreError` where
the embedded store cannot be, and `Unavailable`, `NotAuthorised` or `SearchFailed` for Elasticsearch. All may be called
at the same time. A question that is cancelled stops reading.

What it costs, in the embedded store: `search`, `fields`, `values` and `document` read what they return, and as much as
the words of the query do not rule out; `histogram` of everything counts along an index; `terms`, `percentiles`,
`groups` and a histogram of a query read each document in the range, about 100,000 a second. Memory is bounded: at most
`MOST_VALUES` different values are counted, and percentiles beyond 10,000 values are within 1 % of the exact ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from pipeline.errors import ApexLogsError
from pipeline.kql.query import Query

MOST_VALUES = 50_000
"""So many different values of a field are counted; beyond them the rarest are given up, and the answer says so."""
PERCENTS = (50.0, 95.0, 99.0)
SAMPLE = 1_000
"""So many of the newest documents are looked at for the list of fields."""


class SearchFailed(ApexLogsError):
    """Elasticsearch answered with an error; says which."""


@dataclass(frozen=True, slots=True)
class Question:
    """Which documents are meant."""

    query: str = "*"
    since: int | None = None
    """Documents of this time or later."""
    until: int | None = None
    """Documents of this time or earlier."""
    indices: str = "*"
    """Globs with commas between them. `*` means those of Elasticsearch that are not hidden."""
    now: int | None = None
    """What `now` is in the dates of the query; None for the time at which it is asked."""


@dataclass(frozen=True, slots=True)
class After:
    """Where the next page begins: at a time, without the documents of that time that were there already."""

    timestamp: int | None
    """None: among the documents without a time, which come last."""
    ids: frozenset[str]


@dataclass(frozen=True, slots=True)
class Found:
    """A document that was found, and where."""

    index: str
    id: str
    timestamp: int | None
    """None where it has no time that can be read."""
    document: dict[str, Any]
    source: bytes
    """The same as JSON; from the embedded store, to the byte as it was written."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the documents, in the order that was asked for."""

    hits: list[Found]
    after: After | None
    """For the next page; None where this was the last."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """So many documents from a time on, for as long as the interval."""

    start: int
    count: int


Value = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Term:
    """A value of a field, and how many documents have it."""

    value: Value
    count: int


@dataclass(frozen=True, slots=True)
class Terms:
    """The most frequent values of a field."""

    terms: list[Term]
    others: int
    """How many times there is another value."""
    exact: bool = True
    """Whether the counts are; else they may be too small."""


@dataclass(frozen=True, slots=True)
class Group:
    """The documents that have one value of a field, and percentiles of other fields among them."""

    value: Value
    count: int
    percentiles: dict[str, dict[float, float]] = field(default_factory=dict)
    """By field, then by percent; a field without numbers has none."""


@dataclass(frozen=True, slots=True)
class FieldFound:
    """A field of documents."""

    name: str
    kind: str
    """text, keyword, flattened, number, boolean, date, ip or other."""
    count: int
    """How many of the documents that were looked at have it."""


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of the newest documents, by name."""

    fields: list[FieldFound]
    documents: int
    """How many were looked at, `SAMPLE` at most."""


@dataclass(frozen=True, slots=True)
class Index:
    """An index, and how much is in it."""

    index: str
    documents: int
    bytes: int


class Documents(Protocol):
    """Something to ask; see the head of this module."""

    async def search(
        self, question: Question, *, limit: int = 100, oldest_first: bool = False, after: After | None = None
    ) -> Page:
        """The documents in the order of their time."""

    async def count(self, question: Question) -> int:
        """How many documents there are."""

    async def histogram(self, question: Question, interval: int) -> list[Bucket]:
        """Documents by time, without empty buckets, which begin at multiples of the interval (milliseconds)."""

    async def terms(self, question: Question, name: str, size: int = 10) -> Terms:
        """The most frequent values of a field, the most frequent first."""

    async def percentiles(
        self, question: Question, name: str, percents: Sequence[float] = PERCENTS
    ) -> dict[float, float]:
        """Percentiles of the numbers in a field; empty where there are none."""

    async def groups(
        self,
        question: Question,
        by: str,
        *,
        size: int = 10,
        of: Sequence[str] = (),
        percents: Sequence[float] = PERCENTS,
    ) -> list[Group]:
        """The most frequent values of a field, each with percentiles of other fields."""

    async def fields(self, question: Question) -> Fields:
        """The fields of the newest documents, with kinds and counts."""

    async def values(self, question: Question, name: str, prefix: str = "", size: int = 10) -> list[Term]:
        """Frequent values of a field that begin so, among the newest documents."""

    async def document(self, index: str, document_id: str) -> Found | None:
        """One document by its index and id; None where there is none."""

    async def indices(self) -> list[Index]:
        """The indices, by name."""

    async def close(self) -> None:
        """Ends the connections."""


def next_page(hits: Sequence[Found], limit: int, before: After | None, timeless: bool) -> After | None:
    """Where the page after these hits begins; None where there are no more.

    A page that begins at a time holds no documents without one; where those are meant, they have pages of their own.
    """
    if len(hits) < limit:
        return After(None, frozenset()) if timeless and before is not None and before.timestamp is not None else None
    last = hits[-1].timestamp
    ids = frozenset(hit.id for hit in hits if hit.timestamp == last)
    if before is not None and before.timestamp == last:
        ids |= before.ids
    return After(last, ids)


def unbounded(question: Question, query: Query) -> bool:
    """Whether documents without a time may be among those that are meant."""
    return all(bound is None for bound in (question.since, question.until, query.since, query.until))
