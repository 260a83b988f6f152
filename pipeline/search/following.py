"""What comes: the documents of a question that appear while someone looks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

from pipeline.search.questions import Documents, Found, Question

_AT_ONCE = 1_000
LATE = 10_000
"""So many milliseconds may a document be older than the newest one, and is still seen when it comes."""


async def following(
    documents: Documents, question: Question, shown: list[Found], interval: float
) -> AsyncIterator[list[Found]]:
    """What comes, oldest first, in lists; documents that are there already are not among them."""
    edge = max((hit.timestamp for hit in shown if hit.timestamp is not None), default=question.since)
    seen = {(hit.index, hit.id): hit.timestamp async for hit in _from(documents, question, edge)}
    seen |= {(hit.index, hit.id): hit.timestamp for hit in shown}
    while True:
        await asyncio.sleep(interval)
        fresh = [hit async for hit in _from(documents, question, edge) if (hit.index, hit.id) not in seen]
        if not fresh:
            continue
        yield fresh
        edge = max((hit.timestamp for hit in fresh if hit.timestamp is not None), default=edge)
        seen |= {(hit.index, hit.id): hit.timestamp for hit in fresh}
        oldest = (edge or 0) - LATE
        seen = {name: timestamp for name, timestamp in seen.items() if timestamp is not None and timestamp >= oldest}


async def _from(documents: Documents, question: Question, edge: int | None) -> AsyncIterator[Found]:
    """The documents from a little before a time on; without a time, all that have one."""
    since = -(1 << 50) if edge is None else edge - LATE
    narrowed = replace(question, since=since if question.since is None else max(since, question.since))
    after = None
    while True:
        page = await documents.search(narrowed, limit=_AT_ONCE, oldest_first=True, after=after)
        for hit in page.hits:
            yield hit
        after = page.after
        if after is None:
            return
