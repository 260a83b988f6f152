"""What the page asks, shows and writes into its address, without a browser."""

import asyncio
import json

import pytest

from pipeline.explore import charts, completion, letters, outlines, rows, world
from pipeline.explore.asking import bars, nothing, trouble
from pipeline.explore.downloads import AT_ONCE, csv_lines, ndjson
from pipeline.explore.engine import Engine, NoEngine, Throughput, figures
from pipeline.explore.periods import BARS, BadTime, named, resolve, spelled, width_of_bars, written
from pipeline.explore.saved import SavedQueries, Unsaved
from pipeline.explore.view import Filter, View, read_url
from pipeline.languages.kql_parser import parse
from pipeline.languages.kql_tree import QueryError
from pipeline.search import embedded
from pipeline.search.questions import Bucket, Found, Question
from tests.explore.documents import HOSTILE, NOON, fill, stamp, write

NOON_MS = int(NOON.timestamp() * 1000)


def hit(**document):
    return Found("apex-logs-x", "1", NOON_MS, document, json.dumps(document).encode())


# ------------------------------------------------------------------------------------------------- view

VIEWS = [
    View(),
    View("level:error and a", "now-1h", "now", tab="map", index="a-*,b", theme="dark"),
    View(filters=(Filter("a.b", "x"), Filter("c:d%", 'q"\n&=', True), Filter("e", ""))),
    View(columns=("a,b", "c%2Cd", "@timestamp"), document=("apex-logs-2026.11.23", "a/b?c")),
]


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_is_the_same_after_its_address(view):
    assert read_url(view.url()) == view


def test_what_cannot_be_read_is_as_usual():
    assert read_url("/?tab=nope&theme=pink&filter=nocolon&doc=x&from=") == View()


def test_filters_become_part_of_the_query():
    view = View("a:1 or b:2", filters=(Filter("route", 'x"y'), Filter("status", "200", True)))
    query = view.question(0).query
    assert query == '(a:1 or b:2) and route: "x\\"y" and not status: "200"'
    parse(query)
    assert View(filters=(Filter("a", "b"),)).question(0).query == 'a: "b"'
    assert View().question(0).query == "*"


def test_filters_and_columns_come_and_go():
    only, without = Filter("a", "b"), Filter("a", "b", True)
    assert View().with_filter(only).with_filter(without).filters == (without,)
    assert View(filters=(only,)).without(only) == View()
    assert View().toggled("x").columns == ("x",)
    assert View().toggled("x").toggled("x") == View()


# ------------------------------------------------------------------------------------------------- times


def test_times_are_read_and_written():
    assert resolve(" ", 0, 0) is None
    assert resolve("now-1h", NOON_MS, 0) == NOON_MS - 3_600_000
    assert resolve("2026-11-23", 0, 1) == NOON_MS + 12 * 3_600_000 - 1
    assert resolve(written(NOON_MS + 7), 0, 0) == NOON_MS + 7
    with pytest.raises(BadTime, match="yesterday"):
        resolve("yesterday", 0, 0)


@pytest.mark.parametrize("span", [1, 50, 999, 60_000, 3_600_000, 7 * 86_400_000, 400 * 86_400_000, 10**14])
def test_bars_are_few_and_round(span):
    width = width_of_bars(0, span)
    assert span / width <= BARS + 1
    assert width == 1 or span / width > 5


def test_ranges_and_widths_have_names():
    assert [named("", ""), named("now-1h", ""), named("2026", "")] == ["All time", "Last hour", "2026 to now"]
    assert [spelled(each) for each in (10, 5_000, 120_000, 86_400_000)] == ["10ms", "5s", "2m", "1d"]


# ------------------------------------------------------------------------------------------------- asking


def ask(folder, work):
    async def asked():
        async with embedded.opened(folder) as store:
            return await work(store)

    return asyncio.run(asked())


def test_the_histogram_reaches_as_far_as_the_documents(tmp_path):
    fill(tmp_path, 60)
    found = ask(tmp_path, lambda store: bars(store, Question()))
    assert (found.total, found.width) == (60, 120_000)
    assert found.since >= NOON_MS
    errors = ask(tmp_path, lambda store: bars(store, Question("level:error", since=NOON_MS, until=NOON_MS + 3_600_000)))
    assert (errors.since, errors.until, errors.width) == (NOON_MS, NOON_MS + 3_600_000, 60_000)
    assert ask(tmp_path, lambda store: bars(store, Question("level:never"))) is None


def test_trouble_names_the_place_and_the_remedy(tmp_path):
    with pytest.raises(QueryError) as error:
        parse("level:error status:500")
    shown = trouble(error.value, "data")
    assert shown.place.splitlines()[-1].strip() == "^"
    assert trouble(ZeroDivisionError(), "data") is None
    assert "apex-logs run" in nothing(View(), True, "data").remedy
    assert nothing(View("x", since="now-1h"), False, "data").remedy.startswith("Try to widen the time, or ask for less")


# ------------------------------------------------------------------------------------------------- completion

PLACES = [
    ("lev", ("field", 0, "lev", "")),
    ("level:error and rou", ("field", 16, "rou", "")),
    ("level:er", ("value", 6, "er", "level")),
    ("level: ", ("value", 7, "", "level")),
    ('route:"/pro', ("value", 6, "/pro", "route")),
    ("(level:error or level:w", ("value", 22, "w", "level")),
    ("level:error ", ("keyword", 12, "", "")),
    ('a:"b" ', ("keyword", 6, "", "")),
    ('"a free te', None),
]


@pytest.mark.parametrize(("query", "expected"), PLACES, ids=[query for query, _ in PLACES])
def test_what_is_being_typed(query, expected):
    assert completion.place(query) == expected


