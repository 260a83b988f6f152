from __future__ import annotations

import socket
from collections.abc import Callable

import pytest
import redis as client
from apex.api.cache import PREFIX, Cache
from apex.api.metrics import Metrics

from tests.api.serving import until
from tests.servers.redis import Server


def sample(metrics: Metrics, name: str) -> float:
    value = metrics.registry.get_sample_value(name)
    assert value is not None
    return value


@pytest.fixture(params=["here", "redis"])
def url(request: pytest.FixtureRequest) -> str | None:
    return None if request.param == "here" else request.getfixturevalue("own_redis").url


def counting(calls: list[int]) -> Callable[[], object]:
    def load() -> object:
        calls.append(1)
        return {"rows": [["aluminium", 169.0]], "none": None}

    return load


def test_a_value_is_made_once(url: str | None) -> None:
    metrics, calls = Metrics(), list[int]()
    cache = Cache(url, metrics)
    for _ in range(3):
        assert cache.get("materials", counting(calls)) == {"rows": [["aluminium", 169.0]], "none": None}
    assert len(calls) == 1
    assert sample(metrics, "apex_cache_requests_total") == 3
    assert sample(metrics, "apex_cache_hits_total") == 2


def test_processes_share_redis_and_its_values_are_json(own_redis: Server) -> None:
    calls: list[int] = []
    for _ in range(2):
        Cache(own_redis.url, Metrics()).get("materials", counting(calls))
    assert len(calls) == 1
    with client.Redis.from_url(own_redis.url) as connection:
        stored = connection.get(PREFIX + "materials")
        assert isinstance(stored, bytes)
        assert b'{"rows": [["aluminium", 169.0]], "none": null}' in stored


def test_a_redis_that_is_away_costs_hits_alone(own_redis: Server) -> None:
    metrics, calls = Metrics(), list[int]()
    cache = Cache(own_redis.url, metrics, pause=0.05)
    cache.get("materials", counting(calls))
    own_redis.stop()
    for _ in range(2):
        assert cache.get("materials", counting(calls)) is not None
    assert len(calls) == 3
    assert sample(metrics, "apex_cache_hits_total") == 0
    own_redis.start()

    def hits() -> bool:
        cache.get("materials", counting(calls))
        return sample(metrics, "apex_cache_hits_total") > 0

    assert until(hits)


def test_a_redis_that_is_silent_is_asked_once_in_a_while() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        metrics, calls = Metrics(), list[int]()
        cache = Cache(f"redis://127.0.0.1:{silent.getsockname()[1]}/0", metrics, pause=600)
        for _ in range(20):
            assert cache.get("materials", counting(calls)) is not None
        silent.settimeout(0)
        silent.accept()[0].close()
        with pytest.raises(BlockingIOError):
            silent.accept()
    assert len(calls) == 20
    assert sample(metrics, "apex_cache_requests_total") == 20


def test_what_cannot_be_made_is_raised_and_not_kept(url: str | None) -> None:
    cache = Cache(url, Metrics())
    with pytest.raises(ZeroDivisionError):
        cache.get("ratio", lambda: 1 / 0)
    assert cache.get("ratio", lambda: 1.5) == 1.5
