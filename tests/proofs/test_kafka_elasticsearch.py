"""From Kafka to Elasticsearch by two processes, while everything that takes part is killed: each event, and once."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.delivery.dead_letters import read
from tests.kafka.workbench import committed, eventually, make_topic, produce, unique
from tests.proofs.engine import TextEngine
from tests.proofs.indices import call, documents
from tests.proofs.kafka_engine import configuration
from tests.proofs.test_elasticsearch_restart import SETTINGS
from tests.proofs.test_kafka import lines
from tests.servers.elasticsearch_node import Server
from tests.servers.kafka_cluster import Cluster


class Faults:
    """Everything that takes part is killed, or leaves in order, and comes back; one of them at a time."""

    def __init__(self, kafka: Cluster, elasticsearch: Server, workers: list[TextEngine]) -> None:
        self.kafka, self.elasticsearch, self.workers = kafka, elasticsearch, workers
        self.seen: Counter[str] = Counter()
        self.draw = random.Random(4)

    def one(self, leaving: bool) -> None:
        """One of the faults, a kill, or with `leaving` an orderly end."""
        faults = [self.broker, self.node, self.worker, self.leaving if leaving else self.worker]
        fault = self.draw.choice(faults)
        self.seen[fault.__doc__ or ""] += 1
        fault()

    def broker(self) -> None:
        """kill -9 of the broker"""
        self.kafka.kill(1)
        self.kafka.start(1)

    def node(self) -> None:
        """kill -9 of the node"""
        self.elasticsearch.kill()
        self.elasticsearch.start()

    def worker(self) -> None:
        """kill -9 of a worker"""
        worker = self.draw.choice(self.workers)
        worker.kill()
        worker.start()

    def leaving(self) -> None:
        """a worker leaves and comes back"""
        worker = self.draw.choice(self.workers)
        assert worker.stop() == 0
        worker.start()


@pytest.mark.parametrize(
    ("events", "rounds", "leaving"),
    [
        pytest.param(4_000, 4, False, id="short"),
        pytest.param(50_000, 100, False, id="kills", marks=pytest.mark.long),
        pytest.param(500_000, 20, True, id="long", marks=pytest.mark.long),
    ],
)
def test_every_event_is_indexed_once(
    kafka: Cluster,
    kept: Server,
    tmp_path: Path,
    events: int,
    rounds: int,
    leaving: bool,
    record_property: Callable[[str, object], None],
) -> None:
    """What was in Kafka, and thereby acknowledged to its producer, is in the index, and once."""
    topic = unique("indexed")
    output = f'elasticsearch {{ hosts => ["{kept.url}"] index => "{topic}" ilm_enabled => false }}'
    text = configuration(kafka.bootstrap, topic, output, "metadata_max_age_ms => 2000")
    workers = [TextEngine(tmp_path / name, text, SETTINGS) for name in ("first", "second")]
    faults = Faults(kafka, kept, workers)

    def indexed() -> int:
        try:
            return int(call(f"{kept.url}/{topic}/_count")["count"])
        except OSError:
            return 0

    async def scenario() -> None:
        await make_topic(kafka.bootstrap, topic, 8)
        share = events // rounds
        for worker in workers:
            worker.start()
        for turn in range(rounds):
            await produce(kafka.bootstrap, topic, lines(range(turn * share, (turn + 1) * share)))
            await eventually(lambda turn=turn: indexed() > turn * share, 300)
            await asyncio.to_thread(faults.one, leaving)
        await eventually(lambda: indexed() == events, 600)
        for worker in workers:
            assert await asyncio.to_thread(worker.stop) == 0
        assert sum((await committed(kafka.bootstrap, topic)).values()) == events

    try:
        asyncio.run(scenario())
    finally:
        for worker in workers:
            worker.kill()
    seen = Counter(document["n"] for _, document in documents(kept.url, topic))
    call(f"{kept.url}/{topic}", "DELETE")
    assert len(seen) == events
    assert set(seen.values()) == {1}
    assert all(not list(read(worker.log.parent / "data" / "dead_letter_queue" / "main")) for worker in workers)
    for name, value in {"events": events, **faults.seen, "in the index, each once": len(seen)}.items():
        record_property(name, value)
