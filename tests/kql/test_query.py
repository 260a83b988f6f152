"""The predicate of a query, and what it says of words and times."""

import pytest

from pipeline.kql.query import compile_query

NOW = 1_795_428_000_000  # 2026-11-23T10:00:00Z
DOCUMENT = {
    "@timestamp": "2026-11-23T09:00:00.123Z",
    "message": "Connection RESET by peer: user-agent café -> retry",
    "level": "ERROR",
    "path": "/api/v1/search",
    "status": 503,
    "duration": 12.5,
    "bytes": "2048",
    "cached": False,
    "nothing": None,
    "none": [],
    "empty": "",
    "tags": ["web", "eu-west"],
    "source": {"ip": "81.2.69.23", "geo": {"city": "London"}},
    "dotted.name": "yes",
    "items": [{"sku": "A1", "n": 3}, {"sku": "B2", "n": 9}],
    "trace": 12345678901234567890,
}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", True),
        ("connection", True),
        ("connect", False),
        ("London", True),
        ("london", False),
        ("level:ERROR", True),
        ("level:error", False),
        ("path:/api/*", True),
        ("path:*v1*", True),
        ("path:v1", False),
        ("status >= 500 and not cached:true", True),
        ("status:503.0", True),
        ("bytes:2048", True),
        ("bytes > 1000", True),  # as texts: it is a keyword
        ("bytes > 3", False),
        ("trace:12345678901234567890", True),
        ("nothing:* or none:*", False),
        ("empty:*", True),
        ("source:*", True),
        ("sourc:*", False),
        ("source.geo.city:London", True),
        ("source.ip:81.2.69.0/24", True),
        ("source.ip > 81.2.69.22", True),
        ("dotted.name:yes", True),
        ("items.sku:(A1 and B2)", True),
        ("items.n > 8 and items.n < 4", True),  # of different items
        ("tags:eu*", True),
        ("tags:eu", False),
        ("*s:web", True),
        ("@timestamp >= now-2h", True),
        ("@timestamp >= now-30m", False),
        ("@timestamp:2026-11-23", True),
        ("2026-11-23", True),
        ("503", True),
        ('"->"', False),
    ],
)
def test_what_matches(query, expected):
    assert compile_query(query, NOW).matches(DOCUMENT) is expected


@pytest.mark.parametrize(
    ("query", "narrowing"),
    [
        ("*", None),
        ("timeout", '"timeout"'),
        ("connection reset", '("connection" OR "reset")'),
        ('"connection reset"', '("connection" AND "reset")'),
        ("level:error", '"error"'),
        ("level:error and message:time*", '("error" AND "time"*)'),
        ("level:error or level:warn", '("error" OR "warn")'),
        ("level:error or status >= 500", None),
        ("level:error and status >= 500", '"error"'),
        ("level:error and not level:warn", '"error"'),
        ("not level:error", None),
        ("path:/api/v1/*", '("api" AND "v1")'),
        ("path:*/api", '"api"'),
        ("path:*api", None),
        ("status:503", '"503"'),
        ("duration:12.5", '"12"'),
        ("source.ip:81.2.69.23", None),
        ("@timestamp:2026-11-23", None),
        ("2026-11-23", None),
        ("10.0.0.1", None),
        ("geoip.city:*", '("geoip" AND "city")'),
        ("l*:error", None),
        ('message:"->"', None),
    ],
)
def test_words_that_a_document_must_have(query, narrowing):
    assert compile_query(query, NOW).narrowing == narrowing


HOUR = 3_600_000


@pytest.mark.parametrize(
    ("query", "since", "until"),
    [
        ("@timestamp >= now-1h", NOW - HOUR, None),
        ("level:error and @timestamp >= now-1h and @timestamp < now", NOW - HOUR, NOW),
        ("@timestamp >= now-1h or level:error", None, None),
        ("@timestamp >= now-1h or @timestamp >= now-2h", NOW - 2 * HOUR, None),
        ("not @timestamp >= now-1h", None, None),
        ("@timestamp:now/d", NOW - 10 * HOUR, NOW + 14 * HOUR - 1),
        ("event.start > now", None, None),
    ],
)
def test_times_that_a_document_must_have(query, since, until):
    found = compile_query(query, NOW)
    assert (found.since, found.until) == (since, until)


def test_everything():
    assert [compile_query(query).everything for query in ("", "*", "*:*", "* or a", "* and *", "* and a", "a")] == [
        *[True] * 5,
        *[False] * 2,
    ]
