"""The query DSL of a query. That it finds what it should is shown on a real node: tests/search."""

import pytest

from pipeline.kql.elasticsearch import translate
from pipeline.kql.parser import parse

KINDS = {"message": "text", "level": "keyword", "status": "number", "@timestamp": "date", "ip": "ip", "ok": "boolean"}
LABELS = {"labels": "flattened", "labelset": "keyword", "host": "keyword", "host.name": "keyword"}
NOW = 1_795_428_000_123
NOTHING = {"match_none": {}}
FORMAT = {"format": "strict_date_optional_time||epoch_millis"}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("*", {"match_all": {}}),
        ("two words", {"multi_match": {"query": "two words", "type": "best_fields", "lenient": True}}),
        ('"two words"', {"multi_match": {"query": "two words", "type": "phrase", "lenient": True}}),
        (r"a/b* \AND", {"query_string": {"query": r"a\/b* \AND", "lenient": True}}),
        ("message:a b", {"match": {"message": {"query": "a b"}}}),
        ('message:"a b"', {"match_phrase": {"message": {"query": "a b"}}}),
        ("message:Ti*e", {"wildcard": {"message": {"value": "ti*e"}}}),
        ("level:Err", {"term": {"level": {"value": "Err"}}}),
        (r"level:E?r\**", {"wildcard": {"level": {"value": r"E\?r\**"}}}),
        ("level:*", {"exists": {"field": "level"}}),
        ("object:*", {"exists": {"field": "object"}}),
        ("missing:x", NOTHING),
        ("status:503", {"match": {"status": {"query": "503", "lenient": True}}}),
        ("status:5*", NOTHING),
        ("status > 5e2", {"range": {"status": {"gt": "5e2"}}}),
        ("status > x", NOTHING),
        ("ok:true", {"term": {"ok": {"value": "true"}}}),
        ("ok:yes", NOTHING),
        ("ip:10.0.0.0/8", {"term": {"ip": {"value": "10.0.0.0/8"}}}),
        ("ip >= 10.0.0.0", {"range": {"ip": {"gte": "10.0.0.0"}}}),
        ("ip:x", NOTHING),
        ("@timestamp:2026-11-23", {"range": {"@timestamp": {"gte": "2026-11-23", "lte": "2026-11-23", **FORMAT}}}),
        ("@timestamp > now-1d/d", {"range": {"@timestamp": {"gt": "2026-11-23T10:00:00.123Z||-1d/d", **FORMAT}}}),
        ("@timestamp > never", NOTHING),
        ("message > a", NOTHING),
        ("not ok:true", {"bool": {"must_not": [{"term": {"ok": {"value": "true"}}}]}}),
        ("nosuch*:x", NOTHING),
    ],
)
def test_the_query_dsl(query, expected):
    assert translate(parse(query), KINDS, NOW) == expected


def test_clauses():
    found = translate(parse("level:a and (ok:true or *e*:*)"), KINDS, NOW)
    level, rest = found["bool"]["filter"]
    assert level == {"term": {"level": {"value": "a"}}}
    truth, anywhere = rest["bool"]["should"]
    assert rest["bool"]["minimum_should_match"] == 1
    assert truth == {"term": {"ok": {"value": "true"}}}
    assert [clause["exists"]["field"] for clause in anywhere["bool"]["should"]] == ["message", "level", "@timestamp"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("labels.app:web", {"term": {"labels.app": {"value": "web"}}}),
        ("labels.a.b:w*", {"prefix": {"labels.a.b": {"value": "w"}}}),
        ("labels.app:*b", {"wildcard": {"labels.app": {"value": "*b"}}}),
        ("labels.app:*", {"exists": {"field": "labels.app"}}),
        ("labels.app > a", {"range": {"labels.app": {"gt": "a"}}}),
        ("labels.*:web", {"term": {"labels": {"value": "web"}}}),
        ("labelset.app:web", NOTHING),
        ("host:*", {"bool": {"should": [{"exists": {"field": "host"}}, {"exists": {"field": "host.name"}}],
                             "minimum_should_match": 1}}),
    ],
)  # fmt: skip
def test_keys_of_flattened_fields_and_fields_below_others(query, expected):
    assert translate(parse(query), LABELS, NOW) == expected
