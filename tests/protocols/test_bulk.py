"""The bulk protocol: what an answer means, item by item; what is written, and read again."""

import json

import orjson
import pytest

from pipeline.errors import BodyTooLarge, NotAuthorised, Unavailable
from pipeline.plugin import Sent
from pipeline.protocols import bulk

WRITTEN = {"create": {"status": 201}}


def error(status, kind, reason="why", operation="create", **more):
    return {operation: {"status": status, "error": {"type": kind, "reason": reason, **more}}}


def answer(*items, errors=True):
    return orjson.dumps({"errors": errors, "items": list(items)})


ITEMS = {
    "created": (WRITTEN, Sent()),
    "indexed again": ({"index": {"status": 200}}, Sent()),
    "deleted": ({"delete": {"status": 200}}, Sent()),
    "nothing to delete": ({"delete": {"status": 404}}, Sent()),
    "created before": (error(409, "version_conflict_engine_exception"), Sent(duplicates=1)),
    "an older external version": (
        error(409, "version_conflict_engine_exception", operation="index"),
        Sent(duplicates=1),
    ),
    "an update that lost": (
        error(409, "version_conflict_engine_exception", operation="update"),
        Sent(dead=[(0, "409 version_conflict_engine_exception: why")]),
    ),
    "an update of nothing": (
        error(404, "document_missing_exception", operation="update"),
        Sent(dead=[(0, "404 document_missing_exception: why")]),
    ),
    "no mapping for it": (
        error(400, "document_parsing_exception", caused_by={"type": "number_format_exception", "reason": '"x"'}),
        Sent(dead=[(0, '400 document_parsing_exception: why; caused by number_format_exception: "x"')]),
    ),
    "a reason in plain text": ({"create": {"status": 400, "error": "no"}}, Sent(dead=[(0, "400 no")])),
    "a bad index name": (
        error(400, "invalid_index_name_exception"),
        Sent(dead=[(0, "400 invalid_index_name_exception: why")]),
    ),
    "no such index": (error(404, "index_not_found_exception"), Sent(dead=[(0, "404 index_not_found_exception: why")])),
    "a full queue": (
        error(429, "es_rejected_execution_exception"),
        Sent(again=[(0, "429 es_rejected_execution_exception: why")]),
    ),
    "a full disk": (error(429, "cluster_block_exception"), Sent(again=[(0, "429 cluster_block_exception: why")])),
    "a write block": (error(403, "cluster_block_exception"), Sent(again=[(0, "403 cluster_block_exception: why")])),
    "no privilege": (error(403, "security_exception"), Sent(dead=[(0, "403 security_exception: why")])),
    "shards away": (
        error(503, "unavailable_shards_exception"),
        Sent(again=[(0, "503 unavailable_shards_exception: why")]),
    ),
    "a fault of the server": (
        error(500, "null_pointer_exception"),
        Sent(again=[(0, "500 null_pointer_exception: why")]),
    ),
}


@pytest.mark.parametrize(("item", "meaning"), ITEMS.values(), ids=ITEMS.keys())
def test_an_item(item, meaning):
    sent = bulk.judge(200, answer(item), 1)
    assert (list(sent.again), list(sent.dead), sent.duplicates) == (
        list(meaning.again),
        list(meaning.dead),
        meaning.duplicates,
    )


def test_items_are_named_by_their_position():
    items = [WRITTEN, error(429, "a"), WRITTEN, error(400, "b"), error(409, "c"), error(503, "d")]
    sent = bulk.judge(200, answer(*items), 6)
    assert [index for index, _ in sent.again] == [1, 5]
    assert [index for index, _ in sent.dead] == [3]
    assert sent.duplicates == 1


def test_more_statuses_can_be_dead():
    assert bulk.judge(200, answer(error(503, "a")), 1, {400, 404, 503}).dead == [(0, "503 a: why")]


