"""From Kafka to the embedded store, as a user runs it: drained, killed, and with workers that come and go."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from pipeline.delivery.dead_letters import read
from tests.kafka.workbench import committed, eventually, generation_of, make_topic, members_of, produce, unique
from tests.monitoring.watched import fetch
from tests.proofs.engine import TextEngine
from tests.proofs.kafka_engine import configuration
from tests.proofs.test_workers import DEADLY
from tests.servers.elasticsearch_node import free_port
from tests.servers.kafka_cluster import Cluster


def lines(numbers: Iterable[int]) -> list[bytes]:
    return [json.dumps({"n": number, "message": f"line {number} ☃"}).encode() for number in numbers]


def engine_for(folder: Path, kafka: Cluster, topic: str, options: str = "", settings: str = "") -> TextEngine:
    store = f'sqlite {{ path => "{folder / "store"}" index => "events" }}'
    return TextEngine(folder, configuration(kafka.bootstrap, topic, store, options), settings)


def stored(engine: TextEngine) -> int:
    try:
        return sum(1 for _ in engine.documents())
    except sqlite3.Error:  # it is being made
        return 0


def check(engines: list[TextEngine], count: int) -> None:
    """Every record once over all the stores, with its payload and its place."""
    seen: Counter[int] = Counter()
    places = set()
    for engine in engines:
        for document in engine.documents():
            seen[document["n"]] += 1
            assert document["message"] == f"line {document['n']} ☃"
            places.add((document["kafka"]["partition"], document["kafka"]["offset"]))
    assert len(seen) == count
    assert set(seen.values()) == {1}
    assert len(places) == count


@pytest.mark.parametrize(("workers", "queue"), [(1, "memory"), (2, "memory"), (2, "persisted")])
def test_a_thousand_records_once_and_their_offsets_after_the_drain(
    kafka: Cluster, tmp_path: Path, workers: int, queue: str
) -> None:
    """Of several workers, each is a member of the group itself; before a queue on disk, the front is."""
    topic = unique("drained")
    engine = engine_for(tmp_path, kafka, topic, settings=f"pipeline.workers: {workers}\nqueue.type: {queue}\n")

    async def scenario() -> None:
        await make_topic(kafka.bootstrap, topic, 3)
        await produce(kafka.bootstrap, topic, lines(range(1000)))
        engine.start()
        try:
            await eventually(lambda: engine.runs() or stored(engine) == 1000)
            assert await asyncio.to_thread(engine.stop) == 0
        finally:
            engine.kill()
        assert sum((await committed(kafka.bootstrap, topic)).values()) == 1000

    asyncio.run(scenario())
    check([engine], 1000)


@pytest.mark.parametrize(
    ("count", "kills"), [(4000, 2), pytest.param(100_000, 100, marks=pytest.mark.long)], ids=["short", "long"]
)
def test_killed_and_started_again(
    kafka: Cluster, tmp_path: Path, count: int, kills: int, record_property: Callable[[str, object], None]
) -> None:
    topic = unique("killed")
    engine = engine_for(tmp_path, kafka, topic, "max_poll_records => 50")

    async def scenario() -> None:
        await make_topic(kafka.bootstrap, topic, 4)
        share = count // (kills + 1)
        for life in range(kills):
            engine.start()
            before = stored(engine)
            await produce(kafka.bootstrap, topic, lines(range(life * share, (life + 1) * share)))
            await eventually(lambda before=before: engine.runs() or stored(engine) > before + share // 4)
            engine.kill()
        await produce(kafka.bootstrap, topic, lines(range(kills * share, count)))
        engine.start()
        await eventually(lambda: engine.runs() or stored(engine) == count, 600)
        assert await asyncio.to_thread(engine.stop) == 0
        assert sum((await committed(kafka.bootstrap, topic)).values()) == count

    try:
        asyncio.run(scenario())
    finally:
        engine.kill()
    check([engine], count)
    assert list(read(tmp_path / "data" / "dead_letter_queue" / "main")) == []
    for name, value in {"records": count, "kills": kills, "in the store, each once": count}.items():
        record_property(name, value)


@pytest.mark.parametrize("visits", [3, pytest.param(60, marks=pytest.mark.long)])
def test_a_second_worker_joins_and_leaves(
    kafka: Cluster, tmp_path: Path, visits: int, record_property: Callable[[str, object], None]
) -> None:
    """What ended before a partition is given away is committed, so that no store has what another one has."""
    topic = unique("visited")
    first = engine_for(tmp_path / "first", kafka, topic)
    second = engine_for(tmp_path / "second", kafka, topic)
    count = 0

    async def scenario() -> None:
        nonlocal count
        await make_topic(kafka.bootstrap, topic, 4)
        first.start()
        for _ in range(visits):
            second.start()
            before = stored(second)
            while stored(second) < before + 100:  # until the visitor has had its share
                await produce(kafka.bootstrap, topic, lines(range(count, count + 50)))
                count += 50
                first.runs()
                second.runs()
            assert await asyncio.to_thread(second.stop) == 0
        await eventually(lambda: first.runs() or stored(first) + stored(second) == count, 300)
        assert await asyncio.to_thread(first.stop) == 0
        assert sum((await committed(kafka.bootstrap, topic)).values()) == count

    try:
        asyncio.run(scenario())
    finally:
        first.kill()
        second.kill()
    check([first, second], count)
    for name, value in {"records": count, "visits": visits, "of them read by the visitor": stored(second)}.items():
        record_property(name, value)


@pytest.mark.parametrize("workers", [1, 2])
def test_the_lag_of_each_partition_is_shown_once(kafka: Cluster, tmp_path: Path, workers: int) -> None:
    """Where nothing can be delivered, everything is behind, whichever worker has the partition."""
    topic, port = unique("shown"), free_port()
    away = 'elasticsearch { hosts => ["127.0.0.1:9"] index => "x" }'
    text = configuration(kafka.bootstrap, topic, away, 'id => "in"')
    settings = f"pipeline.workers: {workers}\napi.http.port: {port}\nshutdown.timeout: 1\n"
    engine = TextEngine(tmp_path, text, settings)

    def lags(path: str) -> str:
        try:
            return fetch(f"http://127.0.0.1:{port}{path}").text
        except OSError:  # it is starting
            return ""

    def shown() -> dict[str, float]:
        families = text_string_to_metric_families(lags("/metrics"))
        samples = [sample for family in families for sample in family.samples if sample.name.endswith("partition_lag")]
        assert {(sample.labels["plugin"], sample.labels["topic"]) for sample in samples} <= {("in", topic)}
        assert len({sample.labels["partition"] for sample in samples}) == len(samples)
        return {sample.labels["partition"]: sample.value for sample in samples}

    async def scenario() -> None:
        await make_topic(kafka.bootstrap, topic, 3)
        for partition in range(3):
            await produce(kafka.bootstrap, topic, lines(range(10 * partition)), partition)
        engine.start()
        await eventually(lambda: engine.runs() or shown() == {"0": 0, "1": 10, "2": 20})

    try:
        asyncio.run(scenario())
        [plugin] = json.loads(lags("/_node/stats/pipelines"))["pipelines"]["main"]["plugins"]["inputs"]
        assert {(lag["topic"], lag["partition"], lag["records"]) for lag in plugin["lag"]} == {
            (topic, number, 10 * number) for number in range(3)
        }
    finally:
        engine.kill()


def test_a_worker_that_comes_back_takes_its_place_in_the_group(kafka: Cluster, tmp_path: Path) -> None:
    """With a group_instance_id, no death of a worker and no restart shares the partitions out anew."""
    topic, group = unique("static"), unique("group")
    text = f"""
        input {{ kafka {{
            bootstrap_servers => "{kafka.bootstrap}" topics => ["{topic}"] group_id => "{group}" codec => json
            auto_offset_reset => "earliest" decorate_events => "basic" auto_commit_interval_ms => 300
            group_instance_id => "me" session_timeout_ms => 60000 heartbeat_interval_ms => 300
        }} }}
        filter {{ mutate {{ copy => {{ "[@metadata][kafka]" => "kafka" }} }} }}
        output {{ sqlite {{ path => "{tmp_path / "store"}" index => "events" }} }}
    """
    engine = TextEngine(tmp_path, text, "pipeline.workers: 2\n")
    count = 0

    async def flows() -> None:
        nonlocal count
        for partition in range(4):
            await produce(kafka.bootstrap, topic, lines(range(count, count + 25)), partition)
            count += 25
        await eventually(lambda: engine.runs() or stored(engine) == count)

    async def scenario() -> None:
        await make_topic(kafka.bootstrap, topic, 4)
        engine.start()

        async def shared() -> bool:
            return await members_of(kafka.bootstrap, group) == {"me-0": 2, "me-1": 2}

        await eventually(shared)
        await flows()
        assert (generation := await generation_of(kafka.bootstrap, group)) > 0
        for victim in engine.workers():
            before = {worker.pid for worker in engine.workers()}
            victim.kill()
            await eventually(lambda before=before: len({worker.pid for worker in engine.workers()} - before) == 1)
            await flows()
        engine.kill()
        engine.start()
        await flows()
        assert await generation_of(kafka.bootstrap, group) == generation
        assert await asyncio.to_thread(engine.stop) == 0

    try:
        asyncio.run(scenario())
    finally:
        engine.kill()
    check([engine], count)


def test_a_record_that_kills_workers_is_a_dead_letter_and_the_others_arrive(
    kafka: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    condition = """b'"n": 77,' in given.fields['message'].encode()"""
    fault = DEADLY.format(module="filters.json", function="_into_event", condition=condition)
    (hooks / "sitecustomize.py").write_text(fault)
    monkeypatch.setenv("PYTHONPATH", str(hooks))
    topic = unique("deadly")
    text = f"""
        input {{ kafka {{
            bootstrap_servers => "{kafka.bootstrap}" topics => ["{topic}"] group_id => "{topic}"
            auto_offset_reset => "earliest" decorate_events => "basic" auto_commit_interval_ms => 300
            session_timeout_ms => 1500 heartbeat_interval_ms => 300 max_poll_records => 30
        }} }}
        filter {{ json {{ source => "message" }} mutate {{ copy => {{ "[@metadata][kafka]" => "kafka" }} }} }}
        output {{ sqlite {{ path => "{tmp_path / "store"}" index => "events" }} }}
    """
    engine = TextEngine(tmp_path, text, "pipeline.workers: 2\n")

    async def scenario() -> None:
        await make_topic(kafka.bootstrap, topic, 2)
        engine.start()
        for partition in range(2):
            await produce(kafka.bootstrap, topic, lines(range(partition, 200, 2)), partition)
        await eventually(lambda: engine.runs() or stored(engine) == 199, 300)
        assert await asyncio.to_thread(engine.stop) == 0
        assert sum((await committed(kafka.bootstrap, topic)).values()) == 200

    try:
        asyncio.run(scenario())
    finally:
        engine.kill()
    assert {document["n"] for document in engine.documents()} == set(range(200)) - {77}
    assert f" of {topic}-1" in engine.log.read_text()
    [letter] = [letter for _, letter in read(tmp_path / "data" / "dead_letter_queue" / "main")]
    assert "two workers died of this record" in letter["reason"]
    assert '"n": 77,' in json.dumps(letter).replace("\\", "")
