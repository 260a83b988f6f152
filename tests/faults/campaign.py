"""A campaign of faults against the design document's configuration, with the oracle in charge.

    senders --> proxy --> engine --> proxy --> Elasticsearch          in rounds, each with another layout of the engine

In each round three senders ship windows and send again what was not acknowledged, while one hand spoils connections,
another one stops and kills processes, and a third one makes the clock jump and the disk fail. Each hand goes through
all of its faults in an order that is drawn, again and again. Then all is calm, a fresh window must flow, the engine
must drain, and all that was acknowledged in the round must be in Elasticsearch, once, and say what it was made to say.
At the end that is demanded of all rounds. The seed gives the order of the faults and how long they last; what they
meet is the machine's mood.

Claimed: what was acknowledged is delivered, whole; nothing is delivered that was not sent; nothing twice by its id,
as each event has one (its place in a file).
Not claimed: that a byte which changes in a bare TCP stream is noticed where no checksum covers it (`proxy` says where
bytes are changed, and why there); that data survive a disk that lies about a sync, or a power cut; that an event
without an id is written once.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeVar

from pipeline.delivery.dead_letters import read
from tests.faults.processes import Fault, Processes
from tests.faults.proxy import LASTING, SUDDEN, Proxy, Way
from tests.faults.shim import Shim, built
from tests.proofs.engine import Engine
from tests.proofs.indices import call, clear, documents
from tests.proofs.oracle import Oracle
from tests.proofs.shipping import ship
from tests.servers.elasticsearch_node import Server

T = TypeVar("T")
INDICES = "apex-logs-*"
SENDERS = 3
_WINDOW = 200
_FRESH = 10
_CALM = 120.0
"""Seconds in which, after the faults, a fresh window must flow, and then everything must be delivered."""
_QUEUE = "queue.type: persisted\nqueue.drain: true\nqueue.page_capacity: 256kb\nqueue.checkpoint.interval: 300\n"
_SHORT_PAUSES = "retry_initial_interval => 1 retry_max_interval => 2 timeout => 10"


@dataclass(frozen=True)
class Layout:
    """How the engine runs in a round."""

    name: str
    workers: bool = False
    queue: bool = False


LAYOUTS = (
    Layout("a front and two workers", workers=True),
    Layout("one process, queue on disk", queue=True),
    Layout("a front and two workers, queue on disk", workers=True, queue=True),
    Layout("one process"),
)


class Campaign:
    """Runs rounds, between its start and its end; `report` says what came of them."""

    def __init__(self, seed: int, server: Server, folder: Path) -> None:
        self.oracle = Oracle(seed, SENDERS)
        self.repeats = 0
        self.done: Counter[str] = Counter()
        """What was done to processes, clocks and disks."""
        self._seed = seed
        self._server = server
        self._folder = folder
        self._library = built(folder)
        self._rounds = 0
        self._sending, self._spoiling = self._drawing("send"), self._drawing("spoil")
        self._harming, self._wearing = self._drawing("harm"), self._drawing("wear")
        self._before = Proxy(self._drawing("before"), Way.TO)
        self._behind = Proxy(self._drawing("behind"), Way.BACK)

    def _drawing(self, name: str) -> random.Random:
        """Each hand draws for itself: what one of them draws does not depend on how fast another one is."""
        return random.Random(f"{self._seed} {name}")

    async def __aenter__(self) -> Self:
        clear(self._server.url)
        self._behind.target = int(self._server.url.rpartition(":")[2])
        await self._before.start()
        await self._behind.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._before.close()
        await self._behind.close()

    async def round(self, seconds: float) -> None:
        """Faults for so long, in the next layout; then calm. Fails if anything demanded does not hold."""
        number, self._rounds = self._rounds, self._rounds + 1
        layout = LAYOUTS[number % len(LAYOUTS)]
        folder = self._folder / str(number)
        folder.mkdir()
        engine = self._engine(folder, layout)
        shim = Shim(self._library, folder, folder / "data")
        engine.environment = shim.environment
        first = self.oracle.issued
        engine.start()
        try:
            await asyncio.to_thread(engine.listening)
            self._before.target = engine.port
            try:
                async with asyncio.timeout(seconds + _CALM):
                    await self._storm(engine, shim, layout, asyncio.get_running_loop().time() + seconds)
                    await self._ship(engine, self.oracle.issue(_FRESH))
            except TimeoutError:
                raise AssertionError(f"nothing flows any more; {engine.log} says why") from None
            assert await asyncio.to_thread(engine.stop, _CALM) == 0, f"the engine failed; {engine.log} says why"
        finally:
            engine.kill()
        letters = list(read(folder / "data" / "dead_letter_queue" / "main"))
        assert not letters, f"{len(letters)} dead letters, such as {letters[0]}"
        await asyncio.to_thread(self._check, first)
        issued = self.oracle.issued - first
        print(f"round {number + 1}, {layout.name}: {issued} events, each there once, engine started {engine.starts}x")
        sys.stdout.flush()

    def _engine(self, folder: Path, layout: Layout) -> Engine:
        replace = {
            '"elasticsearch:9200"]': f'"127.0.0.1:{self._behind.port}"] {_SHORT_PAUSES}',
        }
        return Engine(folder, ["--workers", "2"] if layout.workers else [], replace, _QUEUE if layout.queue else "")

    async def _storm(self, engine: Engine, shim: Shim, layout: Layout, deadline: float) -> None:
        processes = Processes(engine, self._server, shim, self._harming)
        harm, wear = processes.faults(layout.workers), processes.machine(layout.queue)
        async with asyncio.TaskGroup() as group:
            for _ in range(SENDERS):
                group.create_task(self._send(engine, deadline))
            group.create_task(self._spoil_connections(deadline))
            group.create_task(self._do(harm, self._harming, 5.0, deadline))
            group.create_task(self._do(wear, self._wearing, 1.0, deadline, at_least=len(wear)))

    async def _send(self, engine: Engine, deadline: float) -> None:
        while asyncio.get_running_loop().time() < deadline:
            await self._ship(engine, self.oracle.issue(self._sending.randint(1, _WINDOW)))
            await asyncio.sleep(self._sending.uniform(0, 0.4))

    async def _ship(self, engine: Engine, numbers: range) -> None:
        self.repeats += await ship(self.oracle, engine, numbers, _WINDOW, self._before.port)

    async def _spoil_connections(self, deadline: float) -> None:
        faults = [(proxy, fault) for proxy in (self._before, self._behind) for fault in (*LASTING, *SUDDEN)]
        for proxy, fault in _drawn(self._spoiling, faults):
            if asyncio.get_running_loop().time() > deadline:
                return
            await asyncio.sleep(self._spoiling.uniform(0.1, 1.5))
            await proxy.inject(fault, self._spoiling.uniform(0.3, 2.0) * self._spoiling.choice((1, 1, 1, 6)))

    async def _do(
        self, faults: Mapping[str, Fault], draw: random.Random, pause: float, deadline: float, at_least: int = 0
    ) -> None:
        for number, name in enumerate(_drawn(draw, list(faults))):
            await asyncio.sleep(draw.uniform(0.5, pause))
            if number >= at_least and asyncio.get_running_loop().time() > deadline:
                return
            await faults[name]()
            self.done[name] += 1

    def _check(self, first: int) -> None:
        """What this round issued is there, all of it, as nobody gave up; what others issued is not there twice."""
        found = self.oracle.seen(documents(self._server.url, INDICES, first))
        missing = set(range(first, self.oracle.issued)) - found.keys()
        assert not missing, f"{len(missing)} acknowledged events are not there, such as {sorted(missing)[:5]}"
        count = call(f"{self._server.url}/{INDICES}/_count")["count"]
        assert count == self.oracle.issued, f"{count} documents of {self.oracle.issued} events"

    def report(self) -> tuple[str, int]:
        """The table of the faults and the oracle's figures; and how many events were lost or are there twice."""
        found = self.oracle.seen(documents(self._server.url, INDICES))
        lost = len(self.oracle.obligations - found.keys())
        repeated = sum(times > 1 for times in found.values())
        lines = [f"{'fault':36} {'times':>6}"]
        for place, proxy in (("sender-engine", self._before), ("engine-Elasticsearch", self._behind)):
            lines += [f"{f'{fault}, {place}':36} {proxy.made[fault]:6}" for fault in (*LASTING, *SUDDEN)]
        lines += [f"{name:36} {times:6}" for name, times in sorted(self.done.items())]
        lines.append(f"attempts of senders that failed, and were repeated: {self.repeats}")
        lines.append(
            f"issued {self.oracle.issued}, acknowledged {len(self.oracle.obligations)}, delivered {len(found)}, "
            f"lost {lost}, repeated {repeated}"
        )
        return "\n".join(lines), lost + repeated


def _drawn(draw: random.Random, faults: list[T]) -> Iterator[T]:
    """All of them in an order that is drawn, again and again."""
    while True:
        yield from draw.sample(faults, len(faults))
