"""Elasticsearch stops under load and comes back: memory keeps its level, nothing is lost, and delivery goes on."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from pipeline.delivery.dead_letters import read
from tests.proofs.engine import Engine
from tests.proofs.indices import call, documents
from tests.proofs.oracle import Oracle
from tests.proofs.shipping import ship
from tests.servers.elasticsearch_node import Server

SENDERS = 32
WINDOW = 1000
"""More is under way than may be in flight: senders wait for the engine, before the outage and in it."""
STEADY = 10.0
"""Seconds before the outage, and of those after it, in which the normal level and speed are taken."""
RECOVERY = 10.0
"""Seconds after the return until which it must be at full speed again."""


class Watch:
    """Sees twice a second how large the engine is, and how much Elasticsearch has written while it answers."""

    def __init__(self, engine: Engine, server: Server) -> None:
        assert engine.process is not None
        self.private: list[tuple[float, float]] = []
        """Moments, and private memory in MB."""
        self.written: list[tuple[float, int]] = []
        """Moments, and what Elasticsearch has written since it started."""
        self._process = psutil.Process(engine.process.pid)
        self._server = server

    async def memory(self) -> None:
        """Until it is cancelled."""
        while True:
            self.private.append((time.monotonic(), self._process.memory_full_info().uss / 1e6))
            await asyncio.sleep(0.5)

    async def speed(self) -> None:
        """Until it is cancelled."""
        while True:
            with contextlib.suppress(OSError):
                found = await asyncio.to_thread(call, f"{self._server.url}/_stats/indexing")
                total = found["_all"]["primaries"].get("indexing", {}).get("index_total", 0)
                self.written.append((time.monotonic(), total))
            await asyncio.sleep(0.5)

    def highest(self, start: float, end: float) -> float:
        """The highest level of private memory in that time."""
        return max(size for moment, size in self.private if start <= moment <= end)

    def rate(self, start: float, end: float) -> float:
        """Events that Elasticsearch wrote in a second, in that time."""
        seen = [(moment, total) for moment, total in self.written if start <= moment <= end]
        assert len(seen) > 1, "Elasticsearch did not say how much it wrote: this machine is too busy to measure"
        return (seen[-1][1] - seen[0][1]) / (seen[-1][0] - seen[0][0])


class Moments(NamedTuple):
    """When it went and when it was there again, on the monotonic clock."""

    stopped: float
    back: float


async def endure(engine: Engine, oracle: Oracle, server: Server, warm: int, away: float) -> tuple[Watch, Moments, int]:
    """Load, outage, load; returns what was seen, when, and how many attempts failed."""
    enough = asyncio.Event()
    watch = Watch(engine, server)

    async def sender() -> int:
        repeats = 0
        while not enough.is_set():
            repeats += await ship(oracle, engine, oracle.issue(10 * WINDOW), WINDOW)
        return repeats

    async def more(events: int) -> None:
        wanted = len(oracle.obligations) + events
        while len(oracle.obligations) < wanted:
            engine.runs()
            await asyncio.sleep(0.01)

    async with asyncio.TaskGroup() as group:
        watching = [group.create_task(watch.memory()), group.create_task(watch.speed())]
        senders = [group.create_task(sender()) for _ in range(SENDERS)]
        await more(warm)
        await asyncio.sleep(STEADY)
        await asyncio.to_thread(server.stop)
        stopped = time.monotonic()
        await asyncio.sleep(away)
        await asyncio.to_thread(server.start)
        back = time.monotonic()
        await asyncio.sleep(RECOVERY + STEADY)
        enough.set()
        await asyncio.gather(*senders)
        for task in watching:
            task.cancel()
    return watch, Moments(stopped, back), sum(task.result() for task in senders)


@pytest.mark.parametrize(
    ("warm", "away", "timed"),
    [
        (40_000, 15, False),
        pytest.param(100_000, 120, True, marks=pytest.mark.long),
        pytest.param(100_000, 3_600, False, marks=pytest.mark.long),
    ],
    ids=["short", "long", "an hour"],
)
def test_elasticsearch_is_away_under_load(
    kept: Server,
    tmp_path: Path,
    warm: int,
    away: int,
    timed: bool,
    record_property: Callable[[str, object], None],
) -> None:
    """Private memory stays within 20 % of its level under load; 10 seconds after its return all is at full speed."""
    oracle = Oracle(11, SENDERS)
    engine = Engine(tmp_path, [], {"elasticsearch:9200": kept.url.removeprefix("http://")})
    engine.start()
    try:
        engine.listening()
        watch, (stopped, back), repeats = asyncio.run(endure(engine, oracle, kept, warm, away))
        assert engine.stop() == 0
    finally:
        engine.kill()
    normal, meanwhile = watch.highest(stopped - STEADY, stopped), watch.highest(stopped, back)
    figures: dict[str, object] = {
        "seconds without Elasticsearch": round(back - stopped),
        "highest private memory under load, before": f"{normal:.1f} MB",
        "highest private memory, meanwhile": f"{meanwhile:.1f} MB, {meanwhile / normal:.0%}",
        "highest private memory, afterwards": f"{watch.highest(back, watch.private[-1][0]):.1f} MB",
        "attempts that failed, and were repeated": repeats,
        "events acknowledged, and in the indices, each once": len(oracle.obligations),
    }
    for name, value in figures.items():
        record_property(name, value)
    assert repeats == 0, "the engine was there all the time: no connection may break"
    assert meanwhile <= 1.2 * normal
    assert oracle.check(documents(kept.url, "apex-logs-*")) == len(oracle.obligations)
    assert list(read(tmp_path / "data" / "dead_letter_queue" / "main")) == []
    if timed:
        before, after = watch.rate(stopped - STEADY, stopped), watch.rate(back + RECOVERY, back + RECOVERY + STEADY)
        record_property("events/s written before", round(before))
        record_property("events/s written from the 10th to the 20th second of its return", f"{after:.0f}")
        assert after >= 0.8 * before
