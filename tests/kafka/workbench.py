"""What tests of Kafka need: topics, records, offsets, and a reader that takes batches and ends them at will."""

from __future__ import annotations

import asyncio
import json
import secrets
import struct
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.new_partitions import NewPartitions
from aiokafka.admin.records_to_delete import RecordsToDelete
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.errors import KafkaError

from pipeline.batch import Batch
from pipeline.config.building import build
from pipeline.event import Event
from pipeline.inputs.kafka import Kafka
from tests.harness import context, planned

PATIENCE = 60.0
EARLIEST = 'auto_offset_reset => "earliest"'


def unique(word: str) -> str:
    """A name that no other test has."""
    return f"{word}-{secrets.token_hex(4)}"


def numbered(count: int, first: int = 0) -> list[bytes]:
    """The values of so many records, each its number."""
    return [b"%d" % number for number in range(first, first + count)]


def texts(count: int, first: int = 0) -> list[str]:
    """The messages that come of them."""
    return [str(number) for number in range(first, first + count)]


@asynccontextmanager
async def administrator(bootstrap: str) -> AsyncIterator[Any]:
    """A client that makes and deletes topics."""
    client = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await client.start()
    try:
        yield client
    finally:
        await client.close()


async def make_topic(bootstrap: str, topic: str, partitions: int = 1, copies: int = 1, **settings: str) -> None:
    """Makes a topic; returns when its partitions have leaders."""
    async with administrator(bootstrap) as client:
        await client.create_topics([NewTopic(topic, partitions, copies, topic_configs=settings)])

        async def ready() -> bool:
            [found] = await client.describe_topics([topic])
            return len(found["partitions"]) == partitions and all(part["leader"] >= 0 for part in found["partitions"])

        await eventually(ready)


async def add_partitions(bootstrap: str, topic: str, total: int) -> None:
    async with administrator(bootstrap) as client:
        await client.create_partitions({topic: NewPartitions(total)})


async def delete_topic(bootstrap: str, topic: str) -> None:
    """Deletes a topic; returns when it is gone."""
    async with administrator(bootstrap) as client:
        await client.delete_topics([topic])

        async def gone() -> bool:
            return topic not in await client.list_topics()

        await eventually(gone)


async def expire(bootstrap: str, topic: str, before: int) -> None:
    """The records of partition 0 before that offset are gone."""
    async with administrator(bootstrap) as client:
        await client.delete_records({TopicPartition(topic, 0): RecordsToDelete(before_offset=before)})


async def leaders(bootstrap: str, topic: str) -> dict[int, int]:
    """The leader of each partition."""
    async with administrator(bootstrap) as client:
        [found] = await client.describe_topics([topic])
        return {part["partition"]: part["leader"] for part in found["partitions"]}


async def produce(
    bootstrap: str, topic: str, values: Iterable[bytes | None], partition: int | None = None, **arguments: Any
) -> None:
    """Writes records, and returns when they are there."""
    record = {name: arguments.pop(name) for name in ("key", "headers") if name in arguments}
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True, **arguments)
    await producer.start()
    try:
        answers = [
            await producer.send(topic, value, partition=partition, **({"key": b"k"} if value is None else {}) | record)
            for value in values
        ]
        await asyncio.gather(*answers)
    finally:
        await producer.stop()


async def records(bootstrap: str, topic: str, count: int) -> list[Any]:
    """So many records of a topic, read from its beginning; more, if there are more at that time."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        while not (numbers := consumer.partitions_for_topic(topic)):
            await consumer._client.add_topic(topic)
        consumer.assign([TopicPartition(topic, number) for number in numbers])
        found: list[Any] = []
        async with asyncio.timeout(PATIENCE):
            while len(found) < count or (await consumer.getmany(timeout_ms=0)):
                for part in (await consumer.getmany(timeout_ms=200)).values():
                    found += part
        return found
    finally:
        await consumer.stop()


async def whole_topic(bootstrap: str, topic: str) -> list[Any]:
    """The JSON of every record that the topic has by now."""
    return [json.loads(record.value) for record in await all_records(bootstrap, topic)]


async def all_records(bootstrap: str, topic: str) -> list[Any]:
    """Every record that the topic has by now."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        while not (numbers := consumer.partitions_for_topic(topic)):
            await consumer._client.add_topic(topic)
        places = [TopicPartition(topic, number) for number in numbers]
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        found: list[Any] = []
        async with asyncio.timeout(PATIENCE):
            for place in places:
                while await consumer.position(place) < ends[place]:
                    records = await consumer.getmany(place, timeout_ms=200)
                    found += [record for part in records.values() for record in part]
        return found
    finally:
        await consumer.stop()


