"""Saved queries and downloads."""

import json

import pytest

from pipeline.explore.downloads import AT_ONCE, csv_lines, ndjson
from pipeline.explore.saved import SavedQueries, Unsaved
from pipeline.explore.view import View
from pipeline.search.questions import Question
from tests.explore.documents import NOON, fill, stamp, write
from tests.explore.stores import ask


def test_queries_are_saved_and_forgotten(tmp_path):
    saved = SavedQueries(tmp_path / "new" / "queries.json")
    assert saved.all() == {}
    saved.save(" b ", "/?q=b")
    saved.save("a", "/?q=a")
    assert SavedQueries(saved.file).all() == {"a": "/?q=a", "b": "/?q=b"}
    saved.save("all", View().url())
    saved.forget("a")
    assert list(saved.all()) == ["all", "b"]
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
    write(tmp_path, {"@timestamp": stamp(NOON), "a": "=HYPERLINK(1)", "b": -5, "c": 'x,"y"', "=1+1": "z"})
    table = download(tmp_path, Question("*"), lambda *each: csv_lines(*each, ["a", "b", "c"]))
    assert table.decode().splitlines()[1] == '2026-11-23T12:00:00.000Z,\'=HYPERLINK(1),-5,"x,""y"""'
    named = download(tmp_path, Question("*"), lambda *each: csv_lines(*each, ["=1+1"]))
    assert named.decode().splitlines() == ["@timestamp,'=1+1", "2026-11-23T12:00:00.000Z,z"]