@pytest.mark.parametrize(
    "body",
    [
        answer(WRITTEN, WRITTEN, errors=False),
        b'{ "errors" : false, "items" : [ {"create":{"status":201}}, {"create":{"status":201}} ] }',
        b'{"took":3,"errors":false,"items":[{"create":{"status":201}},{"create":{"status":201}}]}',
    ],
)
def test_all_written(body):
    assert bulk.judge(200, body, 2) == Sent()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>welcome</html>",
        b"[]",
        b"{}",
        answer(WRITTEN, WRITTEN, errors=False)[:-9],
        answer(WRITTEN, errors=False),
        answer(WRITTEN, WRITTEN, WRITTEN, errors=False),
        answer(WRITTEN),
        b'{"errors":true,"items":null}',
        b'{"errors":true,"items":[1,2]}',
        b'{"errors":true,"items":[{"create":{}},{"create":{}}]}',
        b'{"errors":true,"items":[{"create":{"status":403}},{"create":{"status":201}}]}',
    ],
)
def test_an_answer_that_does_not_fit_is_no_answer(body):
    with pytest.raises(Unavailable):
        bulk.judge(200, body, 2)


def failure(kind):
    return orjson.dumps({"error": {"root_cause": [], "type": kind, "reason": "why"}, "status": 0})


@pytest.mark.parametrize(
    ("status", "body", "raised", "reason"),
    [
        (413, b"", BodyTooLarge, "HTTP 413: an empty answer"),
        (401, failure("security_exception"), NotAuthorised, "HTTP 401: security_exception: why"),
        (403, failure("security_exception"), NotAuthorised, "HTTP 403: security_exception: why"),
        (403, b"<html>Forbidden", NotAuthorised, "HTTP 403: <html>Forbidden"),
        (403, failure("cluster_block_exception"), Unavailable, "HTTP 403: cluster_block_exception: why"),
        (
            429,
            failure("es_rejected_execution_exception"),
            Unavailable,
            "HTTP 429: es_rejected_execution_exception: why",
        ),
        (502, b"Bad Gateway", Unavailable, "HTTP 502: Bad Gateway"),
        (404, b'{"error":"no handler"}', Unavailable, "HTTP 404: no handler"),
        (404, b'{"other":1}', Unavailable, 'HTTP 404: {"other":1}'),
        (400, failure("media_type_header_exception"), Unavailable, "HTTP 400: media_type_header_exception: why"),
        (
            400,
            failure("action_request_validation_exception"),
            BodyTooLarge,
            "HTTP 400: action_request_validation_exception: why",
        ),
        (301, b"", Unavailable, "HTTP 301: an empty answer"),
    ],
)
def test_a_failure_of_the_request(status, body, raised, reason):
    with pytest.raises(raised) as caught:
        bulk.judge(status, body, 2)
    assert str(caught.value) == reason


def test_the_item_that_spoils_a_request_is_dead():
    sent = bulk.judge(400, failure("illegal_argument_exception"), 1)
    assert sent.dead == [(0, "HTTP 400: illegal_argument_exception: why")]


def test_an_error_without_a_reason():
    assert bulk.explain({"type": "x"}) == "x"
    assert bulk.explain({}) == "no reason given"


@pytest.mark.parametrize(
    ("document", "line"),
    [
        ({"a": 1, "b": "ü"}, '{"a":1,"b":"ü"}'),
        ({"a": float("nan")}, '{"a":null}'),
        ({"a": 2**64}, '{"a":18446744073709551616}'),
        ({"a": [2**70, float("inf"), {"b": 1.5}]}, '{"a":[1180591620717411303424,null,{"b":1.5}]}'),
        ({"a": "\ud800"}, '{"a":"\\ud800"}'),
        ({"a": orjson.Fragment(b'{"b":1}'), "c": 2**64}, '{"a":{"b":1},"c":18446744073709551616}'),
    ],
)
def test_a_document_is_one_line(document, line):
    assert bulk.encode(document) == line.encode() + b"\n"
    json.loads(bulk.encode(document))


def test_an_item_is_read_as_it_was_written():
    item = bulk.action("index", {"_index": "a", "_id": "1"}) + bulk.encode({"x": "y\n"})
    assert bulk.read(item) == ("index", {"_index": "a", "_id": "1"}, b'{"x":"y\\n"}')
    assert bulk.read(bulk.action("delete", {"_index": "a", "_id": "1"})) == (
        "delete",
        {"_index": "a", "_id": "1"},
        None,
    )
