"""A member of a consumer group against a real broker: what it reads, commits, pauses, and lets go."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka import AIOKafkaProducer

from tests.kafka.workbench import (
    EARLIEST,
    Reader,
    committed,
    eventually,
    made,
    make_topic,
    members,
    numbered,
    produce,
    texts,
    unique,
)
from tests.servers.kafka_cluster import Cluster


def test_every_record_once_and_offsets_after_the_end(kafka: Cluster) -> None:
    topic, group = unique("plain"), unique("group")

    async def scenario() -> None:
        await make_topic(kafka.bootstrap, topic, 3)
        await produce(kafka.bootstrap, topic, numbered(1000))
        async with Reader(made(kafka.bootstrap, topic, group, EARLIEST)) as reader:
            await reader.has(1000)
        assert sorted(reader.messages, key=int) == texts(1000)
        assert len(set(reader.ids)) == 1000
        offsets = await committed(kafka.bootstrap, group)
        assert {place[0] for place in offsets} == {topic}
        assert sum(offsets.values()) == 1000
        async with Reader(made(kafka.bootstrap, topic, group, EARLIEST)) as again:
            await produce(kafka.bootstrap, topic, [b"last"])
            await again.has(1)
        assert again.messages == ["last"]

    asyncio.run(scenario())


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_every_compression_is_read(kafka: Cluster, codec: str) -> None:
    topic = unique(codec)

    async def scenario() -> None:
        await make_topic(kafka.bootstrap, topic)
        await produce(kafka.bootstrap, topic, numbered(50), compression_type=codec)
        async with Reader(made(kafka.bootstrap, topic, unique("group"), EARLIEST)) as reader:
            await reader.has(50)
        assert reader.messages == texts(50)

    asyncio.run(scenario())


def test_nothing_is_committed_beyond_the_lowest_open_offset(kafka: Cluster) -> None:
    topic, group = unique("order"), unique("group")

    async def scenario() -> None:
        await make_topic(kafka.bootstrap, topic)
        await produce(kafka.bootstrap, topic, numbered(30))
        options = f"{EARLIEST} max_poll_records => 10 enable_auto_commit => false"
        async with Reader(made(kafka.bootstrap, topic, group, options), ends=False) as reader:
            await reader.has(30)
            first, second, third = reader.open
            third[0].end(10)
            first[0].end(10)

            async def ten() -> bool:
                return (await committed(kafka.bootstrap, group)).get((topic, 0)) == 10

            await eventually(ten)
            second[0].end(10)

            async def thirty() -> bool:
                return (await committed(kafka.bootstrap, group)).get((topic, 0)) == 30

            await eventually(thirty)
            reader.open.clear()

    asyncio.run(scenario())


def test_no_room_pauses_partitions_and_polling_goes_on(kafka: Cluster) -> None:
    """Nothing is taken for longer than `max_poll_interval_ms`: the member stays, and reads on when there is room."""
    topic, group = unique("stalled"), unique("group")

    async def scenario() -> None:
        await make_topic(kafka.bootstrap, topic, 2)
        await produce(kafka.bootstrap, topic, numbered(100))
        options = f"{EARLIEST} max_poll_records => 10 max_poll_interval_ms => 3000"
        source = made(kafka.bootstrap, topic, group, options)
        reader = Reader(source, ends=False)
        reader.gate.clear()
        async with reader:
            await reader.has(1)
            [member] = await members(reader)
            await eventually(lambda: member.held)
            taken, polls = len(reader.events), member.polls
            generation = member._consumer._coordinator.generation
            await eventually(lambda: member.polls >= polls + 5)  # a poll a second: longer than the interval
            assert len(reader.events) == taken
            assert member._consumer.paused() == member._consumer.assignment()
            assert member._consumer._coordinator.generation == generation
            reader.gate.set()
            await reader.has(100)
            assert not member._consumer.paused()
            reader.end()
        assert sorted(reader.messages, key=int) == texts(100)
        assert sum((await committed(kafka.bootstrap, group)).values()) == 100

    asyncio.run(scenario())


def test_a_second_member_takes_its_share_and_gives_it_back(kafka: Cluster) -> None:
    topic, group = unique("shared"), unique("group")

    async def scenario() -> None:
        await make_topic(kafka.bootstrap, topic, 4)
        sent = 0
        async with Reader(made(kafka.bootstrap, topic, group, EARLIEST)) as first:
            readers = [first]
            for _ in range(3):
                async with Reader(made(kafka.bootstrap, topic, group, EARLIEST)) as second:
                    readers.append(second)
                    [member] = await members(second)
                    await eventually(lambda member=member: len(member._consumer.assignment()) == 2)
                    await produce(kafka.bootstrap, topic, numbered(200, sent))
                    sent += 200
                    await eventually(lambda want=sent: sum(len(reader.events) for reader in readers) >= want)
                    assert second.events
                await produce(kafka.bootstrap, topic, numbered(100, sent))
                sent += 100
                await eventually(lambda want=sent: sum(len(reader.events) for reader in readers) >= want)
        messages = [message for reader in readers for message in reader.messages]
        assert sorted(messages, key=int) == texts(sent)  # each once: what ended was committed before it was given away
        assert sum((await committed(kafka.bootstrap, group)).values()) == sent

    asyncio.run(scenario())


def test_work_that_does_not_end_in_time_is_given_up_and_ends_late_without_a_commit(kafka: Cluster) -> None:
    topic, group = unique("late"), unique("group")

    async def scenario() -> None:
        await make_topic(kafka.bootstrap, topic, 2)
        await produce(kafka.bootstrap, topic, numbered(20), partition=0)
        await produce(kafka.bootstrap, topic, numbered(20, 20), partition=1)
        options = f"{EARLIEST} max_poll_interval_ms => 2000"
        async with Reader(made(kafka.bootstrap, topic, group, options), ends=False) as slow:
            await slow.has(40)
            late, slow.open = slow.open, []
            async with Reader(made(kafka.bootstrap, topic, group, EARLIEST), ends=False) as other:
                await other.has(20)
                for batch, count in late:  # its partitions were revoked since
                    batch.end(count)
                [member] = await members(slow)
                polls = member.polls
                await eventually(lambda: member.polls >= polls + 6)  # longer than between two commits
                assert set((await committed(kafka.bootstrap, group)).values()) == {0}
                assert set(other.ids) < set(slow.ids[:40])
                other.end()
                await slow.has(60)
                slow.end()
        assert sum((await committed(kafka.bootstrap, group)).values()) == 40
        assert len(set(slow.ids + other.ids)) == 40

    asyncio.run(scenario())


def test_several_consumers_of_one_input(kafka: Cluster) -> None:
    topic, group = unique("threads"), unique("group")

    async def scenario() -> None:
        await make_topic(kafka.bootstrap, topic, 4)
        for strategy in ("range", "round_robin", "sticky"):
            options = f'{EARLIEST} consumer_threads => 3 partition_assignment_strategy => "{strategy}"'
            options += ' group_instance_id => "me"'
            source = made(kafka.bootstrap, topic, f"{group}-{strategy}", options)
            async with Reader(source) as reader:
                await produce(kafka.bootstrap, topic, numbered(100))
                await reader.has(100)
                await eventually(
                    lambda source=source: (
                        sorted(len(one._consumer.assignment()) for one in source.members.all) == [1, 1, 2]
                    )
                )
            assert len(set(reader.ids)) == len(reader.ids)

    asyncio.run(scenario())


def test_aborted_transactions_are_left_out_if_asked(kafka: Cluster) -> None:

    topic = unique("transactions")

    async def scenario() -> None:
        await make_topic(kafka.bootstrap, topic)
        producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, transactional_id=unique("t"))
        await producer.start()
        try:
            await producer.begin_transaction()
            await producer.send_and_wait(topic, b"aborted")
            await producer.abort_transaction()
            async with producer.transaction():
                await producer.send_and_wait(topic, b"committed")
        finally:
            await producer.stop()
        for level, want in (("read_committed", ["committed"]), ("read_uncommitted", ["aborted", "committed"])):
            options = f'{EARLIEST} isolation_level => "{level}"'
            async with Reader(made(kafka.bootstrap, topic, unique("group"), options)) as reader:
                await reader.has(len(want))
            assert reader.messages == want

    asyncio.run(scenario())
