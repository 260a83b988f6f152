import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import orjson
import pytest

from pipeline.elasticsearch.options import ElasticsearchOptions
from pipeline.errors import ConfigurationError, Unavailable
from pipeline.event import Event
from pipeline.kql.query import compile_query
from pipeline.options import Ignored, Refused
from pipeline.outputs.sqlite import Options, build
from pipeline.plugin import Body, Sent
from pipeline.sprintf import Template
from pipeline.store import files
from pipeline.store.reader import Scope, Search, search, sizes

STAMP = "2026-11-23T09:00:00.000Z"


def event(event_id="id", **fields) -> Event:
    return Event({"@timestamp": STAMP, **fields}, {"event_id": event_id})


def body_of(output, *events: Event) -> Body:
    body = Body()
    for each in events:
        output.render(each, body.data)
        body.ends.append(len(body.data))
    return body


def raw(*items: bytes) -> Body:
    body = Body()
    for item in items:
        body.data += item
        body.ends.append(len(body.data))
    return body


def sent(output, *bodies: Body) -> list[Sent]:
    async def run() -> list[Sent]:
        await output.start()
        try:
            return [await output.send(body) for body in bodies]
        finally:
            await output.close()

    return asyncio.run(run())


def found(path) -> dict[str, list]:
    documents: dict[str, list] = {}
    for hit in search(path, Search(Scope(compile_query("*")), 1000)):
        documents.setdefault(hit.index, []).append((hit.id, orjson.loads(hit.source)))
    return {index: sorted(hits) for index, hits in documents.items()}


def options(path, **more) -> Options:
    return Options(path=path, **more)


def test_documents_are_created_in_their_indices_once(tmp_path):
    output = build(options(tmp_path, index="apex-logs-%{+YYYY.MM.dd}"))
    other_day = Event({"@timestamp": "2026-11-24T00:00:00.000Z"}, {"event_id": "b"})
    body = body_of(output, event("a", n=1), other_day)
    assert sent(output, body, body) == [Sent([], [], 0, []), Sent([], [], 2, [0, 1])]
    assert found(tmp_path) == {
        "apex-logs-2026.11.23": [("a", {"@timestamp": STAMP, "n": 1})],
        "apex-logs-2026.11.24": [("b", {"@timestamp": "2026-11-24T00:00:00.000Z"})],
    }
    assert not output.ordered


def test_the_default_is_logstashs(tmp_path):
    sent(output := build(options(tmp_path)), body_of(output, event()))
    disabled = build(options(tmp_path, ecs_compatibility="disabled"))
    sent(disabled, body_of(disabled, event()))
    assert [each.index for each in sizes(tmp_path)] == ["logs-generic-default", "logstash-2026.11.23"]


def test_a_rollover_alias_is_a_daily_index(tmp_path):
    output = build(options(tmp_path, ilm_enabled="true", data_stream="false"))
    sent(output, body_of(output, event()))
    assert [each.index for each in sizes(tmp_path)] == ["ecs-logstash-2026.11.23"]


@pytest.mark.parametrize(
    ("action", "more", "events", "documents", "result"),
    [
        ("index", {}, [event(k="1", n=1), event(k="1", n=2)], [("1", {"k": "1", "n": 2})], Sent()),
        ("create", {}, [event(k="1", n=1), event(k="1", n=2)], [("1", {"k": "1", "n": 1})], Sent(duplicates=1)),
        (
            "update",
            {"doc_as_upsert": True},
            [event(k="1", n=1), event(k="1", m=2)],
            [("1", {"k": "1", "n": 1, "m": 2})],
            Sent(),
        ),
        ("update", {"upsert": '{"u":1}'}, [event(k="1")], [("1", {"u": 1})], Sent()),
        (
            "update",
            {},
            [event(k="1")],
            [],
            Sent(dead=[(0, "404 document_missing_exception: [1]: document missing")]),
        ),
        ("%{a}", {}, [event(k="1", a="index"), event(k="1", a="delete")], [], Sent()),
    ],
)
def test_actions(tmp_path, action, more, events, documents, result):
    output = build(options(tmp_path, index="i", document_id="%{k}", action=action, **more))
    (answer,) = sent(output, body_of(output, *events))
    assert (list(answer.again), list(answer.dead), answer.duplicates) == (
        list(result.again),
        list(result.dead),
        result.duplicates,
    )
    for _, document in documents:
        if "u" not in document:
            document["@timestamp"] = STAMP
    assert found(tmp_path).get("i", []) == documents
    assert output.ordered is (action != "create")


