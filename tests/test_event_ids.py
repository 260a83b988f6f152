from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.event import Fields
from pipeline.event_ids import beat_namer


def of_beat(fields: Fields, metadata: Fields) -> str | None:
    """The id of one event; a namer that has seen others before gives the same."""
    used = beat_namer()
    for path in ("/other", "/a.log"):
        used({"agent": {"id": "a1"}, "log": {"offset": 1, "file": {"path": path}}}, {})
    name = beat_namer()(fields, metadata)
    assert used(fields, metadata) == name
    return name


ENVELOPE: dict[str, Any] = {
    "@timestamp": "2026-11-23T12:23:31.624Z",
    "agent": {"id": "a1", "ephemeral_id": "e1"},
    "log": {"offset": 7, "file": {"path": "/a.log", "inode": "5", "device_id": "1"}},
    "message": "hello",
}


def changed(path: str, value: Any) -> dict[str, Any]:
    envelope = copy.deepcopy(ENVELOPE)
    *outer, last = path.split(".")
    parent = envelope
    for key in outer:
        parent = parent[key]
    if value is None:
        del parent[last]
    else:
        parent[last] = value
    return envelope


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("agent.id", "a2"),
        ("agent.name", "clone"),
        ("request", {"id": 5}),
        ("log.offset", 8),
        ("log.file.path", "/b.log"),
        ("log.file.inode", "6"),
        ("log.file.device_id", "2"),
        ("log.file.fingerprint", "f"),
        ("message", "Hello"),
        ("message", ["hello"]),
        ("message", None),
    ],
)
def test_what_tells_two_events_apart(path: str, value: Any) -> None:
    assert of_beat(changed(path, value), {}) not in (of_beat(ENVELOPE, {}), None)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("@timestamp", "2026-11-23T12:23:32Z"),
        ("agent.ephemeral_id", "e2"),
        ("log.flags", ["multiline"]),
        ("host", {"name": "n"}),
        ("kubernetes", {"pod": {"name": "p"}}),
        ("event", {"original": "hello"}),
    ],
)
def test_what_a_repeat_may_change(path: str, value: Any) -> None:
    assert of_beat(changed(path, value), {}) == of_beat(ENVELOPE, {})


def test_of_a_containers_log_the_time_counts() -> None:
    """It was in the line; a file that is rotated gives its inode to the next one, which may say the same again."""
    first, later = ENVELOPE | {"stream": "stdout"}, changed("@timestamp", "2026-11-23T12:24:00Z") | {"stream": "stdout"}
    assert len({of_beat(first, {}), of_beat(later, {}), of_beat(ENVELOPE, {})}) == 3
    assert of_beat(copy.deepcopy(first), {}) == of_beat(first, {})


def test_without_the_identity_of_the_file_the_time_counts() -> None:
    first = changed("log.file", {"path": "/a.log"})
    assert of_beat(first, {}) == of_beat(copy.deepcopy(first), {})
    assert of_beat(first, {}) != of_beat({**first, "@timestamp": "2026-11-23T12:23:32Z"}, {})
    assert of_beat(first, {}) != of_beat(ENVELOPE, {})


def test_a_fingerprint_outlives_the_inode() -> None:
    first = changed("log.file.fingerprint", "f")
    moved = copy.deepcopy(first)
    moved["log"]["file"]["inode"] = "99"
    assert of_beat(first, {}) == of_beat(moved, {})


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("agent", None),
        ("agent", "a1"),
        ("agent.id", 5),
        ("log", "x"),
        ("log.offset", None),
        ("log.offset", "7"),
        ("log.offset", True),
        ("log.file", "x"),
        ("log.file.path", None),
        ("log.file.path", 5),
    ],
)
def test_an_event_that_is_of_no_file_has_no_id(path: str, value: Any) -> None:
    assert of_beat(changed(path, value), {}) is None


@pytest.mark.parametrize(("sent", "id_"), [("mine", "mine"), (5, "5"), ("", None), ({"a": 1}, None)])
def test_the_sender_may_name_the_event(sent: Any, id_: str | None) -> None:
    assert of_beat(ENVELOPE, {"_id": sent}) == (id_ or of_beat(ENVELOPE, {}))


def test_half_of_a_surrogate_pair_has_an_id() -> None:
    ids = {of_beat(changed("message", text), {}) for text in ("\ud800", "\udc00", "\ufffd", {"a": "\ud800"}, "x")}
    assert len(ids | {None}) == 6


texts = st.text(max_size=4)
parts = st.tuples(texts, texts, st.integers(0, 20), st.one_of(texts, st.lists(texts, max_size=2)), texts)


@given(parts, parts)
def test_no_two_tuples_have_one_id(first: tuple[Any, ...], second: tuple[Any, ...]) -> None:
    ids = []
    for agent, path, offset, message, inode in (first, second):
        log = {"offset": offset, "file": {"path": path, "inode": inode}}
        ids.append(of_beat({"agent": {"id": agent}, "log": log, "message": message}, {}))
    assert (ids[0] == ids[1]) == (first == second)


@pytest.mark.parametrize("message", [None, 5, {"a": 1}])
def test_an_event_without_a_text_needs_its_time(message: Any) -> None:
    """Filebeat's ndjson parser sends no message: after a truncation, the place alone would name another event."""
    first = changed("message", message)
    later = {**first, "@timestamp": "2026-11-24T00:00:00.000Z", "user": "bob"}
    assert of_beat(first, {}) == of_beat(copy.deepcopy(first), {})
    assert of_beat(first, {}) != of_beat(later, {})


def test_lines_that_a_beat_has_parsed_differ_in_their_fields() -> None:
    """Where a file is truncated and begins anew, offset and message may be those of another line."""
    first = {**ENVELOPE, "request": {"id": 1}}
    assert of_beat(first, {}) != of_beat({**ENVELOPE, "request": {"id": 2}}, {})
    assert of_beat(first, {}) == of_beat({**first, "@timestamp": "2026-11-24T00:00:00.000Z"}, {})


def test_a_filter_that_changes_an_event_does_not_change_the_ids_of_others() -> None:
    name = beat_namer()
    first = copy.deepcopy(ENVELOPE)
    name(first, {})
    del first["log"]["file"]["inode"], first["log"]["file"]["device_id"]
    second = {**changed("log.file", {"path": "/a.log"}), "message": "later"}
    assert name(second, {}) == of_beat(second, {})
