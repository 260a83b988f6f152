"""The kafka output against a real broker: what is written where, and what becomes of what cannot be written."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest

from pipeline.config.building import build
from pipeline.errors import ConfigurationError, Unavailable
from pipeline.event import Event
from pipeline.outputs.kafka import KafkaOutput
from pipeline.plugin import Body, Sent
from pipeline.runtime import Pipeline
from pipeline.settings.logstash_yml import Settings
from tests.harness import context, planned
from tests.kafka.workbench import eventually, make_topic, records, unique
from tests.servers.elasticsearch_node import free_port
from tests.servers.kafka_cluster import Cluster

STAMP = "2026-11-25T10:00:00.000Z"


def built(options: str, bootstrap: str = "127.0.0.1:9", warnings: list[str] | None = None) -> KafkaOutput:
    if "codec" not in options:
        options += ' codec => plain { format => "%{message}" }'
    text = f'output {{ kafka {{ bootstrap_servers => "{bootstrap}" {options} }} }}'
    [(made, _)] = build(planned(text), context(warnings=warnings)).outputs.values()
    assert isinstance(made, KafkaOutput)
    return made


def body_of(output: KafkaOutput, *messages: str, **fields: Any) -> Body:
    body = Body()
    for message in messages:
        output.render(Event({"@timestamp": STAMP, "message": message, **fields}), body.data)
        body.ends.append(len(body.data))
    return body


async def sent(output: KafkaOutput, *bodies: Body) -> list[Any]:
    await output.start()
    try:
        return list(await asyncio.gather(*(output.send(body) for body in bodies)))
    finally:
        await output.close()


@pytest.mark.parametrize("compression", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_records_arrive(kafka: Cluster, compression: str) -> None:
    topic = unique("out")

    async def scenario() -> None:
        await make_topic(kafka.bootstrap, topic, 3)
        output = built(f'topic_id => "{topic}" compression_type => "{compression}"', kafka.bootstrap)
        bodies = [body_of(output, *(f"{part}-{number}" for number in range(500))) for part in range(4)]
        assert await sent(output, *bodies) == [Sent([], [], 0)] * 4
        found = await records(kafka.bootstrap, topic, 2000)
        assert sorted(record.value for record in found) == sorted(
            b"%d-%d" % (part, number) for part in range(4) for number in range(500)
        )
        assert {record.partition for record in found} == {0, 1, 2}

    asyncio.run(scenario())


def test_keys_headers_and_topics_by_event(kafka: Cluster) -> None:
    prefix = unique("by-event")

    async def scenario() -> None:
        for name in "ab":
            await make_topic(kafka.bootstrap, f"{prefix}-{name}", 5)
        options = f'topic_id => "{prefix}-%{{kind}}" message_key => "%{{user}}"'
        options += ' message_headers => { "from" => "%{kind}!" }'
        output = built(options, kafka.bootstrap)
        assert output.ordered
        bodies = [
            body_of(output, *map(str, range(50)), kind=kind, user=user) for kind in "ab" for user in ("anna", "bert")
        ]
        for body in bodies:
            await sent(output, body)
        for kind in "ab":
            found = await records(kafka.bootstrap, f"{prefix}-{kind}", 100)
            assert {record.key for record in found} == {b"anna", b"bert"}
            assert all(record.headers == (("from", f"{kind}!".encode()),) for record in found)
            for key in (b"anna", b"bert"):
                mine = [record for record in found if record.key == key]
                assert len({record.partition for record in mine}) == 1  # where Java's producer puts it
                assert [record.value for record in mine] == [b"%d" % number for number in range(50)]

    asyncio.run(scenario())


def test_round_robin_gives_each_partition_its_share(kafka: Cluster) -> None:
    topic = unique("robin")

    async def scenario() -> None:
        await make_topic(kafka.bootstrap, topic, 3)
        output = built(f'topic_id => "{topic}" partitioner => "round_robin"', kafka.bootstrap)
        await sent(output, body_of(output, *map(str, range(30))))
        found = await records(kafka.bootstrap, topic, 30)
        assert [sum(record.partition == number for record in found) for number in range(3)] == [10, 10, 10]

    asyncio.run(scenario())


@pytest.mark.parametrize("acks", ["0", "1", "all"])
def test_acks(kafka: Cluster, acks: str) -> None:
    topic, warnings = unique("acks"), list[str]()

    async def scenario() -> None:
        await make_topic(kafka.bootstrap, topic)
        output = built(f'topic_id => "{topic}" acks => "{acks}"', kafka.bootstrap, warnings)
        assert await sent(output, body_of(output, "a", "b")) == [Sent([], [], 0)]
        assert len(await records(kafka.bootstrap, topic, 2)) == 2

    asyncio.run(scenario())
    assert bool(warnings) is (acks != "all")


def test_what_is_too_large_is_dead_and_the_rest_is_written_once(kafka: Cluster) -> None:
    """The topic takes less than a full batch: the others go in smaller ones."""
    topic = unique("large")

    async def scenario() -> None:
        await make_topic(kafka.bootstrap, topic, **{"max.message.bytes": "20000"})
        output = built(f'topic_id => "{topic}"', kafka.bootstrap)
        await output.start()
        large, huge = "x" * 30_000, "x" * 2_000_000
        messages = [f"{number:04}" + "y" * 1000 for number in range(200)]
        mixed = [*messages[:100], large, *messages[100:], huge]
        answer = await output.send(body_of(output, *mixed))
        assert [number for number, _ in answer.dead] == [100, 201]
        assert "max_request_size" in answer.dead[1][1]
        again = [number for number, _ in answer.again]
        if again:
            second = await output.send(body_of(output, *(mixed[number] for number in again)))
            assert not second.again
        assert await output.send(body_of(output, "after")) == Sent([], [], 0)
        await output.close()
        found = [record.value.decode() for record in await records(kafka.bootstrap, topic, 201)]
        assert sorted(found) == sorted([*messages, "after"])

    asyncio.run(scenario())


def test_a_name_that_no_topic_can_have() -> None:
    output = built('topic_id => "%{kind}"')
    for kind in ("with space", "", "x" * 250, "..", "a/b"):
        with pytest.raises(ValueError, match="cannot be the name of a topic"):
            body_of(output, "m", kind=kind)
    with pytest.raises(ValueError, match="cannot be the name of a topic"):
        body_of(output, "m")  # the field is missing: the placeholder stays
    with pytest.raises(ConfigurationError, match="cannot be the name of a topic"):
        built('topic_id => "with space"')


def test_no_broker_at_the_start() -> None:
    async def scenario() -> None:
        output = built('topic_id => "t" request_timeout_ms => 500', f"127.0.0.1:{free_port()}")
        with pytest.raises(Unavailable, match="no broker can be used"):
            await output.start()
        with pytest.raises(Unavailable, match="no broker can be used"):
            await output.send(body_of(output, "m"))
        await output.close()

    asyncio.run(scenario())


def test_a_broker_that_goes_away_and_comes_back_has_every_record_once(kafka: Cluster) -> None:
    topic = unique("away")

    async def scenario() -> None:
        await make_topic(kafka.bootstrap, topic)
        output = built(f'topic_id => "{topic}" request_timeout_ms => 1000', kafka.bootstrap)
        await output.start()
        assert await output.send(body_of(output, "before")) == Sent([], [], 0)
        await asyncio.to_thread(kafka.kill, 1)
        body = body_of(output, *map(str, range(100)))
        with pytest.raises(Unavailable, match="the brokers do not answer"):
            await output.send(body)
        await asyncio.to_thread(kafka.start, 1)
        while True:  # as the engine does it: the same body again
            try:
                answer = await output.send(body)
            except Unavailable:
                continue
            break
        assert answer == Sent([], [], 0)
        await output.close()
        found = [record.value.decode() for record in await records(kafka.bootstrap, topic, 101)]
        assert found == ["before", *map(str, range(100))]

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ('value_serializer => "a.B"', "no Java class can be loaded"),
        ('key_serializer => "a.B"', "no Java class can be loaded"),
        ('partitioner => "a.B"', "partitioner"),
        ("retries => -1", "retries"),
        ('acks => "2"', "acks"),
        ('message_key => "%{[a}"', "a"),
    ],
)
def test_faults_of_the_configuration(options: str, why: str) -> None:
    with pytest.raises(ConfigurationError, match=why):
        built(f'topic_id => "t" {options}')


def test_through_the_engine_while_the_broker_is_away_at_first(kafka: Cluster, tmp_path: Path) -> None:
    topic = unique("engine")
    plan = planned(f"""
        input {{ generator {{ message => "m" count => 1000 }} }}
        output {{ kafka {{ bootstrap_servers => "{kafka.bootstrap}" topic_id => "{topic}" codec => json }} }}
    """)
    settings = Settings(path_data=tmp_path, retry_initial_interval=0.1, retry_max_interval=0.2)
    pipeline = Pipeline(settings, plan)

    async def scenario() -> None:
        await make_topic(kafka.bootstrap, topic, 3)
        await asyncio.to_thread(kafka.kill, 1)
        running = asyncio.create_task(pipeline.run())
        await eventually(lambda: pipeline.counters.retried > 0)
        await asyncio.to_thread(kafka.start, 1)
        await running
        found = await records(kafka.bootstrap, topic, 1000)
        assert sorted(orjson.loads(record.value)["event"]["sequence"] for record in found) == list(range(1000))

    asyncio.run(scenario())
    assert pipeline.counters.delivered == 1000
