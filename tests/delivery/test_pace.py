"""How many bodies go at once, and who tries while an output is away."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pipeline.batch import Batch
from pipeline.delivery.dead_letters import DeadLetterQueue
from pipeline.delivery.outlets import Limits
from pipeline.delivery.pace import Pace
from pipeline.delivery.parcels import Parcel
from pipeline.delivery.retry import Backoff, Courier
from pipeline.delivery.tickets import InFlight, Ticket
from pipeline.errors import NotAuthorised, Unavailable
from pipeline.metrics import Counters
from pipeline.plugin import Body, Sent
from tests.delivery.test_delivery import Bench, messages
from tests.harness import ScriptedInput, ScriptedOutput

LINES = [b"%d" % number for number in range(60)]
ALL = b"\n".join(LINES)
ONE_A_BODY = Limits(items=1, delay=0)


def test_the_curve() -> None:
    """The table in docs/delivery.md."""
    pace = Pace()
    falling = []
    for in_round in range(4):
        pace.refused(in_round)
        falling.append(int(pace.limit))
    rising = {}
    for taken in range(1, 41):
        pace.taken()
        rising.setdefault(int(pace.limit), taken)
    assert falling == [4, 2, 1, 1]
    assert rising == {2: 1, 3: 4, 4: 7, 5: 12, 6: 17, 7: 23, 8: 31}


def test_a_round_halves_once() -> None:
    pace = Pace()
    for _ in range(8):
        pace.refused(0)
    assert pace.limit == 4
    pace.refused(1)
    pace.refused(0)
    assert pace.limit == 2


def test_turns_wait_at_the_limit() -> None:
    async def scenario() -> None:
        pace, seen, gate = Pace(3), Counter[str](), asyncio.Event()

        async def body() -> None:
            async with pace.turn():
                seen["most"] = max(seen["most"], pace.under_way)
                await gate.wait()

        async with asyncio.TaskGroup() as group:
            for _ in range(7):
                group.create_task(body())
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert pace.under_way == 3
            gate.set()
        assert (seen["most"], pace.under_way) == (3, 0)

    asyncio.run(scenario())


@dataclass
class Busy(ScriptedOutput):
    """A server that takes so many bodies at once, and refuses the items of the others for now."""

    capacity: int = 2
    under_way: int = 0
    refusals: int = 0
    seen: list[int] = field(default_factory=list)

    async def send(self, body: Body) -> Sent:
        self.under_way += 1
        self.seen.append(self.under_way)
        try:
            if self.under_way > self.capacity:
                self.refusals += 1
                return Sent(again=[(index, "429") for index in range(len(body))])
            for _ in range(5):
                await asyncio.sleep(0)
            return await super().send(body)
        finally:
            self.under_way -= 1


@pytest.mark.parametrize(("capacity", "refusals"), [(1, 61), (2, 16), (5, 5)])
def test_a_busy_output_is_sent_less_at_once_and_all_is_written_once(
    tmp_path: Path, capacity: int, refusals: int
) -> None:
    output = Busy(capacity=capacity)
    source = ScriptedInput([ALL])
    Bench(tmp_path, [output], limits=ONE_A_BODY).run(source)
    assert sorted(messages(output)) == sorted(line.decode() for line in LINES)
    assert source.ended == {0: len(LINES)}
    assert output.refusals <= refusals  # of 60 bodies


@dataclass
class Away(ScriptedOutput):
    """A server that gives no answer until it was asked so many times."""

    silent: int = 20
    asked: int = 0
    at_once: int = 0
    most: list[int] = field(default_factory=list)
    failure: Exception = field(default_factory=lambda: Unavailable("no answer"))

    async def send(self, body: Body) -> Sent:
        self.at_once += 1
        self.asked += 1
        self.most.append(self.at_once)
        try:
            await asyncio.sleep(0)
            if self.asked <= self.silent:
                raise self.failure
            return await super().send(body)
        finally:
            self.at_once -= 1


def test_an_output_that_is_away_is_asked_by_one_body_and_all_go_on_when_it_answers(tmp_path: Path) -> None:
    output = Away()
    bench = Bench(tmp_path, [output], limits=ONE_A_BODY)
    bench.run(ScriptedInput([ALL]))
    assert len(output.written) == len(LINES)
    assert output.most[:8] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert set(output.most[8:20]) == {1}
    # One after the other, and none by those that waited; the first one to fail then let one go that had had no try.
    assert len(bench.pauses) == 14
    assert bench.pauses[0] <= 1
    assert max(bench.pauses) <= 4


def test_the_pause_of_an_output_that_is_away_has_a_bound_of_its_own(tmp_path: Path) -> None:
    output = Away(silent=30)
    bench = Bench(tmp_path, [output], limits=ONE_A_BODY, longest=64)
    bench.run(ScriptedInput([b"a"]))
    assert 2.5 <= bench.pauses[-1] <= max(bench.pauses) <= 5


def test_refused_credentials_wait_for_the_longest_pause(tmp_path: Path) -> None:
    output = Away(silent=2, failure=NotAuthorised("401"))
    bench = Bench(tmp_path, [output], limits=ONE_A_BODY, longest=64)
    bench.run(ScriptedInput([b"a"]))
    assert bench.pauses == [64, 64]


def test_a_body_that_never_gets_an_answer_does_not_hold_up_the_others(tmp_path: Path) -> None:
    class Picky(ScriptedOutput):
        tries = 0

        async def send(self, body: Body) -> Sent:
            await asyncio.sleep(0)
            if b"'0'" in body.item(0) and self.tries < 30:
                self.tries += 1
                raise Unavailable("cut")
            return await super().send(body)

    output = Picky()
    Bench(tmp_path, [output], limits=ONE_A_BODY).run(ScriptedInput([ALL]))
    assert len(output.written) == len(LINES)
    assert b"'0'" in output.written[-1]


@dataclass
class Deaf(ScriptedOutput):
    """Gives no answer to the body 0, whose tries go on until they are cut; answers all others."""

    tries: int = 0
    cut: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, body: Body) -> Sent:
        if body.item(0) != b"0":
            return await super().send(body)
        self.tries += 1
        self.cut.clear()
        async with asyncio.timeout(30):
            await self.cut.wait()
        raise Unavailable("no answer")


class Deliveries:
    """Bodies under way to a deaf output."""

    def __init__(self, group: asyncio.TaskGroup, folder: Path, most: int = 8) -> None:
        self.output = Deaf()
        self._group = group
        self._courier = Courier(
            self.output, "out", DeadLetterQueue(folder, "main"), Counters(), Backoff(), self._sleep, Pace(most)
        )

    async def _sleep(self, seconds: float) -> None:
        for _ in range(5):
            await asyncio.sleep(0)

    def send(self, text: bytes) -> asyncio.Task[None]:
        batch = Batch(text, {"id": "x"}, lambda events: None, lambda error: None)
        parcel = Parcel(runs=[(Ticket(batch, None, InFlight(1000, 1000)), 1)])
        parcel.data += text
        parcel.ends.append(len(text))
        parcel.ordinals.append(0)
        return self._group.create_task(self._courier.deliver(parcel))

    async def tried(self, times: int) -> None:
        async with asyncio.timeout(30):
            while self.output.tries < times:
                await asyncio.sleep(0)


@pytest.mark.parametrize("most", [1, 8])
def test_who_comes_while_an_unanswered_body_tries_again_tries_beside_it(tmp_path: Path, most: int) -> None:
    async def scenario() -> None:
        async with asyncio.TaskGroup() as group:
            it = Deliveries(group, tmp_path, most)
            deaf = it.send(b"0")
            await it.tried(1)
            it.output.cut.set()
            await it.tried(2)
            async with asyncio.timeout(30):
                await asyncio.gather(*(it.send(b"%d" % number) for number in range(1, 20)))
            assert it.output.tries == 2
            deaf.cancel()

    asyncio.run(scenario())


def test_a_body_that_alone_gets_no_answer_takes_no_room(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Be there room for one."""

    async def scenario() -> None:
        async with asyncio.TaskGroup() as group:
            it = Deliveries(group, tmp_path, 1)
            deaf = it.send(b"0")
            for tries in (1, 2):
                await it.tried(tries)
                it.output.cut.set()
                if tries == 1:
                    await it.tried(2)
                    await asyncio.wait_for(it.send(b"1"), 30)
            for tries in (3, 4, 5):
                await it.tried(tries)
                for number in range(5):
                    await asyncio.wait_for(it.send(b"%d" % (100 * tries + number)), 30)
                assert it.output.tries == tries
                it.output.cut.set()
            deaf.cancel()

    asyncio.run(scenario())
    said = [record.getMessage() for record in caplog.records]
    assert sum("tried by themselves" in line for line in said) == 1
    assert sum("the next try is in" in line for line in said) == 1