def test_what_is_offered_can_be_read():
    at = completion.place("x:1 and lo")
    offers = completion.fields("x:1 and lo", at, [("colo", "keyword"), ("log.level", "keyword"), ("a", "text")])
    assert [offer.query for offer in offers] == ["x:1 and log.level: ", "x:1 and colo: "]
    for typed in ('f:"a', "f:a", "f: "):
        at = completion.place(typed)
        [offer] = completion.values(typed, at, [('a "b" <c>', 3)])
        assert parse(offer.query) == parse('f:"a \\"b\\" <c>"')
    [name] = completion.fields("we", completion.place("we"), [("we:ird and", "keyword")])
    parse(name.query + "1")


# ------------------------------------------------------------------------------------------------- rows, charts, map


def test_rows_have_keys_of_our_own():
    document = {":x": "alert(1)", "level": "error", "message": "m", "list": [1, {"a": None}, "b"], HOSTILE: HOSTILE}
    assert rows.columns_of([hit(**document)], ()) == ["level", "message"]
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


# ------------------------------------------------------------------------------------------------- saved, downloads


def test_queries_are_saved_and_forgotten(tmp_path):
    saved = SavedQueries(tmp_path / "new" / "queries.json")
    assert saved.all() == {}
    saved.save(" b ", "/?q=b")
    saved.save("a", "/?q=a")
    assert SavedQueries(saved.file).all() == {"a": "/?q=a", "b": "/?q=b"}
    saved.forget("a")
    assert list(saved.all()) == ["b"]
    with pytest.raises(Unsaved, match="needs a name"):
        saved.save(" ", "/")
    saved.file.write_text('{"x": "javascript:alert(1)", "y": 1, "z": "/?q=z"}')
    assert saved.all() == {"z": "/?q=z"}
    for broken in ("{", "[]"):
        saved.file.write_text(broken)
        with pytest.raises(Unsaved, match="move it away"):
            saved.save("c", "/?q=c")


def download(folder, question, make):
    async def gathered(store):
        first = await store.search(question, limit=AT_ONCE)
        return b"".join([part async for part in make(store, question, first)])

    return ask(folder, gathered)


def test_all_pages_are_downloaded(tmp_path):
    fill(tmp_path, AT_ONCE + 50)
    text = download(tmp_path, Question("*"), ndjson)
    assert len({json.loads(line)["trace"]["id"] for line in text.splitlines()}) == AT_ONCE + 50
    table = download(tmp_path, Question("*"), lambda *each: csv_lines(*each, ["route", "status"]))
    lines = table.decode().splitlines()
    assert (lines[0], len(lines)) == ("@timestamp,route,status", AT_ONCE + 51)


def test_a_spreadsheet_computes_nothing(tmp_path):
    write(tmp_path, {"@timestamp": stamp(NOON), "a": "=HYPERLINK(1)", "b": -5, "c": 'x,"y"'})
    table = download(tmp_path, Question("*"), lambda *each: csv_lines(*each, ["a", "b", "c"]))
    assert table.decode().splitlines()[1] == '2026-11-23T12:00:00.000Z,\'=HYPERLINK(1),-5,"x,""y"""'


# ------------------------------------------------------------------------------------------------- engine, letters

METRICS = """
# TYPE apex_logs_info gauge
apex_logs_info{version="1"} 1.0
apex_logs_ready 1.0
apex_logs_events_in_total{pipeline="main",plugin="beats"} %d
apex_logs_items_out_total{pipeline="main",plugin="es"} %d
apex_logs_items_retried_total{pipeline="main",plugin="es",status="503"} 7.0
apex_logs_partition_lag{pipeline="main",plugin="kafka",topic="logs",partition="3"} 12.0
apex_logs_timed_events_total{pipeline="main",plugin="grok",kind="filter"} 10.0
apex_logs_timed_seconds_total{pipeline="main",plugin="grok",kind="filter"} 0.001
apex_logs_timed_events_total{pipeline="main",plugin="mutate",kind="filter"} 0.0
apex_logs_timed_seconds_total{pipeline="main",plugin="mutate",kind="filter"} 0.0
"""


def test_figures_are_read_from_metrics():
    found = figures(METRICS % (100, 90), 5.0)
    assert (found.read, found.written, found.retried, found.ready, found.blocked) == (100, 90, 7, True, False)
    assert (found.lag, found.retries) == ([("logs-3", 12)], [("es", "503", 7)])
    assert [(each.plugin, round(each.microseconds)) for each in found.plugins] == [("grok", 100)]
    with pytest.raises(ValueError, match="no metrics of apex-logs"):
        figures("up 1\n", 0.0)


def test_throughput_is_between_looks():
    throughput = Throughput()
    for seconds, read in ((10.0, 100), (12.0, 300), (14.0, 300)):
        throughput.add(figures(METRICS % (read, read), seconds))
    assert throughput.lines()["read"] == [(12_000, 100.0), (14_000, 0.0)]
    throughput.add(figures(METRICS % (1, 1), 16.0))  # started anew
    assert throughput.lines()["read"] == []


def test_an_engine_that_is_away_is_told_without_its_password():
    with pytest.raises(NoEngine, match=r"no engine answers at http://127\.0\.0\.1:1 ") as error:
        asyncio.run(Engine("http://user:secret@127.0.0.1:1").look(0.0))
    assert "secret" not in str(error.value)


def test_no_letters(tmp_path):
    assert letters.look(tmp_path / "none").total == 0
    done = asyncio.run(letters.retry([], ["--path.data", str(tmp_path)]))
    assert "retried and removed" in done.said or "no" in done.said
