"""The urldecode filter."""

import pytest

from tests.harness import documents


@pytest.mark.parametrize(
    ("value", "result"),
    [
        ("a%20b+c", "a b+c"),
        ("europ%C3%A9enneeuropéenne", "européenneeuropéenne"),
        ("%zz %2", "%zz %2"),
        ("%C3", "\\xC3"),
        (["%41", ["%42"], 5, None], ["A", ["B"], 5, None]),
        ({"%41": "%42"}, {"%41": "B"}),
        (5, 5),
    ],
)
def test_a_field(value, result):
    assert documents("filter { urldecode { } }", {"message": value}) == [{"message": result}]


def test_all_fields():
    config = "filter { urldecode { all_fields => true } }"
    assert documents(config, {"a": "%41", "b": {"c": "%42"}}) == [{"a": "A", "b": {"c": "B"}}]


def test_a_field_that_is_not_there_becomes_null():
    assert documents('filter { urldecode { field => "[a][b]" } }', {"x": 1}) == [{"x": 1, "a": {"b": None}}]


def test_another_charset():
    config = 'filter { urldecode { charset => "ISO-8859-1" } }'
    assert documents(config, {"message": "%E9"}) == [{"message": "é"}]
