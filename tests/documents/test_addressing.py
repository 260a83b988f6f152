"""What an event becomes in a bulk request, and what the embedded store is told of it."""

import json

import pytest

from pipeline.documents import addressing
from pipeline.documents.addressing import NoAddress, Target
from pipeline.documents.options import DocumentOptions
from pipeline.event import Event

STAMP = "2026-11-25T23:59:59.999Z"


def event(fields=None, **metadata):
    return Event({"@timestamp": STAMP, "a": 1} | (fields or {}), {"event_id": "e1"} | metadata)


def rendered(options, one):
    body = bytearray()
    addressing.build(DocumentOptions(**options)).render(one, body)
    assert body.endswith(b"\n")
    lines = [json.loads(line) for line in body.decode().splitlines()]
    ((operation, parameters),) = lines[0].items()
    return operation, parameters, *lines[1:]


DOCUMENT = {"@timestamp": STAMP, "a": 1}
DAILY = {"index": "x-%{+YYYY.MM.dd}"}
TODAY = {"_index": "x-2026.11.25"}

CASES = {
    "created under its own id": (DAILY, ("create", TODAY | {"_id": "e1"}, DOCUMENT)),
    "as in Logstash": (DAILY | {"ids": "none"}, ("index", TODAY, DOCUMENT)),
    "an action": (DAILY | {"action": "create"}, ("create", TODAY, DOCUMENT)),
    "an id": (DAILY | {"document_id": "%{a}"}, ("index", TODAY | {"_id": "1"}, DOCUMENT)),
    "an id and an action": (
        DAILY | {"document_id": "%{a}", "action": "create"},
        ("create", TODAY | {"_id": "1"}, DOCUMENT),
    ),
    "an id that is not there": (DAILY | {"document_id": "%{b}"}, ("index", TODAY | {"_id": "%{b}"}, DOCUMENT)),
    "constants": (
        DAILY | {"routing": "r", "pipeline": "p", "version": "3", "version_type": "external"},
        ("index", TODAY | {"routing": "r", "pipeline": "p", "version": "3", "version_type": "external"}, DOCUMENT),
    ),
    "templates": (
        DAILY | {"routing": "r%{a}", "pipeline": "p%{a}", "version": "%{a}", "document_id": "i"},
        ("index", TODAY | {"_id": "i", "routing": "r1", "pipeline": "p1", "version": "1"}, DOCUMENT),
    ),
    "an empty pipeline": (DAILY | {"pipeline": ""}, ("create", TODAY | {"_id": "e1"}, DOCUMENT)),
    "an update": (
        DAILY | {"action": "update", "document_id": "%{a}"},
        ("update", TODAY | {"_id": "1", "retry_on_conflict": 1}, {"doc": DOCUMENT}),
    ),
    "an update or a new document": (
        DAILY | {"action": "update", "document_id": "%{a}", "doc_as_upsert": True, "retry_on_conflict": 5},
        ("update", TODAY | {"_id": "1", "retry_on_conflict": 5}, {"doc": DOCUMENT, "doc_as_upsert": True}),
    ),
    "an update or another document": (
        DAILY | {"action": "update", "document_id": "%{a}", "upsert": '{"n":%{a}}'},
        ("update", TODAY | {"_id": "1", "retry_on_conflict": 1}, {"doc": DOCUMENT, "upsert": {"n": 1}}),
    ),
    "a script": (
        DAILY | {"action": "update", "document_id": "%{a}", "script": "ctx._source.n++"},
        (
            "update",
            TODAY | {"_id": "1", "retry_on_conflict": 1},
            {"script": {"source": "ctx._source.n++", "lang": "painless", "params": {"event": DOCUMENT}}},
        ),
    ),
    "a stored script that creates": (
        DAILY
        | {"action": "update", "document_id": "i", "script": "s", "script_type": ["indexed"], "scripted_upsert": True},
        (
            "update",
            TODAY | {"_id": "i", "retry_on_conflict": 1},
            {"script": {"id": "s", "params": {"event": DOCUMENT}}, "scripted_upsert": True, "upsert": {}},
        ),
    ),
    "a script, or the event": (
        DAILY | {"action": "update", "document_id": "i", "script": "s", "script_lang": "", "doc_as_upsert": True},
        (
            "update",
            TODAY | {"_id": "i", "retry_on_conflict": 1},
            {"script": {"source": "s", "params": {"event": DOCUMENT}}, "upsert": DOCUMENT},
        ),
    ),
    "a script, or nothing": (
        DAILY | {"action": "update", "document_id": "i", "script": "s", "script_var_name": "e", "upsert": "{}"},
        (
            "update",
            TODAY | {"_id": "i", "retry_on_conflict": 1},
            {"script": {"source": "s", "lang": "painless", "params": {"e": DOCUMENT}}, "upsert": {}},
        ),
    ),
    "a delete": (DAILY | {"action": "delete", "document_id": "%{a}"}, ("delete", TODAY | {"_id": "1"})),
    "an alias": (
        {"data_stream": False},
        ("create", {"_index": "ecs-logstash", "_id": "e1"}, DOCUMENT),
    ),
    "no alias": (
        {"ecs_compatibility": "disabled", "ilm_enabled": False},
        ("create", {"_index": "logstash-2026.11.25", "_id": "e1"}, DOCUMENT),
    ),
    "a data stream": (
        {},
        (
            "create",
            {"_index": "logs-generic-default", "_id": "e1"},
            DOCUMENT | {"data_stream": {"type": "logs", "dataset": "generic", "namespace": "default"}},
        ),
    ),
    "a data stream as it is": (
        {"data_stream_sync_fields": False, "data_stream_dataset": "apex"},
        ("create", {"_index": "logs-apex-default", "_id": "e1"}, DOCUMENT),
    ),
}


