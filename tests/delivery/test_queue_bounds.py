"""The persistent queue at its bounds: a full one, a disk that refuses, checkpoints, damage."""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import AsyncIterator

import pytest

from pipeline.batch import Batch
from pipeline.errors import StoreError
from pipeline.stored_queue.queue import Bounds
from tests.delivery.queue_bench import PATIENCE, TEXTS, Bench
from tests.harness import ScriptedInput


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
