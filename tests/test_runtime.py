"""One running pipeline: what it starts with, how it drains, what ends it."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from pipeline.delivery.dead_letters import read
from pipeline.errors import ConfigurationError, StoreError
from pipeline.event import Event
from pipeline.persistence import input_names
from pipeline.plugin import Holding, Listens
from pipeline.runtime import Pipeline, background, backoff_of, repeat
from pipeline.settings.logstash_yml import Settings
from tests.harness import FakeClock, ScriptedOutput, planned


def made(text: str, folder: Path, **settings: Any) -> Pipeline:
    plan = planned(text, ecs="disabled")
    return Pipeline(Settings(path_data=folder / "data", **settings), plan, FakeClock())


def through(folder: Path, filters: str = "", count: int = 3, output: str = "") -> str:
    output = output or f'file {{ path => "{folder}/out" codec => line {{ format => "%{{sequence}} %{{x}}" }} }}'
    return f"input {{ generator {{ count => {count} }} }} filter {{ {filters} }} output {{ {output} }}"


def test_it_runs_until_its_inputs_have_ended(tmp_path: Path) -> None:
    pipeline = made(through(tmp_path, 'mutate { add_field => { "x" => "y" } }'), tmp_path)
    asyncio.run(pipeline.run())
    assert (tmp_path / "out").read_text() == "0 y\n1 y\n2 y\n"
    counters = pipeline.counters
    assert (counters.decoded, counters.delivered, counters.dead, counters.unrouted) == (3, 3, 0, 0)


@pytest.mark.parametrize("kind", ["beats", "http", "syslog", "tcp", "udp"])
def test_it_is_ready_when_its_inputs_listen(tmp_path: Path, kind: str) -> None:
    """And not before: an input that waits for its socket holds it up. No output has to be there."""
    output = 'elasticsearch { hosts => ["127.0.0.1:1"] index => "x" }'
    pipeline = made(f"input {{ {kind} {{ port => 0 }} }} output {{ {output} }}", tmp_path)
    listener: Any
    [(_, listener)] = pipeline.inputs
    assert isinstance(listener, Listens)

    async def scenario() -> None:
        assert pipeline.state == "starting"
        running = asyncio.create_task(pipeline.run())
        await asyncio.wait_for(pipeline.ready.wait(), 20)
        assert pipeline.state == "running"
        assert listener.server.listening.is_set()
        pipeline.stop()
        await running

    asyncio.run(scenario())


def test_every_way_an_event_ends_is_counted(tmp_path: Path) -> None:
    filters = """
        if [sequence] == 1 { drop {} }
        if [sequence] == 2 { uuid { target => "[message][x]" } }
        if [sequence] == 3 and [message] > 5 { drop {} }
    """
    file = f'file {{ path => "{tmp_path}/out" codec => line {{ format => "%{{sequence}}" }} }}'
    pipeline = made(through(tmp_path, filters, 6, f"if [sequence] != 4 {{ {file} {file} }}"), tmp_path)
    asyncio.run(pipeline.run())
    counters = pipeline.counters
    assert (counters.decoded, counters.delivered, counters.dead) == (6, 4, 1)
    assert (counters.dropped, counters.unrouted) == (2, 1)
    assert [(item.place, item.dropped) for item in counters.filters if item.dropped] == [("test.conf:2:30", 1)]
    assert dict(counters.unjudged) == {"the condition at test.conf:4:12": 1}
    [(plugin, reason)] = counters.buried
    assert (plugin.split(" ")[0], reason) == ("uuid", "FilterFailure")
    assert [item.delivered for item in counters.outputs.values()] == [2, 2]
    [(_, letter)] = read(tmp_path / "data" / "dead_letter_queue" / "main")
    assert "[message][x] cannot be set" in letter["reason"]
    assert json.loads(letter["original"]) == [[2, "Hello world!"]]
    assert letter["plugin"].startswith("uuid at test.conf:3:")


def test_stop_drains(tmp_path: Path) -> None:
    async def scenario() -> Pipeline:
        pipeline = made(through(tmp_path, count=0), tmp_path)
        work = asyncio.create_task(pipeline.run())
        while not pipeline.counters.decoded:
            await asyncio.sleep(0)
        pipeline.stop()
        await asyncio.wait_for(work, 20)
        return pipeline

    counters = asyncio.run(scenario()).counters
    assert counters.decoded == counters.delivered == len((tmp_path / "out").read_text().splitlines()) > 0


def test_an_output_that_cannot_work_ends_the_pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = ScriptedOutput([StoreError("gone")])
    monkeypatch.setattr("pipeline.outputs.stdout.build", lambda options: output)
    pipeline = made(through(tmp_path, count=0, output="stdout {}"), tmp_path)
    with pytest.raises(ExceptionGroup) as caught:
        asyncio.run(asyncio.wait_for(pipeline.run(), 20))
    assert caught.group_contains(StoreError, match="gone")
    assert pipeline.counters.delivered == 0


def test_periodic_work_goes_on_while_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    called = []

    def build(options: Any, context: Any) -> ScriptedOutput:
        context.every(0.001, lambda: called.append(1))
        context.warn("said once")
        return ScriptedOutput()

    monkeypatch.setattr("pipeline.outputs.stdout.build", build)

    async def scenario() -> None:
        pipeline = made(through(tmp_path, count=0, output="stdout {}"), tmp_path)
        work = asyncio.create_task(pipeline.run())
        while len(called) < 3:
            await asyncio.sleep(0.001)
        pipeline.stop()
        await work

    asyncio.run(scenario())


def test_what_building_finds_is_raised_at_once(tmp_path: Path) -> None:
    geoip = f'geoip {{ source => "[a][ip]" database => "{__file__}" }}'
    with pytest.raises(ConfigurationError, match="geoip"):
        made(through(tmp_path, geoip), tmp_path)


@pytest.mark.parametrize(
    ("own", "expected"),
    [((None, None), (5, 50)), ((1, None), (1, 50)), ((1, 9), (1, 9))],
)
def test_an_outputs_own_pauses_count_where_they_are_given(
    own: tuple[float | None, float | None], expected: tuple[float, float]
) -> None:
    class Output(ScriptedOutput):
        retry_initial_interval, retry_max_interval = own

    settings = Settings(retry_initial_interval=5, retry_max_interval=50)
    backoff = backoff_of(Output(), settings)
    assert (backoff.first, backoff.longest) == expected
    backoff = backoff_of(ScriptedOutput(), settings)
    assert (backoff.first, backoff.longest) == (5, 50)


def test_an_output_that_is_away_at_the_start_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from pipeline.errors import Unavailable

    class Away(ScriptedOutput):
        starts = 0

        async def start(self) -> None:
            self.starts += 1
            if self.starts == 1:
                raise Unavailable("nobody there")

    output = Away()
    monkeypatch.setattr("pipeline.outputs.stdout.build", lambda options: output)
    caplog.set_level(logging.WARNING)
    asyncio.run(made(through(tmp_path, output="stdout {}"), tmp_path).run())
    assert "nobody there; delivery begins when it is there" in caplog.text
    assert len(output.written) == 3


def test_filters_that_hold_are_flushed_now_and_then_and_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushes: list[bool] = []
    held: list[Event] = []

    def flush(now: float, final: bool) -> list[Event]:
        flushes.append(final)
        return [held.pop() for _ in list(held)] if final else []

    def hold(event: Event) -> list[Event]:
        held.append(event.clone())
        return []

    monkeypatch.setattr("pipeline.filters.drop.build", lambda options: Holding(hold, flush))
    monkeypatch.setattr("pipeline.runtime.FLUSH_INTERVAL", 0.001)

    async def scenario() -> Pipeline:
        pipeline = made(through(tmp_path, "drop {}", count=0), tmp_path)
        work = asyncio.create_task(pipeline.run())
        while len(flushes) < 3:
            await asyncio.sleep(0.001)
        pipeline.stop()
        await asyncio.wait_for(work, 20)
        return pipeline

    counters = asyncio.run(scenario()).counters
    assert flushes.count(True) == 1
    assert flushes.index(True) >= 3
    assert counters.decoded == counters.delivered == len((tmp_path / "out").read_text().splitlines())


def test_what_a_stop_leaves_in_the_queue_is_delivered_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    output = ScriptedOutput()
    monkeypatch.setattr("pipeline.outputs.stdout.build", lambda options: output)
    text = through(tmp_path, count=3000, output="stdout {}")

    async def interrupted() -> None:
        """Stopped when all is on disk and acknowledged, and the output has taken nothing yet."""
        output.gate = asyncio.Event()
        pipeline = made(text, tmp_path, queue_type="persisted", in_flight_events=500)
        work = asyncio.create_task(pipeline.run())
        while pipeline._queue is None or not pipeline._queue._complete or not pipeline.counters.decoded:
            await asyncio.sleep(0.001)
        pipeline.stop()
        output.gate.set()
        await asyncio.wait_for(work, 20)

    def stopped(**settings: Any) -> Pipeline:
        """A pipeline whose inputs give nothing any more."""
        pipeline = made(text, tmp_path, **settings)
        pipeline.stop()
        asyncio.run(pipeline.run())
        return pipeline

    asyncio.run(interrupted())
    assert 0 < len(output.written) < 3000
    left = (3000 - len(output.written)) // 500
    stopped()
    assert f"{left} batches wait in the queue in {tmp_path}/data/queue/main, and nothing delivers them" in caplog.text
    counters = stopped(queue_type="persisted", queue_drain=True).counters
    assert (counters.decoded, counters.delivered) == (left * 500, left * 500)
    assert len(set(output.written)) == len(output.written) == 3000
    caplog.clear()
    stopped()
    assert caplog.text == ""


def test_a_queue_that_is_damaged_is_told_of_where_it_is_not_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "data" / "queue" / "main"
    folder.mkdir(parents=True)
    (folder / "00000000000000000001.page").write_bytes(b"nothing of ours")
    asyncio.run(made(through(tmp_path), tmp_path).run())
    assert "no page has a header that can be read" in caplog.text


def test_inputs_are_known_to_the_queue_by_id_or_number() -> None:
    text = 'input { generator { } generator { id => "a" } stdin { } generator { } } output { stdout { } }'
    assert input_names(planned(text).section("input")) == ["generator #1", "a", "stdin #1", "generator #3"]
    text = 'input { generator { id => "stdin #1" } stdin { } } output { stdout { } }'
    assert len(set(input_names(planned(text).section("input")))) == 2


@pytest.mark.parametrize(("kind", "persisted"), [("memory", False), ("persisted", True)])
def test_plugins_may_know_whether_there_is_a_queue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, persisted: bool
) -> None:
    seen = []

    def build(options: Any, context: Any) -> ScriptedOutput:
        seen.append(context.persisted)
        return ScriptedOutput()

    monkeypatch.setattr("pipeline.outputs.stdout.build", build)
    made(through(tmp_path, output="stdout {}"), tmp_path, queue_type=kind)
    assert seen == [persisted]


def test_what_fails_in_the_background_is_told_of(caplog):
    def failing() -> None:
        raise OSError("no space left")

    async def run() -> None:
        with background(repeat(0, failing), repeat(60, failing)):
            await asyncio.sleep(0.01)

    asyncio.run(run())
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "no space left" in caplog.text
