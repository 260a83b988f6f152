"""What events come out of the payloads that Beats send."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from pipeline.codecs import json as json_codec
from pipeline.codecs import plain as plain_codec
from pipeline.event import SIBLING, Event
from pipeline.protocols import lumberjack as wire
from tests.beats.workbench import ONE, TWO, connected, made, quiet, running

ENVELOPE = {
    "@timestamp": "2026-11-23T12:23:31.624Z",
    "@metadata": {"beat": "filebeat", "type": "_doc", "version": "8.14.0"},
    "host": {"name": "vm"},
    "agent": {"id": "a1"},
    "log": {"offset": 7, "file": {"path": "/a.log", "inode": "5", "device_id": "1"}},
    "message": "hello",
}
ORIGIN = {"id": "b0", "peer": "10.1.2.3", "window": 100}
TAG = "beats_input_codec_plain_applied"


def decoded(*documents: Any, origin: dict[str, Any] | None = None, **options: Any) -> list[Event]:
    payloads = [one if isinstance(one, bytes) else orjson.dumps(one) for one in documents]
    rejected: list[str] = []
    events = list(
        made(**options).decode(
            wire.json_frames(payloads), origin or ORIGIN, lambda raw, error: rejected.append(f"{raw!r}: {error}")
        )
    )
    assert rejected == []
    return events


def fields_of(document: dict[str, Any], **options: Any) -> dict[str, Any]:
    (event,) = decoded(document, **options)
    return event.fields


FIELDS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "as Filebeat sends it": (
        {},
        ENVELOPE,
        {key: value for key, value in ENVELOPE.items() if key != "@metadata"} | {"@version": "1", "tags": [TAG]},
    ),
    "ECS keeps the text": (
        {"ecs_compatibility": "v8"},
        {"@timestamp": "2026-11-23T12:23:31Z", "message": "x", "event": {"module": "m"}},
        {
            "@timestamp": "2026-11-23T12:23:31.000Z",
            "@version": "1",
            "message": "x",
            "event": {"module": "m", "original": "x"},
            "tags": [TAG],
        },
    ),
    "an event that is no object stays": (
        {"ecs_compatibility": "v8"},
        ENVELOPE | {"event": "started"},
        {key: value for key, value in ENVELOPE.items() if key != "@metadata"}
        | {"@version": "1", "event": "started", "tags": [TAG]},
    ),
    "no enrichment": (
        {"ecs_compatibility": "v8", "enrich": "none"},
        {"@timestamp": "2026-11-23T12:23:31.624Z", "message": "x"},
        {"@timestamp": "2026-11-23T12:23:31.624Z", "@version": "1", "message": "x"},
    ),
    "no codec tag": (
        {"include_codec_tag": False},
        {"@timestamp": "2026-11-23T12:23:31.624Z", "message": "x", "@version": "2"},
        {"@timestamp": "2026-11-23T12:23:31.624Z", "@version": "2", "message": "x"},
    ),
    "no message": (
        {},
        {"@timestamp": "2026-11-23T12:23:31.624Z", "system": {"load": 1}},
        {
            "@timestamp": "2026-11-23T12:23:31.624Z",
            "@version": "1",
            "system": {"load": 1},
            "tags": ["beats_input_raw_event"],
        },
    ),
    "tags as sent come first": (
        {},
        {"@timestamp": "2026-11-23T12:23:31.624Z", "message": "x", "tags": ["a", TAG]},
        {"@timestamp": "2026-11-23T12:23:31.624Z", "@version": "1", "message": "x", "tags": ["a", TAG]},
    ),
    "a message that is no text becomes one": (
        {},
        {"@timestamp": "2026-11-23T12:23:31.624Z", "message": 5},
        {"@timestamp": "2026-11-23T12:23:31.624Z", "@version": "1", "message": "5", "tags": [TAG]},
    ),
    "a host name of old Beats": (
        {"add_hostname": True},
        {"@timestamp": "2026-11-23T12:23:31.624Z", "message": "x", "beat": {"hostname": "vm"}},
        {
            "@timestamp": "2026-11-23T12:23:31.624Z",
            "@version": "1",
            "message": "x",
            "beat": {"hostname": "vm"},
            "host": "vm",
            "tags": [TAG],
        },
    ),
}


@pytest.mark.parametrize(("options", "document", "expected"), FIELDS.values(), ids=FIELDS)
def test_fields_of_an_event(options: dict[str, Any], document: dict[str, Any], expected: dict[str, Any]) -> None:
    first, second, third = decoded(document, document, document, **options)
    assert first.fields == second.fields == third.fields == expected
    assert [first.ordinal, second.ordinal, third.ordinal] == [0, 1, 2]
    containers = [first.fields.get("tags"), second.fields.get("tags"), third.fields.get("tags")]
    assert len({id(tags) for tags in containers if tags is not None}) in (0, 3)


def test_an_unreadable_timestamp_is_kept_and_tagged() -> None:
    good, bad, again = decoded(ENVELOPE, ENVELOPE | {"@timestamp": "yesterday"}, ENVELOPE)
    assert bad.fields["_@timestamp"] == "yesterday"
    assert bad.fields["tags"] == ["_timestampparsefailure", TAG]
    assert good.fields == again.fields


def test_an_event_without_a_timestamp_gets_the_present() -> None:
    assert fields_of({"message": "x"})["@timestamp"].endswith("Z")


def test_metadata_has_the_address_where_the_sender_gave_any() -> None:
    (event,) = decoded(ENVELOPE)
    assert {**event.metadata, "event_id": ""} == ENVELOPE["@metadata"] | {"ip_address": "10.1.2.3", "event_id": ""}
    (event,) = decoded(ENVELOPE, ecs_compatibility="v1")
    assert event.metadata["input"] == {"beats": {"host": {"ip": "10.1.2.3"}}}
    (event,) = decoded(ENVELOPE | {"@metadata": {"input": {"beats": {"a": 1}}}}, ecs_compatibility="v1")
    assert event.metadata["input"] == {"beats": {"a": 1, "host": {"ip": "10.1.2.3"}}}
    (event,) = decoded({"message": "x"})
    assert event.metadata == {"event_id": "b0"}
    (event,) = decoded(ENVELOPE, enrich="codec_metadata")
    assert "ip_address" not in event.metadata


def test_metadata_that_is_no_object_is_kept_and_tagged() -> None:
    (event,) = decoded(ENVELOPE | {"@metadata": "odd"})
    assert event.fields["_@metadata"] == "odd"
    assert event.fields["tags"] == ["_metadataparsefailure", TAG]


def test_pairs_of_logstash_forwarder() -> None:
    (event,) = made().decode(wire.pairs_frame({"line": "hello", "file": "/a", "offset": "3"}), ORIGIN, print)
    assert {**event.fields, "@timestamp": ""} == {
        "message": "hello",
        "file": "/a",
        "offset": "3",
        "@timestamp": "",
        "@version": "1",
        "tags": [TAG],
    }


@pytest.mark.parametrize(
    ("payload", "value"),
    [
        (b'{"a":"\\ud800"}', "\ud800"),
        (b'{"a":18446744073709551616}', 18446744073709551616),
        (b'{"a":-1e400}', -float("inf")),
    ],
)
def test_json_that_orjson_refuses(payload: bytes, value: Any) -> None:
    (event,) = decoded(payload)
    assert event.fields["a"] == value


@pytest.mark.parametrize("payload", [b"", b"nonsense", b"[1]", b'"text"', b"null", b'{"a":"\xff"}', b"[" * 100_000])
def test_a_payload_that_is_no_object_is_rejected_and_its_window_acknowledged(payload: bytes) -> None:
    async def test() -> None:
        async with running(made()) as worker, connected(worker) as client:
            client.send(wire.window(2) + wire.compressed(wire.json_frames([payload, ONE])))
            (event,) = await worker.end(0)
            assert await client.answer() == 2
            assert (event.ordinal, event.metadata["event_id"]) == (1, f"{worker.batches[0].origin['id']}-1")
            assert [raw for raw, _ in worker.rejected] == [wire.json_frames([payload])]

    asyncio.run(test())


def test_a_picked_event_decodes_to_itself() -> None:
    given = made()
    data = wire.compressed(wire.json_frames([b'{"message":"0"}', b'{"message":"1"}', b'{"message":"2"}']))
    events = list(given.decode(data, ORIGIN, print))
    for event in events:
        picked = given.pick(data, ORIGIN, event.ordinal)
        (again,) = given.decode(picked, ORIGIN | {"ordinal": event.ordinal}, print)
        assert again.fields["message"] == event.fields["message"]
        assert again.metadata["event_id"] == event.metadata["event_id"]


def codec(module: Any, **options: Any) -> Any:
    return module.build(module.Options(**options))


def test_the_plain_codec_with_its_defaults_is_not_called() -> None:
    for ecs in ("disabled", "v8"):
        given = codec(plain_codec, ecs_compatibility=ecs)
        assert fields_of(ENVELOPE, codec=given, ecs_compatibility=ecs) == fields_of(ENVELOPE, ecs_compatibility=ecs)


def test_the_plain_codec_with_another_charset() -> None:
    given = codec(plain_codec, charset="ISO-8859-1", ecs_compatibility="disabled")
    assert fields_of(ENVELOPE | {"message": "é"}, codec=given)["message"] == "Ã©"


def test_fields_of_the_codec_give_way_to_those_of_the_envelope() -> None:
    message = '{"level":"info","host":{"name":"inner","ip":"::1"},"agent":5,"@timestamp":"2020-01-01T00:00:00Z"}'
    fields = fields_of(ENVELOPE | {"message": message}, codec=codec(json_codec, ecs_compatibility="disabled"))
    assert fields["level"] == "info"
    assert fields["host"] == {"name": "vm", "ip": "::1"}
    assert fields["agent"] == {"id": "a1"}
    assert fields["@timestamp"] == ENVELOPE["@timestamp"]
    assert "message" not in fields


def test_a_codec_may_make_several_events_of_one_or_none() -> None:
    async def test() -> None:
        given = made(codec=codec(json_codec, ecs_compatibility="disabled"))
        documents = [ENVELOPE | {"message": message} for message in ('[{"n":1},{"n":2}]', "", '{"n":3}')]
        async with running(given) as worker, connected(worker) as client:
            frames = [wire.json_frames([orjson.dumps(document)]) for document in documents]
            client.send(wire.window(3) + wire.compressed(frames[0]))
            several = await worker.end(0)
            client.send(wire.compressed(frames[1]) + wire.compressed(frames[2]))
            assert await worker.end(1) == []
            assert await quiet(client)
            one = await worker.end(2)
            assert await client.answer() == 3
            assert [event.fields["n"] for event in several + one] == [1, 2, 3]
            first, second = (event.metadata["event_id"] for event in several)
            assert second == f"{first}_1"
            assert [event.ordinal for event in several] == [0, SIBLING]
            several[0].fields["host"]["name"] = "changed"
            assert several[1].fields["host"]["name"] == "vm"

    asyncio.run(test())


def test_what_a_codec_raises_concerns_one_event() -> None:
    class Failing:
        name = "failing"

        def decode(self, data: bytes) -> list[dict[str, Any]]:
            if data == b"two":
                raise ValueError("no two")
            return [{"message": data.decode(), "seen": True}]

    rejected: list[tuple[bytes, str]] = []
    given = made(codec=Failing())
    data = wire.json_frames([ONE, TWO, b'{"a":1}'])
    events = list(given.decode(data, ORIGIN, lambda raw, error: rejected.append((raw, str(error)))))
    assert [event.fields.get("seen") for event in events] == [True, None]
    assert rejected == [(wire.json_frames([TWO]), "no two")]


DEEP = b"[" * 900 + b"]" * 900
FILE = b'"log":{"offset":1,"file":{"path":"p","inode":"1"}},"agent":{"id":"a"}'
ODD = {
    "half a pair, not in a text": b'{"message":{"a":"\\ud800"}}',
    "half a pair, in the line": b'{"line":{"a":"\\ud800"}}',
    "an integer beyond 64 bits": b'{"a":NaN,"message":123456789012345678901234567890}',
    "deep, in a field": b'{"message":"m","a":%b,%b}' % (DEEP, FILE),
    "deep, in the file": b'{"message":"m",%b}' % FILE.replace(b'"1"', DEEP),
    "deep, in the message": b'{"message":%b}' % DEEP,
}


@pytest.mark.parametrize("codec_of", [None, json_codec], ids=["plain", "json"])
@pytest.mark.parametrize("payload", ODD.values(), ids=ODD)
def test_an_odd_payload_concerns_itself_alone(payload: bytes, codec_of: Any) -> None:
    """The others of its window come before and behind it; itself is an event, or rejected in its frame."""
    rejected: list[bytes] = []
    given = made(codec=codec(codec_of)) if codec_of else made()
    events = list(given.decode(wire.json_frames([ONE, payload, TWO]), ORIGIN, lambda raw, _: rejected.append(raw)))
    assert [event.metadata["event_id"] for event in (events[0], events[-1])] == ["b0", "b0-2"]
    assert len(events) == 3 or rejected == [wire.json_frames([payload])]


def test_a_codec_that_refuses_every_text_and_a_payload_that_is_no_json() -> None:
    class Refusing:
        name = "none"

        def decode(self, data: bytes) -> list[dict[str, Any]]:
            raise ValueError("writes only")

    rejected: list[str] = []
    data = wire.json_frames([ONE, b"nonsense", b'{"a":1}'])
    events = list(made(codec=Refusing()).decode(data, ORIGIN, lambda raw, error: rejected.append(str(error))))
    assert [event.fields["tags"] for event in events] == [["beats_input_raw_event"]]
    assert rejected == ["writes only", "Expecting value: line 1 column 1 (char 0)"]


def test_the_tag_names_the_codec() -> None:
    given = codec(plain_codec, ecs_compatibility="disabled")
    given.name = "other"
    assert fields_of(ENVELOPE, codec=given)["tags"] == ["beats_input_codec_other_applied"]
