"""Reports through Celery and a real Redis, and through the process itself."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from apex.api import reports
from apex.api.cabinets import Cabinet
from apex.api.database import REPORTS, make_tables, open_database
from apex.api.projects import create
from apex.api.queue import MOST_WAITING, REDELIVERY, CeleryQueue, QueueAway, ThreadQueue
from sqlalchemy import update

from tests.api.receivers import traces
from tests.api.serving import CABINET, Process, serving, until, working
from tests.servers.postgres import Server as Postgres
from tests.servers.redis import Server as Redis


def requested(api: Process) -> httpx.Response:
    project = api.client.post("/projects", json={"name": "x", "cabinets": [CABINET]}).json()
    return api.client.post(f"/projects/{project['id']}/report", timeout=30)


def done(api: Process, report: Mapping[str, Any]) -> dict[str, Any]:
    def written() -> dict[str, Any] | None:
        found: dict[str, Any] = api.client.get(f"/reports/{report['id']}").json()
        return found if found["status"] == "done" else None

    return until(written)


def test_reports_by_a_worker(tmp_path: Path, own_redis: Redis, postgres_server: Postgres) -> None:
    with traces() as receiver:
        variables = {
            "REDIS_URL": own_redis.url,
            "DATABASE_URL": postgres_server.url,
            "OTEL_EXPORTER": "otlp",
            "OTEL_ENDPOINT": receiver.endpoint,
            "OTEL_BSP_SCHEDULE_DELAY": "100",
        }
        with serving(tmp_path, **variables) as api:
            answer = requested(api)
            assert answer.status_code == 202
            until(lambda: api.metric("apex_celery_queue_age_seconds") > 0.2)  # nobody works yet
            assert api.client.get(answer.headers["Location"]).json()["status"] == "queued"
            with working(tmp_path, **variables) as worker:
                content = done(api, answer.json())["content"]
                assert content["derived"]["A_ft2"] == 8.0
                assert api.metric("apex_celery_queue_age_seconds") == 0
                assert worker.metric("apex_report_generation_duration_seconds_count") == 1
                assert api.metric("apex_report_generation_duration_seconds_count") == 0
                [line] = until(lambda: [each for each in worker.lines() if each["event"] == "report_written"])
                [request] = api.request_lines(answer.headers["X-Request-ID"])
                assert line["trace_id"] == request["trace_id"]
                until(lambda: [span for span in receiver.of(request["trace_id"]) if span.name == "report_write"])
                assert worker.stop() == 0


def test_a_broker_that_is_away_costs_reports_and_nothing_else(tmp_path: Path, own_redis: Redis) -> None:
    with serving(tmp_path, REDIS_URL=own_redis.url) as api:
        api.derive().raise_for_status()
        own_redis.stop()
        answer = requested(api)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
        assert api.metric("apex_celery_queue_age_seconds") == 0  # what was refused does not wait
        assert api.derive().status_code == 200
        own_redis.start()
        assert until(lambda: requested(api).status_code == 202)


def test_no_more_wait_in_the_process_than_there_is_room_for() -> None:
    held, written = threading.Event(), list[str]()

    def write(report: str) -> None:
        held.wait()
        written.append(report)

    queue = ThreadQueue(write, ["found", "found too"])
    for number in range(MOST_WAITING):
        queue.put(str(number))
    with pytest.raises(QueueAway):
        queue.put("one more")
    held.set()
    until(lambda: len(written) == MOST_WAITING + 2)
    queue.put("again")
    until(lambda: "again" in written)
    queue.close()
    assert "one more" not in written


def test_a_broker_that_refuses_is_asked_once() -> None:
    """A broker that closes each connection at once counts them; with its own patience, Celery tries for 6 s."""
    with socket.create_server(("127.0.0.1", 0)) as broker:
        taken: list[int] = []

        def refuse() -> None:
            with suppress(OSError):
                while True:
                    broker.accept()[0].close()
                    taken.append(1)

        threading.Thread(target=refuse, daemon=True).start()
        queue = CeleryQueue(f"redis://127.0.0.1:{broker.getsockname()[1]}/0")
        with pytest.raises(QueueAway):
            queue.put("x")
        queue.close()
        assert 1 <= len(taken) <= 2
        broker.shutdown(socket.SHUT_RDWR)


def test_a_worker_publishes_again_what_redis_has_forgotten(tmp_path: Path, own_redis: Redis) -> None:
    with serving(tmp_path, REDIS_URL=own_redis.url) as api:
        report = requested(api).json()
        own_redis.stop()
        own_redis.start()  # it keeps nothing
        engine = open_database(api.database)
        with engine.begin() as connection:
            connection.execute(update(REPORTS).values(queued_at=time.time() - REDELIVERY - 1))
        engine.dispose()
        with working(tmp_path, REDIS_URL=own_redis.url):
            assert done(api, report)["content"]["derived"]["A_ft2"] == 8.0
        until(lambda: api.metric("apex_celery_queue_age_seconds") == 0)


def test_a_report_that_was_not_written_is_taken_up_after_a_restart(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'api.db'}")
    make_tables(engine)
    project = create(engine, "x", [Cabinet(**CABINET)])
    waiting, running = (reports.request(engine, project.id) for _ in range(2))
    with engine.begin() as connection:
        connection.execute(update(REPORTS).where(REPORTS.c.id == running.id).values(status="running"))
    assert reports.queue_age(engine) > 0
    with serving(tmp_path) as api:
        for report in (waiting, running):
            assert done(api, {"id": report.id})["content"]["derived"]["A_ft2"] == 8.0
    assert reports.queue_age(engine) == 0
    engine.dispose()


def test_a_report_that_cannot_be_written_has_failed(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'api.db'}")
    make_tables(engine)
    report = reports.request(engine, "0" * 32)
    with serving(tmp_path) as api:
        until(lambda: api.client.get(f"/reports/{report.id}").json()["status"] == "failed")
        [line] = until(lambda: [each for each in api.lines() if each["event"] == "report_not_written"])
        assert line["level"] == "error"
        assert "there is no project 000" in line["exception"]
        assert api.metric("apex_reports_failed_total") == 1
        assert api.metric("apex_report_generation_duration_seconds_count") == 0
    engine.dispose()


@pytest.mark.parametrize("age", [0.0, 400.0])
def test_the_age_is_that_of_the_oldest_that_waits(tmp_path: Path, age: float) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'api.db'}")
    make_tables(engine)
    assert reports.queue_age(engine) == 0
    old, _ = (reports.request(engine, "p") for _ in range(2))
    with engine.begin() as connection:
        change = update(REPORTS).where(REPORTS.c.id == old.id).values(queued_at=time.time() - age)
        connection.execute(change)
    assert age <= reports.queue_age(engine) < age + 30
    engine.dispose()
