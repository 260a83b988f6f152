"""The truncate filter."""

import pytest

from pipeline.filters.truncate import cut
from tests.harness import documents


@pytest.mark.parametrize(
    ("value", "length", "result"),
    [
        ("hello", 5, "hello"),
        ("hello world", 5, "hello"),
        ("héé", 2, "h"),
        ("héé", 3, "hé"),
        ("a€€", 3, "a"),
        ("😀😀", 7, "😀"),
        ("x", 0, ""),
        ("", 0, ""),
        (12345, 1, 12345),
        (["abc", 1, None, ["defg"], {"a": "xyz"}], 2, ["ab", 1, None, ["defg"], {"a": "xyz"}]),
        ({"a": ["xyz"]}, 1, {"a": ["x"]}),
        ({"a": {"b": "xyz"}, "n": 1}, 1, {"a": {"b": "x"}, "n": 1}),
    ],
)
def test_cut(value, length, result):
    assert cut(value, length) == result


@pytest.mark.parametrize("value", ["hello", ["a", {"b": "c"}], {"a": ["b"]}])
def test_what_is_short_enough_stays_the_same_object(value):
    assert cut(value, 5) is value


FIELDS = 'filter { truncate { fields => ["a", "[b][c]"] length_bytes => 3 add_tag => "cut" } }'
ALL = 'filter { truncate { length_bytes => 3 add_tag => "cut" } }'


@pytest.mark.parametrize(
    ("config", "event", "result"),
    [
        (FIELDS, {"a": "abcd", "b": {"c": "ef"}, "d": "ghij"}, {"a": "abc", "b": {"c": "ef"}, "d": "ghij"}),
        (FIELDS, {"b": {"c": ["ghij"]}}, {"b": {"c": ["ghi"]}}),
        (ALL, {"a": "abcd", "b": {"c": "efgh"}, "n": 12345}, {"a": "abc", "b": {"c": "efg"}, "n": 12345}),
    ],
)
def test_an_event_in_which_something_was_cut_matches(config, event, result):
    assert documents(config, event) == [{**result, "tags": ["cut"]}]


@pytest.mark.parametrize("config", [FIELDS, ALL])
def test_an_event_in_which_nothing_was_too_long_does_not(config):
    assert documents(config, {"a": "abc"}, {"x": "é"}) == [{"a": "abc"}, {"x": "é"}]
