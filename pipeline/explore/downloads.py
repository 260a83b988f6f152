"""The result as a file: every document of a question, as NDJSON to the byte, or as CSV of the chosen columns."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Sequence

from pipeline.explore.rows import as_text, columns_of
from pipeline.explore.view import TIME
from pipeline.kql.fields import values
from pipeline.search.questions import Documents, Found, Page, Question

FORMATS = {"csv": "text/csv; charset=utf-8", "ndjson": "application/x-ndjson"}
AT_ONCE = 1_000
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


async def ndjson(documents: Documents, question: Question, first: Page) -> AsyncIterator[bytes]:
    """One document a line, as it was stored."""
    async for hits in _pages(documents, question, first):
        yield b"".join(hit.source.replace(b"\n", b" ") + b"\n" for hit in hits)


async def csv_lines(
    documents: Documents, question: Question, first: Page, chosen: Sequence[str]
) -> AsyncIterator[bytes]:
    """A heading, then one document a line. A text that a spreadsheet would compute gets an apostrophe before it."""
    names = [TIME, *columns_of(first.hits, chosen)]
    yield _line([name if name == TIME else _inert(name) for name in names])
    async for hits in _pages(documents, question, first):
        yield b"".join(_line([_cell(hit, name) for name in names]) for hit in hits)


async def _pages(documents: Documents, question: Question, page: Page) -> AsyncIterator[list[Found]]:
    yield page.hits
    while page.after is not None:
        page = await documents.search(question, limit=AT_ONCE, after=page.after)
        yield page.hits


def _cell(hit: Found, name: str) -> str:
    found = list(values(hit.document, name))
    text = ", ".join(map(as_text, found))
    return _inert(text) if found and type(found[0]) is str else text


def _inert(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _line(cells: Sequence[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue().encode(errors="replace")
