"""The persistent queue: what is acknowledged when, what stays for the next start, what happens at its bounds."""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pipeline.batch import UNCOUNTED, Batch, Origin
from pipeline.delivery.dead_letters import DeadLetterQueue, read
from pipeline.delivery.queue import PersistentQueue, Terms
from pipeline.delivery.retry import Backoff
from pipeline.delivery.worker import Source
from pipeline.disk.stored_queue import Bounds, StoredQueue
from pipeline.errors import BrokenFraming, StoreError
from pipeline.event import Event
from pipeline.metrics import Counters
from pipeline.plugin import Reject
from tests.disk.faulty_files import FaultyFiles
from tests.harness import ScriptedInput

TEXTS = [f"line {number}\n".encode() for number in range(20)]
PATIENCE = 20.0


class Picky(ScriptedInput):
    """Its protocol knows no line that begins with an exclamation mark."""

    trusting = False

    def decode(self, data: bytes, origin: Origin, reject: Reject) -> Iterator[Event]:
        if data.startswith(b"!") and not self.trusting:
            raise BrokenFraming("a line with an exclamation mark")
        return super().decode(data, origin, reject)


@dataclass
class Bench:
    """A queue in a file system of its own, and a worker that keeps what it is given; `gate` holds it back."""

    folder: Path
    files: FaultyFiles = field(default_factory=FaultyFiles)
    bounds: Bounds = field(default_factory=lambda: Bounds(1 << 16, 1 << 20))
    counters: Counters = field(default_factory=Counters)
    got: list[Batch] = field(default_factory=list)
    gate: asyncio.Event | None = None
    ends: bool = True

    def __post_init__(self) -> None:
        self.letters = DeadLetterQueue(self.folder / "dlq", "main")

    def queue(self, inputs: dict[str, ScriptedInput], **terms: Any) -> tuple[StoredQueue, PersistentQueue]:
        store = StoredQueue("/queue", self.bounds, self.files)
        sources = {name: Source(source, None, name) for name, source in inputs.items()}
        terms = {"backoff": Backoff(0.001, 0.001), **terms}
        return store, PersistentQueue(store, sources, Terms(**terms), self.letters, self.counters)

    async def take(self, source: Source, batch: Batch) -> None:
        if self.gate is not None:
            await self.gate.wait()
        self.got.append(batch)
        try:
            list(source.input.decode(batch.data, batch.origin, lambda raw, error: None))
        except BrokenFraming as error:
            batch.refuse(error)
            return
        if self.ends:
            batch.end(1)

    def whole(self, inputs: dict[str, ScriptedInput], *, stopped: bool = False, **terms: Any) -> StoredQueue:
        """A run from start to end; `stopped` when all is on disk and little is delivered."""

        async def scenario() -> StoredQueue:
            store, queue = self.queue(inputs, **terms)
            if stopped:  # before the worker has taken more than the first
                queue.stop()
                self.gate = asyncio.Event()
            work = asyncio.create_task(queue.run(self.take))
            if self.gate is not None:
                async with asyncio.timeout(PATIENCE):
                    while any(len(source.ended) < len(source.texts) for source in inputs.values()):
                        await asyncio.sleep(0)
                for _ in range(20):
                    await asyncio.sleep(0)
                self.gate.set()
                self.gate = None
            await asyncio.wait_for(work, PATIENCE)
            await queue.close()
            store.close()
            return store

        return asyncio.run(scenario())


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.letters.close()


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


class Counting(ScriptedInput):
    given = 0

    async def batches(self) -> AsyncIterator[Batch]:
        async for batch in super().batches():
            self.given += 1
            yield batch


