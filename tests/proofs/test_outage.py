"""Elasticsearch stops under load and comes back: memory keeps its level, nothing is lost, and delivery goes on."""

from __future__ import annotations

import asyncio
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


class Sample(NamedTuple):
    """What was seen at one moment."""

    time: float
    uss: float
    """Private memory of the engine, in MB."""
    indexed: int | None
    """What Elasticsearch has written since it started; None while it is away."""


class Watch:
    """Sees twice a second how much is written, and how large the engine is."""

    def __init__(self, engine: Engine, server: Server) -> None:
        assert engine.process is not None
        self.samples: list[Sample] = []
        self._process = psutil.Process(engine.process.pid)
        self._server = server

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            uss = self._process.memory_full_info().uss / 1e6
            indexed = await asyncio.to_thread(self._indexed)
            self.samples.append(Sample(time.monotonic(), uss, indexed))
            await asyncio.sleep(0.5)

    def _indexed(self) -> int | None:
        try:
            found = call(f"{self._server.url}/_stats/indexing")
        except OSError:
            return None
        return int(found["_all"]["primaries"].get("indexing", {}).get("index_total", 0))

    def between(self, start: float, end: float) -> list[Sample]:
        """What was seen in that time."""
        return [sample for sample in self.samples if start <= sample.time <= end]

    def rate(self, start: float, end: float) -> float:
        """Events that Elasticsearch wrote in a second."""
        seen = [(sample.time, sample.indexed) for sample in self.between(start, end) if sample.indexed is not None]
        (first, less), (last, more) = seen[0], seen[-1]
        return (more - less) / (last - first)

    def highest(self, start: float, end: float) -> float:
        """The highest level of private memory, in MB."""
        return max(sample.uss for sample in self.between(start, end))


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
        watching = group.create_task(watch.run())
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
        watching.cancel()
    return watch, Moments(stopped, back), sum(task.result() for task in senders)


@pytest.mark.parametrize(
    ("warm", "away", "timed"),
    [(40_000, 15, False), pytest.param(100_000, 120, True, marks=pytest.mark.long)],
    ids=["short", "long"],
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
    before, after = watch.rate(stopped - STEADY, stopped), watch.rate(back + RECOVERY, back + RECOVERY + STEADY)
    first = next(sample.time for sample in watch.samples if sample.time > back and sample.indexed)
    for name, value in {
        "seconds without Elasticsearch": round(back - stopped),
        "highest private memory under load, before": f"{normal:.1f} MB",
        "highest private memory, meanwhile": f"{meanwhile:.1f} MB, {meanwhile / normal:.0%}",
        "highest private memory, afterwards": f"{watch.highest(back, watch.samples[-1].time):.1f} MB",
        "events/s written before": round(before),
        "events/s written from the 10th to the 20th second of its return": f"{round(after)}, {after / before:.0%}",
        "seconds from its return until something was written": f"{first - back:.1f}",
        "attempts that failed, and were repeated": repeats,
        "events acknowledged, and in the indices, each once": len(oracle.obligations),
    }.items():
        print(name, value)
        record_property(name, value)
    assert repeats == 0, "the engine was there all the time: no connection may break"
    assert meanwhile <= 1.2 * normal
    assert oracle.check(documents(kept.url, "apex-logs-*")) == len(oracle.obligations)
    assert list(read(tmp_path / "data" / "dead_letter_queue" / "main")) == []
    assert not timed or after >= 0.8 * before
