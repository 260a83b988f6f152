"""The events that every measurement uses: envelopes as Filebeat 8 ships them, from a seed, so that anyone has the same.

An envelope is about 1 kB, of which 477 bytes are the `message`: a line of apex-api's log, in JSON. Events come from
several files whose offsets grow, one to a few dozen of them in the same millisecond, as where Filebeat catches up;
source addresses are of a pool of 20,000, the n-th of them 1/n as frequent as the first (Zipf, s = 1.0).
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import accumulate

FILES = 6
ADDRESSES = 20_000
_START = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
_PER_MILLISECOND = 10
"""Events with the same `@timestamp`, on average: 10,000 a second."""

_ROUTES = [
    ("GET", "/api/v1/orders/{order_id}", "/api/v1/orders/%d"),
    ("GET", "/api/v1/customers/{customer_id}/orders", "/api/v1/customers/%d/orders"),
    ("POST", "/api/v1/orders", "/api/v1/orders?draft=%d"),
    ("GET", "/api/v1/search", "/api/v1/search?page=%d"),
    ("PUT", "/api/v1/carts/{cart_id}", "/api/v1/carts/%d"),
    ("POST", "/api/v1/login", "/api/v1/login?attempt=%d"),
    ("GET", "/health", "/health?n=%d"),
]
_STATUSES = [200] * 30 + [201] * 5 + [204] * 2 + [301, 400, 401, 404, 404, 429, 500, 503]
_AGENTS = [
    "Mozilla/5.0 (X11; Linux x86_64; rv:126.0) Gecko/20100101 Firefox/126.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5) Safari/604.1",
    "okhttp/4.12.0 apex-mobile/7.31",
    "curl/8.5.0",
]

_MESSAGE = (
    '{"timestamp": "%s", "level": "%s", "event": "request_finished", "logger": "apex.api.web", "request_id": "%032x", '
    '"trace_id": "%032x", "span_id": "%016x", "method": "%s", "route": "%s", "path": "%s", "status_code": %d, '
    '"duration_ms": %.3f, "source_ip": "%s", "user_agent": "%s", "user_id": %d}'
)
_PARTS = (
    '"log":{"offset":%(offset)d,"file":{"path":"%(path)s","device_id":"64769","inode":"%(inode)d"}}',
    '"message":"%(message)s"',
    '"input":{"type":"filestream"}',
    '"fields":{"service":"apex-api"}',
    '"ecs":{"version":"8.0.0"}',
    '"host":{"name":"apex-api-node-%(node)d"}',
    (
        '"agent":{"type":"filebeat","version":"8.14.3","ephemeral_id":"97ea7529-2753-416f-9795-5d89c5e6%(node)04x",'
        '"id":"ba2cac96-14d7-418b-add3-373ad6d3%(node)04x","name":"apex-api-node-%(node)d"}'
    ),
)
_HEAD = '{"@timestamp":"%(moment)s","@metadata":{"beat":"filebeat","type":"_doc","version":"8.14.3"}'


def addresses(seed: int) -> list[str]:
    """The pool: public IPv4 addresses."""
    chance = random.Random(seed)
    found: dict[str, None] = {}
    networks = [number for number in range(1, 224) if number not in _NOT_PUBLIC]
    while len(found) < ADDRESSES:
        first = chance.choice(networks)
        found[f"{first}.{chance.randrange(256)}.{chance.randrange(256)}.{chance.randrange(1, 255)}"] = None
    return list(found)


_NOT_PUBLIC = {10, 100, 127, 169, 172, 192, 198, 203}


def generate(count: int, seed: int = 1) -> list[bytes]:
    """So many envelopes; the same for the same seed, and the first ones of a longer list."""
    return list(stream(count, seed))


def stream(count: int, seed: int = 1) -> Iterator[bytes]:
    """The same, one after the other: for more of them than fit into memory."""
    chance = random.Random(seed)
    pool = addresses(seed)
    weights = list(accumulate(1 / rank for rank in range(1, ADDRESSES + 1)))
    envelopes = _envelopes()
    offsets = [0] * FILES
    millis = 0.0
    for _ in range(count):
        millis += chance.expovariate(_PER_MILLISECOND)
        moment = _text(int(millis))
        source = chance.choices(pool, cum_weights=weights)[0]
        message = _message(chance, source, moment)
        number = chance.randrange(FILES)
        values = {
            "moment": _text(int(millis) + 700),
            "offset": offsets[number],
            "path": f"/var/log/apex/apex-api-{number}.log",
            "inode": 52_691_200 + number,
            "node": number // 2,
            "message": message.replace('"', '\\"'),
        }
        offsets[number] += len(message) + 1
        yield (envelopes[number] % values).encode()


def _message(chance: random.Random, source: str, moment: str) -> str:
    method, route, path = chance.choice(_ROUTES)
    status = chance.choice(_STATUSES)
    return _MESSAGE % (
        moment,
        "info" if status < 400 else "warning" if status < 500 else "error",
        chance.getrandbits(128),
        chance.getrandbits(128),
        chance.getrandbits(64),
        method,
        route,
        path % chance.randrange(1, 100_000),
        status,
        chance.lognormvariate(3.5, 1.0),
        source,
        chance.choice(_AGENTS),
        chance.randrange(1, 1_000_000),
    )


def _envelopes() -> list[str]:
    """Filebeat orders the members as a Go map does: differently for each event. Here, for each file."""
    chance = random.Random(0)
    made = []
    for _ in range(FILES):
        parts = chance.sample(_PARTS, len(_PARTS))
        made.append(f"{_HEAD},{','.join(parts)}}}")
    return made


@lru_cache(maxsize=10_000)
def _text(millis: int) -> str:
    moment = _START + timedelta(milliseconds=millis)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
