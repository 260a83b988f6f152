"""The common options of filters and inputs, in Logstash's order."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.config.decorations import of_filter, of_input
from pipeline.errors import FilterFailure
from pipeline.event import Event
from pipeline.options import FilterOptions, InputOptions

FILTERS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "add_field": ({"add_field": {"b": "x-%{a}"}}, {"a": 1}, {"a": 1, "b": "x-1"}),
    "add_field by a name": ({"add_field": {"%{a}": "x"}}, {"a": "n"}, {"a": "n", "n": "x"}),
    "add_field nested": ({"add_field": {"[b][c]": "x"}}, {}, {"b": {"c": "x"}}),
    "add_field to a value": ({"add_field": {"a": "y"}}, {"a": "x"}, {"a": ["x", "y"]}),
    "add_field to an array": ({"add_field": {"a": ["y", "z"]}}, {"a": ["x"]}, {"a": ["x", "y", "z"]}),
    "add_field of several": ({"add_field": {"a": ["x", "y"]}}, {}, {"a": ["x", "y"]}),
    "add_field of a number": ({"add_field": {"a": 5}}, {}, {"a": "5"}),
    "add_field of an object": ({"add_field": {"a": {"b": "c", "d": 1}}}, {}, {"a": ['["b", "c"]', '["d", 1]']}),
    "add_field of a large number": ({"add_field": {"a": 1e20}}, {}, {"a": "1.0e+20"}),
    "add_field to an object": ({"add_field": {"a": "x"}}, {"a": {"k": 1}}, {"a": [["k", 1], "x"]}),
    "add_field to the tags": ({"add_field": {"tags": "x"}}, {"tags": "a"}, {"tags": ["a", "x"]}),
    "add_field to null": ({"add_field": {"a": "x"}}, {"a": None}, {"a": ["x"]}),
    "add_tag": ({"add_tag": ["t", "%{a}", "t"]}, {"a": "n"}, {"a": "n", "tags": ["t", "n", "t"]}),
    "add_tag that is there": ({"add_tag": ["t"]}, {"tags": "t"}, {"tags": ["t", "t"]}),
    "remove_tag": ({"remove_tag": ["t", "%{a}"]}, {"a": "n", "tags": ["t", "n", "o"]}, {"a": "n", "tags": ["o"]}),
    "remove_field": ({"remove_field": ["a", "[b][c]", "gone"]}, {"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"d": 3}}),
    "remove_field by a name": ({"remove_field": ["%{a}"]}, {"a": "b", "b": 1}, {"a": "b"}),
    "a field that is removed is not in a tag": (
        {"remove_field": ["a"], "add_tag": ["%{a}"], "add_field": {"c": "%{a}"}},
        {"a": "x"},
        {"c": "x", "tags": ["%{a}"]},
    ),
    "a tag that is added and removed": ({"add_tag": ["t"], "remove_tag": ["t"]}, {}, {"tags": []}),
}


@pytest.mark.parametrize(("options", "before", "after"), FILTERS.values(), ids=FILTERS)
def test_of_filters(options: dict[str, Any], before: dict[str, Any], after: dict[str, Any]) -> None:
    decorate = of_filter(FilterOptions(**options))
    assert decorate is not None
    event = Event(before)
    decorate(event)
    assert event.fields == after


@pytest.mark.parametrize(
    ("options", "before"),
    [
        ({"add_field": {"@timestamp": "x"}}, {"@timestamp": "2026-01-01T00:00:00.000Z"}),
        ({"add_field": {"@timestamp": "2026-01-01T00:00:00.000Z"}}, {}),
        ({"add_field": {"[a][b]": "x"}}, {"a": "y"}),
        ({"add_field": {"[tags][b]": "x"}}, {"tags": "y"}),
        ({"add_field": {"%{a}": "x"}}, {"a": "[y"}),
        ({"remove_field": "%{a}"}, {"a": "[y"}),
    ],
)
def test_what_an_event_refuses_is_a_failure_of_the_filter(options: dict[str, Any], before: dict[str, Any]) -> None:
    decorate = of_filter(FilterOptions(**options))
    assert decorate is not None
    event = Event(dict(before))
    with pytest.raises(FilterFailure):
        decorate(event)
    assert event.fields == before


INPUTS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "type": ({"type": "t"}, {}, {"type": "t"}),
    "the event's own type": ({"type": "t"}, {"type": "own"}, {"type": "own"}),
    "tags": ({"tags": ["a", "b"]}, {"tags": ["b"]}, {"tags": ["b", "a", "b"]}),
    "all": (
        {"type": "t", "tags": "a", "add_field": {"[@metadata][x]": "1", "f": "%{type}"}},
        {},
        {"type": "t", "tags": ["a"], "f": "t"},
    ),
}


@pytest.mark.parametrize(("options", "before", "after"), INPUTS.values(), ids=INPUTS)
def test_of_inputs(options: dict[str, Any], before: dict[str, Any], after: dict[str, Any]) -> None:
    decorate = of_input(InputOptions(**options))
    assert decorate is not None
    event = Event(before)
    decorate(event)
    assert event.fields == after


def test_nothing_to_do() -> None:
    assert of_filter(FilterOptions()) is None
    assert of_input(InputOptions()) is None
