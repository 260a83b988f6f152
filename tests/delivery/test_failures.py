"""What fails where no batch is at hand, and a disk that refuses dead letters."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.batch import Batch, Origin
from pipeline.delivery.dead_letters import DeadLetter, DeadLetterQueue, Taken, read
from pipeline.delivery.outlets import Departures, Limits, Outlet
from pipeline.delivery.retry import Backoff, Courier, bury
from pipeline.delivery.tickets import InFlight, Ticket
from pipeline.delivery.worker import Fates, Source, Worker
from pipeline.errors import StoreError, Unjudged
from pipeline.event import Event
from pipeline.flow import Continue, Flow
from pipeline.metrics import Counters
from pipeline.plugin import Holding, Reject, Sent
from tests.harness import ScriptedInput, ScriptedOutput

LETTER = DeadLetter("why", "where", b"what", {"id": "x"})


@pytest.mark.parametrize("refusals", [0, 1, 3])
def test_letters_wait_for_the_disk(refusals: int) -> None:
    class Queue:
        tries = 0

        async def put(self, letters: list[DeadLetter]) -> Taken:
            self.tries += 1
            if self.tries <= refusals:
                raise StoreError("the disk is full")
            return Taken(len(letters))

    queue, counters = Queue(), Counters()
    asyncio.run(bury(queue, [LETTER, LETTER], counters, Backoff(0, 0)))  # a queue that fails twice
    assert (queue.tries, counters.dead) == (refusals + 1, 2)


async def flushed(folder: Path, events: list[Event], process: Continue | None, output: ScriptedOutput) -> Counters:
    """A holding filter lets go of events of its own at the end; each runs `process`, else goes to the output."""
    counters, in_flight = Counters(), InFlight(1000, 1_000_000)
    queue, fates = DeadLetterQueue(folder, "main"), Fates(counters)
    held = list(events)

    def flush(now: float, final: bool) -> Iterable[Event]:
        return [held.pop(0) for _ in list(held)] if final else []

    async with asyncio.TaskGroup() as tasks:
        courier = Courier(output, "out", queue, counters, Backoff(0, 0))
        outlet = Outlet(courier, in_flight, Limits(delay=60), fates.failed, Departures(tasks))
        holding = Holding(lambda event: [], flush)
        proceed = process or outlet.add
        fates.flow = Flow(outlet.add, [], outlet.add, [(holding, proceed)], lambda error: "the filter", "")
        worker = Worker(fates.flow, fates, [outlet], in_flight, queue, counters)
        await worker.run(Source(ScriptedInput([b"a"]), None, "in"))
        await worker.flush(1.0, False)
        await worker.flush(2.0, True)
        await outlet.drain()
        await in_flight.empty()
    queue.close()
    return counters


def letters(folder: Path) -> list[dict[str, Any]]:
    return [letter for _, letter in read(folder)]


def test_what_a_filter_made_of_its_own_state_is_delivered(tmp_path: Path) -> None:
    output = ScriptedOutput()
    counters = asyncio.run(flushed(tmp_path, [Event({"sum": 1})], None, output))
    assert [eval(item).get("sum") for item in output.written] == [None, 1]
    assert (counters.decoded, counters.delivered) == (1, 2)


def test_and_where_it_is_refused_its_letter_holds_the_item(tmp_path: Path) -> None:
    output = ScriptedOutput([Sent(dead=[(1, "mapping")])])
    counters = asyncio.run(flushed(tmp_path, [Event({"sum": 1})], None, output))
    [letter] = letters(tmp_path)
    assert (letter["reason"], letter["item"], letter["original"]) == ("mapping", "{'sum': 1}\n", "")
    assert counters.dead == 1


@pytest.mark.parametrize(("value", "kept"), [("x", '{"sum":"x"}'), ("\ud800", '{"sum":"\\ud800"}')])
def test_and_where_it_fails_its_letter_holds_its_fields(tmp_path: Path, value: str, kept: str) -> None:
    def fail(event: Event) -> None:
        raise ValueError("no")

    asyncio.run(flushed(tmp_path, [Event({"sum": value})], fail, ScriptedOutput()))
    [letter] = letters(tmp_path)
    assert (letter["reason"], letter["original"], letter["origin"]) == ("ValueError: no", kept, {})


def test_and_where_no_condition_can_judge_it_it_is_dropped(tmp_path: Path) -> None:
    def unjudged(event: Event) -> None:
        raise Unjudged("no order")

    counters = asyncio.run(flushed(tmp_path, [Event({"sum": 1})], unjudged, ScriptedOutput()))
    assert (counters.dropped, letters(tmp_path)) == (1, [])


class Failing(ScriptedInput):
    """An input whose decoder fails behind the first line of a batch."""

    def decode(self, data: bytes, origin: Origin, reject: Reject) -> Iterator[Event]:
        yield next(iter(super().decode(data, origin, reject)))
        raise ValueError("no more")


def test_an_event_of_a_batch_that_cannot_be_decoded_whole_is_dead_lettered(tmp_path: Path) -> None:
    """Its original is found, though the batch fails again where it failed; so is that of one whose filter fails."""

    async def scenario(failing: bool) -> None:
        counters, in_flight = Counters(), InFlight(1000, 1_000_000)
        queue, fates = DeadLetterQueue(tmp_path, "main"), Fates(counters)
        async with asyncio.TaskGroup() as tasks:
            output = ScriptedOutput([Sent(dead=[(0, "mapping")])])
            outlet = Outlet(
                Courier(output, "out", queue, counters), in_flight, Limits(delay=0), fates.failed, Departures(tasks)
            )
            process: Continue = (lambda event: {}["x"]) if failing else outlet.add
            flow = Flow(process, [], outlet.add, [], lambda error: "the filter", "")
            worker = Worker(flow, fates, [outlet], in_flight, queue, counters)
            await worker.run(Source(Failing([b"a\nb"]), None, "in", "beats"))
            await outlet.drain()
            await in_flight.empty()
        queue.close()

    for failing in (False, True):
        asyncio.run(scenario(failing))
    found = [(letter["original"], letter.get("id"), letter["reason"]) for letter in letters(tmp_path)]
    whole, refused, failed = "cannot be decoded: no more", "mapping", "KeyError: 'x'"
    assert sorted(found, key=str) == sorted(
        [("a\nb", None, whole), ("a", "batch0-0", refused), ("a", "batch0-0", failed), ("a\nb", None, whole)], key=str
    )


def test_nothing_departs_when_the_pipeline_is_ending(tmp_path: Path) -> None:
    """The parcel under way has failed for good: the next one stays, its batch is not acknowledged."""
    in_flight, output, ended = InFlight(1000, 1_000_000), ScriptedOutput([StoreError("gone")]), list[int]()

    async def scenario() -> None:
        async with asyncio.TaskGroup() as tasks:
            courier = Courier(output, "out", DeadLetterQueue(tmp_path, "main"), Counters())
            outlet = Outlet(courier, in_flight, Limits(items=1), lambda *_: None, Departures(tasks))
            ticket = Ticket(Batch(b"", {"id": "x"}, ended.append, lambda error: None), ScriptedInput([]), in_flight)
            outlet.begin(ticket)
            outlet.add(Event({"n": 1}))
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                outlet.add(Event({"n": 2}))
                outlet.pause()
                ticket.seal(2)
                raise

    with pytest.raises(ExceptionGroup, match="unhandled errors"):
        asyncio.run(scenario())
    assert (ended, len(output.bodies)) == ([], 1)
