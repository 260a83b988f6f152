"""Hostile peers on every input: whoever sends in good order is served meanwhile, and memory is bounded."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path

import aiohttp
import psutil
import pytest

from shippers.lumberjack import Sender
from tests.proofs import hostility
from tests.proofs.engine import TextEngine
from tests.proofs.hostility import BEGINNINGS, INPUTS, Peers, peers
from tests.servers.elasticsearch_node import free_port

PATIENCE = 60
MOST = 128.0
"""MB that private memory may grow by, far below what the peers ask for."""
MOST_INFLATED = 420.0
"""The same for bombs: bodies of HTTP have 256 MiB together, a frame of a Beat inflates to 100 MiB, one at a time."""
LIMITS = "max_connections => 11000"
Record = Callable[[str, object], None]


class Site:
    """An engine with each of the inputs, and what is asked of it."""

    def __init__(self, folder: Path) -> None:
        self.ports = {name: free_port() for name in INPUTS}
        store = f'sqlite {{ path => "{folder / "store"}" index => "events" }}'
        codec = {"tcp": "codec => line dns_reverse_lookup_enabled => false", "http": "codec => json"}
        blocks = [f"{name} {{ port => {self.ports[name]} {LIMITS} {codec.get(name, '')} }}" for name in INPUTS]
        self.engine = TextEngine(folder, f"input {{ {' '.join(blocks)} }} output {{ {store} }}")
        self.highest = 0.0
        self._asked = 0

    def start(self) -> None:
        """Returns when each input listens."""
        self.engine.start()
        for port in self.ports.values():
            self.engine.port = port
            self.engine.listening()

    def uss(self) -> float:
        """Private memory in MB; the highest is kept."""
        assert self.engine.process is not None
        now = psutil.Process(self.engine.process.pid).memory_full_info().uss / 1e6
        self.highest = max(self.highest, now)
        return now

    async def watch(self) -> None:
        """Keeps the highest level, until it is cancelled."""
        while True:
            self.uss()
            await asyncio.sleep(0.05)

    async def serves(self) -> None:
        """An event to each of the inputs comes through: what acknowledges has done so, and all are in the store."""
        self._asked += 1
        texts = {name: f"honest {name} {self._asked}" for name in INPUTS}
        async with asyncio.timeout(PATIENCE):
            async with Sender("127.0.0.1", self.ports["beats"]) as sender:
                assert await sender.send([{"message": texts["beats"]}]) == 1
            async with aiohttp.ClientSession() as session:
                url = f"http://127.0.0.1:{self.ports['http']}/"
                while await self._posted(session, url, texts["http"]) == 429:
                    await asyncio.sleep(0.1)
            await self._write("tcp", texts["tcp"])
            await self._write("syslog", f"<14>1 - node app - - - {texts['syslog']}")
            while missing := set(texts.values()) - self._stored():
                self.engine.runs()
                await asyncio.sleep(0.05)
            assert not missing

    async def _posted(self, session: aiohttp.ClientSession, url: str, message: str) -> int:
        async with session.post(url, json={"message": message}) as answer:
            assert answer.status in (200, 429)  # 429: no room for the moment, come again
            return answer.status

    async def _write(self, name: str, line: str) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", self.ports[name])
        writer.write(line.encode() + b"\n")
        await writer.drain()
        writer.close()

    def _stored(self) -> set[str]:
        return {str(document.get("message")) for document in self.engine.documents()}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    made.start()
    try:
        yield made
        assert made.engine.stop() == 0
        assert "Traceback" not in made.engine.log.read_text()
    finally:
        made.engine.kill()


def endured(site: Site, attack: Callable[[Peers], Awaitable[None]], record: Record, most: float = MOST) -> None:
    """Serves before the attack, while it lasts and after it; memory is bounded."""

    async def run() -> float:
        await site.serves()
        before = site.uss()
        watching = asyncio.create_task(site.watch())
        with peers() as hostile:
            attacking = asyncio.ensure_future(attack(hostile))
            for _ in range(3):
                await site.serves()
            await attacking
            await site.serves()
            record("hostile connections", hostile.kept)
        await site.serves()
        watching.cancel()
        return before

    before = asyncio.run(run())
    record("private memory before", f"{before:.0f} MB")
    record("highest private memory", f"{site.highest:.0f} MB")
    print(f"from {before:.0f} to {site.highest:.0f} MB")
    assert site.highest - before < most


@pytest.mark.parametrize("make", [hostility.bombs, hostility.lengths, hostility.garbage])
def test_what_they_send(site: Site, make: Callable[[], dict[str, list[bytes]]], record_property: Record) -> None:
    """Zip bombs, lengths of 4 GB and garbage, each several times at once, on each input."""
    sent = make()

    async def attack(hostile: Peers) -> None:
        every = [(site.ports[name], data) for name, several in sent.items() for data in several for _ in range(4)]
        await asyncio.gather(*(hostile.send(port, data) for port, data in every))

    endured(site, attack, record_property, MOST_INFLATED if make is hostility.bombs else MOST)


def test_a_byte_at_a_time(site: Site, record_property: Record) -> None:
    """Slow loris: fifty peers on each input send a proper beginning, one byte after the other."""

    async def attack(hostile: Peers) -> None:
        slow = [hostile.trickle(site.ports[name], BEGINNINGS[name][:200], 50) for name in INPUTS]
        await asyncio.gather(*slow)

    endured(site, attack, record_property)


@pytest.mark.parametrize("count", [300, pytest.param(10_000, marks=pytest.mark.long)])
def test_many_connections(site: Site, count: int, record_property: Record) -> None:
    """Connections, half of which begin to send and never go on, to one input after the other, as many as may be open.

    Each input takes more than these, and no more than the descriptors that a process may have.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    most = min(count, hard - 500)

    async def attack(hostile: Peers, name: str) -> None:
        for one in (await hostile.connect(site.ports[name], most))[::2]:
            one.send(BEGINNINGS[name][:100])

    try:
        for name in INPUTS:
            endured(site, partial(attack, name=name), partial(told, record_property, name))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert "turned away" not in site.engine.log.read_text()


def told(record: Record, name: str, what: str, value: object) -> None:
    record(f"{name}: {what}", value)
