"""From batches to their ends: what is acknowledged when, and what becomes of what fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pipeline.delivery.dead_letters import DeadLetterQueue, read
from pipeline.delivery.outlets import Departures, Limits, Outlet
from pipeline.delivery.retry import Backoff, Courier
from pipeline.delivery.tickets import InFlight
from pipeline.delivery.worker import Fates, Source, Worker
from pipeline.errors import BodyTooLarge, BrokenFraming, NotAuthorised, StoreError, Unavailable, Unjudged
from pipeline.event import Event
from pipeline.flow import Flow
from pipeline.metrics import Counters
from pipeline.plugin import Sent
from tests.harness import ScriptedInput, ScriptedOutput


@dataclass
class Bench:
    """A worker with its surroundings; `process` routes every event to every output unless a test says otherwise."""

    folder: Path
    outputs: Sequence[ScriptedOutput]
    process: Callable[[Event, Callable[[Event], None]], None] = lambda event, route: route(event)
    limits: Limits = field(default_factory=lambda: Limits(delay=0))
    in_flight: InFlight = field(default_factory=lambda: InFlight(1000, 1_000_000))
    counters: Counters = field(default_factory=Counters)
    pauses: list[float] = field(default_factory=list)
    decorate: Callable[[Event], None] | None = None
    longest: float = 4

    def run(self, *inputs: ScriptedInput) -> None:
        asyncio.run(self.deliver(*inputs))

    async def deliver(self, *inputs: ScriptedInput) -> None:
        dead_letters = DeadLetterQueue(self.folder / "dlq", "main")
        fates = Fates(self.counters)

        async def pause(seconds: float) -> None:
            self.pauses.append(seconds)
            for _ in range(5):  # what the others have to do takes no time
                await asyncio.sleep(0)

        async with asyncio.TaskGroup() as tasks:
            departures = Departures(tasks)
            outlets = []
            for number, output in enumerate(self.outputs):
                courier = Courier(output, f"out{number}", dead_letters, self.counters, Backoff(1, self.longest), pause)
                outlets.append(Outlet(courier, self.in_flight, self.limits, fates.failed, departures))

            def route(event: Event) -> None:
                for outlet in outlets:
                    outlet.add(event)

            fates.flow = Flow(lambda event: self.process(event, route), [], route, [], lambda error: "the filter", "")
            worker = Worker(fates.flow, fates, outlets, self.in_flight, dead_letters, self.counters)
            async with asyncio.TaskGroup() as group:
                for item in inputs:
                    group.create_task(worker.run(Source(item, self.decorate, "the input")))
            for outlet in outlets:
                await outlet.drain()
            await self.in_flight.empty()
        dead_letters.close()

    def letters(self) -> list[dict[str, Any]]:
        return [letter for _, letter in read(self.folder / "dlq")]


def messages(output: ScriptedOutput) -> list[str]:
    return [eval(item)["message"] for item in output.written]


def test_every_event_is_written_and_every_batch_ends(tmp_path: Path) -> None:
    source, output = ScriptedInput([b"a\nb", b"", b"c"]), ScriptedOutput()
    bench = Bench(tmp_path, [output])
    bench.run(source)
    assert messages(output) == ["a", "b", "c"]
    assert source.ended == {0: 2, 1: 0, 2: 1}
    assert bench.counters.as_dict() | {"decoded": 3, "delivered": 3} == bench.counters.as_dict()
    assert (bench.in_flight.events, bench.in_flight.bytes) == (0, 0)


def test_a_batch_ends_only_when_all_outputs_have_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        fast, slow = ScriptedOutput(), ScriptedOutput()
        slow.gate = asyncio.Event()
        source = ScriptedInput([b"a"])
        work = asyncio.create_task(Bench(tmp_path, [fast, slow]).deliver(source))
        while not fast.written:
            await asyncio.sleep(0)
        assert source.ended == {}
        slow.gate.set()
        await work
        assert source.ended == {0: 1}

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("script", "retried"),
    [
        ([Unavailable("no answer")], 3),
        ([Unavailable("no answer"), Unavailable("no answer")], 6),
        ([Sent(again=[(1, "429")])], 1),
        ([Sent(again=[(0, "429"), (2, "429")]), Sent(again=[(1, "429")])], 3),
        ([NotAuthorised("401")], 3),
        ([BodyTooLarge("413")], 0),
        ([BodyTooLarge("413"), Unavailable("cut")], 1),
    ],
)
def test_what_is_refused_for_now_is_sent_again_until_written_once(
    tmp_path: Path, script: list[Sent | Exception], retried: int
) -> None:
    source, output = ScriptedInput([b"a\nb\nc"]), ScriptedOutput(script)
    bench = Bench(tmp_path, [output])
    bench.run(source)
    assert sorted(messages(output)) == ["a", "b", "c"]
    assert source.ended == {0: 3}
    assert (bench.counters.retried, bench.counters.delivered, bench.counters.dead) == (retried, 3, 0)


def test_an_item_refused_for_good_is_a_dead_letter_with_its_original(tmp_path: Path) -> None:
    source, output = ScriptedInput([b"a\nb", b"c"]), ScriptedOutput([Sent(dead=[(1, "mapping")], duplicates=1)])
    bench = Bench(tmp_path, [output])
    bench.run(source)
    assert source.ended == {0: 2, 1: 1}
    [letter] = bench.letters()
    assert letter["item"].startswith("{'message': 'b'")
    assert {key: letter[key] for key in ("reason", "plugin", "original", "id", "origin", "pipeline")} == {
        "reason": "mapping",
        "plugin": "out0",
        "original": "b",
        "id": "batch0-1",
        "origin": {"id": "batch0"},
        "pipeline": "main",
    }
    assert (bench.counters.delivered, bench.counters.duplicates, bench.counters.dead) == (1, 1, 1)


def test_a_single_item_that_is_too_large_is_a_dead_letter(tmp_path: Path) -> None:
    source, output = ScriptedInput([b"a"]), ScriptedOutput([BodyTooLarge("413")])
    bench = Bench(tmp_path, [output])
    bench.run(source)
    assert source.ended == {0: 1}
    assert bench.letters()[0]["reason"] == "the receiver refuses it even alone: 413"


def test_an_event_that_a_filter_fails_on_is_dead_lettered_alone(tmp_path: Path) -> None:
    def process(event: Event, route: Callable[[Event], None]) -> None:
        if event.fields["message"] == "bad":
            raise RuntimeError("boom")
        if event.fields["message"] == "odd":
            raise Unjudged("no order")
        route(event)

    source, output = ScriptedInput([b"a\nbad\nodd\nundecodable\nb"]), ScriptedOutput()
    bench = Bench(tmp_path, [output], process)
    bench.run(source)
    assert messages(output) == ["a", "b"]
    assert source.ended == {0: 5}
    assert [(letter["plugin"], letter["original"], letter["reason"]) for letter in bench.letters()] == [
        ("the filter", "bad", "RuntimeError: boom"),
        ("the input", "undecodable", "cannot be decoded: not decodable"),
    ]
    assert bench.counters.dropped == 1


def test_a_render_that_fails_leaves_the_body_as_it_was(tmp_path: Path) -> None:
    class Picky(ScriptedOutput):
        def render(self, event: Event, body: bytearray) -> None:
            body += b"half"
            if event.fields["message"] == "bad":
                raise ValueError("cannot render")
            del body[-4:]
            super().render(event, body)

    source, output = ScriptedInput([b"bad\na\nbad\nb"]), Picky()
    bench = Bench(tmp_path, [output])
    bench.run(source)
    assert messages(output) == ["a", "b"]
    assert [letter["plugin"] for letter in bench.letters()] == ["out0", "out0"]
    assert source.ended == {0: 4}


def test_a_batch_with_broken_framing_is_refused_whole(tmp_path: Path) -> None:
    class Broken(ScriptedInput):
        def decode(self, data: bytes, origin: Any, reject: Any) -> Any:
            if data == b"x":
                raise BrokenFraming("not a frame")
            return super().decode(data, origin, reject)

    source, output = Broken([b"a", b"x", b"b"]), ScriptedOutput()
    bench = Bench(tmp_path, [output])
    bench.run(source)
    assert messages(output) == ["a", "b"]
    assert source.ended == {0: 1, 2: 1}
    assert source.refused == {1: "not a frame"}
    assert bench.counters.refused == 1
    assert (bench.in_flight.events, bench.in_flight.bytes) == (0, 0)


def test_parcels_are_sent_when_full_and_span_batches(tmp_path: Path) -> None:
    source, output = ScriptedInput([b"a\nb\nc", b"d\ne"]), ScriptedOutput()
    Bench(tmp_path, [output], limits=Limits(items=2, delay=60)).run(source)
    assert [len(body) for body in output.bodies] == [2, 2, 1]
    assert source.ended == {0: 3, 1: 2}


def test_a_parcel_is_sent_at_its_size(tmp_path: Path) -> None:
    source, output = ScriptedInput([b"a\nb"]), ScriptedOutput()
    Bench(tmp_path, [output], limits=Limits(bytes=10, delay=60)).run(source)
    assert [len(body) for body in output.bodies] == [1, 1]


def test_a_quiet_parcel_is_sent_after_the_delay(tmp_path: Path) -> None:
    async def scenario() -> None:
        output = ScriptedOutput()

        class Open(ScriptedInput):
            async def batches(self) -> Any:
                async for batch in super().batches():
                    yield batch
                while not self.ended:
                    await asyncio.sleep(0)

        await Bench(tmp_path, [output], limits=Limits(delay=0.001)).deliver(source := Open([b"a"]))
        assert source.ended == {0: 1}

    asyncio.run(asyncio.wait_for(scenario(), 10))


def test_an_ordered_output_has_one_parcel_under_way(tmp_path: Path) -> None:
    async def scenario() -> None:
        output = ScriptedOutput([Unavailable("away")], ordered=True)
        await Bench(tmp_path, [output], limits=Limits(items=1, delay=0)).deliver(ScriptedInput([b"a\nb\nc"]))
        assert messages(output) == ["a", "b", "c"]

    asyncio.run(scenario())


def test_inputs_wait_at_the_bound_of_in_flight_work(tmp_path: Path) -> None:
    async def scenario() -> None:
        output = ScriptedOutput()
        output.gate = asyncio.Event()
        source = ScriptedInput([b"a", b"b", b"c", b"d"])
        bench = Bench(tmp_path, [output], in_flight=InFlight(2, 1_000_000))
        work = asyncio.create_task(bench.deliver(source))
        for _ in range(100):
            await asyncio.sleep(0)
        assert bench.counters.decoded == 2
        output.gate.set()
        await work
        assert bench.counters.decoded == 4
        assert len(source.ended) == 4

    asyncio.run(scenario())


def test_two_inputs_share_the_outputs(tmp_path: Path) -> None:
    one, two, output = ScriptedInput([b"a", b"b"]), ScriptedInput([b"c"]), ScriptedOutput()
    bench = Bench(tmp_path, [output], decorate=lambda event: event.fields.update(type="t"))
    bench.run(one, two)
    assert sorted(messages(output)) == ["a", "b", "c"]
    assert all(b"'type': 't'" in item for item in output.written)
    assert (one.ended, two.ended) == ({0: 1, 1: 1}, {0: 1})


def test_an_output_that_cannot_start_is_started_before_the_first_parcel(tmp_path: Path) -> None:
    class Late(ScriptedOutput):
        starts = 0

        async def start(self) -> None:
            self.starts += 1
            if self.starts < 3:
                raise Unavailable("not yet")

    source, output = ScriptedInput([b"a"]), Late()
    bench = Bench(tmp_path, [output])
    bench.run(source)
    assert (output.starts, messages(output), source.ended) == (3, ["a"], {0: 1})


def test_pauses_grow_with_jitter_up_to_the_longest() -> None:
    backoff = Backoff(2, 64)
    for attempt, full in enumerate([2, 4, 8, 16, 32, 64, 64, 64]):
        pauses = [backoff.pause(attempt) for _ in range(50)]
        assert all(full / 2 <= pause <= full for pause in pauses)
        assert len(set(pauses)) > 1


def test_an_error_that_no_repeat_can_mend_ends_the_pipeline(tmp_path: Path) -> None:
    source, output = ScriptedInput([b"a"]), ScriptedOutput([StoreError("the reader is gone")])
    with pytest.raises(ExceptionGroup) as caught:
        Bench(tmp_path, [output]).run(source)
    assert caught.group_contains(StoreError, match="the reader is gone")
    assert source.ended == {}


def test_a_batch_that_cannot_be_decoded_whole_is_a_dead_letter(tmp_path: Path) -> None:
    class Faulty(ScriptedInput):
        def decode(self, data: bytes, origin: Any, reject: Any) -> Any:
            if data == b"x":
                raise RuntimeError("a fault in decode")
            return super().decode(data, origin, reject)

    source, output = Faulty([b"a", b"x", b"b"]), ScriptedOutput()
    bench = Bench(tmp_path, [output])
    bench.run(source)
    assert messages(output) == ["a", "b"]
    assert [letter["original"] for letter in bench.letters()] == ["x"]
    assert source.ended == {0: 1, 1: 1, 2: 1}


def test_the_dead_of_a_batch_are_decoded_again_once(tmp_path: Path) -> None:
    decoded: list[bytes] = []

    class Counting(ScriptedInput):
        def decode(self, data: bytes, origin: Any, reject: Any) -> Any:
            decoded.append(data)
            return super().decode(data, origin, reject)

    lines = [b"%d" % number for number in range(200)]
    source = Counting([b"\n".join(lines)])
    bench = Bench(tmp_path, [ScriptedOutput([Sent(dead=[(index, "mapping") for index in range(200)])])])
    bench.run(source)
    assert [letter["original"] for letter in bench.letters()] == [line.decode() for line in lines]
    assert [letter["id"] for letter in bench.letters()] == [f"batch0-{number}" for number in range(200)]
    assert len(decoded) == 2
