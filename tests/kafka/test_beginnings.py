"""Where a member of a consumer group begins: new topics and partitions, offsets that are none or gone."""

from __future__ import annotations

import asyncio

import pytest

from tests.kafka.workbench import (
    EARLIEST,
    Reader,
    add_partitions,
    committed,
    delete_topic,
    eventually,
    expire,
    made,
    make_topic,
    members,
    numbered,
    produce,
    texts,
    unique,
)
from tests.servers.kafka_cluster import Cluster


def test_the_default_begins_with_what_comes_next_and_remembers_that(kafka: Cluster) -> None:
    topic, group = unique("latest"), unique("group")

    async def scenario() -> None:
        await make_topic(kafka.bootstrap, topic)
        await produce(kafka.bootstrap, topic, [b"old"])
        async with Reader(made(kafka.bootstrap, topic, group)) as reader:

            async def placed() -> bool:
                return (await committed(kafka.bootstrap, group)).get((topic, 0)) == 1

            await eventually(placed)
        await produce(kafka.bootstrap, topic, [b"meanwhile"])
        async with Reader(made(kafka.bootstrap, topic, group)) as reader:
            await reader.has(1)
        assert reader.messages == ["meanwhile"]

    asyncio.run(scenario())


@pytest.mark.parametrize("create", ["", "auto_create_topics => false metadata_max_age_ms => 500"])
def test_a_topic_made_after_the_start_is_read_from_its_beginning(kafka: Cluster, create: str) -> None:
    topic, group = unique("later"), unique("group")

    async def scenario() -> None:
        async with Reader(made(kafka.bootstrap, topic, group, create)) as reader:
            await members(reader)
            if create:
                await make_topic(kafka.bootstrap, topic, 2)
            await produce(kafka.bootstrap, topic, numbered(50))
            await reader.has(50)
        assert sorted(reader.messages, key=int) == texts(50)

    asyncio.run(scenario())


def test_topics_by_pattern_and_partitions_added(kafka: Cluster) -> None:
    prefix, group = unique("pattern"), unique("group")

    async def scenario() -> None:
        await make_topic(kafka.bootstrap, f"{prefix}-a", 1)
        await make_topic(kafka.bootstrap, f"{prefix}-a-not", 1)
        options = f'topics_pattern => "{prefix}-[a-z]" metadata_max_age_ms => 500'
        async with Reader(made(kafka.bootstrap, "", group, options)) as reader:
            [member] = await members(reader)
            await eventually(lambda: len(member._consumer.assignment()) == 1)
            await make_topic(kafka.bootstrap, f"{prefix}-b", 1)
            await produce(kafka.bootstrap, f"{prefix}-b", numbered(10))
            await reader.has(10)
            await add_partitions(kafka.bootstrap, f"{prefix}-a", 3)
            await produce(kafka.bootstrap, f"{prefix}-a", numbered(10, 10), partition=2)
            await produce(kafka.bootstrap, f"{prefix}-a-not", [b"unread"])
            await reader.has(20)
        assert sorted(reader.messages, key=int) == texts(20)

    asyncio.run(scenario())


@pytest.mark.parametrize("policy", ["", EARLIEST])
def test_a_topic_deleted_and_made_again_is_read_from_its_beginning(kafka: Cluster, policy: str) -> None:
    topic, group = unique("again"), unique("group")

    async def scenario() -> None:
        await make_topic(kafka.bootstrap, topic)
        source = made(kafka.bootstrap, topic, group, f"{policy} auto_create_topics => false metadata_max_age_ms => 500")
        async with Reader(source) as reader:
            [member] = await members(reader)
            await eventually(lambda: len(member._consumer.assignment()) == 1)
            if not policy:

                async def placed() -> bool:
                    return (topic, 0) in await committed(kafka.bootstrap, group)

                await eventually(placed)
            await produce(kafka.bootstrap, topic, numbered(20))
            await reader.has(20)
            await delete_topic(kafka.bootstrap, topic)
            await make_topic(kafka.bootstrap, topic)
            await produce(kafka.bootstrap, topic, numbered(10, 20))
            await reader.has(30)
        assert reader.messages == texts(30)
        assert len(set(reader.ids)) == 30
        assert (await committed(kafka.bootstrap, group))[(topic, 0)] == 10

    asyncio.run(scenario())


def test_without_an_offset_and_with_none_a_partition_is_not_read(
    kafka: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    topic, group = unique("none"), unique("group")

    async def scenario() -> None:
        await make_topic(kafka.bootstrap, topic)
        await produce(kafka.bootstrap, topic, [b"unread"])
        async with Reader(made(kafka.bootstrap, topic, group, 'auto_offset_reset => "none"')) as reader:
            await eventually(lambda: "is not read: the group has no offset for it" in caplog.text)
            assert reader.events == []
        assert await committed(kafka.bootstrap, group) == {}

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("policy", "want"),
    [
        ("", ["2", "3", "4", "after"]),
        (EARLIEST, ["2", "3", "4", "after"]),
        ('auto_offset_reset => "latest"', ["after"]),
    ],
)
def test_an_offset_that_the_broker_does_not_have_any_more(
    kafka: Cluster, caplog: pytest.LogCaptureFixture, policy: str, want: list[str]
) -> None:
    """Records expire, which the broker is told to do here."""
    topic, group = unique("expired"), unique("group")

    async def scenario() -> None:
        await make_topic(kafka.bootstrap, topic)
        async with Reader(made(kafka.bootstrap, topic, group, policy)) as reader:
            await members(reader)

            async def placed() -> bool:
                return (topic, 0) in await committed(kafka.bootstrap, group)

            await eventually(placed)
        await produce(kafka.bootstrap, topic, numbered(5))
        await expire(kafka.bootstrap, topic, 2)
        async with Reader(made(kafka.bootstrap, topic, group, policy)) as reader:
            await eventually(lambda: "does not have the offset any more" in caplog.text)
            await produce(kafka.bootstrap, topic, [b"after"])
            await reader.has(len(want))
        assert reader.messages == want

    asyncio.run(scenario())
