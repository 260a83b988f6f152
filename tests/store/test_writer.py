import sqlite3
from contextlib import closing

import orjson
import pytest

from pipeline.errors import StoreError
from pipeline.kql.query import compile_query
from pipeline.store import files
from pipeline.store.reader import Scope, Search, search
from pipeline.store.writer import Operation, Outcome, Writer

INDEX = "apex-logs-2026.11.23"


def create(name, **fields):
    return Operation("create", name, orjson.dumps(fields))


def index(name, **fields):
    return Operation("index", name, orjson.dumps(fields))


def update(name, **change):
    return Operation("update", name, orjson.dumps(change))


def delete(name):
    return Operation("delete", name, b"")


def write(path, *bodies, name=INDEX):
    writer = Writer(path)
    try:
        return [writer.write(name, body) for body in bodies]
    finally:
        writer.close()


def found(path, query="*"):
    hits = search(path, Search(Scope(compile_query(query)), 1_000_000))
    return {hit.id: orjson.loads(hit.source) for hit in hits}


FINE = Outcome([], [])
MISSING = Outcome([(0, "404 document_missing_exception: [1]: document missing")], [])
THERE = [create("1", a=1, b={"c": "old", "d": 2}, e=[1, 2])]


@pytest.mark.parametrize(
    ("before", "operation", "outcome", "after"),
    [
        # create
        ([], create("1", a=1), FINE, {"a": 1}),
        (THERE, create("1", a=9), Outcome([], [0]), {"a": 1, "b": {"c": "old", "d": 2}, "e": [1, 2]}),
        # index replaces all of it
        ([], index("1", a=1), FINE, {"a": 1}),
        (THERE, index("1", z=1), FINE, {"z": 1}),
        # update merges objects, and replaces arrays and the rest
        (THERE, update("1", doc={"a": 5}), FINE, {"a": 5, "b": {"c": "old", "d": 2}, "e": [1, 2]}),
        (
            THERE,
            update("1", doc={"b": {"c": "new", "x": 1}}),
            FINE,
            {"a": 1, "b": {"c": "new", "d": 2, "x": 1}, "e": [1, 2]},
        ),
        (THERE, update("1", doc={"e": [3]}), FINE, {"a": 1, "b": {"c": "old", "d": 2}, "e": [3]}),
        (THERE, update("1", doc={"b": None}), FINE, {"a": 1, "b": None, "e": [1, 2]}),
        (THERE, update("1", doc={"b": "flat"}), FINE, {"a": 1, "b": "flat", "e": [1, 2]}),
        (THERE, update("1", doc={}), FINE, {"a": 1, "b": {"c": "old", "d": 2}, "e": [1, 2]}),
        (THERE, update("1", doc={"a": True}), FINE, {"a": True, "b": {"c": "old", "d": 2}, "e": [1, 2]}),
        (THERE, update("1", doc={"a": 5}, upsert={"u": 1}), FINE, {"a": 5, "b": {"c": "old", "d": 2}, "e": [1, 2]}),
        ([], update("1", doc={"a": 5}), MISSING, None),
        ([], update("1", doc={"a": 5}, doc_as_upsert=True), FINE, {"a": 5}),
        ([], update("1", doc={"a": 5}, upsert={"u": 1}), FINE, {"u": 1}),
        ([], update("1", doc={"a": 5}, upsert={}), FINE, {}),
        # delete; of what is not there, too
        (THERE, delete("1"), FINE, None),
        ([], delete("1"), FINE, None),
    ],
)
@pytest.mark.parametrize("together", [False, True])
def test_what_elasticsearch_does(tmp_path, before, operation, outcome, after, together):
    if together:
        (result,) = write(tmp_path, [*before, operation])
        dead = [(position + len(before), reason) for position, reason in outcome.dead]
        outcome = Outcome(dead, [position + len(before) for position in outcome.repeated])
    else:
        result = write(tmp_path, before, [operation])[-1]
    assert result == outcome
    assert found(tmp_path) == ({} if after is None else {"1": after})


@pytest.mark.parametrize(
    ("operation", "reason"),
    [
        (update("1", script={"source": "x"}), "400 the embedded store runs no scripts: update with a document"),
        (update("1", script={"id": "x"}, upsert={}), "400 the embedded store runs no scripts: update with a document"),
        (Operation("update", "there", b'{"x":1}'), '400 an update has the fields to change in "doc"'),
        (Operation("update", "1", b"{"), "Expecting property name"),
        (Operation("update", None, b"{}"), "400 the action update needs an id"),
        (Operation("delete", None, b""), "400 the action delete needs an id"),
        (Operation("upsert", "1", b"{}"), '400 there is no action "upsert"'),
        (Operation("create", "1", b"[]"), "400 a document is a JSON object"),
        (Operation("create", "1", b'{"a":"\xff"}'), "'utf-8' codec can't decode"),
        (Operation("create", "", b"{}"), "400 an id has 1 to 512 bytes"),
        (Operation("create", "x" * 513, b"{}"), "400 an id has 1 to 512 bytes"),
        (Operation("create", "a\0b", b"{}"), "400 an id has 1 to 512 bytes"),
        (Operation("update", "there", b'{"doc":' + b'{"a":' * 5000 + b"1" + b"}" * 5000 + b"}"), "recursion"),
    ],
)
def test_an_operation_that_cannot_be_done_is_dead_and_the_others_are_done(tmp_path, operation, reason):
    (outcome,) = write(tmp_path, [create("there", a=1), operation, create("after", a=2)])
    assert [position for position, _ in outcome.dead] == [1]
    assert reason in outcome.dead[0][1]
    assert found(tmp_path) == {"there": {"a": 1}, "after": {"a": 2}}


