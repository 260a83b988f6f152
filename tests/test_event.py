"""The event, its copies and its tags."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.dates.timestamps import canonical
from pipeline.event import Event, add_tag, copied, remove_tag


def test_a_clone_shares_nothing() -> None:
    made = {"@timestamp": "2026-01-01T00:00:00.000Z", "@version": "1"}
    event = Event({"a": {"b": [1, {"c": 2}]}, **made}, {"m": {"n": 1}}, 7)
    other = event.clone()
    assert (other.fields, other.metadata, other.ordinal) == (event.fields, event.metadata, 7)
    other.fields["a"]["b"][1]["c"] = 3
    other.metadata["m"]["n"] = 2
    assert event.fields == {"a": {"b": [1, {"c": 2}]}, **made}
    assert event.metadata == {"m": {"n": 1}}
    assert repr(Event({"a": [1]}, {"m": 2})) == "Event({'a': [1]}, metadata={'m': 2})"


@pytest.mark.parametrize("fields", [{}, {"@timestamp": None, "@version": None}])
def test_a_clone_has_a_time_and_a_version_again(fields: dict[str, Any]) -> None:
    clone = Event(dict(fields)).clone()
    assert canonical(clone.fields["@timestamp"]) == clone.fields["@timestamp"]
    assert clone.fields["@version"] == fields.get("@version", "1")


@pytest.mark.parametrize("value", [None, True, 1, 1.5, "x", [], {}, [[1], {"a": [2]}], {"a": {"b": [None]}}])
def test_copied(value: Any) -> None:
    assert copied(value) == value


ADDED: list[tuple[dict[str, Any], Any]] = [
    ({}, ["t"]),
    ({"tags": None}, ["t"]),
    ({"tags": []}, ["t"]),
    ({"tags": ["a"]}, ["a", "t"]),
    ({"tags": ["t"]}, ["t"]),
    ({"tags": "a"}, ["a", "t"]),
    ({"tags": "t"}, "t"),
]


@pytest.mark.parametrize(("fields", "tags"), ADDED)
def test_add_tag(fields: dict[str, Any], tags: Any) -> None:
    event = Event(dict(fields))
    add_tag(event, "t")
    assert event.fields["tags"] == tags


REMOVED: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    ({"tags": None}, {"tags": None}),
    ({"tags": ["a", "t", "t"]}, {"tags": ["a"]}),
    ({"tags": ["t"]}, {"tags": []}),
    ({"tags": "t"}, {"tags": []}),
    ({"tags": "a"}, {"tags": ["a"]}),
]


@pytest.mark.parametrize(("before", "after"), REMOVED)
def test_remove_tag(before: dict[str, Any], after: dict[str, Any]) -> None:
    event = Event(before)
    remove_tag(event, "t")
    assert event.fields == after
