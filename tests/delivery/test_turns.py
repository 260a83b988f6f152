"""The turns of the loop: not too late with slow events, and cheap with quick ones; and that a worker gives them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from pipeline.batch import Batch
from pipeline.delivery import turns as turns_module
from pipeline.delivery.dead_letters import DeadLetterQueue
from pipeline.delivery.tickets import InFlight
from pipeline.delivery.turns import LONGEST, TURN, Turns
from pipeline.delivery.worker import Fates, Source, Worker
from pipeline.event import Event
from pipeline.flow import Flow, Waiting
from pipeline.metrics import Counters
from pipeline.plugin import Holding
from tests.harness import FakeClock, ScriptedInput


class Times:
    """Events that take a time each; when the clock was looked at, and when the loop had a turn."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.turns = Turns(self.clock.now)
        self.looks = 0
        self.longest = 0.0
        """Seconds between two turns."""
        self._since = self.clock.now()

    def pass_by(self, seconds: float, events: int) -> None:
        self.turns.begin()
        look = self.turns.stride
        for number in range(1, events + 1):
            self.clock.time += seconds
            if number >= look:
                self.looks += 1
                if self.turns.due():
                    self.longest = max(self.longest, self.clock.now() - self._since)
                    asyncio.run(self.turns.give())
                    self._since = self.clock.now()
                look = number + self.turns.stride


@pytest.mark.parametrize("seconds", [1e-5, 1e-4, 1e-3, 1e-2, 0.03])
def test_events_of_one_kind_keep_the_loop_little_longer_than_a_turn(seconds: float) -> None:
    times = Times()
    times.pass_by(seconds, 2000)
    assert times.longest <= 1.3 * TURN + seconds


def test_of_quick_events_the_clock_is_looked_at_seldom() -> None:
    times = Times()
    times.pass_by(1e-5, 64_000)
    assert times.looks < 1010
    assert times.turns.stride == LONGEST


def test_a_slow_stretch_shortens_the_stride_and_quick_events_lengthen_it_again() -> None:
    times = Times()
    times.pass_by(1e-5, 1000)
    times.pass_by(0.002, 300)
    assert times.turns.stride <= 6
    times.longest = 0.0
    times.pass_by(0.002, 300)
    assert times.longest <= 1.5 * TURN
    times.pass_by(1e-5, 1000)
    assert times.turns.stride == LONGEST


def test_events_slower_than_a_turn_have_one_after_each() -> None:
    times = Times()
    times.pass_by(0.2, 50)
    assert times.longest == pytest.approx(0.2)
    assert times.turns.stride == 1


async def work(folder: Path, source: ScriptedInput, count: int) -> list[int]:
    """How many events had passed whenever the loop had a turn."""
    counters, in_flight = Counters(), InFlight(10_000, 1_000_000)
    fates, processed, seen = Fates(counters), list[Event](), list[int]()
    fates.flow = Flow(processed.append, [], processed.append, [], lambda error: "", "")
    worker = Worker(fates.flow, fates, [], in_flight, DeadLetterQueue(folder, "main"), counters)

    async def beside() -> None:
        while len(processed) < count:
            seen.append(len(processed))
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(beside())
        tasks.create_task(worker.run(Source(source, None, "in")))
    return seen


def test_the_loop_gets_a_turn_in_the_middle_of_a_large_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns_module, "TURN", -1.0)
    seen = asyncio.run(work(tmp_path, ScriptedInput([b"x\n" * 500]), 500))
    assert any(0 < count < 500 for count in seen)


def test_and_after_each_event_of_one_that_may_be_deadly(tmp_path: Path) -> None:
    class Careful(ScriptedInput):
        async def batches(self) -> AsyncIterator[Batch]:
            async for batch in super().batches():
                yield Batch(batch.data, batch.origin, batch.end, batch.refuse, careful=True)

    seen = asyncio.run(work(tmp_path, Careful([b"x\n" * 20]), 20))
    assert set(seen) >= set(range(1, 20))


class Knowing:
    """A question with one answer."""

    async def look_up(self, keys: Sequence[Hashable]) -> Mapping[Hashable, Any]:
        return dict.fromkeys(keys, "answer")


def test_and_while_answers_are_taken_up_and_held_events_are_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What follows a filter that asks, the routing, and what a filter that holds lets go."""
    monkeypatch.setattr(turns_module, "TURN", -1.0)
    monkeypatch.setattr(turns_module, "_GOAL", -1.0)
    done: list[Event] = []
    seen: set[int] = set()

    async def scenario() -> None:
        counters, in_flight = Counters(), InFlight(10_000, 1_000_000)
        fates, waiting = Fates(counters), list[Waiting]()

        def ask(event: Event) -> None:
            waiting.append(Waiting(event, Knowing(), "key", done.append, resume))

        def resume(event: Event, answer: Any) -> None:
            done.append(event)
            waiting.append(Waiting(event))

        held = Holding(lambda event: [], lambda now, final: (Event({}) for _ in range(20)))
        fates.flow = Flow(ask, waiting, done.append, [(held, ask)], lambda error: "", "")
        worker = Worker(fates.flow, fates, [], in_flight, DeadLetterQueue(tmp_path, "main"), counters)

        async def beside() -> None:
            while len(done) < 40:
                seen.add(len(done) * 100 + len(waiting))
                await asyncio.sleep(0)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(beside())
            tasks.create_task(worker.flush(0.0, False))

    asyncio.run(scenario())
    assert {number // 100 for number in seen} >= set(range(40))
    assert {number % 100 for number in seen} >= set(range(1, 20))
