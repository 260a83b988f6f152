"""The grok filter: patterns, fields, arrays, tags."""

from __future__ import annotations

import pytest

from pipeline.errors import ConfigurationError
from tests.harness import filtered, filtered_events, planned


def one(options, event, **surroundings):
    (found,) = filtered(f"filter {{ grok {{ {options} }} }}", event, **surroundings)
    return found


def only(fields):
    return {name: value for name, value in fields.items() if name not in ("@timestamp", "@version")}


@pytest.mark.parametrize(
    ("options", "event", "expected"),
    [
        ('match => { "a" => "%{INT:n:int}" }', {"a": "x 5"}, {"a": "x 5", "n": 5}),
        ('match => ["a", "%{INT:n}"]', {"a": "5"}, {"a": "5", "n": "5"}),
        ('match => { "a" => ["%{IP:i}", "%{WORD:w}"] }', {"a": "b"}, {"a": "b", "w": "b"}),
        ('match => { "a" => "%{INT:n}" }', {"a": 7}, {"a": 7, "n": "7"}),
        ('match => { "a" => "%{INT:n}" }', {"a": ["x", "7", 8]}, {"a": ["x", "7", 8], "n": ["7", "8"]}),
        ('match => { "a" => "^$" } add_tag => "t"', {}, {"tags": ["t"]}),
        ('match => { "a" => "x" }', {"a": None}, {"a": None, "tags": ["_grokparsefailure"]}),
        ('match => { "a" => "x" } tag_on_failure => ["p", "q"]', {"a": ""}, {"a": "", "tags": ["p", "q"]}),
        ('match => { "a" => "(?<n>.)" }', {"a": "5", "n": "4"}, {"a": "5", "n": ["4", "5"]}),
        ('match => { "a" => "(?<n>.)" }', {"a": "5", "n": [4]}, {"a": "5", "n": [4, "5"]}),
        ('match => { "a" => "(?<n>.)" }', {"a": "5", "n": 4}, {"a": "5", "n": 4}),
        ('match => { "a" => "(?<n>.)" } overwrite => ["n"]', {"a": "5", "n": 4}, {"a": "5", "n": "5"}),
        (
            'match => { "a" => "%{INT:[n][m]}" } overwrite => ["[n][m]"]',
            {"a": "5", "n": {"m": 4}},
            {"a": "5", "n": {"m": "5"}},
        ),
        ('match => { "a" => "%{INT:[n][m]}" }', {"a": "5", "n": {"o": 4}}, {"a": "5", "n": {"o": 4, "m": "5"}}),
        (
            'match => { "a" => "%{INT:[n][m]}" }',
            {"a": "5", "n": "x"},
            {"a": "5", "n": "x", "tags": ["_grokparsefailure"]},
        ),
        ('match => { "a" => "(?<n>x?)(?<m>y)?" }', {"a": "z"}, {"a": "z"}),
        (
            'match => { "a" => "(?<n>x?)(?<m>y)?" } keep_empty_captures => true',
            {"a": "z"},
            {"a": "z", "n": "", "m": None},
        ),
        ('match => { "a" => "(?<n:int>x?)%{WORD:m:int}" }', {"a": "z"}, {"a": "z", "m": 0}),
        (
            'match => { "a" => "%{WORD:[p][q]} %{WORD:[p][r]}" } target => "t"',
            {"a": "x y"},
            {"a": "x y", "t": {"p": {"q": "x", "r": "y"}}},
        ),
        ('match => { "a" => "%{WORD:w} %{WORD:a}" }', {"a": "x y"}, {"a": ["x y", "y"], "w": "x"}),
        ('match => { "a" => "%{WORD:w} %{WORD:a}" }', {"a": ["x y"]}, {"a": ["x y", "y"], "w": "x"}),
        ('match => { "a" => "^%{WORD:w}(?<a>.*)" }', {"a": ["x", "y z"]}, {"a": ["x", "y z", " z"], "w": ["x", "y"]}),
        ('match => { "a" => "%{INT:a:int}" }', {"a": 5}, {"a": 5}),
        ('match => { "a" => "(?<w>.)%{WORD:a}?" }', {"a": "x"}, {"a": "x", "w": "x"}),
        ('match => { "a" => "%{WORD:w} %{WORD:a}" }', {"a": "x y", "w": "v"}, {"a": ["x y", "y"], "w": ["v", "x"]}),
        ('match => { "a" => "(?<a>)?(?<w>)" } add_tag => "t"', {}, {"tags": ["t"]}),
        (
            'match => { "a" => "(?:%{WORD:[o][p]} )?(?:%{INT:[o][q]:int} )?(?:%{WORD:[o][r][s]} )?end" }',
            {"a": "7 x end"},
            {"a": "7 x end", "o": {"p": "7", "r": {"s": "x"}}},
        ),
        (
            'match => { "a" => "(?:%{WORD:[o][p]} )?(?:%{INT:[o][q]:int} )?end" }',
            {"a": "the end"},
            {"a": "the end", "o": {"p": "the"}},
        ),
        ('match => { "a" => "(?:%{INT:[o][p]} )?(?:%{INT:[o][q]} )?end" }', {"a": "end"}, {"a": "end"}),
        ('match => { "a" => "%{WORD:w} %{WORD:w} %{WORD:w}" }', {"a": "x y z"}, {"a": "x y z", "w": ["x", "y", "z"]}),
        ('match => { "a" => "%{WORD:[o][w]} %{WORD:[o][w]}" }', {"a": "x y"}, {"a": "x y", "o": {"w": ["x", "y"]}}),
        (
            'match => { "a" => "%{WORD:o} %{WORD:[o][w]}" }',
            {"a": "x y"},
            {"a": "x y", "o": "x", "tags": ["_grokparsefailure"]},
        ),
        ('match => { "a" => "%{WORD:tags}" }', {"a": "x", "tags": ["y"]}, {"a": "x", "tags": ["y", "x"]}),
        ('match => { "a" => "%{INT:b}" "c" => "%{INT:d}" }', {"a": "1", "c": "2"}, {"a": "1", "c": "2", "b": "1"}),
        (
            'match => { "a" => "%{INT:b}" "c" => "%{INT:d}" } break_on_match => false',
            {"a": "1", "c": "x"},
            {"a": "1", "c": "x", "b": "1"},
        ),
        (
            'match => { "a" => ["%{INT:b}", "%{IP:d}"] } break_on_match => false',
            {"a": "1"},
            {"a": "1", "b": "1", "tags": ["_grokparsefailure"]},
        ),
        ('match => ["a", "%{IP:b}", "a", "%{INT:c}", "a", "%{WORD:d}"]', {"a": "1"}, {"a": "1", "c": "1"}),
        ('match => ["a", "%{IP:b}"] match => ["a", "%{INT:c}"]', {"a": "1"}, {"a": "1", "c": "1"}),
        ('match => ["a", "%{INT:c}"] match => ["a", "%{IP:b}"]', {"a": "1"}, {"a": "1", "c": "1"}),
        (
            'match => { "a" => "%{N:b}" } pattern_definitions => { "N" => "[0-9]{2}" }',
            {"a": "123"},
            {"a": "123", "b": "12"},
        ),
        ('match => { "a" => "%{INT}" } named_captures_only => false', {"a": "1"}, {"a": "1", "INT": "1"}),
        ("", {"a": "1"}, {"a": "1", "tags": ["_grokparsefailure"]}),
    ],
)
def test_fields(options, event, expected):
    assert only(one(options, event)) == expected


