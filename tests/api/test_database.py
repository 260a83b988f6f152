from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from apex.api import calculations
from apex.api.cabinets import MATERIALS, Cabinet
from apex.api.cache import Cache
from apex.api.database import CALCULATIONS, MATERIAL_ROWS, METADATA, make_tables, open_database
from apex.api.metrics import Metrics
from sqlalchemy import func, select, update

from tests.api.serving import serving, until
from tests.servers.postgres import Server


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'api.db'}"
    server: Server = request.getfixturevalue("postgres_server")
    engine = open_database(server.url)
    METADATA.drop_all(engine)
    engine.dispose()
    return server.url


def test_many_processes_may_make_the_tables_at_once(url: str) -> None:
    engines = [open_database(url) for _ in range(8)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(make_tables, engines))
    with engines[0].connect() as connection:
        assert connection.execute(select(func.count()).select_from(MATERIAL_ROWS)).scalar() == len(MATERIALS)
    for engine in engines:
        engine.dispose()


def test_a_material_that_was_changed_stays_changed_and_is_used(url: str) -> None:
    engine, metrics = open_database(url), Metrics()
    make_tables(engine)
    with engine.begin() as connection:
        thicker = update(MATERIAL_ROWS).where(MATERIAL_ROWS.c.name == "aluminium").values(thickness_in=0.25)
        connection.execute(thicker)
    make_tables(engine)
    derived = calculations.derive([Cabinet(width=48, height=24, depth=8)], Cache(None, metrics), engine, metrics)
    assert derived.weight_estimate_lb == 84.5
    assert metrics.registry.get_sample_value("apex_calc_duration_seconds_count") == 1
    engine.dispose()


def test_old_calculations_are_forgotten(url: str) -> None:
    engine, metrics = open_database(url), Metrics()
    make_tables(engine)
    derived = calculations.derive([Cabinet(width=1, height=1, depth=1)], Cache(None, metrics), engine, metrics)
    for age in (0, 29, 31, 400):
        calculations.record(engine, derived)
        with engine.begin() as connection:
            newest = select(func.max(CALCULATIONS.c.created_at)).scalar_subquery()
            older = CALCULATIONS.c.created_at - age * calculations.DAY
            connection.execute(update(CALCULATIONS).where(CALCULATIONS.c.created_at == newest).values(created_at=older))
    assert calculations.forget(engine, 30) == 2
    assert calculations.forget(engine, 30) == 0
    engine.dispose()


def test_a_database_that_goes_and_comes_back(tmp_path: Path, postgres_server: Server) -> None:
    with serving(tmp_path, DATABASE_URL=postgres_server.url) as api:
        assert api.derive().status_code == 200
        postgres_server.stop()
        try:
            answer = api.client.get("/readyz")
            assert (answer.status_code, answer.json()["reasons"]) == (503, ["the database does not answer"])
            assert api.derive().status_code == 500
            assert api.client.get("/healthz").status_code == 200
            assert "http_requests_total" in api.metrics()
            assert "apex_celery_queue_age_seconds" not in api.metrics()
        finally:
            postgres_server.start()
        until(lambda: api.client.get("/readyz").status_code == 200)
        assert api.derive().status_code == 200
        assert api.metric("apex_pg_pool_used") <= api.metric("apex_pg_pool_total") == 15


def test_who_watches_is_answered_while_the_database_hangs(tmp_path: Path, postgres_server: Server) -> None:
    """More requests hang than there are threads; each of them has had an answer when the database is back."""
    with serving(tmp_path, DATABASE_URL=postgres_server.url) as api, ThreadPoolExecutor(60) as clients:
        assert api.derive().status_code == 200
        postgres_server.signal(signal.SIGSTOP)
        try:
            asked = [clients.submit(api.derive) for _ in range(60)]
            until(lambda: api.metric("apex_pg_pool_used") == api.metric("apex_pg_pool_total") == 15)
            assert api.client.get("/healthz").status_code == 200
            assert api.client.get("/readyz").json()["reasons"] == ["the database does not answer"]
            metrics = api.metrics()
            assert not all(each.done() for each in asked)
        finally:
            postgres_server.signal(signal.SIGCONT)
        assert "http_requests_total" in metrics
        assert "apex_celery_queue_age_seconds" not in metrics
        assert {each.result().status_code for each in asked} <= {200, 500}
        until(lambda: api.client.get("/readyz").status_code == 200)
