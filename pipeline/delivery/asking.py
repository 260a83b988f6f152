"""Asks the outside world for the events that wait at a cut: once for all the distinct keys of a batch."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Mapping
from typing import Any

from pipeline.event import Event
from pipeline.flow import Guard, Question, Waiting


async def settle(waiting: list[Waiting], guard: Guard) -> None:
    """Answers what waits, and lets every event go on in its order, until nothing waits any more."""
    while waiting:
        here, waiting[:] = list(waiting), []
        wanted: dict[int, tuple[Question, dict[Hashable, None]]] = {}
        for _, question, key, _ in here:
            if question is not None and key is not None:
                wanted.setdefault(id(question), (question, {}))[1][key] = None
        found = await asyncio.gather(
            *(question.look_up(list(keys)) for question, keys in wanted.values()), return_exceptions=True
        )
        answers = dict(zip(wanted, found, strict=True))
        for entry in here:
            guard(_going_on(entry, answers), entry.event)


def _going_on(entry: Waiting, answers: Mapping[int, Any]) -> Any:
    if entry.question is None or entry.key is None:
        return entry.proceed
    question, answer = entry.question, answers[id(entry.question)]

    def go_on(event: Event) -> None:
        if isinstance(answer, BaseException):
            raise answer
        question.answered(event, answer.get(entry.key))
        entry.proceed(event)

    return go_on
