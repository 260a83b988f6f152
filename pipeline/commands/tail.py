"""`apex-logs tail`: the newest documents of a query, and with `-f` those that come."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from pipeline.commands.asking import Asked, Where, ask
from pipeline.commands.search import Look, emit
from pipeline.search.following import following
from pipeline.search.questions import Documents


def tail(where: Where, asked: Asked, look: Look, lines: int, interval: float | None) -> int:
    """Prints the newest documents, the newest last; with an interval, in seconds, looks for more for ever."""
    return ask(where, partial(_print_tail, asked, look, lines, interval))


async def _print_tail(asked: Asked, look: Look, lines: int, interval: float | None, documents: Documents) -> None:
    question = replace(asked.question(), now=None)
    page = await documents.search(question, limit=lines)
    emit(page.hits[::-1], look)
    if interval is None:
        return
    async for hits in following(documents, question, page.hits, interval):
        emit(hits, look)
