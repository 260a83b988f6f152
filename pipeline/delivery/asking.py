"""Asks the outside world for the events that wait at a cut: once for all the distinct keys of a batch."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from pipeline.delivery.turns import Turns
from pipeline.event import Event
from pipeline.flow import Flow, Guard, Question, Waiting


async def settle(flow: Flow, guard: Guard, turns: Turns | None = None) -> None:
    """Answers what waits until nothing waits any more, and routes the events: each in the place that it had.

    Meanwhile the loop gets its turns, if they are given.
    """
    here = _taken(flow)
    while any(entry.question is not None for entry in here):
        answers = await _asked(here)
        there: list[Waiting] = []
        for entry in here:
            if entry.question is None:
                there.append(entry)
                continue
            guard(_going_on(entry, answers[id(entry.question)]), entry.event)
            there += _taken(flow)
            if turns is not None and turns.passed():
                await turns.give()
        here = there
    for entry in here:
        guard(flow.route, entry.event)
        if turns is not None and turns.passed():
            await turns.give()


def _taken(flow: Flow) -> list[Waiting]:
    taken = flow.waiting.copy()
    flow.waiting.clear()
    return taken


async def _asked(here: Sequence[Waiting]) -> dict[int, Mapping[Hashable, Any] | BaseException]:
    """The answers, or what a look-up raised, by the identity of the question."""
    wanted: dict[int, tuple[Question, dict[Hashable, None]]] = {}
    for entry in here:
        if entry.question is not None:
            keys = wanted.setdefault(id(entry.question), (entry.question, {}))[1]
            if entry.key is not None:
                keys[entry.key] = None
    found = await asyncio.gather(
        *(question.look_up(list(keys)) for question, keys in wanted.values() if keys), return_exceptions=True
    )
    answered = iter(found)
    return {number: next(answered) if keys else {} for number, (_, keys) in wanted.items()}


def _going_on(entry: Waiting, answers: Mapping[Hashable, Any] | BaseException) -> Any:
    if entry.key is None:
        return entry.proceed
    resume, answer = entry.resume, answers if isinstance(answers, BaseException) else answers.get(entry.key)
    assert resume is not None

    def go_on(event: Event) -> None:
        resume(event, answer)

    return go_on
