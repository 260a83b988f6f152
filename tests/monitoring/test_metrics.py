"""Metrics for Prometheus: that each is explained, read, and right; and health."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import orjson
import pytest
from prometheus_client.parser import text_string_to_metric_families

from pipeline.delivery.dead_letters import Taken
from pipeline.errors import StoreError, Unavailable
from pipeline.metrics import (
    MAX_KINDS,
    METRICS,
    NODE_METRICS,
    PREFIX,
    Counters,
    FilterCounters,
    Histogram,
    PluginTime,
    kind_of,
    status_of,
)
from pipeline.monitoring import health
from pipeline.monitoring.node import Node
from pipeline.monitoring.prometheus import READ
from pipeline.plugin import Lag, Sent
from pipeline.runtime import Pipeline
from pipeline.settings.logstash_yml import Settings
from tests.harness import ScriptedOutput, planned
from tests.monitoring.test_api import through
from tests.monitoring.watched import Watched, until, watched

DOCS = Path(__file__).parent.parent.parent / "docs" / "monitoring.md"


async def read(it: Watched) -> dict[str, dict[tuple[str, ...], float]]:
    """Every sample by its name, then by the values of its labels in the order of their names."""
    answer = await it.ask("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain")
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            labels = tuple(sample.labels[name] for name in sorted(sample.labels))
            found.setdefault(sample.name.removeprefix(PREFIX), {})[labels] = sample.value
    return found


def test_every_metric_is_read_and_documented() -> None:
    assert set(READ) == {metric.name for metric in METRICS if metric.kind != "histogram"}
    text = DOCS.read_text()
    for metric in (*METRICS, *NODE_METRICS):
        name = PREFIX + metric.name + ("_total" if metric.kind == "counter" else "")
        [row] = re.findall(rf"^\| `{name}` \| (.*?) \| (.*?) \|$", text, re.MULTILINE)
        assert row == (", ".join(metric.labels), metric.help), name


def test_the_counters_of_a_pipeline(tmp_path: Path) -> None:
    async def scenario() -> dict[str, dict[tuple[str, ...], float]]:
        async with watched(through(tmp_path), tmp_path, plugin_timing_every=1) as it:
            await until(lambda: it.pipeline.counters.delivered == 30)
            await until(lambda: it.pipeline.in_flight.events == 0)
            return await read(it)

    found = asyncio.run(scenario())
    assert found["events_in_total"] == {("main", "in"): 30}
    assert found["items_out_total"] == {("main", "out"): 30}
    assert found["events_made_total"] == {("main", "test.conf:5:20", "apart"): 10}
    assert found["events_dropped_total"] == {("main", "test.conf:4:25", "away"): 10}
    assert found["in_flight_events"] == {("main",): 0}
    assert found["timed_events_total"][("filter", "main", "named")] == 30
    assert found["timed_seconds_total"][("output", "main", "out")] > 0
    assert found["delivery_seconds_bucket"][("+Inf", "main")] == found["batches_total"][("main", "in")]
    assert found["ready"] == {(): 1}
    assert found["process_resident_memory_bytes"][()] > 1_000_000
    assert found["delivery_seconds_sum"][("main",)] > 0


def test_failures_are_counted_by_reason_and_status(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script: list[Sent | Exception] = [
        Unavailable("HTTP 503: busy"),
        Unavailable("no route"),
        Sent(again=[(0, "429 es_rejected_execution_exception: full")], dead=[(1, "400 mapper_parsing_exception: x")]),
        Sent(duplicates=1),
    ]
    output = ScriptedOutput(script)
    monkeypatch.setattr("pipeline.outputs.stdout.build", lambda options: output)
    text = """
        input { generator { lines => ['{"a":1}', '{"a":"x"}', '{"a":2}', 'bad'] codec => json count => 1 } }
        filter { if [a] == 2 { uuid { target => "[a][b]" } } if [tags] and [message] > 5 { drop {} } }
        output { if [a] { stdout { id => "out" } } }
    """

    async def scenario() -> dict[str, dict[tuple[str, ...], float]]:
        quick = {"retry_initial_interval": 0.001, "retry_max_interval": 0.001}
        async with watched(text, tmp_path, **quick) as it:
            await until(lambda: sum(it.pipeline.counters.latency.buckets) == 1)
            return await read(it)

    found = asyncio.run(scenario())
    assert found["items_retried_total"] == {
        ("main", "out", "503"): 2,
        ("main", "out", "unavailable"): 2,
        ("main", "out", "429"): 1,
    }
    assert found["events_dead_lettered_total"][("main", "out", "mapper_parsing_exception")] == 1
    assert sum(found["events_dead_lettered_total"].values()) == 2
    assert {labels[-1] for labels in found["events_dead_lettered_total"]} == {
        "FilterFailure",
        "mapper_parsing_exception",
    }
    assert found["items_duplicate_total"] == {("main", "out"): 1}
    assert found["events_dropped_total"] == {("main", "test.conf:3:65", "condition"): 1}
    assert found["sends_total"] == {("main", "out"): 4}
    assert found["sends_failed_total"] == {("main", "out"): 2}


def test_lag_is_read_from_inputs_that_know_it(tmp_path: Path) -> None:
    async def scenario() -> Any:
        async with watched(through(tmp_path), tmp_path) as it:
            made: Any = it.pipeline.inputs[0][1]
            type(made).lags = lambda self: [Lag("logs", 3, 1200)]
            try:
                return await read(it)
            finally:
                del type(made).lags

    assert asyncio.run(scenario())["partition_lag"] == {("3", "main", "in", "logs"): 1200}


def test_not_ready_while_an_output_has_taken_nothing_for_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = asyncio.Event()
    output = ScriptedOutput(gate=gate)
    monkeypatch.setattr("pipeline.outputs.stdout.build", lambda options: output)
    text = 'input { generator { count => 3 } } output { stdout { id => "out" } }'

    async def scenario() -> None:
        async with watched(text, tmp_path, health_stalled_after=0.05) as it:
            [counted] = it.pipeline.counters.outputs.values()
            await until(lambda: counted.stalled > 0.05)
            answer = await it.ask("/health/ready")
            assert answer.status == 503
            assert answer.document["reasons"][0].startswith("main: out has taken nothing for ")
            assert (await it.ask("/health/live")).status == 200
            report = await it.document("/_health_report")
            assert report["status"] == "red"
            main = report["indicators"]["pipelines"]["indicators"]["main"]
            assert main["diagnosis"][0]["cause"].startswith("main: out has taken nothing for ")
            gate.set()
            await until(lambda: not counted.under_way)
            assert (await it.ask("/health/ready")).status == 200

    asyncio.run(scenario())


def test_not_ready_while_dead_letters_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = [True]

    async def put(self: Any, letters: Any) -> Taken:
        if full:
            raise StoreError("the disk is full")
        return Taken(len(letters))

    monkeypatch.setattr("pipeline.delivery.dead_letters.DeadLetterQueue.put", put)
    monkeypatch.setattr("pipeline.delivery.retry.Backoff.pause", lambda self, attempt, at_most=0: 0.001)
    output = ScriptedOutput([Sent(dead=[(0, "no")])])
    monkeypatch.setattr("pipeline.outputs.stdout.build", lambda options: output)

    async def scenario() -> None:
        async with watched("input { generator { count => 3 } } output { stdout { } }", tmp_path) as it:
            await until(lambda: it.pipeline.counters.blocked)
            answer = await it.ask("/health/ready")
            assert answer.status == 503
            assert answer.document["reasons"] == ["main: dead letters cannot be written: the disk is full"]
            assert (await read(it))["dead_letters_blocked"] == {("main",): 1}
            full.clear()
            await until(lambda: not it.pipeline.counters.blocked)
            assert (await it.ask("/health/ready")).status == 200

    asyncio.run(scenario())


def test_health_while_it_starts_and_drains(tmp_path: Path) -> None:
    node = Node(Settings(path_data=tmp_path))
    assert health.report(node)["status"] == "unknown"
    pipeline = Pipeline(node.settings, planned(through(tmp_path)))
    node.pipelines["main"] = pipeline
    assert node.why_not_ready() == ["main is starting"]
    pipeline.stop()
    report = health.report(node)
    assert (report["status"], node.why_not_ready()) == ("yellow", ["main is draining"])
    main = report["indicators"]["pipelines"]["indicators"]["main"]
    assert main["details"] == {"status": {"state": "TERMINATING"}}


@pytest.mark.parametrize(
    ("reason", "status", "kind"),
    [
        ("429 es_rejected_execution_exception: rejected", "429", "es_rejected_execution_exception"),
        ("HTTP 503: <html>", "503", "status_503"),
        ("400 mapper_parsing_exception: failed; caused by x", "400", "mapper_parsing_exception"),
        ("FieldError: [a][b] cannot be set", "other", "FieldError"),
        ("cannot be decoded: expected a value", "other", "undecodable"),
        ("an index name may not hold *", "other", "other"),
        ("12345 things", "other", "other"),
        ("", "other", "other"),
    ],
)
def test_what_a_reason_is_counted_as(reason: str, status: str, kind: str) -> None:
    assert (status_of(reason), kind_of(reason)) == (status, kind)


def test_reasons_and_statuses_are_bounded() -> None:
    counters = Counters()
    for number in range(3 * MAX_KINDS):
        counters.bury("out", f"error_{number}: x")
        counters.output("out").retry([str(number)])
    assert len(counters.buried) == MAX_KINDS + 1
    assert counters.dead == counters.retried == 3 * MAX_KINDS
    assert len(counters.output("out").retried) == MAX_KINDS + 1


def test_histogram() -> None:
    histogram = Histogram()
    for seconds in (0.0, 0.005, 0.0051, 1000.0):
        histogram.observe(seconds)
    assert (histogram.buckets[0], histogram.buckets[1], histogram.buckets[-1]) == (2, 1, 1)
    assert histogram.total == pytest.approx(1000.0101)


def counted() -> Counters:
    counters = Counters()
    counters.input("in").decoded = 7
    counters.filters = [FilterCounters("f", "a.conf:1:1", dropped=2, made=1)]
    output = counters.output("out")
    output.delivered, output.seconds = 5, 0.5
    output.begin()
    output.retry(["429", "429"])
    counters.times = [PluginTime("f", "filter", "mutate", 3, 3, 0.25)]
    counters.bury("out", "ValueError: x")
    counters.unjudged["the condition at a.conf:1:2"] += 1
    counters.latency.observe(0.02)
    counters.unrouted, counters.worked, counters.blocked = 1, 0.75, "full"
    return counters


def test_what_other_processes_counted_is_added_up() -> None:
    told = orjson.loads(orjson.dumps(counted().snapshot()))
    one, two = Counters(), Counters()
    one.add(told)
    assert one.as_dict() == counted().as_dict()
    for _ in range(2):
        two.add(told)
    two.add({})
    assert two.as_dict() == {name: 2 * value for name, value in counted().as_dict().items()}
    [output], [time] = two.outputs.values(), two.times
    assert (output.delivered, output.seconds, output.under_way, dict(output.retried)) == (10, 1.0, 2, {"429": 4})
    assert (time.taken, time.seconds, two.worked, two.blocked) == (6, 0.5, 1.5, "full")
    assert (sum(two.latency.buckets), two.latency.total) == (2, 0.04)
    assert dict(two.buried) == {("out", "ValueError"): 2}
    gone = Counters()
    gone.add(told, gone=True)
    assert (gone.output("out").under_way, gone.blocked, gone.delivered) == (0, "", 5)