def test_a_field_never_names_a_path(tmp_path):
    output = build(options(tmp_path / "store", index="%{where}"))
    names = ["../outside", "Upper", "good", "a b", "/etc/x"]
    (answer,) = sent(output, body_of(output, *[event(str(number), where=name) for number, name in enumerate(names)]))
    assert [position for position, _ in answer.dead] == [0, 1, 3, 4]
    assert answer.dead[0][1] == "400 invalid index name '../outside': it holds '/'"
    assert [path.name for path in (tmp_path / "store" / "indices").glob("*.sqlite")] == ["good.sqlite"]
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


def test_items_that_are_none_are_dead_and_the_others_are_written(tmp_path):
    good = b'{"create":{"_index":"i","_id":"1"}}\n{"n":1}\n'
    bad = [b"\n", b"nonsense\n{}\n", b'{"create":{}}\n{}\n', b'{"create":[]}\n{}\n', b'{"create":{"_index":5}}\n{}\n']
    (answer,) = sent(build(options(tmp_path)), raw(*bad, good))
    assert [position for position, _ in answer.dead] == list(range(len(bad)))
    assert found(tmp_path) == {"i": [("1", {"n": 1})]}


def test_without_ids_every_document_is_new(tmp_path):
    output = build(options(tmp_path, index="i", ids="none"))
    body = body_of(output, event(n=1))
    sent(output, body, body)
    assert [each.documents for each in sizes(tmp_path)] == [2]


def locked(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    return connection


def test_a_locked_index_makes_only_its_own_items_wait(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "BUSY_SECONDS", 0.01)
    output = build(options(tmp_path, index="%{i}"))
    sent(output, body_of(output, event("0", i="a")))
    output = build(options(tmp_path, index="%{i}"))
    body = body_of(output, event("1", i="a"), event("2", i="b"), event("3", i="a"), event("4", i="Bad"))
    with closing(locked(files.path_of(tmp_path, "a"))):
        (answer,) = sent(output, body)
    assert [position for position, _ in answer.again] == [0, 2]
    assert "database is locked" in answer.again[0][1]
    assert [position for position, _ in answer.dead] == [3]
    assert [(each.index, each.documents) for each in sizes(tmp_path)] == [("a", 1), ("b", 1)]


def test_when_nothing_can_be_written_the_body_waits(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "BUSY_SECONDS", 0.01)
    output = build(options(tmp_path, index="a"))
    sent(output, body_of(output, event("0")))
    output = build(options(tmp_path, index="a"))
    with closing(locked(files.path_of(tmp_path, "a"))), pytest.raises(Unavailable, match="database is locked"):
        sent(output, body_of(output, event("1")))


def test_a_store_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="cannot make the embedded store in"):
        sent(build(options(tmp_path / "file")))


def test_an_old_sqlite_is_a_fault_of_the_configuration(monkeypatch):
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 39, 4))
    with pytest.raises(ConfigurationError, match="needs SQLite 3"):
        build(Options())


def test_every_option_of_the_elasticsearch_output_is_taken():
    assert set(ElasticsearchOptions.model_fields) == set(Options.model_fields)


def test_what_has_no_meaning_here_says_why():
    silent = {
        name
        for name in set(Options.model_fields)
        if not any(isinstance(marker, Ignored | Refused) for marker in Options.model_fields[name].metadata)
    }
    assert silent == {
        *("id", "enable_metric", "ecs_compatibility", "path", "ids", "action", "index", "document_id"),
        *("parent", "join_field", "doc_as_upsert", "upsert", "dlq_on_failed_indexname_interpolation"),
        *("data_stream", "data_stream_type", "data_stream_dataset", "data_stream_namespace"),
        *("data_stream_auto_routing", "data_stream_sync_fields"),
    }


def test_an_elasticsearch_block_is_taken_as_it_is():
    taken = Options(
        hosts=["https://es:9200"],
        index="apex-logs-%{+YYYY.MM.dd}",
        user="elastic",
        password="secret",
        cacert="/not/there.pem",
        path=Path("data"),
    )
    assert isinstance(taken.index, Template)
    assert "secret" not in repr(taken)
