"""The design document's configuration against a real Elasticsearch: the sample's indices, and a node that goes away."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.delivery.dead_letters import read
from shippers import demonstration
from shippers.lumberjack import Sender
from tests.databases import LONDON, write_city
from tests.proofs.engine import Engine
from tests.proofs.indices import clear, documents
from tests.proofs.oracle import Oracle
from tests.proofs.shipping import ship
from tests.servers.elasticsearch_node import Server

SETTINGS = "retry.initial_interval: 0.2\nretry.max_interval: 1\n"
SENDERS = 3


def engine_for(folder: Path, server: Server, database: Path | None = None) -> Engine:
    replace = {"elasticsearch:9200": server.url.removeprefix("http://")}
    if database is not None:
        replace['source => "source_ip"'] = f'source => "source_ip" database => "{database}"'
    return Engine(folder, [], replace, SETTINGS)


@pytest.fixture
def empty(elasticsearch: Server) -> Iterator[Server]:
    """The server without any index of ours, before and after."""

    clear(elasticsearch.url)
    yield elasticsearch
    clear(elasticsearch.url)


def test_the_sample_in_its_daily_indices(
    empty: Server, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    events = list(demonstration._events())
    lines = [json.loads(event["message"]) if event["message"].startswith("{") else {} for event in events]
    address = Counter(line["source_ip"] for line in lines if "source_ip" in line).most_common(1)[0][0]
    engine = engine_for(tmp_path, empty, write_city(tmp_path / "city.mmdb", {f"{address}/32": LONDON}))

    async def send() -> None:
        async with Sender("127.0.0.1", engine.port) as sender:
            assert await sender.send(events) == len(events)

    engine.start()
    try:
        engine.listening()
        asyncio.run(send())
        asyncio.run(send())  # shipped again, as after a lost acknowledgement: nothing is there twice
        assert engine.stop() == 0
    finally:
        engine.kill()
    found = list(documents(empty.url, "apex-logs-*"))
    days = Counter(event["@timestamp"][:10].replace("-", ".") for event in events)
    assert Counter(index for index, _ in found) == {f"apex-logs-{day}": count for day, count in days.items()}
    assert len(days) > 1
    by_offset = {document["log"]["offset"]: document for _, document in found}
    located = 0
    for event, line in zip(events, lines, strict=True):
        document = by_offset[event["log"]["offset"]]
        assert document["message"] == event["message"]
        assert document.get("log_event") == line.get("event")
        assert document.get("status") == line.get("status")
        if line.get("source_ip") == address:
            assert document["geoip"]["city_name"] == "London"
            assert document["geoip"]["country_code2"] == "GB"
            assert document["geoip"]["location"] == {"lat": 51.5142, "lon": -0.0931}
            located += 1
        elif "source_ip" in line:
            assert "_geoip_lookup_failure" in document["tags"]
        else:
            assert "geoip" not in document
    assert located
    for name, value in {"documents": len(found), "daily indices": len(days), "with geoip fields": located}.items():
        record_property(name, value)


@pytest.mark.parametrize(
    ("events", "restarts"),
    [(6_000, ["kill"]), pytest.param(60_000, ["kill", "stop", "kill", "stop", "kill"], marks=pytest.mark.long)],
)
def test_the_node_goes_away_and_comes_back(
    empty: Server, tmp_path: Path, events: int, restarts: list[str], record_property: Callable[[str, object], None]
) -> None:
    if not hasattr(empty, "home"):
        pytest.skip("elasticsearch: only a local node keeps its data over a kill")
    oracle = Oracle(3, SENDERS)
    engine = engine_for(tmp_path, empty)

    async def run() -> int:
        numbers = oracle.issue(events)
        shipping = [
            asyncio.create_task(ship(oracle, engine, numbers[sender::SENDERS], 200)) for sender in range(SENDERS)
        ]
        for turn, how in enumerate(restarts, 1):
            while len(oracle.obligations) < events * turn // (len(restarts) + 2):
                engine.runs()
                await asyncio.sleep(0.005)
            await asyncio.to_thread(getattr(empty, how))
            owed = len(oracle.obligations)
            await asyncio.sleep(0.5)
            assert len(oracle.obligations) - owed <= 200 * SENDERS  # nothing but answers that were under way
            await asyncio.to_thread(empty.start)
        return sum(await asyncio.gather(*shipping))

    engine.start()
    try:
        engine.listening()
        repeats = asyncio.run(run())
        assert engine.stop() == 0
    finally:
        engine.kill()
    assert len(oracle.obligations) == events
    stored = oracle.check(documents(empty.url, "apex-logs-*"))
    assert stored == events
    assert list(read(tmp_path / "data" / "dead_letter_queue" / "main")) == []
    assert repeats == 0, "the engine was there all the time: no connection may break"
    for name, value in {
        "events": events,
        "restarts of the node": ", ".join(restarts),
        "attempts that failed, and were repeated": repeats,
        "events in the indices, each once, payload intact": stored,
    }.items():
        record_property(name, value)
