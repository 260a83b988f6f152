"""Brokers that die and come back, one and three of them: every record is read, and once where nothing was given up."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests.kafka.workbench import (
    EARLIEST,
    Reader,
    committed,
    eventually,
    leaders,
    made,
    make_topic,
    members,
    numbered,
    produce,
    texts,
    unique,
)
from tests.outputs.test_kafka import body_of, built
from tests.servers import kafka_cluster
from tests.servers.kafka_cluster import Cluster, LocalCluster
from tests.servers.skipping import or_skip


def test_the_broker_dies_and_comes_back(kafka: Cluster) -> None:
    topic, group = unique("died"), unique("group")

    async def scenario() -> None:
        await make_topic(kafka.bootstrap, topic, 2)
        await produce(kafka.bootstrap, topic, numbered(100))
        async with Reader(made(kafka.bootstrap, topic, group, EARLIEST)) as reader:
            await reader.has(100)
            await asyncio.to_thread(kafka.kill, 1)
            await asyncio.to_thread(kafka.start, 1)
            await produce(kafka.bootstrap, topic, numbered(100, 100))
            await eventually(lambda: reader.check() and len(set(reader.ids)) == 200)
        assert sorted(set(reader.messages), key=int) == texts(200)
        assert sum((await committed(kafka.bootstrap, group)).values()) == 200

    asyncio.run(scenario())


def test_no_broker_at_the_start() -> None:
    """The input waits for it, and can be stopped while it does."""

    async def scenario() -> None:
        async with Reader(made("127.0.0.1:9", "t", "g")) as reader:
            await eventually(lambda: reader.check() and reader.source.members is not None)
        assert reader.events == []

    asyncio.run(scenario())


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    with or_skip("kafka"), kafka_cluster.started(tmp_path_factory.mktemp("three"), brokers=3) as cluster:
        assert isinstance(cluster, LocalCluster)
        yield cluster


def test_a_leader_and_the_coordinator_are_lost(three: LocalCluster) -> None:
    """Each broker in turn leads partitions, or coordinates the group; the output writes, and the input reads, on."""
    topic, group = unique("led"), unique("group")

    async def scenario() -> None:
        await make_topic(three.bootstrap, topic, 6, 3)
        assert len(set((await leaders(three.bootstrap, topic)).values())) == 3
        output = built(f'topic_id => "{topic}"', three.bootstrap)
        await output.start()
        async with Reader(made(three.bootstrap, topic, group, f"{EARLIEST} metadata_max_age_ms => 1000")) as reader:
            sent = 0

            async def write() -> None:
                nonlocal sent
                for _ in range(5):
                    answer = await output.send(body_of(output, *texts(20, sent)))
                    assert not answer.again
                    assert not answer.dead
                    sent += 20

            await write()
            await reader.has(sent)
            [member] = await members(reader)
            coordinator = member._consumer._coordinator.coordinator_id
            for broker in (coordinator, coordinator % 3 + 1):
                await asyncio.to_thread(three.kill, broker)
                await write()
                await eventually(lambda: reader.check() and len(set(reader.messages)) == sent)
                await asyncio.to_thread(three.start, broker)
            await write()
            await eventually(lambda: reader.check() and len(set(reader.messages)) == sent)
        await output.close()
        assert sorted(set(reader.messages), key=int) == texts(sent)
        assert len(set(reader.ids)) == sent  # the producer wrote each once; what was read twice has the same id
        assert sum((await committed(three.bootstrap, group)).values()) == sent

    asyncio.run(scenario())