def test_metadata_and_the_time_are_set_with_care():
    (event,) = filtered_events('filter { grok { match => { "a" => "%{INT:[@metadata][n]:int}" } } }', {"a": "5"})
    assert event.metadata["n"] == 5
    found = one('match => { "a" => "%{WORD:@timestamp}" } overwrite => ["@timestamp"]', {"a": "x"})
    assert found["tags"] == ["_grokparsefailure"]


@pytest.mark.parametrize(("ecs", "field"), [("disabled", "clientip"), ("v8", "source")])
def test_the_set_of_patterns_is_that_of_the_pipeline(ecs, field):
    line = '192.0.2.1 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 5'
    assert field in one('match => { "message" => "%{COMMONAPACHELOG}" }', {"message": line}, ecs=ecs)


@pytest.mark.parametrize(
    ("options", "line", "message"),
    [
        ('match => { "a" => "%{WROD:b}" }', 3, 'there is no grok pattern "WROD"; did you mean "WORD"?'),
        ('match => { "a" => ["x", "(y"] }', 3, '"(" without ")"'),
        ('match => { "a" => "%{INT:[b}" }', 3, '"[b" is no field reference'),
        ('match => { "a" => "x" "[a" => "y" }', 3, '"[a" is no field reference'),
        ('match => { "a" => "x" } timeout_scope => "line"', 3, "'pattern' or 'event'"),
        ('match => { "a" => "%{X}" } pattern_definitions => { "X" => "%{X}" }', 3, "X refers to itself"),
    ],
)
def test_faults_have_their_place(options, line, message):
    with pytest.raises(ConfigurationError) as caught:
        planned(f"filter {{\n  grok {{\n    {options}\n  }}\n}}")
    (fault,) = caught.value.faults
    assert message in str(fault)
    assert str(fault).startswith(f"test.conf:{line}:")
