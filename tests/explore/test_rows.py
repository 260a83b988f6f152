"""What tables, charts and the map show."""

import json

import pytest

from pipeline.explore import charts, outlines, rows, world
from pipeline.search.questions import Bucket, Found, Question
from tests.explore.documents import HOSTILE, NOON, fill, stamp, write
from tests.explore.stores import ask

NOON_MS = int(NOON.timestamp() * 1000)


def hit(**document):
    return Found("apex-logs-x", "1", NOON_MS, document, json.dumps(document).encode())


def test_rows_have_keys_of_our_own():
    document = {":x": "alert(1)", "level": "error", "message": "m", "list": [1, {"a": None}, "b"], HOSTILE: HOSTILE}
    assert rows.columns_of([hit(**document)], ()) == ["level", "message"]
    few, most = hit(level="info", log={"level": "info"}), hit(level="error")
    assert rows.columns_of([few, most, most], ()) == ["level"], "what most have, not what the newest has"
    assert rows.columns_of([few], ()) == ["log.level"]
    request = {"message": "{}", "log_event": "request_finished", "fields": {"service": "a"}, "route": "/", "status": 200}
    assert rows.columns_of([hit(**request)], ()) == ["fields.service", "status", "route", "log_event"]
    row = rows.row(hit(**document), [":x", "list", "none", HOSTILE])
    assert row == {
        "key": "apex-logs-x/1",
        "time": "2026-11-23 12:00:00.000",
        "c0": "alert(1)",
        "c1": "1, b",
        "c2": "",
        "c3": HOSTILE,
    }
    assert rows.cell({"a": "x" * 3_000}, "a") == "x" * rows.WIDEST + "…"
    assert rows.parts({"b": {"c": True}, "a": [1, 2]}) == [("a", "1, 2"), ("b.c", "true")]


def test_the_last_column_is_wide_and_a_level_colored():
    assert rows.column("route", "c1", last=False)["width"] == 150
    assert rows.column("message", "c2", last=True)["flex"] == 1
    red = rows.column("log.level", "c0", last=False)["cellClassRules"]["text-negative font-medium"]
    assert "/^error$/i.test(x)" in red


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"trace": {"id": "0af7651916cd43dd8448eb211c80319c"}}, "http://j/trace/0af7651916cd43dd8448eb211c80319c"),
        ({"trace_id": "0af7651916cd43dd"}, "http://j/trace/0af7651916cd43dd"),
        ({"trace": {"id": "javascript:alert(1)"}}, None),
        ({"trace": {"id": 7}}, None),
        ({}, None),
    ],
)
def test_a_trace_is_linked_if_it_is_one(document, expected):
    assert rows.trace_link(document, "http://j/trace/{}") == expected


def test_charts():
    options = charts.histogram([Bucket(0, 3), Bucket(120, 1)], 60, 0, None)
    assert options["series"][0]["data"] == [[30, 3], [150, 1]]
    assert (options["xAxis"]["min"], "max" in options["xAxis"]) == (0, False)
    assert charts.brushed([{"coordRange": [20.4, 10.2]}]) == (10, 20)
    for nothing_brushed in ([], None, [{}], [{"coordRange": [5, 5]}], [{"coordRange": ["a", "b"]}], {"a": 1}):
        assert charts.brushed(nothing_brushed) is None
    assert charts.ranked([("a", 2), ("b", 1)], "µs")["yAxis"]["data"] == ["b", "a"]


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"geoip": {"location": {"lat": 52.52, "lon": 13.44}}}, (52.5, 13.4)),
        ({"geoip": {"location": [13.44, 52.52]}}, (52.5, 13.4)),
        ({"source": {"geo": {"location": "52.52,13.44"}}}, (52.5, 13.4)),
        ({"geoip": {"location": {"lat": 99, "lon": 13}}}, None),
        ({"geoip": {"location": "here"}}, None),
        ({"geoip": {"location": {"lat": float("nan"), "lon": 0}}}, None),
        ({}, None),
    ],
)
def test_a_place_is_read(document, expected):
    assert world.location(document) == expected


def test_places_are_counted(tmp_path):
    fill(tmp_path, 100)
    write(tmp_path, {"@timestamp": stamp(NOON), "message": "nowhere"})
    found = ask(tmp_path, lambda store: world.places(store, Question("level:info or level:error")))
    counted = ask(tmp_path, lambda store: store.count(Question("level:info or level:error")))
    assert found.documents == counted
    assert [place.count for place in found.places] == sorted((place.count for place in found.places), reverse=True)
    assert ask(tmp_path, lambda store: world.places(store, Question("nowhere"))).places == []


def test_the_outlines_are_those_of_the_world():
    lines = outlines.outlines()
    corners = [corner for line in lines for corner in line]
    assert len(lines) > 150
    assert all(-180 <= east <= 180 and -90 <= north <= 90 for east, north in corners)
    square = [[[0, 0], [0, 1.04], [1, 1], [0, 0]]]
    geometry = [
        {"geometry": {"type": kind, "coordinates": each}}
        for kind, each in (("Polygon", square), ("MultiPolygon", [square]), ("Point", [0, 0]))
    ]
    ring = ((0, 0), (0, 1.0), (1, 1), (0, 0))
    assert list(outlines.lines_of({"features": [*geometry, {"geometry": None}]})) == [ring, ring]
