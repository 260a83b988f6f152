"""The event, its copies and its tags."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.event import Event, add_tag, copied, remove_tag


def test_a_clone_shares_nothing() -> None:
    event = Event({"a": {"b": [1, {"c": 2}]}, "t": "x"}, {"m": {"n": 1}}, 7)
    other = event.clone()
    assert (other.fields, other.metadata, other.ordinal) == (event.fields, event.metadata, 7)
    other.fields["a"]["b"][1]["c"] = 3
    other.metadata["m"]["n"] = 2
    assert event.fields == {"a": {"b": [1, {"c": 2}]}, "t": "x"}
    assert event.metadata == {"m": {"n": 1}}
    assert repr(event) == "Event({'a': {'b': [1, {'c': 2}]}, 't': 'x'}, metadata={'m': {'n': 1}})"


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
    ({"tags": "t"}, ["t"]),
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
