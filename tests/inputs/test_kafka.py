"""The options of the kafka input, and an undecodable record on its way to the dead letters."""

from __future__ import annotations

import asyncio
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.config.building import build
from pipeline.delivery.dead_letters import read
from pipeline.errors import ConfigurationError
from pipeline.kafka.records import unpack
from pipeline.runtime import Pipeline
from pipeline.settings.logstash_yml import Settings
from tests.harness import context, planned
from tests.kafka.workbench import committed, eventually, make_topic, produce, unique
from tests.servers.kafka_cluster import Cluster


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ('partition_assignment_strategy => "cooperative_sticky"', "aiokafka, lacks that protocol"),
        ('partition_assignment_strategy => "cooperative-sticky"', "aiokafka, lacks that protocol"),
        (
            'partition_assignment_strategy => "org.apache.kafka.clients.consumer.CooperativeStickyAssignor"',
            "aiokafka, lacks that protocol",
        ),
        ('partition_assignment_strategy => "a.B"', "partition_assignment_strategy"),
        ('schema_registry_url => "http://localhost:8081"', "Avro is not read here"),
        ('value_deserializer_class => "io.confluent.kafka.serializers.KafkaAvroDeserializer"', "no Java class"),
        ('topics_pattern => "(a"', "cannot be read"),
        ("heartbeat_interval_ms => 10000", "must be less than session_timeout_ms"),
        ('auto_offset_reset => "middle"', "auto_offset_reset"),
        ('decorate_events => "all"', "decorate_events"),
        ("consumer_threads => 0", "consumer_threads"),
        ("topics => []", "topics"),
        ("topicz => 1", "did you mean"),
    ],
)
def test_faults_of_the_configuration(options: str, why: str) -> None:
    with pytest.raises(ConfigurationError, match=why):
        planned(f"input {{ kafka {{ {options} }} }}")


@pytest.mark.parametrize(
    "strategy",
    ["range", "round_robin", "sticky", "org.apache.kafka.clients.consumer.RoundRobinAssignor"],
)
def test_strategies_by_any_name(strategy: str) -> None:
    planned(f'input {{ kafka {{ partition_assignment_strategy => "{strategy}" }} }}')


def test_the_multiline_codec_is_refused() -> None:
    plan = planned('input { kafka { codec => multiline { pattern => "^ " what => "previous" } } }')
    with pytest.raises(ConfigurationError, match="records, which stand alone"):
        build(plan, context())


def test_topics_beside_a_pattern_are_said(tmp_path: Path) -> None:
    warnings: list[str] = []
    build(planned('input { kafka { topics => ["a"] topics_pattern => "b" } }'), context(tmp_path, warnings=warnings))
    assert warnings == ["kafka: topics_pattern is given, so topics change nothing"]


@pytest.mark.parametrize("plugin", ["input { kafka { } }", 'output { kafka { topic_id => "t" } }'])
def test_without_the_package_it_is_a_fault_with_the_remedy(plugin: str, monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "aiokafka" else find(name))
    with pytest.raises(ConfigurationError, match=r"aiokafka is not installed: pip install 'apex-logs\[kafka\]'"):
        build(planned(plugin), context())


def test_a_check_does_not_load_the_client() -> None:
    code = """
import sys
from tests.harness import context, planned
from pipeline.config.building import build
plan = planned('input { kafka { } } output { kafka { topic_id => "t" } }')
names = {"aiokafka", "aiohttp"} & set(sys.modules)
assert not names, names
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_record_that_cannot_be_read_is_dead_lettered_with_its_place(kafka: Cluster, tmp_path: Path) -> None:
    """A codec that only writes refuses whatever it is given."""
    topic = unique("dead")
    plan = planned(f"""
        input {{ kafka {{ bootstrap_servers => "{kafka.bootstrap}" topics => ["{topic}"] group_id => "{topic}"
            codec => dots auto_offset_reset => "earliest" auto_commit_interval_ms => 100 }} }}
        output {{ sqlite {{ path => "{tmp_path}/store" }} }}
    """)
    pipeline = Pipeline(Settings(path_data=tmp_path), plan)

    async def scenario() -> None:
        await make_topic(kafka.bootstrap, topic)
        await produce(kafka.bootstrap, topic, [b"zero", b"one", b"two"])
        running = asyncio.create_task(pipeline.run())

        async def all_ended() -> bool:
            return (await committed(kafka.bootstrap, topic)).get((topic, 0)) == 3

        await eventually(all_ended)
        pipeline.stop()
        await running

    asyncio.run(scenario())
    letters = [letter for _, letter in read(Settings(path_data=tmp_path).dead_letters)]
    assert [letter["origin"]["offset"] for letter in letters] == [0, 1, 2]
    for offset, letter in enumerate(letters):
        assert letter["origin"]["topic"] == topic
        assert letter["origin"]["partition"] == 0
        assert f"record {offset} of partition 0 of {topic}" in letter["reason"]
        assert unpack(letter["original"].encode()).offsets == [offset]