def test_duplicates_are_counted_within_a_body_and_between_bodies(tmp_path):
    body = [create("1", a=1), create("2", a=2), create("1", a=3)]
    assert [outcome.duplicates for outcome in write(tmp_path, body, body)] == [1, 3]
    assert found(tmp_path) == {"1": {"a": 1}, "2": {"a": 2}}


def test_a_document_without_an_id_gets_one(tmp_path):
    write(tmp_path, [create(None, a=1), index(None, a=1)])
    assert len(found(tmp_path)) == 2


def test_old_words_are_gone_with_an_old_document(tmp_path):
    write(
        tmp_path,
        [create("1", m="first"), create("2", m="other")],
        [index("1", m="second")],
        [update("1", doc={"n": "third"})],
    )
    assert [sorted(found(tmp_path, word)) for word in ("first", "second", "third", "other")] == [
        [],
        ["1"],
        ["1"],
        ["2"],
    ]
    write(tmp_path, [delete("1"), create("1", m="again")])
    assert [sorted(found(tmp_path, word)) for word in ("second", "again")] == [[], ["1"]]
    with closing(sqlite3.connect(files.path_of(tmp_path, INDEX))) as connection:
        rows = connection.execute("SELECT rowid FROM words WHERE words MATCH 'first OR second OR third'").fetchall()
    assert rows == []


def test_the_bytes_stay_as_they_were_given(tmp_path):
    source = b'{"b":1.50,"a":"\\u00e9\xc3\xa9","n":123456789012345678901234567890}'
    write(tmp_path, [Operation("create", "1", source)])
    assert [hit.source for hit in search(tmp_path, Search(Scope(compile_query("*")), 1))] == [source]


def test_an_update_keeps_integers_of_any_size(tmp_path):
    write(tmp_path, [Operation("create", "1", b'{"n":%d}' % (2**80))], [update("1", doc={"a": 1})])
    assert [hit.source for hit in search(tmp_path, Search(Scope(compile_query("*")), 1))] == [
        b'{"n":%d,"a":1}' % (2**80)
    ]


def test_a_body_of_more_rows_than_one_statement_takes(tmp_path):
    write(tmp_path, [create(str(number), n=number) for number in range(4100)], [delete("4000"), index("0", n=-1)])
    documents = found(tmp_path)
    assert len(documents) == 4099
    assert documents["0"] == {"n": -1}


def test_no_more_files_are_open_than_allowed(tmp_path):
    writer = Writer(tmp_path, most_open=2)
    for number in range(5):
        writer.write(f"index-{number}", [create("1", a=number)])
        assert len(writer._open) <= 2
    writer.write("index-0", [create("2", a=9)])
    writer.close()
    assert len(search(tmp_path, Search(Scope(compile_query("*")), 100))) == 6


def test_a_store_is_safe_against_power_cuts(tmp_path):
    with closing(files.open_for_writing(tmp_path, INDEX)) as connection:
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_two_writers_share_an_index(tmp_path):
    one, other = Writer(tmp_path), Writer(tmp_path)
    try:
        for number in range(5):
            one.write(INDEX, [create(f"one-{number}", a=1)])
            assert other.write(INDEX, [create(f"one-{number}", a=1), create(f"other-{number}", a=1)]).duplicates == 1
    finally:
        one.close()
        other.close()
    assert len(found(tmp_path)) == 10


def test_a_locked_file_is_an_error_that_passes(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "BUSY_SECONDS", 0.01)
    writer = Writer(tmp_path)
    writer.write(INDEX, [create("1", a=1)])
    with closing(sqlite3.connect(files.path_of(tmp_path, INDEX), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match=r"cannot write to index apex-logs-2026\.11\.23: database is locked"):
            writer.write(INDEX, [create("2", a=1)])
        other.execute("ROLLBACK")
    assert writer.write(INDEX, [create("2", a=1)]) == FINE
    writer.close()


def test_a_full_disk_is_an_error_that_passes_and_writes_nothing(tmp_path):
    writer = Writer(tmp_path)
    writer.write(INDEX, [create("1", a=1)])
    connection = writer._open[INDEX]
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreError, match="database or disk is full"):
        writer.write(INDEX, [create(str(number), text="x" * 1000) for number in range(100)])
    assert sorted(found(tmp_path)) == ["1"]
    assert writer.write(INDEX, [create("2", a=1)]) == FINE
    writer.close()


@pytest.mark.parametrize("content", [b"not a database, and longer than the header of one" * 20, None])
def test_a_file_that_is_no_store_is_left_alone(tmp_path, content):
    path = files.path_of(tmp_path, INDEX)
    path.parent.mkdir()
    if content is None:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA application_id = 7")
    else:
        path.write_bytes(content)
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"file is not a database|is no store of this version"):
        write(tmp_path, [create("1", a=1)])
    assert path.read_bytes() == before


def test_an_old_sqlite_is_refused(monkeypatch):
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 39, 4))
    monkeypatch.setattr(sqlite3, "sqlite_version", "3.39.4")
    with pytest.raises(StoreError, match=r"needs SQLite 3\.40 or newer, and this Python has 3\.39\.4"):
        files.require_sqlite()


def test_this_sqlite_will_do():
    files.require_sqlite()
