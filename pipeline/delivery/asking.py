"""Asks the outside world for the events that wait at a cut: once for all the distinct keys of a batch."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Mapping
from operator import attrgetter
from typing import Any

from pipeline.event import Event
from pipeline.flow import Continue, Flow, Guard, Question, Waiting


async def settle(flow: Flow, guard: Guard) -> None:
    """Answers what waits until nothing waits any more, and routes the events in the order of their decoding."""
    while flow.waiting:
        here = list(flow.waiting)
        flow.waiting.clear()
        wanted: dict[int, tuple[Question, dict[Hashable, None]]] = {}
        for _, question, key, _ in here:
            if key is not None:
                wanted.setdefault(id(question), (question, {}))[1][key] = None
        found = await asyncio.gather(
            *(question.look_up(list(keys)) for question, keys in wanted.values()), return_exceptions=True
        )
        answers = dict(zip(wanted, found, strict=True))
        for entry in here:
            guard(_going_on(entry, answers), entry.event)
    if flow.arrived:
        arrived = sorted(flow.arrived, key=attrgetter("ordinal"))
        flow.arrived.clear()
        for event in arrived:
            guard(flow.route, event)


def _going_on(entry: Waiting, answers: Mapping[int, Any]) -> Continue:
    if entry.key is None:
        return entry.proceed
    answer = answers[id(entry.question)]

    def go_on(event: Event) -> None:
        if isinstance(answer, BaseException):
            raise answer
        entry.question.answered(event, answer.get(entry.key))
        entry.proceed(event)

    return go_on
