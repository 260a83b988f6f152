"""Servers and processes that tests of the API share; each is started by the first test that asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.serving import Process, serving
from tests.databases import LONDON, write_city
from tests.proofs.engine import Engine
from tests.servers import redis
from tests.servers.skipping import or_skip


@pytest.fixture
def own_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[redis.Server]:
    """A real Redis, for this test alone."""
    with or_skip("redis"), redis.started(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """An API with the default settings, behind a proxy at 127.0.0.1 that it trusts."""
    with serving(tmp_path_factory.mktemp("api"), TRUSTED_PROXIES="127.0.0.1,10.0.0.0/8") as served:
        yield served


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """The engine on the design document's configuration, into a store of the test's; it knows where London is."""
    monkeypatch.setenv("GEOIP_DATABASE", str(write_city(tmp_path / "city.mmdb", {"81.2.69.0/24": LONDON})))
    folder = tmp_path / "engine"
    folder.mkdir()
    engine = Engine(folder, ["--embedded", str(tmp_path / "store")])
    engine.start()
    engine.listening()
    yield engine
    if engine.process is not None:
        engine.stop()
