"""The shipper's records in a real Kafka: written once, also while the broker is away; and what it refuses."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import orjson
import pytest

from pipeline.event_ids import beat_namer
from tests.kafka.workbench import make_topic, records, unique
from tests.servers.kafka_cluster import Cluster
from tests.shippers.node.shipper import Shipper, configuration, ship

KAFKA = """
[output.kafka]
bootstrap_servers = ["{bootstrap}"]
topic = "{topic}"
timeout = "2s"
backoff = "50ms"
backoff_max = "200ms"
"""


def written(folder: Path, first: int, last: int) -> None:
    with (folder / "logs" / "a.log").open("a") as file:
        file.writelines(f"line {number}\n" for number in range(first, last))


def node(folder: Path, bootstrap: str, topic: str) -> Path:
    return configuration(folder, output=KAFKA.replace("{bootstrap}", bootstrap).replace("{topic}", topic))


def test_once_into_a_topic(kafka: Cluster, tmp_path: Path) -> None:
    topic = unique("shipped")
    path = node(tmp_path, kafka.bootstrap, topic)
    written(tmp_path, 0, 5000)
    asyncio.run(make_topic(kafka.bootstrap, topic, 3))
    done = ship(path, "--once")
    assert done.returncode == 0, done.stderr
    assert "5000 events were acknowledged" in done.stderr
    found = asyncio.run(records(kafka.bootstrap, topic, 5000))
    events = [orjson.loads(record.value) for record in found]
    assert Counter(event["message"] for event in events) == Counter(f"line {n}" for n in range(5000))
    assert events[0]["@metadata"] == {"beat": "filebeat", "type": "_doc", "version": "8.11.0"}
    name = beat_namer()
    assert len({name(event, event["@metadata"]) for event in events}) == 5000
    assert {record.partition for record in found} == {0, 1, 2}
    assert ship(path, "--once").stderr.count("0 events were acknowledged") == 1


def test_a_broker_that_goes_away_and_comes_back(kafka: Cluster, tmp_path: Path) -> None:
    topic = unique("away")
    path = node(tmp_path, kafka.bootstrap, topic)
    asyncio.run(make_topic(kafka.bootstrap, topic, 2))
    written(tmp_path, 0, 1000)
    with Shipper(path) as shipper:
        asyncio.run(records(kafka.bootstrap, topic, 1000))
        kafka.kill(1)
        try:
            written(tmp_path, 1000, 2000)
            asyncio.run(asyncio.sleep(1))
        finally:
            kafka.start(1)
        found = asyncio.run(records(kafka.bootstrap, topic, 2000))
        assert shipper.stop() == 0
    messages = {orjson.loads(record.value)["message"] for record in found}
    assert messages == {f"line {number}" for number in range(2000)}


def test_what_a_topic_refuses_is_put_aside_and_the_rest_goes_on(kafka: Cluster, tmp_path: Path) -> None:
    topic = unique("small")
    path = node(tmp_path, kafka.bootstrap, topic)
    asyncio.run(make_topic(kafka.bootstrap, topic, 1, **{"max.message.bytes": "20000"}))
    written(tmp_path, 0, 50)
    with (tmp_path / "logs" / "a.log").open("a") as file:
        file.write("".join(f"{number:x}" for number in range(10_000)) + "\n")
    written(tmp_path, 50, 100)
    done = ship(path, "--once")
    assert done.returncode == 0, done.stderr
    assert "put aside in" in done.stderr
    found = asyncio.run(records(kafka.bootstrap, topic, 100))
    assert {orjson.loads(record.value)["message"] for record in found} == {f"line {n}" for n in range(100)}
    [aside] = (tmp_path / "data" / "refused.ndjson").read_bytes().splitlines()
    assert len(orjson.loads(aside)["message"]) > 30_000


@pytest.mark.parametrize("option", ["--test"])
def test_no_broker_at_all_is_a_warning_and_another_try(tmp_path: Path, option: str) -> None:
    path = node(tmp_path, "127.0.0.1:9", "t")
    assert ship(path, option).returncode == 0
    with Shipper(path) as shipper:

        async def warned() -> None:
            async with asyncio.timeout(30):
                while "127.0.0.1:9: " not in shipper.said():
                    await asyncio.sleep(0.05)

        asyncio.run(warned())
        assert shipper.stop() == 0
