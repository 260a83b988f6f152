"""The json filter."""

import pytest

from tests.harness import filtered, filtered_events


def documents(config, *events):
    """What comes out, less what every event has."""
    return [
        {name: value for name, value in document.items() if name not in ("@timestamp", "@version")}
        for document in filtered(config, *events)
    ]


INTO_EVENT = 'filter { json { source => "message" add_tag => ["matched"] } }'
INTO_TARGET = 'filter { json { source => "message" target => "d" } }'
FAILED = {"tags": ["_jsonparsefailure"]}


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ('{"a":1,"b":{"c":[1.5,true,null]}}', {"a": 1, "b": {"c": [1.5, True, None]}}),
        (' \n {"a":1} \n', {"a": 1}),
        ('\ufeff{"a":1}', {"a": 1}),
        (r'{"a":"\ud83d\ude00"}', {"a": "😀"}),
        (r'{"a":"x\ud83dy"}', {"a": "x?y"}),
        (r'{"a":"\ude00\ud83d"}', {"a": "??"}),
        (r'{"a":"\\ud83d \ud83d"}', {"a": "\\ud83d ?"}),
        ('{"a":1,"a":2}', {"a": 2}),
        ('{"n":18446744073709551615}', {"n": 18446744073709551615}),
        ('{"n":18446744073709551616}', {"n": 1.8446744073709552e19}),
        ('{"n":-9223372036854775809}', {"n": -9.223372036854776e18}),
        ('{"[a][b]":1,"x":[1]}', {"a": {"b": 1}, "x": [1]}),
        ('{"@timestamp":null,"a":1}', {"a": 1}),
        ('{"message":{"m":1}}', {"message": {"m": 1}}),
    ],
)
def test_members_become_fields(text, parsed):
    assert documents(INTO_EVENT, {"message": text}) == [{"message": text, **parsed, "tags": ["matched"]}]


@pytest.mark.parametrize(
    "text",
    [
        *("random", "{", '{"a":1}}', '{"a":NaN}', "{'a':1}", '{"a":1,}', '{"a":01}', '{"n":1e400}', '{"a":1} {"b":2}'),
        *("[1]", "42", "null", "", "  ", '{"a\x01":1}'),
        *(5, True, ["x"], {"a": 1}),
    ],
)
def test_what_is_no_object_is_tagged(text):
    assert documents(INTO_EVENT, {"message": text}) == [{"message": text, **FAILED}]


@pytest.mark.parametrize("event", [{"message": None}, {"message": False}, {"other": 1}])
def test_nothing_to_parse(event):
    assert documents(INTO_EVENT, event) == [event]


@pytest.mark.parametrize(
    ("text", "value"),
    [("42", 42), ("[1]", [1]), ("null", None), ("", None), ('{"un[sup]]ported":1}', {"un[sup]]ported": 1})],
)
def test_a_target_takes_any_value(text, value):
    assert documents(INTO_TARGET, {"message": text, "d": "old"}) == [{"message": text, "d": value}]


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("2015-12-02T17:40:00.666+01:00", "2015-12-02T16:40:00.666Z"),
        ("2015-12-02T17:40:00Z", "2015-12-02T17:40:00.000Z"),
    ],
)
def test_a_time_inside(text, when):
    (document,) = filtered(INTO_EVENT, {"message": f'{{"@timestamp":"{text}"}}'})
    assert document["@timestamp"] == when


@pytest.mark.parametrize(("inside", "kept"), [('"foobar"', "foobar"), ("5", "5"), ('{"a":1}', '{"a"=>1}')])
def test_what_is_no_time_is_kept_beside(inside, kept):
    text = f'{{"@timestamp":{inside},"a":1}}'
    (document,) = filtered(INTO_EVENT, {"message": text, "@timestamp": "2000-01-01T00:00:00.000Z"})
    assert document.pop("@timestamp") > "2020"
    assert document == {
        "message": text,
        "@version": "1",
        "a": 1,
        "_@timestamp": kept,
        "tags": ["_timestampparsefailure", "matched"],
    }


@pytest.mark.parametrize(("inside", "tags"), [('"x"', ["x", "matched"]), ('["x","y"]', ["x", "y", "matched"])])
def test_tags_inside(inside, tags):
    (document,) = filtered(INTO_EVENT, {"message": f'{{"tags":{inside}}}', "tags": ["before"]})
    assert document["tags"] == tags


@pytest.mark.parametrize("inside", ["5", '{"a":1}', "[1]", '["x",1]'])
def test_tags_that_are_none_stop_the_filter(inside):
    text = f'{{"a":1,"tags":{inside},"b":2}}'
    assert documents(INTO_EVENT, {"message": text}) == [{"message": text, "a": 1, **FAILED}]


@pytest.mark.parametrize(
    "text", ['{"un[sup]]ported":1}', '{"a]":1}', '{"@metadata":5}', '{"[@timestamp]":"x"}', '{"[message][x]":1}']
)
def test_a_member_that_cannot_be_set_fails(text):
    assert documents(INTO_EVENT, {"message": text}) == [{"message": text, **FAILED}]


def test_metadata_inside():
    (event,) = filtered_events(INTO_EVENT, {"message": '{"@metadata":{"k":1},"[@metadata][l]":2,"a":3}'})
    assert event.metadata == {"k": 1, "l": 2}
    assert "@metadata" not in event.fields
    assert event.fields["a"] == 3


def test_skip_on_invalid_json():
    config = 'filter { json { source => "message" skip_on_invalid_json => true remove_field => ["message"] } }'
    assert documents(config, {"message": "no json"}, {"message": "[1]"}, {"message": '{"a":1}'}) == [
        {"message": "no json"},
        {"message": "[1]", **FAILED},
        {"a": 1},
    ]


@pytest.mark.parametrize("target", ["[message][x]", "tags", "@timestamp"])
def test_a_target_that_cannot_be_set_fails(target):
    config = f'filter {{ json {{ source => "message" target => "{target}" tag_on_failure => ["bad"] }} }}'
    assert documents(config, {"message": "5"}) == [{"message": "5", "tags": ["bad"]}]
