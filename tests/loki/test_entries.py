"""What an event becomes in Loki: its labels, its line, its structured metadata."""

import json

import pytest

from pipeline.event import Event
from pipeline.loki.entries import renderer
from tests.harness import planned

STAMP = "2026-11-25T10:00:00.123Z"
NANOS = 1_795_600_800_123_000_000


def made(options):
    plan = planned(f'output {{ loki {{ url => "http://127.0.0.1:1/loki/api/v1/push" {options} }} }}')
    [checked] = plan.section("output")
    return renderer(checked.options, lambda: "2023-11-14T22:13:20.000Z")


DOCUMENT = {
    "@timestamp": STAMP,
    "@version": "1",
    "message": "hello\nthere",
    "host": {"name": "h1"},
    "level": "info",
    "status": 200,
    "ratio": 0.5,
    "ok": True,
    "tags": ["a", "b"],
    "none": None,
    "empty": "",
}
EVERY = {"level": "info", "status": "200", "ratio": "0.5", "ok": "true", "tags": '["a", "b"]'}

RENDERED = {
    "every field that is not nested": ("", DOCUMENT, EVERY, "hello\nthere", {}),
    "fields by name": (
        'include_fields => ["level", "[host][name]", "absent", "[@metadata][kind]"]',
        DOCUMENT,
        {"level": "info", "host_name": "h1", "kind": "k"},
        "hello\nthere",
        {},
    ),
    "an object": ('include_fields => ["host"]', DOCUMENT, {"host": '{"name": "h1"}'}, "hello\nthere", {}),
    "labels alone": ('labels => { "job" => "x" }', DOCUMENT, {"job": "x"}, "hello\nthere", {}),
    "labels with placeholders": (
        'labels => { "job" => "a%{status}" "gone" => "%{absent}" "odd" => "" }',
        DOCUMENT,
        {"job": "a200"},
        "hello\nthere",
        {},
    ),
    "both": (
        'labels => { "job" => "x" } include_fields => "level"',
        DOCUMENT,
        {"job": "x", "level": "info"},
        "hello\nthere",
        {},
    ),
    "no label": ('include_fields => ["absent"]', DOCUMENT, {"job": "apex-logs"}, "hello\nthere", {}),
    "metadata": (
        'include_fields => ["level"] metadata_fields => ["status", "[host][name]", "absent"]',
        DOCUMENT,
        {"level": "info"},
        "hello\nthere",
        {"status": "200", "host_name": "h1"},
    ),
    "another line": (
        'labels => { "job" => "x" } message_field => "[host][name]"',
        DOCUMENT,
        {"job": "x"},
        "h1",
        {},
    ),
    "a line that is no text": (
        'labels => { "job" => "x" } message_field => "tags"',
        DOCUMENT,
        {"job": "x"},
        '["a", "b"]',
        {},
    ),
    "an object is the line": (
        'labels => { "job" => "x" } message_field => "host"',
        DOCUMENT,
        {"job": "x"},
        '{"name"=>"h1"}',
        {},
    ),
    "values as Ruby has them": (
        "",
        {"@timestamp": STAMP, "message": 0.00001, "a": [None, 1.5, {"b": True}]},
        {"a": '[nil, 1.5, {"b"=>true}]'},
        "1.0e-05",
        {},
    ),
    "another field is the line": (
        'message_field => "level"',
        {"@timestamp": STAMP, "level": "info", "message": "m"},
        {"message": "m"},
        "info",
        {},
    ),
    "names that are none": ("", {"@timestamp": STAMP, "a.b": 1, "message": ""}, {"a_b": "1"}, "", {}),
    "no message": (
        'labels => { "job" => "x" }',
        {"@timestamp": STAMP, "a": 1},
        {"job": "x"},
        f'{{"@timestamp":"{STAMP}","a":1}}',
        {},
    ),
    "a codec": (
        'labels => { "job" => "x" } codec => json_lines',
        {"@timestamp": STAMP, "message": "m"},
        {"job": "x"},
        f'{{"@timestamp":"{STAMP}","message":"m"}}',
        {},
    ),
    "a format": (
        'labels => { "job" => "x" } codec => line { format => "%{message}!" }',
        {"@timestamp": STAMP, "message": "m"},
        {"job": "x"},
        "m!",
        {},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("options", "document", "labels", "line", "metadata"), RENDERED.values(), ids=RENDERED)
def test_an_item(options, document, labels, line, metadata):
    """What is no text is Ruby's `to_s` of it, as entry.rb of Grafana's plugin (in grafana/loki) takes it."""
    body = bytearray()
    made(options)(Event(dict(document), {"kind": "k"}), body)
    head, entry, end = bytes(body).split(b"\n")
    assert json.loads(head) == labels
    assert json.loads(entry) == [str(NANOS), line, metadata] if metadata else [str(NANOS), line]
    assert end == b""


def test_an_event_without_a_time_has_the_present():
    body = bytearray()
    made('labels => { "job" => "x" }')(Event({"message": "m", "@timestamp": 5}), body)
    assert json.loads(body.split(b"\n")[1]) == ["1700000000000000000", "m"]


def test_many_sets_of_labels_are_not_all_remembered():
    """Each is rendered as before, when there were more than are kept."""
    render = made('include_fields => ["n"]')
    for n in [*range(10_002), 0]:
        body = bytearray()
        render(Event({"@timestamp": STAMP, "message": "m", "n": n}), body)
        assert json.loads(body.split(b"\n")[0]) == {"n": str(n)}


def test_many_names_of_fields_are_not_all_remembered():
    render = made("")
    body = bytearray()
    render(Event({"@timestamp": STAMP, "message": "m", **{f"f.{n}": n for n in range(10_002)}}), body)
    assert json.loads(body.split(b"\n")[0]) == {f"f_{n}": str(n) for n in range(10_002)}
