"""A dead letter queue at its bound: it waits, or drops what the user chose; old and emptied segments go."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.delivery.dead_letters import Bounds, DeadLetter, DeadLetterQueue, Policy, Taken
from pipeline.delivery.retry import Backoff, bury
from pipeline.disk.letters import read, remove_letters
from pipeline.disk.removals import delete_emptied
from pipeline.disk.segments import segments
from pipeline.metrics import Counters

PATIENCE = 20.0


def letter(number: int, size: int = 800) -> DeadLetter:
    return DeadLetter(f"r{number}", "p", b"x" * size, {})


def reasons(folder: Path) -> list[str]:
    return [record["reason"] for _, record in read(folder)]


def bounds(policy: Policy = "block", max_bytes: int | None = 3000, **more: Any) -> Bounds:
    return Bounds(max_bytes, policy, flush_interval=0.01, **more)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not holds():
            await asyncio.sleep(0.005)


def make_room(folder: Path, names: list[str]) -> None:
    remove_letters(folder, names)
    delete_emptied(folder)


def test_a_full_queue_blocks_until_there_is_room(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    counters = Counters()

    async def scenario() -> None:
        queue = DeadLetterQueue(tmp_path, "p", bounds())
        burying = asyncio.create_task(bury(queue, [letter(number) for number in range(5)], counters, Backoff()))
        await until(lambda: queue.blocked)
        assert (reasons(tmp_path), counters.dead, burying.done()) == (["r0", "r1", "r2"], 3, False)
        make_room(tmp_path, [name for name, _ in read(tmp_path)][:1])
        assert (queue.blocked, reasons(tmp_path)) == (True, ["r1", "r2"])  # of a segment that is open and holds others
        make_room(tmp_path, [name for name, _ in read(tmp_path)])
        async with asyncio.timeout(PATIENCE):
            await burying
        assert not queue.blocked
        queue.close()

    with caplog.at_level(logging.INFO):
        asyncio.run(scenario())
    assert reasons(tmp_path) == ["r3", "r4"]
    assert (counters.dead, counters.lost) == (5, 0)
    assert sum("THE DEAD LETTER QUEUE IS FULL" in text for text in caplog.messages) == 1
    assert sum("goes on" in text for text in caplog.messages) == 1


def test_a_wait_that_is_given_up_leaves_no_flag(tmp_path: Path) -> None:
    async def scenario() -> bool:
        queue = DeadLetterQueue(tmp_path, "p", bounds(max_bytes=1000))
        await queue.put([letter(0)])
        waiting = asyncio.create_task(queue.put([letter(1)]))
        await until(lambda: queue.blocked)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        return queue.blocked

    assert asyncio.run(scenario()) is False
    assert reasons(tmp_path) == ["r0"]


DROPS = {
    "drop_newer": (["r0", "r1", "r2"], (3, 3)),
    "drop_older": (["r3", "r4", "r5"], (6, 3)),
}


@pytest.mark.parametrize(("policy", "kept", "counted"), [(name, *case) for name, case in DROPS.items()], ids=DROPS)
def test_what_is_dropped_is_counted_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, policy: str, kept: list[str], counted: tuple[int, int]
) -> None:
    counters = Counters()

    async def scenario() -> None:
        queue = DeadLetterQueue(tmp_path, "p", bounds(policy))
        for number in range(6):
            await bury(queue, [letter(number)], counters, Backoff())
        queue.close()

    asyncio.run(scenario())
    assert reasons(tmp_path) == kept
    assert (counters.dead, counters.lost) == counted
    lines = [text for text in caplog.messages if "are lost" in text]
    assert len(lines) == 3
    assert all(policy in line for line in lines)


def test_a_group_that_is_larger_than_the_bound(tmp_path: Path) -> None:
    """The newest are kept; those that were pushed out by the rest of their own group count as lost."""
    counters = Counters()

    async def scenario() -> None:
        queue = DeadLetterQueue(tmp_path, "p", bounds("drop_older"))
        await bury(queue, [letter(number) for number in range(7)], counters, Backoff())
        queue.close()

    asyncio.run(scenario())
    found = reasons(tmp_path)
    assert found
    assert found == [f"r{number}" for number in range(7)][: len(found)]
    assert counters.dead + counters.lost == 7


def test_a_letter_that_is_larger_than_the_bound_is_taken_alone(tmp_path: Path) -> None:
    async def scenario() -> Taken:
        queue = DeadLetterQueue(tmp_path, "p", bounds(max_bytes=100))
        taken = await queue.put([letter(0), letter(1)])
        queue.close()
        return taken

    assert asyncio.run(scenario()) == Taken(1)
    assert reasons(tmp_path) == ["r0"]


def test_what_another_process_writes_is_not_dropped(tmp_path: Path) -> None:
    """Its open segment is locked: where nothing older can go, the new letters do."""

    async def scenario() -> Taken:
        other = DeadLetterQueue(tmp_path, "p", bounds(max_bytes=None))
        await other.put([letter(0), letter(1), letter(2)])
        queue = DeadLetterQueue(tmp_path, "p", bounds("drop_older"))
        taken = await queue.put([letter(3)])
        other.close()
        queue.close()
        return taken

    assert asyncio.run(scenario()) == Taken(0, 1)
    assert reasons(tmp_path) == ["r0", "r1", "r2"]


def test_old_segments_are_deleted_and_young_ones_are_not(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        queue = DeadLetterQueue(tmp_path, "p", bounds(retain_age=3600.0, max_bytes=10_000))
        for number in range(4):
            await queue.put([letter(number, 1200)])
        old, also_old, *_ = segments(tmp_path)
        for path in (old, also_old):
            os.utime(path, (time.time() - 3601,) * 2)
        await queue.tend()
        assert old not in segments(tmp_path)
        keeping = asyncio.create_task(queue.keep())
        os.utime(segments(tmp_path)[-1], (0, 0))  # this process writes to it
        await until(lambda: reasons(tmp_path) == ["r2"])
        keeping.cancel()
        await queue.put([letter(9)])
        queue.close()

    with caplog.at_level(logging.WARNING):
        asyncio.run(scenario())
    assert reasons(tmp_path)[-1] == "r9"
    assert any("older than dead_letter_queue.retain.age" in text for text in caplog.messages)


def test_a_number_is_not_given_out_twice(tmp_path: Path) -> None:
    """A record of removed letters must never be taken for one of letters that came later."""

    async def scenario() -> None:
        for number in range(4):
            queue = DeadLetterQueue(tmp_path, "p", bounds())
            await queue.put([letter(number)])
            queue.close()
            assert [name for name, _ in read(tmp_path)] == [f"{number + 1}-0"]
            make_room(tmp_path, [f"{number + 1}-0"])
            assert segments(tmp_path) == []

    asyncio.run(scenario())
    assert [path.name for path in tmp_path.iterdir()] == ["0000000000000004.removed"]


@pytest.mark.parametrize("fsync", ["interval", "never"])
def test_letters_that_are_not_forced_to_the_disk_are_readable_at_once(
    tmp_path: Path, fsync: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    forced: list[int] = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda descriptor: (forced.append(descriptor), real(descriptor))[1])

    async def scenario() -> None:
        queue = DeadLetterQueue(tmp_path, "p", bounds(fsync=fsync, max_bytes=None))
        await queue.put([letter(0)])
        before = len(forced)  # the name of the segment
        await queue.put([letter(1)])
        assert len(forced) == before
        await queue.tend()
        assert len(forced) - before == (fsync == "interval")
        assert reasons(tmp_path) == ["r0", "r1"]
        queue.close()

    asyncio.run(scenario())