@pytest.mark.parametrize(("options", "lines"), CASES.values(), ids=CASES.keys())
def test_an_event_becomes_an_item(options, lines):
    one = event()
    assert rendered(options, one) == lines
    assert one.fields == DOCUMENT


@pytest.mark.parametrize(
    ("options", "index", "data_stream"),
    [
        ({}, "metrics-generic-ns", {"type": "metrics", "dataset": "generic", "namespace": "ns"}),
        (
            {"data_stream_auto_routing": False},
            "logs-generic-default",
            {"type": "logs", "dataset": "generic", "namespace": "default"},
        ),
    ],
)
def test_fields_that_name_a_data_stream(options, index, data_stream):
    one = event({"data_stream": {"type": "metrics", "namespace": "ns"}})
    _, parameters, document = rendered(options, one)
    assert (parameters["_index"], document["data_stream"]) == (index, data_stream)
    assert one.fields["data_stream"] == {"type": "metrics", "namespace": "ns"}


def test_a_join_field_names_the_parent():
    one = event({"join": "child", "up": "p1"})
    options = DAILY | {"parent": "%{up}", "join_field": "join", "document_id": "i"}
    _, parameters, document = rendered(options, one)
    assert parameters == TODAY | {"_id": "i", "routing": "p1"}
    assert document["join"] == {"name": "child", "parent": "p1"}
    assert one.fields["join"] == "child"


def test_actions_by_field():
    options = DAILY | {"action": "%{do}", "document_id": "i"}
    assert rendered(options, event({"do": "delete"})) == ("delete", TODAY | {"_id": "i"})
    assert rendered(options, event({"do": "index"}))[0] == "index"
    with pytest.raises(NoAddress, match='"erase" is no action'):
        rendered(options, event({"do": "erase"}))


def test_no_id_no_update():
    with pytest.raises(NoAddress, match="needs document_id"):
        rendered(DAILY | {"action": "%{do}"}, event({"do": "update"}))


def test_a_pipeline_named_by_the_event():
    _, parameters, _ = rendered(DAILY, event(target_ingest_pipeline="p-%{a}"))
    assert parameters == TODAY | {"_id": "e1", "pipeline": "p-1"}


def test_an_upsert_that_is_no_json_for_this_event():
    options = DAILY | {"action": "update", "document_id": "i", "upsert": '{"n":%{b}}'}
    with pytest.raises(NoAddress, match="upsert is no JSON"):
        rendered(options, event())