def test_inputs_are_not_read_while_the_queue_is_full(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    texts = [b"%06d" % number + b"x" * (1 << 20) + b"\n" for number in range(40)]
    source = Counting(texts)
    bench.bounds = Bounds(2 << 20, 8 << 20)

    async def scenario() -> None:
        bench.gate = asyncio.Event()
        store, queue = bench.queue({"lines": source})
        work = asyncio.create_task(queue.run(bench.take))
        async with asyncio.timeout(PATIENCE):
            while "the queue is full" not in caplog.text:
                await asyncio.sleep(0.001)
        for _ in range(100):
            await asyncio.sleep(0)
        acknowledged = len(source.ended)
        assert 0 < acknowledged < 8  # what fits on the disk; what waits in memory is not acknowledged
        assert source.given <= acknowledged + 20  # and is bounded
        assert store.size <= 8 << 20
        bench.gate.set()
        async with asyncio.timeout(PATIENCE):
            while not work.done():
                assert store.size <= 8 << 20
                await asyncio.sleep(0.001)
        await work
        await queue.close()

    asyncio.run(scenario())
    assert [batch.data for batch in bench.got] == texts
    assert len(source.ended) == 40
    assert caplog.text.count("the queue is full") == 1  # it was full again and again


@pytest.mark.parametrize("step", ["write", "sync", "open", "sync folder"])
def test_a_disk_that_refuses_is_waited_for(bench: Bench, step: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    source = ScriptedInput(TEXTS)

    async def scenario() -> None:
        store, queue = bench.queue({"lines": source})
        full = OSError(errno.ENOSPC, "No space left on device")
        bench.files.faults = lambda kind: full if kind == step else None
        work = asyncio.create_task(queue.run(bench.take))
        async with asyncio.timeout(PATIENCE):
            while caplog.text.count("nothing is acknowledged and nothing is dropped") < 3:
                await asyncio.sleep(0.001)
        assert source.ended == {}
        assert bench.got == []
        bench.files.faults = lambda kind: None
        await asyncio.wait_for(work, PATIENCE)
        await queue.close()
        assert store.waiting == 0

    asyncio.run(scenario())
    assert "No space left on device" in caplog.text
    assert "the queue is written again" in caplog.text
    assert [batch.data for batch in bench.got] == TEXTS
    assert len(source.ended) == len(TEXTS)


@pytest.mark.parametrize("step", ["look", "read"])
def test_a_disk_that_cannot_be_read_is_waited_for(bench: Bench, step: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    source = ScriptedInput(TEXTS)

    async def scenario() -> None:
        store, queue = bench.queue({"lines": source})
        bench.files.faults = lambda kind: OSError(errno.EIO, "Input/output error") if kind == step else None
        work = asyncio.create_task(queue.run(bench.take))
        async with asyncio.timeout(PATIENCE):
            while caplog.text.count("Input/output error; what is in it is not delivered; next try in") < 3:
                await asyncio.sleep(0.001)
        assert bench.got == []
        bench.files.faults = lambda kind: None
        await asyncio.wait_for(work, PATIENCE)
        await queue.close()
        assert store.waiting == 0
        store.close()

    asyncio.run(scenario())
    assert "the queue is read again" in caplog.text
    assert [batch.data for batch in bench.got] == TEXTS


def test_and_not_at_a_stop(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    source = ScriptedInput(TEXTS)

    async def scenario() -> None:
        store, queue = bench.queue({"lines": source})
        bench.files.faults = lambda kind: OSError(errno.EIO, "Input/output error") if kind == "read" else None
        work = asyncio.create_task(queue.run(bench.take))
        async with asyncio.timeout(PATIENCE):
            while len(source.ended) < len(TEXTS) or "is not delivered; next try in" not in caplog.text:
                await asyncio.sleep(0.001)
        queue.stop()
        await asyncio.wait_for(work, PATIENCE)
        await queue.close()
        assert store.waiting == len(TEXTS)
        store.close()

    asyncio.run(scenario())
    assert bench.got == []


@pytest.mark.parametrize(("retry", "fails", "told"), [(True, 1, False), (True, 2, True), (False, 1, True)])
def test_a_checkpoint_that_fails(
    bench: Bench, retry: bool, fails: int, told: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        store, queue = bench.queue({"lines": ScriptedInput(TEXTS)}, retry=retry, interval=0.001)
        left = fails

        def fault(step: str) -> OSError | None:
            nonlocal left
            if step != "replace" or not left:
                return None
            left -= 1
            return OSError(errno.EIO, "Input/output error")

        bench.files.faults = fault
        checkpoints = asyncio.create_task(queue.checkpoints())
        await asyncio.wait_for(queue.run(bench.take), PATIENCE)
        while left:
            await asyncio.sleep(0.001)
        checkpoints.cancel()
        await queue.close()
        store.close()

    asyncio.run(scenario())
    assert ("no checkpoint" in caplog.text) is told
    bench.got.clear()
    bench.whole({"lines": ScriptedInput([])})
    assert bench.got == []


def test_checkpoints_come_after_so_many_ends(bench: Bench) -> None:
    async def scenario() -> None:
        store, queue = bench.queue({"lines": ScriptedInput(TEXTS)}, acks=5, interval=0)
        replaced = asyncio.Event()
        loop = asyncio.get_running_loop()

        def notice(step: str) -> None:
            if step == "replace":
                loop.call_soon_threadsafe(replaced.set)

        bench.files.faults = notice
        checkpoints = asyncio.create_task(queue.checkpoints())
        await queue.run(bench.take)
        await asyncio.wait_for(replaced.wait(), PATIENCE)
        checkpoints.cancel()
        store.close()

    asyncio.run(scenario())


def test_damage_ends_the_start_and_says_where(bench: Bench) -> None:
    bench.ends = False
    bench.whole({"lines": ScriptedInput(TEXTS)})
    [page] = [stored for name, stored in bench.files.now.items() if name.endswith(".page")]
    page.data[page.data.index(b"line 10")] ^= 1
    with pytest.raises(StoreError, match=r"1\.page is damaged at byte \d+: the checksum of record 11 .*queue repair"):
        bench.queue({})
