"""Half a million events from Kafka to Elasticsearch by two workers, while everything that takes part is killed."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.delivery.dead_letters import read
from tests.kafka.workbench import committed, eventually, make_topic, produce, unique
from tests.proofs.indices import call, documents
from tests.proofs.kafka_engine import KafkaEngine, configuration
from tests.proofs.test_elasticsearch_restart import SETTINGS
from tests.proofs.test_kafka import lines
from tests.servers.elasticsearch_node import Server
from tests.servers.kafka_cluster import Cluster

ROUNDS = 20


class Faults:
    """Everything that takes part is killed, or leaves in order, and comes back; one of them at a time."""

    def __init__(self, kafka: Cluster, elasticsearch: Server, workers: list[KafkaEngine]) -> None:
        self.kafka, self.elasticsearch, self.workers = kafka, elasticsearch, workers
        self.seen: Counter[str] = Counter()
        self.draw = random.Random(4)

    def one(self) -> None:
        fault = self.draw.choice([self.broker, self.node, self.worker, self.leaving])
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


@pytest.mark.long
@pytest.mark.parametrize("events", [500_000])
def test_every_event_is_indexed_once(
    kafka: Cluster,
    elasticsearch: Server,
    tmp_path: Path,
    events: int,
    record_property: Callable[[str, object], None],
) -> None:
    topic = unique("indexed")
    output = f'elasticsearch {{ hosts => ["{elasticsearch.url}"] index => "{topic}" ilm_enabled => false }}'
    text = configuration(kafka.bootstrap, topic, output, "metadata_max_age_ms => 2000")
    workers = [KafkaEngine(tmp_path / name, text, SETTINGS) for name in ("first", "second")]
    faults = Faults(kafka, elasticsearch, workers)

    def indexed() -> int:
        try:
            return int(call(f"{elasticsearch.url}/{topic}/_count")["count"])
        except OSError:
            return 0

    async def scenario() -> None:
        await make_topic(kafka.bootstrap, topic, 8)
        share = events // ROUNDS
        for worker in workers:
            worker.start()
        for turn in range(ROUNDS):
            await produce(kafka.bootstrap, topic, lines(range(turn * share, (turn + 1) * share)))
            await eventually(lambda turn=turn: indexed() > turn * share, 300)
            await asyncio.to_thread(faults.one)
        await eventually(lambda: indexed() == events, 600)
        for worker in workers:
            assert await asyncio.to_thread(worker.stop) == 0
        assert sum((await committed(kafka.bootstrap, topic)).values()) == events

    try:
        asyncio.run(scenario())
    finally:
        for worker in workers:
            worker.kill()
    seen = Counter(document["n"] for _, document in documents(elasticsearch.url, topic))
    call(f"{elasticsearch.url}/{topic}", "DELETE")
    assert len(seen) == events
    assert set(seen.values()) == {1}
    assert all(not list(read(worker.log.parent / "data" / "dead_letter_queue" / "main")) for worker in workers)
    for name, value in {"events": events, **faults.seen, "in the index, each once": len(seen)}.items():
        record_property(name, value)
