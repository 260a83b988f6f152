"""Values that are asked for often: in Redis where `REDIS_URL` is set, else in this process (dogpile.cache).

Values are JSON in Redis, never pickles, so that who writes to Redis cannot run code here. A Redis that is away costs
hits, and a time-out now and then, never an answer. Keys are few and fixed: a value that has expired stays where it is
until it is made anew, and no request may choose a key.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import structlog
from dogpile.cache import CacheRegion, make_region
from redis.exceptions import RedisError

from apex.api.metrics import Metrics

EXPIRY = 60
"""Seconds that a value is believed for."""
TIMEOUT = 0.25
"""Seconds that an answer of Redis is waited for."""
PAUSE = 5.0
"""Seconds for which a Redis that did not answer is not asked: else each request would wait for it."""
PREFIX = "apex-api:cache:"


class Cache:
    """One interface over both."""

    def __init__(self, redis_url: str | None, metrics: Metrics, pause: float = PAUSE) -> None:
        self._region = _region(redis_url)
        self._metrics = metrics
        self._pause = pause
        self._away_until = 0.0
        self._log = structlog.stdlib.get_logger("apex.api.cache")

    def get(self, key: str, load: Callable[[], Any]) -> Any:
        """The value, JSON of any kind; `load` makes it if it is not there, in one thread of several that ask."""
        loaded: list[Any] = []

        def loading() -> Any:
            loaded.append(load())
            return loaded[0]

        if time.monotonic() < self._away_until:
            value = loading()
        else:
            try:
                value = self._region.get_or_create(key, loading)
            except RedisError as error:
                self._away_until = time.monotonic() + self._pause
                self._log.warning("cache_away", error=type(error).__name__)
                value = loaded[0] if loaded else loading()
        self._metrics.cache_requests.inc()
        if not loaded:
            self._metrics.cache_hits.inc()
        return value


def _region(redis_url: str | None) -> CacheRegion:
    region = make_region(key_mangler=lambda key: PREFIX + key, serializer=_dumped, deserializer=json.loads)
    if redis_url is None:
        return region.configure("dogpile.cache.memory", expiration_time=EXPIRY)
    return region.configure(
        "dogpile.cache.redis",
        expiration_time=EXPIRY,
        arguments={
            "url": redis_url,
            "socket_timeout": TIMEOUT,
            "socket_connect_timeout": TIMEOUT,
        },
    )


def _dumped(value: Any) -> bytes:
    return json.dumps(value).encode()
