"""The persistent queue: what is acknowledged when, and what stays for the next start."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from pipeline.batch import UNCOUNTED, Batch, Origin
from pipeline.delivery.dead_letters import read
from pipeline.delivery.worker import Source
from pipeline.errors import BrokenFraming
from pipeline.event import Event
from pipeline.plugin import Reject
from pipeline.stored_queue.queue import StoredQueue
from tests.delivery.queue_bench import PATIENCE, TEXTS, Bench
from tests.harness import ScriptedInput


class Picky(ScriptedInput):
    """Its protocol knows no line that begins with an exclamation mark."""

    trusting = False

    def decode(self, data: bytes, origin: Origin, reject: Reject) -> Iterator[Event]:
        if data.startswith(b"!") and not self.trusting:
            raise BrokenFraming("a line with an exclamation mark")
        return super().decode(data, origin, reject)


def test_everything_comes_out_in_order_under_its_id(bench: Bench) -> None:
    source = ScriptedInput(TEXTS)
    store = bench.whole({"lines": source})
    assert [batch.data for batch in bench.got] == TEXTS
    assert [batch.origin["id"] for batch in bench.got] == [f"batch{number}" for number in range(20)]
    assert source.ended == dict.fromkeys(range(20), UNCOUNTED)
    assert store.waiting == 0
    bench.got.clear()
    bench.whole({"lines": ScriptedInput([])})
    assert bench.got == []


def test_a_batch_is_acknowledged_when_it_is_on_disk_and_not_before(bench: Bench) -> None:
    source = ScriptedInput(TEXTS)

    async def scenario() -> None:
        bench.gate = asyncio.Event()
        syncing = []
        bench.files.faults = lambda step: syncing.append(dict(source.ended)) if step == "sync" else None
        store, queue = bench.queue({"lines": source}, writes=1)
        syncing.clear()
        work = asyncio.create_task(queue.run(bench.take))
        while len(source.ended) < 20:
            await asyncio.sleep(0)
        assert [len(ended) for ended in syncing] == list(range(20))  # one batch a sync, each acknowledged after its own
        assert bench.got == []
        assert store.waiting == 20
        bench.gate.set()
        await asyncio.wait_for(work, PATIENCE)
        store.close()

    asyncio.run(scenario())


def test_many_batches_share_a_sync(bench: Bench) -> None:
    syncs = []
    _, queue = bench.queue({"lines": ScriptedInput(TEXTS)})
    bench.files.faults = lambda step: syncs.append(step) if step == "sync" else None
    asyncio.run(queue.run(bench.take))
    assert len(syncs) < len(TEXTS)


def test_what_is_left_at_a_stop_is_delivered_by_the_next_start(bench: Bench) -> None:
    store = bench.whole({"lines": ScriptedInput(TEXTS)}, stopped=True)
    left = [batch.data for batch in bench.got]
    assert store.waiting == len(TEXTS) - len(left) > 0
    assert left == TEXTS[: len(left)]
    store = bench.whole({"lines": ScriptedInput([])})
    assert [batch.data for batch in bench.got] == TEXTS
    assert store.waiting == 0


def test_drain_delivers_all_before_the_end(bench: Bench) -> None:
    assert bench.whole({"lines": ScriptedInput(TEXTS)}, stopped=True, drain=True).waiting == 0
    assert [batch.data for batch in bench.got] == TEXTS


def test_what_has_no_end_comes_again_after_a_crash(bench: Bench) -> None:
    bench.ends = False
    bench.whole({"lines": ScriptedInput(TEXTS)})
    bench.got[3].end(1)
    bench.ends, bench.got = True, []
    bench.whole({"lines": ScriptedInput([])})
    assert [batch.data for batch in bench.got] == TEXTS  # its end came after the last checkpoint


def test_an_input_that_is_gone_leaves_its_records_where_they_are(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.whole({"a": ScriptedInput(TEXTS[:3]), "b": ScriptedInput(TEXTS[3:6])}, stopped=True)
    seen = {batch.data for batch in bench.got}
    bench.got.clear()
    owed_a = [data for data in TEXTS[:3] if data not in seen]
    owed_b = [data for data in TEXTS[3:6] if data not in seen]
    store = bench.whole({"b": ScriptedInput(TEXTS[6:8])})
    assert [batch.data for batch in bench.got] == owed_b + TEXTS[6:8]
    assert store.waiting == len(owed_a) > 0
    assert "the queue holds records of the input a, which the configuration does not have (it has: b)" in caplog.text
    assert f"{len(owed_a)} records of the input a stay in the queue" in caplog.text
    bench.got.clear()
    assert bench.whole({"a": ScriptedInput([]), "b": ScriptedInput([])}).waiting == 0
    assert [batch.data for batch in bench.got] == owed_a


def test_broken_framing_is_refused_before_the_disk(bench: Bench) -> None:
    source = Picky([b"one\n", b"!two\n", b"three\n"])
    bench.whole({"lines": source})
    assert [batch.data for batch in bench.got] == [b"one\n", b"three\n"]
    assert source.refused == {1: "a line with an exclamation mark"}
    assert set(source.ended) == {0, 2}
    assert bench.counters.refused == 1


def test_what_the_input_refuses_when_it_is_delivered_becomes_a_dead_letter(bench: Bench) -> None:
    source = Picky([b"one\n", b"!two\n", b"three\n"])
    source.trusting = True

    async def scenario() -> StoredQueue:
        store, queue = bench.queue({"lines": source})
        bench.gate = asyncio.Event()
        work = asyncio.create_task(queue.run(bench.take))
        while len(source.ended) < 3:
            await asyncio.sleep(0)
        source.trusting = False
        bench.gate.set()
        await asyncio.wait_for(work, PATIENCE)
        return store

    assert asyncio.run(scenario()).waiting == 0
    [(_, letter)] = read(bench.folder / "dlq")
    assert letter["original"] == "!two\n"
    assert letter["origin"] == {"id": "batch1"}
    assert "exclamation mark" in letter["reason"]


def test_a_worker_elsewhere_may_refuse_late(bench: Bench) -> None:
    """After the queue has given it everything: it is a dead letter, and done, when the queue is closed."""
    source = ScriptedInput([b"one\n", b"two\n"])
    given: list[Batch] = []

    async def take(_: Source, batch: Batch) -> None:
        given.append(batch)

    async def scenario() -> int:
        store, queue = bench.queue({"lines": source})
        await asyncio.wait_for(queue.run(take), PATIENCE)
        given[0].end(1)
        given[1].refuse(BrokenFraming("unheard of"))
        assert store.waiting == 1
        await queue.close()
        return store.waiting

    assert asyncio.run(scenario()) == 0
    [(_, letter)] = read(bench.folder / "dlq")
    assert letter["original"] == "two\n"
    assert "unheard of" in letter["reason"]


def test_a_batch_that_cannot_be_decoded_goes_to_the_worker(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    source = ScriptedInput([b"\xff\n"])

    async def take(_: Source, batch: Batch) -> None:
        bench.got.append(batch)
        batch.end(0)

    _, queue = bench.queue({"lines": source})
    asyncio.run(queue.run(take))
    assert [batch.data for batch in bench.got] == [b"\xff\n"]


def test_an_input_that_is_quiet_for_a_while(bench: Bench) -> None:
    class Slow(ScriptedInput):
        async def batches(self) -> AsyncIterator[Batch]:
            async for batch in super().batches():
                while len(bench.got) < len(self.ended):  # what was given before has been delivered
                    await asyncio.sleep(0.001)
                yield batch

    source = Slow(TEXTS[:5])
    assert bench.whole({"lines": source}).waiting == 0
    assert [batch.data for batch in bench.got] == TEXTS[:5]
