"""A member of a consumer group against a real broker: what it reads, commits, pauses, and lets go."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka import AIOKafkaProducer

from pipeline.kafka import lags
from pipeline.plugin import Lag
from tests.kafka.workbench import (
    Reader,
    add_partitions,
    committed,
    delete_topic,
    eventually,
    expire,
    made,
    make_topic,
    members,
    produce,
    unique,
)
from tests.servers.kafka_cluster import Cluster

EARLIEST = 'auto_offset_reset => "earliest"'


def numbered(count: int, first: int = 0) -> list[bytes]:
    return [b"%d" % number for number in range(first, first + count)]


def texts(count: int, first: int = 0) -> list[str]:
    return [str(number) for number in range(first, first + count)]


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


def test_aborted_transactions_are_left_out_if_asked(kafka: Cluster) -> None:
    from aiokafka import AIOKafkaProducer

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
