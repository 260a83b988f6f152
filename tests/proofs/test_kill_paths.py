"""`kill -9` of any process, again and again, from Beats and syslog to real servers: nothing acknowledged is lost."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.delivery.dead_letters import read
from tests.kafka.workbench import make_topic, unique, whole_topic
from tests.proofs.engine import Engine
from tests.proofs.indices import documents
from tests.proofs.killing import Killing, Target, drawn_seed, restarting
from tests.proofs.oracle import Oracle
from tests.proofs.shipping import ship
from tests.proofs.syslog_sending import SyslogOracle, queued, send
from tests.proofs.test_elasticsearch_restart import SETTINGS
from tests.servers.elasticsearch_node import Server
from tests.servers.kafka_cluster import Cluster

SENDERS = 4
WINDOW = 200
AWAY = 500
"""Messages that are sent while the server is away."""
ELASTICSEARCH = """elasticsearch {
    hosts => ["elasticsearch:9200"]
    index => "apex-logs-%{+YYYY.MM.dd}"
  }"""
SYSLOG = {"beats {": "syslog {", '[fields][service] == "apex-api"': '[program] == "apex-api"'}
QUEUE = "queue.type: persisted\nqueue.page_capacity: 256kb\nqueue.drain: true\nqueue.checkpoint.interval: 300\n"
Record = Callable[[str, object], None]
lengths = pytest.mark.parametrize(
    ("events", "kills"), [(6_000, 5), pytest.param(50_000, 100, marks=pytest.mark.long)], ids=["short", "long"]
)


async def shipped_amid(killing: Killing, oracle: Oracle, engine: Engine, events: int, server: Target) -> int:
    """Clients ship events while front, workers and the server are killed; returns how many attempts failed."""
    numbers = oracle.issue(events)
    async with asyncio.TaskGroup() as group:
        shipping = [
            group.create_task(ship(oracle, engine, numbers[sender::SENDERS], WINDOW)) for sender in range(SENDERS)
        ]
        targets = [("the front", killing.again), ("a worker", killing.worker), ("the server", server)]
        await killing.amid(events, lambda: len(oracle.obligations), targets)
    return sum(task.result() for task in shipping)


def broker_of(kafka: Cluster) -> Target:
    """Kills the broker, and starts it again."""

    async def restarted() -> None:
        await asyncio.to_thread(kafka.kill, 1)
        await asyncio.to_thread(kafka.start, 1)

    return restarted


async def taken_without(server: Server, oracle: SyslogOracle, engine: Engine, folder: Path, sent: Counter[str]) -> int:
    """The server goes, messages are taken, the engine is killed, both come back; returns how many the queue held."""
    await asyncio.to_thread(server.kill)
    more = oracle.issue(AWAY)
    await send(oracle, engine, more, sent)
    while not set(more) <= (waiting := queued(folder)):
        engine.runs()
        await asyncio.sleep(0.05)
    engine.kill()
    held = queued(folder)
    assert held >= waiting & set(more)
    oracle.acknowledged(held)
    engine.start()
    await asyncio.to_thread(server.start)
    return len(held)


def noted(record: Record, killing: Killing, figures: dict[str, object]) -> None:
    for target, times in sorted(killing.killed.items()):
        record(f"kills of {target}", times)
    for name, value in figures.items():
        record(name, value)


@lengths
def test_beats_to_elasticsearch(kept: Server, tmp_path: Path, events: int, kills: int, record_property: Record) -> None:
    """The front, its workers and Elasticsearch are killed in turn: every window is in the indices, and once."""
    seed, began = drawn_seed(), time.monotonic()
    oracle = Oracle(seed, SENDERS)
    replace = {"elasticsearch:9200": kept.url.removeprefix("http://")}
    engine = Engine(tmp_path, ["--workers", "2"], replace, SETTINGS)
    killing = Killing(seed, kills, engine)
    engine.start()
    try:
        repeats = asyncio.run(shipped_amid(killing, oracle, engine, events, restarting(kept)))
        engine.listening()
        assert engine.stop() == 0
    finally:
        engine.kill()
    assert len(oracle.obligations) == events
    stored = oracle.check(documents(kept.url, "apex-logs-*"))
    assert stored == events
    assert list(read(tmp_path / "data" / "dead_letter_queue" / "main")) == []
    figures = {
        "seed": seed,
        "events acknowledged": events,
        "attempts that failed, and were repeated": repeats,
        "events in the indices, each once, payload intact": stored,
        "lost": 0,
        "seconds": round(time.monotonic() - began),
    }
    noted(record_property, killing, figures)


@lengths
def test_beats_to_kafka(kafka: Cluster, tmp_path: Path, events: int, kills: int, record_property: Record) -> None:
    """The front, its workers and the broker are killed in turn: every window is in the topics.

    A record of Kafka has no id: what is shipped again after a kill may be there twice, and that is counted.
    """
    seed, began = drawn_seed(), time.monotonic()
    oracle = Oracle(seed, SENDERS)
    prefix = unique("beats") + "-"
    output = (
        f'kafka {{ bootstrap_servers => "{kafka.bootstrap}" codec => json topic_id => "{prefix}%{{+YYYY.MM.dd}}" }}'
    )
    engine = Engine(tmp_path, ["--workers", "2"], {ELASTICSEARCH: output}, SETTINGS)
    killing = Killing(seed, kills, engine)
    topics = {prefix + oracle.index(number).removeprefix("apex-logs-"): oracle.index(number) for number in range(3)}

    async def run() -> int:
        for topic in topics:
            await make_topic(kafka.bootstrap, topic, 2)
        return await shipped_amid(killing, oracle, engine, events, broker_of(kafka))

    async def written() -> list[tuple[str, dict[str, object]]]:
        return [
            (index, found) for topic, index in topics.items() for found in await whole_topic(kafka.bootstrap, topic)
        ]

    engine.start()
    try:
        repeats = asyncio.run(run())
        engine.listening()
        assert engine.stop() == 0
    finally:
        engine.kill()
    assert len(oracle.obligations) == events
    found = asyncio.run(written())
    assert oracle.check(found, repeats=True) == events
    assert list(read(tmp_path / "data" / "dead_letter_queue" / "main")) == []
    figures = {
        "seed": seed,
        "events acknowledged": events,
        "attempts that failed, and were repeated": repeats,
        "events in the topics, payload intact": events,
        "lost": 0,
        "records beyond one an event": len(found) - events,
        "seconds": round(time.monotonic() - began),
    }
    noted(record_property, killing, figures)


@lengths
def test_syslog_through_the_queue_to_elasticsearch(
    kept: Server, tmp_path: Path, events: int, kills: int, record_property: Record
) -> None:
    """The engine and Elasticsearch are killed in turn: every message that the queue held is in the indices, and once.

    Senders of syslog send nothing again, so nothing is claimed of what a kill met on its way to the queue. What `queue
    inspect` shows after a kill is owed. At the end the engine is killed with messages that came while nobody took them.
    """
    seed, began = drawn_seed(), time.monotonic()
    oracle = SyslogOracle(seed, SENDERS)
    replace = {**SYSLOG, "elasticsearch:9200": kept.url.removeprefix("http://")}
    engine = Engine(tmp_path, [], replace, SETTINGS + QUEUE)
    killing = Killing(seed, kills, engine)
    sent: Counter[str] = Counter()

    async def killed() -> None:
        engine.kill()
        oracle.acknowledged(queued(tmp_path))
        engine.start()

    async def run() -> int:
        numbers = oracle.issue(events)
        async with asyncio.TaskGroup() as group:
            for sender in range(SENDERS):
                group.create_task(send(oracle, engine, numbers[sender::SENDERS], sent))
            targets = [*[("the engine", killed)] * 4, ("the server", restarting(kept))]
            await killing.amid(events, lambda: sent["messages"], targets)
        return await taken_without(kept, oracle, engine, tmp_path, sent)

    engine.start()
    try:
        last = asyncio.run(run())
        engine.listening()
        assert engine.stop() == 0
    finally:
        engine.kill()
    assert queued(tmp_path) == set()
    stored = oracle.check(documents(kept.url, "apex-logs-*"))
    assert list(read(tmp_path / "data" / "dead_letter_queue" / "main")) == []
    figures = {
        "seed": seed,
        "messages sent, each once": oracle.issued,
        "messages in the queue at the kills, not known to be delivered": len(oracle.obligations),
        "of them while Elasticsearch was away": last,
        "of them lost": 0,
        "messages in the indices, each once, payload intact": stored,
        "messages that a kill met before the queue, of which nothing is claimed": oracle.issued - stored,
        "seconds": round(time.monotonic() - began),
    }
    noted(record_property, killing, figures)
