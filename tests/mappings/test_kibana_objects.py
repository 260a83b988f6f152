"""Kibana's objects without a Kibana: form, references, fields, grid, and the committed file."""

from __future__ import annotations

import json
from itertools import combinations
from typing import Any

import pytest

from mappings import fields
from mappings.kibana.build import FILE, ndjson, objects
from mappings.kibana.dashboard import GRID
from mappings.kibana.objects import TYPE_VERSIONS, data_view, same, stamped
from tests.mappings.lens import layer

OBJECTS = objects()
REQUIRED = {
    "index-pattern": {"title", "timeFieldName", "name", "fieldFormatMap"},
    "search": {"title", "description", "columns", "sort", "kibanaSavedObjectMeta"},
    "lens": {"title", "description", "visualizationType", "state"},
    "dashboard": {
        *("title", "description", "panelsJSON", "optionsJSON", "timeRestore", "timeFrom", "timeTo"),
        *("refreshInterval", "kibanaSavedObjectMeta", "version"),
    },
}
"""All of these, and no others: the dashboard's schema refuses what it does not know."""
BESIDE = {"geoip.region_name", "host.name", "___records___"}
"""Fields of searches and panels without a line of their own in the mapping, which makes them keywords."""


def of(kind: str) -> list[dict[str, Any]]:
    return [each for each in OBJECTS if each["type"] == kind]


def test_the_file_is_what_the_modules_say() -> None:
    assert FILE.read_text() == ndjson(OBJECTS), "run `make kibana`"


def test_the_summary_counts() -> None:
    *lines, summary = map(json.loads, FILE.read_text().splitlines())
    assert summary["exportedCount"] == len(lines) == 12
    assert len({(each["type"], each["id"]) for each in lines}) == 12


@pytest.mark.parametrize("made", OBJECTS, ids=lambda made: f"{made['type']}-{made['id']}")
def test_form_and_references(made: dict[str, Any]) -> None:
    assert set(made["attributes"]) == REQUIRED[made["type"]]
    assert made["coreMigrationVersion"] == "8.8.0"
    assert made["typeMigrationVersion"] == TYPE_VERSIONS[made["type"]]
    there = {(each["type"], each["id"]) for each in OBJECTS}
    text = json.dumps(made["attributes"])
    for reference in made["references"]:
        assert (reference["type"], reference["id"]) in there
        last = reference["name"].rpartition(":")[2].removeprefix("indexpattern-datasource-layer-")
        assert last in text, f"nothing uses {reference['name']}"


@pytest.mark.parametrize("lens", of("lens"), ids=lambda lens: lens["id"])
def test_a_lens_is_closed(lens: dict[str, Any]) -> None:
    columns = layer(lens)
    state = lens["attributes"]["state"]
    shape = state["visualization"]
    shown = shape.get("layers", [shape])[0]
    assert shown["layerId"] in state["datasourceStates"]["formBased"]["layers"]
    named = [shown.get(key) for key in ("xAccessor", "splitAccessor", "regionAccessor", "valueAccessor")]
    named += shown.get("accessors", []) + [each["columnId"] for each in shown.get("columns", [])]
    for column in columns.values():
        named += column.get("references", [])
        if column["operationType"] == "terms":
            named.append(column["params"]["orderBy"]["columnId"])
            assert fields.declared()[column["sourceField"]]["type"] in ("keyword", "ip", "short", "long")
        if "sourceField" in column:
            assert column["sourceField"] in fields.declared() or column["sourceField"] in BESIDE
        if column["operationType"] in ("percentile", "max"):
            assert fields.declared()[column["sourceField"]]["type"] == "float"
    assert {name for name in named if name is not None} <= set(columns)


@pytest.mark.parametrize("search", of("search"), ids=lambda search: search["id"])
def test_fields_of_a_search(search: dict[str, Any]) -> None:
    known = set(fields.declared()) | BESIDE
    assert set(search["attributes"]["columns"]) <= known
    source = json.loads(search["attributes"]["kibanaSavedObjectMeta"]["searchSourceJSON"])
    assert source["indexRefName"] == search["references"][0]["name"]


def test_the_grid() -> None:
    (made,) = of("dashboard")
    panels = json.loads(made["attributes"]["panelsJSON"])
    assert set(GRID) == {each["id"] for each in of("lens")}
    places = [panel["gridData"] for panel in panels]
    assert all(place["x"] + place["w"] <= 48 for place in places)
    for one, other in combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or above, (one, other)
    for panel in panels:
        assert panel["panelIndex"] == panel["gridData"]["i"]
        assert any(each["name"] == f"{panel['panelIndex']}:{panel['panelRefName']}" for each in made["references"])


def test_the_trace_link() -> None:
    formats = json.loads(data_view("https://jaeger.example.com")["attributes"]["fieldFormatMap"])
    assert formats["trace_id"]["params"]["urlTemplate"] == "https://jaeger.example.com/trace/{{rawValue}}"


def test_the_same_is_known_after_kibana_rewrote_it() -> None:
    made = OBJECTS[-1]
    rewritten = {**made, "attributes": {**made["attributes"], "panelsJSON": "[]", "new": 1}}
    other = stamped({**made, "attributes": {**made["attributes"], "timeFrom": "now-1h"}})
    foreign = {**made, "attributes": {**made["attributes"], "description": "mine"}}
    assert [same(made, each) for each in (made, rewritten, other, foreign)] == [True, True, False, False]
    view, moved = data_view(), data_view("http://other")
    assert same(view, {**view, "attributes": {**view["attributes"], "fieldAttrs": "{}"}})
    assert not same(view, moved)
