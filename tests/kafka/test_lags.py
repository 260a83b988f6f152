"""How far a consumer group is behind, as its input says."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka import AIOKafkaProducer

from pipeline.kafka import lags
from pipeline.plugin import Lag
from tests.kafka.workbench import (
    EARLIEST,
    Reader,
    eventually,
    made,
    make_topic,
    members,
    numbered,
    produce,
    unique,
)
from tests.servers.kafka_cluster import Cluster


def test_the_lag_is_what_has_not_ended(kafka: Cluster) -> None:
    topic, group = unique("behind"), unique("group")

    async def scenario() -> None:
        await make_topic(kafka.bootstrap, topic, 1)
        await produce(kafka.bootstrap, topic, numbered(30))
        source = made(kafka.bootstrap, topic, group, f"{EARLIEST} max_poll_records => 10")
        assert list(source.lags()) == []

        def lag() -> list[int]:
            return [lag.records for lag in source.lags() if (lag.topic, lag.partition) == (topic, 0)]

        async with Reader(source, ends=False) as reader:
            await reader.has(30)
            assert lag() == [30]
            reader.open.pop(0)[0].end(10)
            assert lag() == [20]
            reader.end()
            assert lag() == [0]
            await produce(kafka.bootstrap, topic, numbered(5, 30))
            await reader.has(35)
            assert lag() == [5]
            reader.end()
        assert list(source.lags()) == []

    asyncio.run(scenario())


def test_how_far_it_is_behind_in_each_partition(kafka: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is taken and has not ended counts; so does what comes while partitions are paused."""
    monkeypatch.setattr(lags, "_EVERY", 0.0)
    topic, group = unique("behind"), unique("group")

    async def scenario() -> None:
        await make_topic(kafka.bootstrap, topic, 2)
        await produce(kafka.bootstrap, topic, numbered(30), partition=0)
        async with Reader(made(kafka.bootstrap, topic, group, f"{EARLIEST} max_poll_records => 10"), False) as reader:
            source = reader.source

            async def behind(first: int, second: int) -> None:
                await eventually(lambda: source.lags() == [Lag(topic, 0, first), Lag(topic, 1, second)])

            await reader.has(30)
            await behind(30, 0)
            for batch, count in reader.open[1:]:
                batch.end(count)
            await behind(30, 0)
            reader.end()
            await behind(0, 0)
            reader.gate.clear()
            await produce(kafka.bootstrap, topic, numbered(40), partition=1)
            [member] = await members(reader)
            await eventually(lambda: member.held)
            await behind(0, 40)
            await produce(kafka.bootstrap, topic, numbered(5), partition=0)
            await behind(5, 40)
            reader.ends = True
            reader.gate.set()
            await reader.has(75)
            await eventually(lambda: [lag.records for lag in source.lags()] == [0, 0] or reader.end())
        assert source.lags() == []

    asyncio.run(scenario())
    again = made(kafka.bootstrap, topic, group)

    async def where_nothing_is_new() -> None:
        async with Reader(again):
            await eventually(lambda: again.lags() == [Lag(topic, 0, 0), Lag(topic, 1, 0)])

    asyncio.run(where_nothing_is_new())


def test_what_an_open_transaction_wrote_is_not_behind_where_it_is_not_read(kafka: Cluster) -> None:
    topic = unique("open")

    async def scenario() -> None:
        await make_topic(kafka.bootstrap, topic)
        producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, transactional_id=topic)
        await producer.start()
        sources = [
            made(kafka.bootstrap, topic, unique("group"), f"{EARLIEST} isolation_level => {level}")
            for level in ("read_committed", "read_uncommitted")
        ]
        try:
            await producer.begin_transaction()
            for value in numbered(3):
                await producer.send_and_wait(topic, value)
            async with Reader(sources[0]) as committed_only, Reader(sources[1], ends=False) as every:
                await every.has(3)
                await eventually(lambda: [source.lags() for source in sources] == [[(topic, 0, 0)], [(topic, 0, 3)]])
                await producer.commit_transaction()
                await committed_only.has(3)
        finally:
            await producer.stop()

    asyncio.run(scenario())
