from __future__ import annotations

import json
from collections import Counter
from statistics import fmean

from bench.events import ADDRESSES, FILES, addresses, generate, stream

COUNT = 3000
EVENTS = generate(COUNT)
DOCUMENTS = [json.loads(event) for event in EVENTS]


def test_the_same_seed_gives_the_same_events() -> None:
    assert generate(COUNT) == EVENTS
    assert generate(100) == EVENTS[:100] == list(stream(100))
    assert generate(100, seed=2) != EVENTS[:100]


def test_sizes_are_as_promised() -> None:
    assert 950 < fmean(map(len, EVENTS)) < 1100
    assert 450 < fmean(len(found["message"]) for found in DOCUMENTS) < 500
    assert max(map(len, EVENTS)) < 1200


def test_envelopes_are_as_filebeat_ships_them() -> None:
    members = {"@timestamp", "@metadata", "log", "message", "input", "fields", "ecs", "host", "agent"}
    for found in DOCUMENTS:
        assert set(found) == members
        assert found["fields"]["service"] == "apex-api"
        assert json.loads(found["message"])["event"] == "request_finished"


def test_offsets_grow_and_no_place_comes_twice() -> None:
    last: dict[str, int] = {}
    for found in DOCUMENTS:
        path, offset = found["log"]["file"]["path"], found["log"]["offset"]
        assert offset > last.get(path, -1)
        last[path] = offset
    assert len(last) == FILES


def test_times_grow_and_some_are_shared() -> None:
    times = [found["@timestamp"] for found in DOCUMENTS]
    assert times == sorted(times)
    assert 2 < COUNT / len(set(times)) < 20


def test_few_addresses_are_frequent() -> None:
    pool = addresses(1)
    assert len(set(pool)) == ADDRESSES
    seen = Counter(json.loads(found["message"])["source_ip"] for found in DOCUMENTS)
    assert set(seen) <= set(pool)
    assert seen[pool[0]] > seen[pool[9]] > 0
    assert len(seen) > COUNT / 5
