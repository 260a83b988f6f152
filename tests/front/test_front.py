"""The front with real workers."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from pipeline.front import crew, hired
from pipeline.front.front import Front
from pipeline.runtime import Pipeline
from pipeline.settings.logstash_yml import Settings
from pipeline.store.reader import sizes
from tests.harness import planned

LINES = 4000


def configuration(folder: Path, filters: str = "") -> str:
    return f"""
input {{ generator {{ count => {LINES} lines => ["a", "b"] }} }}
filter {{ {filters} }}
output {{ sqlite {{ path => "{folder / "data"}" index => "x" }} }}
"""


def front(folder: Path, text: str, workers: int = 2) -> Front:
    return Front(Settings(path_data=folder / "data"), planned(text), workers)


def stored(folder: Path) -> int:
    """How many documents are there; none before the first is written."""
    return sum(index.documents for index in sizes(folder / "data")) if (folder / "data").is_dir() else 0


def test_workers_share_what_inputs_take_and_their_counts_are_one(tmp_path: Path) -> None:
    service = front(tmp_path, configuration(tmp_path))
    asyncio.run(service.run())
    assert stored(tmp_path) == LINES * 2
    assert (service.counters.decoded, service.counters.delivered) == (LINES * 2, LINES * 2)


def test_a_worker_that_hangs_is_ended_and_what_it_had_is_dealt_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(hired, "SILENT", 3.0)
    service = front(tmp_path, configuration(tmp_path))

    async def scenario() -> None:
        running = asyncio.create_task(service.run())
        while not any(worker.hand.batches for worker in service._crew.workers):
            await asyncio.sleep(0.01)
        victim = next(worker for worker in service._crew.workers if worker.hand.batches)
        os.kill(victim.process.pid, signal.SIGSTOP)
        await running
        assert victim.process.returncode == -signal.SIGKILL

    with caplog.at_level(logging.ERROR):
        asyncio.run(scenario())
    assert stored(tmp_path) == LINES * 2
    assert "says nothing for 3 s" in caplog.text
    assert "a worker ended (signal 9); another takes its place in 0.0 s" in caplog.text


TCP = 'input { tcp { port => 0 host => "127.0.0.1" } }'


def test_a_stop_while_new_workers_cannot_be_built_ends(tmp_path: Path) -> None:
    store = f'output {{ sqlite {{ path => "{tmp_path / "data"}" index => "x" }} }}'
    service = front(tmp_path, f"{TCP} {store}")
    there_alone = planned(
        TCP + ' filter { mutate { add_field => { "a" => "${NOWHERE}" } } } ' + store, environment={"NOWHERE": "x"}
    )

    async def scenario() -> None:
        running = asyncio.create_task(service.run())
        while sum(worker.takes for worker in service._crew.workers) < 2:
            await asyncio.sleep(0.01)
        assert service.reload(Front(service.settings, there_alone, 2))
        while len(service._crew.workers) < 3:
            await asyncio.sleep(0.01)
        service.stop()
        await asyncio.wait_for(running, 60)

    asyncio.run(scenario())


def test_a_worker_that_cannot_be_started_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, failures = crew.hire, [OSError(11, "fork")]

    async def hire(*given: Any, **named: Any) -> hired.Hired:
        if failures:
            raise failures.pop()
        return await real(*given, **named)

    monkeypatch.setattr(crew, "hire", hire)
    service = front(tmp_path, configuration(tmp_path))
    asyncio.run(service.run())
    assert stored(tmp_path) == LINES * 2


def test_a_reload_does_not_wait_for_an_output_that_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the old workers could not deliver is dealt to the new ones, and counts as nobody's fault."""
    monkeypatch.setattr(crew, "PATIENCE", 0.5)
    source = "input { generator { count => 2000 } } "
    away = 'output { elasticsearch { hosts => ["127.0.0.1:9"] index => "x" } }'
    store = f'output {{ sqlite {{ path => "{tmp_path / "data"}" index => "x" }} }}'
    service = front(tmp_path, source + away)

    async def scenario() -> None:
        running = asyncio.create_task(service.run())
        while not any(worker.hand.batches for worker in service._crew.workers):
            await asyncio.sleep(0.01)
        assert service.reload(Front(service.settings, planned(source + store), 2))
        await asyncio.wait_for(running, 100)

    asyncio.run(scenario())
    assert stored(tmp_path) == 2000


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('output { elasticsearch { document_id => "%{a}" index => "x" } }', "keeps the order of events"),
        ('output { file { path => "/tmp/none/x" } }', "keeps the order of events"),
        ('output { elasticsearch { index => "x" } }', None),
    ],
)
def test_what_one_process_has_to_do_alone(tmp_path: Path, text: str, reason: str | None) -> None:
    pipeline = Pipeline(Settings(path_data=tmp_path), planned("input { generator { } } " + text))
    assert (pipeline.why_alone is None) if reason is None else (reason in (pipeline.why_alone or ""))


@pytest.mark.parametrize("begun", [False, True], ids=["before its workers are hired", "while they are hired"])
def test_reloads_that_overtake_each_other_leave_the_workers_of_the_last(tmp_path: Path, begun: bool) -> None:
    def text(index: str) -> str:
        return f'{TCP} output {{ sqlite {{ path => "{tmp_path / "data"}" index => "{index}" }} }}'

    service = front(tmp_path, text("first"))

    async def scenario() -> None:
        running = asyncio.create_task(service.run())
        while begun and not service._crew._posts:
            await asyncio.sleep(0)
        for index in ("second", "third"):
            assert service.reload(front(tmp_path, text(index)))
            await asyncio.sleep(0)
        await asyncio.wait_for(service.ready.wait(), 60)
        async with asyncio.timeout(60):
            while len(service._crew.workers) != 2 or len(service._crew._posts) != 2 or not service._crew.complete:
                await asyncio.sleep(0.01)
        _, writer = await asyncio.open_connection("127.0.0.1", listens_at(service))
        writer.write(b"to the newest\n")
        writer.close()
        async with asyncio.timeout(60):
            while stored(tmp_path) != 1:
                await asyncio.sleep(0.01)
        service.stop()
        await asyncio.wait_for(running, 60)

    asyncio.run(scenario())
    assert [index.index for index in sizes(tmp_path / "data")] == ["third"]


def listens_at(service: Front) -> int:
    made: Any = service._inputs[0].input
    port: int = made.server.listener.addresses[0][1]
    return port
