"""From records to events: fields, ids, decoration, tombstones, and records that cannot be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from pipeline.config.building import build
from pipeline.event import Event
from pipeline.kafka.records import pack, unpack
from pipeline.plugin import Input
from tests.harness import context, planned
from tests.kafka.test_records import Made

ORIGIN = {"id": "t-3@7", "topic": "t", "partition": 3, "offset": 7, "last": 9}
ENVELOPE = {
    "@timestamp": "2026-11-25T10:00:00.000Z",
    "@metadata": {"beat": "filebeat", "type": "_doc", "version": "8.11.0"},
    "log": {"offset": 42, "file": {"path": "/var/log/a.log", "inode": "7", "device_id": "1"}},
    "agent": {"id": "agent-1"},
    "message": "hello",
}


def source(options: str = "", ecs: str = "v8") -> Input:
    [made] = build(planned(f'input {{ kafka {{ group_id => "g" {options} }} }}', ecs=ecs), context(Path("data"))).inputs
    return made.input


def decoded(made: Input, *records: Made, origin: dict[str, Any] = ORIGIN) -> list[Event]:
    def unexpected(raw: bytes, error: Exception) -> None:
        raise AssertionError(f"{raw!r} is rejected") from error

    return list(made.decode(pack(records), origin, unexpected))


def ids(made: Input, *records: Made, origin: dict[str, Any] = ORIGIN) -> list[str]:
    return [event.metadata["event_id"] for event in decoded(made, *records, origin=origin)]


def test_plain_values_and_tombstones() -> None:
    first, second = decoded(source(ecs="disabled"), Made(7, 1, None, b"hello"), Made(8, 2, b"k", None))
    assert first.fields["message"] == "hello"
    assert second.fields["message"] == ""  # as Logstash, which gives the codec an empty text
    assert first.metadata.keys() == {"event_id"}


def test_json_values() -> None:
    made = source("codec => json")
    [event] = decoded(made, Made(7, 1, None, b'{"a":1,"@metadata":{"x":1}}'))
    assert event.fields["a"] == 1
    assert event.metadata["x"] == 1
    assert [event.fields["a"] for event in decoded(made, Made(7, 1, None, b'[{"a":1},{"a":2}]'))] == [1, 2]
    assert len(set(ids(made, Made(7, 1, None, b'[{"a":1},{"a":2}]'), Made(8, 1, None, b'{"a":3}')))) == 3


def test_the_id_is_of_the_record_and_nothing_else() -> None:
    made = source()
    [known] = ids(made, Made(7, 5, b"k", b"v"))
    assert ids(made, Made(6, 5, None, b"v"), Made(7, 5, None, b"v"))[1] == known
    others = [
        ids(made, Made(8, 5, b"k", b"v")),
        ids(made, Made(7, 6, b"k", b"v")),
        ids(made, Made(7, 5, b"k", b"w")),
        ids(made, Made(7, 5, b"k", None)),
        ids(made, Made(7, 5, b"k", b"")),
        ids(made, Made(7, 5, b"k", b"v"), origin=ORIGIN | {"topic": "u"}),
        ids(made, Made(7, 5, b"k", b"v"), origin=ORIGIN | {"partition": 4}),
    ]
    assert len({known, *(one for [one] in others)}) == 8


@pytest.mark.parametrize("codec", ["json", "plain"])
def test_a_beats_envelope_has_the_id_that_beats_give_it(codec: str) -> None:
    from pipeline.event_ids import beat_namer

    want = beat_namer()(ENVELOPE, ENVELOPE["@metadata"])
    value = orjson.dumps(ENVELOPE)
    assert want
    assert ids(source(f"codec => {codec}"), Made(7, 1, None, value), Made(9, 2, None, value)) == [want, want]


def test_what_only_looks_like_an_envelope_has_an_id_of_its_own() -> None:
    cut = orjson.dumps(ENVELOPE)[:-5]
    other = orjson.dumps(ENVELOPE | {"log": {"offset": 42}})
    for value in (cut, other):
        for codec in ("json", "plain"):
            assert len(set(ids(source(f"codec => {codec}"), Made(7, 1, None, value), Made(8, 1, None, value)))) == 2


def test_decoration() -> None:
    headers = (("trace", b"abc"), ("binary", b"\xff"), ("none", None))
    record = Made(7, 1700000000000, b"key", b'{"@metadata":{"kafka":{"mine":1}},"a":1}', headers)
    basic = {
        "topic": "t",
        "consumer_group": "g",
        "partition": 3,
        "offset": 7,
        "key": "key",
        "timestamp": 1700000000000,
    }
    for option, want in {
        "none": {"mine": 1},
        "false": {"mine": 1},
        "basic": {"mine": 1, **basic},
        "true": {"mine": 1, **basic},
        "extended": {"mine": 1, **basic, "headers": {"trace": "abc"}},
    }.items():
        [event] = decoded(source(f'codec => json decorate_events => "{option}"'), record)
        assert event.metadata["kafka"] == want
    [event] = decoded(source('decorate_events => "extended"'), Made(7, 1, None, b"x"))
    assert event.metadata["kafka"] == {**basic, "key": None, "timestamp": 1}


def test_a_record_that_cannot_be_read_is_rejected_with_its_place() -> None:
    made = source("codec => rubydebug")
    rejected: list[tuple[bytes, Exception]] = []
    data = pack([Made(7, 1, None, b"one"), Made(8, 2, None, b"two")])
    assert list(made.decode(data, ORIGIN, lambda raw, error: rejected.append((raw, error)))) == []
    [(first, error), (second, _)] = rejected
    assert str(error).startswith("record 7 of partition 3 of t: ")
    assert first == unpack(data).one(0)
    assert unpack(second).offsets == [8]
    assert second.endswith(b"\ntwo")