async def committed(bootstrap: str, group: str) -> dict[tuple[str, int], int]:
    """The committed offsets of a group, by topic and partition."""
    async with administrator(bootstrap) as client:
        found: Mapping[Any, Any] = await client.list_consumer_group_offsets(group)
        return {(key.topic, key.partition): value.offset for key, value in found.items()}


async def members_of(bootstrap: str, group: str) -> dict[str, int]:
    """The members of a group by their instance id, and how many partitions each has."""
    async with administrator(bootstrap) as client:
        [answer] = await client.describe_consumer_groups([group])
        members = answer.to_object()["groups"][0]["members"]
        return {  # the broker calls it so, and a UUID follows
            member["member_id"][:-37]: sum(len(numbers) for _, numbers in _assigned(member["member_assignment"]))
            for member in members
        }


def _assigned(data: bytes) -> list[tuple[str, list[int]]]:
    return ConsumerProtocolMemberAssignment.decode(data).assignment if data else []


async def generation_of(bootstrap: str, group: str) -> int:
    """How often a group was shared out, as the broker has written it down: GroupMetadataKey 2, GroupMetadataValue."""
    found = -1
    for record in await all_records(bootstrap, "__consumer_offsets"):
        kind, size = struct.unpack_from(">hh", record.key)
        if kind == 2 and record.key[4 : 4 + size] == group.encode() and record.value:
            version, length = struct.unpack_from(">hh", record.value)
            assert version <= 3, "its texts are of another form since"
            found = struct.unpack_from(">i", record.value, 4 + length)[0]
    return found


async def eventually(holds: Callable[[], Any], patience: float = PATIENCE) -> None:
    """Returns when it holds; `holds` may be a coroutine function."""
    async with asyncio.timeout(patience):
        while True:
            try:
                answer = holds()
                if await answer if asyncio.iscoroutine(answer) else answer:
                    return
            except KafkaError:
                pass
            await asyncio.sleep(0.05)


def made(bootstrap: str, topic: str, group: str, options: str = "", folder: Path = Path("data")) -> Kafka:
    """A kafka input; quick about heartbeats and commits."""
    if "topics_pattern" not in options:
        options += f' topics => ["{topic}"]'
    text = f"""input {{ kafka {{ bootstrap_servers => "{bootstrap}" group_id => "{group}" {options}
        session_timeout_ms => 6000 heartbeat_interval_ms => 300 auto_commit_interval_ms => 200 }} }}"""
    [built] = build(planned(text), context(folder)).inputs
    assert isinstance(built.input, Kafka)
    return built.input


class Reader:
    """Takes the batches of an input, decodes them, and ends them at once or when it is told to."""

    def __init__(self, source: Kafka, ends: bool = True) -> None:
        self.source = source
        self.ends = ends
        self.events: list[Event] = []
        self.rejected: list[tuple[bytes, Exception]] = []
        self.open: list[tuple[Batch, int]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Reader:
        self._task = asyncio.create_task(self._take())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.source.stop()
        self.gate.set()
        assert self._task is not None
        await self._task
        await self.source.close()

    async def _take(self) -> None:
        async for batch in self.source.batches():
            decoded = list(
                self.source.decode(batch.data, batch.origin, lambda raw, error: self.rejected.append((raw, error)))
            )
            self.events += decoded
            self.open.append((batch, len(decoded)))
            if self.ends:
                self.end()
            await self.gate.wait()

    def end(self) -> None:
        """Everything that was taken has its end."""
        for batch, count in self.open:
            batch.end(count)
        self.open.clear()

    async def has(self, count: int, patience: float = PATIENCE) -> None:
        """Returns when so many events are there."""
        try:
            await eventually(lambda: self.check() and len(self.events) >= count, patience)
        except TimeoutError:
            raise AssertionError(f"{len(self.events)} events of {count} have come") from None

    def check(self) -> bool:
        """Raises what ended the input."""
        assert self._task is not None
        if self._task.done():
            self._task.result()
        return True

    @property
    def messages(self) -> list[str]:
        return [event.fields["message"] for event in self.events]

    @property
    def ids(self) -> list[str]:
        return [event.metadata["event_id"] for event in self.events]


async def members(reader: Reader) -> list[Any]:
    """The members of the reader's input, when they are connected."""
    source = reader.source
    await eventually(lambda: source.members and all(member._consumer is not None for member in source.members.all))
    assert source.members is not None
    return list(source.members.all)
