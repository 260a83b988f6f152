"""What the page asks of the documents, and what it says where they cannot be asked."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.errors import ApexLogsError, StoreError
from pipeline.explore.periods import BadTime, width_of_bars
from pipeline.explore.view import View
from pipeline.kql.tree import QueryError
from pipeline.search.questions import After, Bucket, Documents, Question

PAGE = 200
"""Documents on the table at first, and so many more at a time."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why there is no answer, and what to do."""

    title: str
    remedy: str
    place: str = ""
    """Of a query: its text with a caret below the place."""


@dataclass(frozen=True, slots=True)
class Bars:
    """The histogram of a question."""

    buckets: list[Bucket]
    width: int
    """Milliseconds of a bar."""
    since: int
    until: int
    timeless: bool = False
    """Whether there are documents without a time as well: they have no bar."""

    @property
    def total(self) -> int:
        """How many documents have a bar."""
        return sum(bucket.count for bucket in self.buckets)


def now() -> int:
    """Milliseconds since 1970."""
    return int(time.time() * 1000)


async def bars(documents: Documents, question: Question) -> Bars | None:
    """The histogram over the range of the question, or as far as its documents reach; None where none has a time."""
    since, until = question.since, question.until
    timeless = False
    if since is None and until is None:
        timeless = bool((await documents.search(question, limit=1, after=After(None, frozenset()))).hits)
    if since is None or until is None:
        # An open end is where the documents end, which costs two short looks.
        first = (await documents.search(question, limit=1, oldest_first=True)).hits
        last = (await documents.search(question, limit=1)).hits
        if not first or not last or first[0].timestamp is None or last[0].timestamp is None:
            return None
        since = first[0].timestamp if since is None else since
        until = max(last[0].timestamp, since) if until is None else until
    width = width_of_bars(since, until)
    buckets = await documents.histogram(replace(question, since=since, until=until), width)
    return Bars(buckets, width, since, until, timeless)


def trouble(error: Exception, where: str) -> Trouble | None:
    """An error as it is shown; None for one that is a fault of ours."""
    match error:
        case QueryError():
            _, _, place = str(error).partition("\n")
            return Trouble(f"Cannot read this query: {error.problem}", "Mend it at the mark.", place)
        case BadTime():
            return Trouble("Cannot read this time", str(error))
        case StoreError() if not (Path(where) / "indices").is_dir():
            remedy = (
                f"Make one with: apex-logs run -f FILE.conf --embedded {where}\nor name its folder with --embedded."
            )
            return Trouble(str(error)[:1].upper() + str(error)[1:], remedy)
        case ApexLogsError():
            return Trouble(f"Cannot ask {where}", str(error))
    return None


def nothing(view: View, empty: bool, where: str) -> Trouble:
    """What to do where nothing was found; `empty` says that there are no documents at all."""
    if empty:
        remedy = f"Send some: apex-logs run -f FILE.conf --embedded {where}; this page shows them with Refresh or Live."
        return Trouble(f"No documents in {where} yet", remedy)
    ways = []
    if view.since or view.until:
        ways.append("widen the time")
    if view.filters:
        ways.append("remove a filter")
    if view.query.strip() not in ("", "*"):
        ways.append("ask for less: a word of a message, or level:error")
    return Trouble("No document matches", f"Try to {', or '.join(ways)}." if ways else "Choose another index.")