@pytest.mark.parametrize("options", [{}, {"routing": "%{a}"}])
def test_a_placeholder_in_the_index(options):
    one = event()
    with pytest.raises(NoAddress, match=r'still holds a placeholder: "x-%\{b\}"'):
        rendered({"index": "x-%{b}"} | options, one)
    lenient = {"index": "x-%{b}", "dlq_on_failed_indexname_interpolation": False} | options
    assert rendered(lenient, one)[1]["_index"] == "x-%{b}"


def test_many_indices_are_not_all_remembered(monkeypatch):
    monkeypatch.setattr(addressing, "_MOST_KEPT", 2)
    built = addressing.build(DocumentOptions(index="x-%{n}"))
    body = bytearray()
    for n in (1, 2, 3, 1):
        built.render(event({"n": n}), body)
    actions = [json.loads(line)["create"]["_index"] for line in body.splitlines()[::2]]
    assert actions == ["x-1", "x-2", "x-3", "x-1"]


def test_each_day_has_its_index_and_what_is_no_time_has_none():
    built = addressing.build(DocumentOptions(**DAILY))
    body = bytearray()
    for time in ("2026-11-23T01:00:00.000Z", "2026-11-24T01:00:00.000Z", "2027-01-01T00:00:00Z", 5, None, STAMP):
        built.render(event({"@timestamp": time}), body)
        built.render(event({"@timestamp": "2026-11-23T02:00:00.000Z"}), body)
    names = [json.loads(line)["create"]["_index"] for line in body.splitlines()[::2]]
    assert names[::2] == ["x-2026.11.23", "x-2026.11.24", "x-2027.01.01", "x-", "x-", "x-2026.11.25"]
    assert set(names[1::2]) == {"x-2026.11.23"}


def test_an_event_without_id_gets_none():
    assert rendered(DAILY, Event({"@timestamp": STAMP})) == ("create", TODAY, {"@timestamp": STAMP})


@pytest.mark.parametrize(
    ("options", "ordered"),
    [
        (DAILY, False),
        (DAILY | {"action": "index"}, False),
        (DAILY | {"document_id": "%{a}"}, True),
        (DAILY | {"document_id": "%{a}", "action": "create"}, False),
        (DAILY | {"document_id": "%{a}", "action": "update"}, True),
        (DAILY | {"action": "%{do}"}, True),
        ({"document_id": "%{a}"}, False),
    ],
)
def test_order_matters_where_documents_change(options, ordered):
    assert addressing.build(DocumentOptions(**options)).ordered is ordered


def test_targets_for_a_store_without_aliases():
    built = addressing.build(DocumentOptions(data_stream="false"), aliases=False)
    assert built.target(event()) == Target("create", "ecs-logstash-2026.11.25", "e1", {})
    assert built.source(event(), "create") == DOCUMENT
    assert built.source(event(), "delete") is None


@pytest.mark.parametrize("options", [DAILY, {}])
def test_what_orjson_refuses(options):
    _, _, document = rendered(options, event({"big": 2**70, "cut": "\ud800"}))
    assert (document["big"], document["cut"]) == (2**70, "\ud800")


def test_an_empty_document_in_a_data_stream():
    _, _, document = rendered({}, Event({}))
    assert list(document) == ["data_stream"]


def nested(levels):
    return json.loads('{"a":' * levels + "[]" + "}" * levels)


@pytest.mark.parametrize("options", [DAILY, {"index": "x-%{kind}"}, {"index": "x", "action": "%{verb}"}])
def test_a_document_that_is_nested_too_deep(options):
    deep = {"deep": nested(200), "kind": "k", "verb": "create"}
    assert rendered(options, event(deep))[2]["deep"] == nested(200)
    for levels in (300, 900):
        with pytest.raises(ValueError, match="nested deeper than 254 levels"):
            rendered(options, event(deep | {"deep": nested(levels)}))


def test_what_orjson_refuses_and_is_not_deep():
    assert rendered(DAILY, event({"big": 2**70}))[2]["big"] == 2**70
