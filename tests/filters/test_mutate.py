"""The mutate filter, as it is configured: operations, their order, and their failures."""

import pytest

from pipeline.errors import ConfigurationError
from tests.harness import filtered, filtered_events


def mutated(options, event):
    """What one event becomes, less what every event has."""
    (document,) = filtered(f"filter {{ mutate {{ {options} }} }}", event)
    return {name: value for name, value in document.items() if name not in ("@timestamp", "@version")}


FAILED = {"tags": ["_mutate_error"]}


@pytest.mark.parametrize(
    ("options", "event", "result"),
    [
        # coerce
        (
            'coerce => { "a" => "x" "b" => "%{c}" "d" => 5 }',
            {"a": None, "b": None, "c": 1},
            {"a": "x", "b": "1", "c": 1},
        ),
        ('coerce => { "a" => "x" }', {"a": False}, {"a": False}),
        ('coerce => { "[a][0]" => "x" }', {"a": [None]}, {"a": ["x"]}),
        # rename
        ('rename => { "a" => "b" }', {"a": 1, "b": 2}, {"b": 1}),
        ('rename => { "a" => "b" }', {"c": 1}, {"c": 1}),
        ('rename => { "a" => "b" }', {"a": None}, {"b": None}),
        ('rename => { "a" => "a" }', {"a": 1}, {"a": 1}),
        ('rename => ["a", "b", "c", "d"]', {"a": 1, "c": 2}, {"b": 1, "d": 2}),
        ('rename => { "[a][b]" => "[c][d]" }', {"a": {"b": 1}}, {"a": {}, "c": {"d": 1}}),
        ('rename => { "a" => "[a][b]" }', {"a": 1}, {"a": {"b": 1}}),
        ('rename => { "[a][0]" => "b" }', {"a": [1, 2]}, {"a": [2], "b": 1}),
        ('rename => { "%{x}" => "to_%{x}" }', {"x": "k", "k": 1}, {"x": "k", "to_k": 1}),
        ('rename => { "a" => "tags" }', {"a": "x"}, {"tags": "x"}),
        ('rename => { "a" => "@timestamp" }', {"a": "2020-01-01T00:00:00.000Z"}, {}),
        ('rename => { "a" => "b" "add_field" => { "c" => "d" } }', {"a": 1}, {"b": 1}),
        # an array or object where a text is wanted: as Ruby writes it, with its %{...}
        ('update => { "a" => ["x", "%{b}"] }', {"a": 1, "b": "y"}, {"a": '["x", "y"]', "b": "y"}),
        ('replace => { "a" => { "k" => ["v"] } "b" => ["w"] }', {}, {"a": '{"k"=>["v"]}', "b": '["w"]'}),
        # update, replace
        ('update => { "a" => "%{b}" }', {"a": None, "b": 1.5}, {"a": "1.5", "b": 1.5}),
        ('update => { "[a][b]" => "x" }', {"a": {}}, {"a": {}}),
        ('replace => { "[a][b]" => "x" "c" => 5 }', {}, {"a": {"b": "x"}, "c": "5"}),
        ('replace => { "a" => "%{nope}" }', {}, {"a": "%{nope}"}),
        ('replace => { "[a][x]" => "y" } add_tag => "done"', {"a": [1]}, {"a": [1], "tags": ["done"]}),
        # convert
        ('convert => { "a" => "integer" "[b][c]" => "float" }', {"a": "1", "b": {"c": "2"}}, {"a": 1, "b": {"c": 2.0}}),
        ('convert => ["a", "string"]', {"a": [1, None, True]}, {"a": ["1", None, "true"]}),
        ('convert => { "a" => "integer" }', {"a": {"b": "1"}}, {"a": {"b": "1"}}),
        ('convert => { "a" => "integer" }', {"a": None}, {"a": None}),
        # gsub
        ('gsub => ["a", "[/]", "_"]', {"a": "/x/"}, {"a": "_x_"}),
        ('gsub => ["a", "1", "x"]', {"a": ["1", 1, None, ["1"]]}, {"a": ["x", 1, None, ["1"]]}),
        ('gsub => ["a", "^", "> "]', {"a": "x\ny"}, {"a": "> x\n> y"}),
        (r'gsub => ["a", "(?<n>\w+)@", "\k<n> at "]', {"a": "bob@x"}, {"a": "bob at x"}),
        (
            'gsub => ["a", "%{b}", "%{c}"]',
            {"a": "x1", "b": r"\d", "c": r"<\0>"},
            {"a": "x<1>", "b": r"\d", "c": r"<\0>"},
        ),
        ('gsub => ["a", "x", "%{b}"]', {"a": "x", "b": "y"}, {"a": "y", "b": "y"}),
        ('gsub => ["a", "x", ""]', {"a": {"k": "x"}}, {"a": {"k": "x"}}),
        # case, strip
        ('uppercase => "a"', {"a": ["x", 1, None]}, {"a": ["X", 1, None]}),
        ('lowercase => ["a", "b"]', {"a": "X", "b": 1}, {"a": "x", "b": 1}),
        ('capitalize => "a"', {"a": "xYZ"}, {"a": "Xyz"}),
        ('strip => ["a", "b", "c"]', {"a": " x ", "b": [" y"], "c": 1}, {"a": "x", "b": ["y"], "c": 1}),
        # split, join
        ('split => { "a" => "," }', {"a": "x,y,,"}, {"a": ["x", "y"]}),
        ('split => { "a" => "," }', {"a": ["x,y"]}, {"a": ["x,y"]}),
        ('join => { "a" => "-" }', {"a": ["x", 1, ["y"]]}, {"a": "x-1-y"}),
        ('join => { "a" => "-" }', {"a": "x"}, {"a": "x"}),
        # merge
        ('merge => { "a" => "b" }', {"a": [1], "b": [2]}, {"a": [1, 2], "b": [2]}),
        ('merge => { "a" => "b" }', {"a": "x", "b": "x"}, {"a": ["x", "x"], "b": "x"}),
        ('merge => { "a" => "b" }', {"b": "x"}, {"a": ["x"], "b": "x"}),
        ('merge => { "a" => "b" }', {"a": "x"}, {"a": ["x"]}),
        ('merge => { "a" => "b" }', {"a": {"x": 1}, "b": {"y": 2}}, {"a": {"x": 1, "y": 2}, "b": {"y": 2}}),
        ('merge => { "a" => "b" }', {"a": {"x": 1}, "b": [2]}, {"a": {"x": 1}, "b": [2]}),
        ('merge => { "a" => "b" }', {"b": {"y": 2}}, {"b": {"y": 2}}),
        ('merge => { "a" => ["b", "c"] }', {"a": [1], "b": 2, "c": 3}, {"a": [1, 2, 3], "b": 2, "c": 3}),
        (
            'merge => { "a" => ["b", "c"] }',
            {"a": {}, "b": {"x": 1}, "c": {"y": 1}},
            {"a": {"x": 1, "y": 1}, "b": {"x": 1}, "c": {"y": 1}},
        ),
        ('merge => { "a" => ["b", "c"] }', {"a": 1, "b": 2, "c": 3}, {"a": [1, 3], "b": 2, "c": 3}),
        # copy
        ('copy => { "a" => "[b][c]" }', {"a": [1]}, {"a": [1], "b": {"c": [1]}}),
        ('copy => { "a" => "b" }', {"a": None, "b": 1}, {"a": None, "b": 1}),
        # a time is a time
        (
            'uppercase => "@timestamp" split => { "@timestamp" => "-" } gsub => ["@timestamp", "T", " "]',
            {"a": 1},
            {"a": 1},
        ),
        ('convert => { "@timestamp" => "boolean" } strip => "@timestamp"', {"a": 1}, {"a": 1}),
        ('join => { "@timestamp" => "-" } copy => { "@timestamp" => "[@metadata][t]" }', {"a": 1}, {"a": 1}),
        # nothing
        ("", {"a": 1}, {"a": 1}),
    ],
)
def test_operations(options, event, result):
    assert mutated(options, event) == result


@pytest.mark.parametrize(
    ("options", "event", "result"),
    [
        ('uppercase => "b" rename => { "a" => "b" }', {"a": "x"}, {"b": "X"}),
        ('rename => { "a" => "b" } coerce => { "a" => "x" }', {"a": None}, {"b": "x"}),
        ('replace => { "a" => "%{a}2" } update => { "a" => "1" }', {"a": "x"}, {"a": "12"}),
        ('convert => { "a" => "integer" } replace => { "a" => "5" }', {}, {"a": 5}),
        ('gsub => ["a", "1", "2"] convert => { "a" => "string" }', {"a": 1}, {"a": "2"}),
        ('uppercase => "a" gsub => ["a", "x", "y"]', {"a": "x"}, {"a": "Y"}),
        ('lowercase => "a" capitalize => "a" uppercase => "a"', {"a": "x"}, {"a": "x"}),
        ('join => { "a" => "+" } split => { "a" => "," } strip => "a"', {"a": " x,y "}, {"a": "x+y"}),
        (
            'copy => { "a" => "c" } merge => { "a" => "b" } join => { "a" => "-" }',
            {"a": ["x", "y"], "b": 1},
            {"a": ["x-y", 1], "b": 1, "c": ["x-y", 1]},
        ),
    ],
)
def test_order(options, event, result):
    assert mutated(options, event) == result


@pytest.mark.parametrize(
    ("options", "event", "kept"),
    [
        ('replace => { "[[][m" => "x" }', {"m": 1}, {"m": 1}),
        ('rename => { "a" => "[[]" }', {"a": 1}, {"a": 1}),
        ('rename => { "%{x}" => "b" }', {"x": "[a"}, {"x": "[a"}),
        ('rename => { "a" => "[b][c]" }', {"a": 1, "b": 2}, {"a": 1, "b": 2}),
        ('rename => { "a" => "tags" }', {"a": 1}, {"a": 1}),
        ('rename => { "a" => "[b][x]" }', {"a": 1, "b": [2]}, {"a": 1, "b": [2]}),
        ('rename => { "a" => "@timestamp" }', {"a": "yesterday"}, {"a": "yesterday"}),
        ('copy => { "a" => "[@metadata]" }', {"a": 1}, {"a": 1}),
        ('replace => { "[tags][0]" => "x" }', {}, {}),
        ('replace => { "@timestamp" => "x" }', {}, {}),
        ('replace => { "@timestamp" => "2020-01-01T00:00:00.000Z" }', {}, {}),
        ('update => { "@timestamp" => "%{a}" }', {"a": "2020-01-01T00:00:00.000Z"}, {"a": "2020-01-01T00:00:00.000Z"}),
        ('convert => { "@timestamp" => "string" }', {}, {}),
        ('convert => { "@timestamp" => "integer" }', {}, {}),
        ('convert => { "a" => "float" }', {"a": "x"}, {"a": "x"}),
        ('convert => { "a" => "integer" }', {"a": ["1", "hello"]}, {"a": ["1", "hello"]}),
        ('strip => "a"', {"a": [" x", 5]}, {"a": [" x", 5]}),
        ('gsub => ["a", "%{b}", ""]', {"a": "x", "b": "("}, {"a": "x", "b": "("}),
        (r'gsub => ["a", "x", "\k<n>"]', {"a": "x"}, {"a": "x"}),
        ('merge => { "[a][b]" => "c" }', {"a": 1, "c": 2}, {"a": 1, "c": 2}),
    ],
)
def test_failures(options, event, kept):
    options += ' split => { "late" => "," } add_field => { "added" => "x" }'
    assert mutated(options, {**event, "late": "x,y"}) == {
        **kept,
        "late": "x,y" if _aborts(options) else ["x", "y"],
        **FAILED,
    }


def _aborts(options):
    """Split comes after all but merge and copy."""
    return not options.startswith(("merge", "copy"))


def test_what_was_done_before_a_failure_stays_done():
    options = 'rename => { "a" => "b" } convert => { "b" => "float" } uppercase => "b" tag_on_failure => "bad"'
    assert mutated(options, {"a": "x"}) == {"b": "x", "tags": ["bad"]}


@pytest.mark.parametrize("name", ["[a][b]", "@timestamp", "[tags][0]", "%{odd}"])
def test_a_field_that_cannot_be_added_is_a_failure(name):
    options = f'uppercase => "a" add_field => {{ "{name}" => "x" }} add_tag => "added"'
    assert mutated(options, {"a": "x", "odd": "[a"}) == {"a": "X", "odd": "[a", **FAILED}


def test_what_is_copied_or_merged_is_not_shared():
    config = 'mutate { merge => { "b" => "a" } copy => { "a" => "c" } } mutate { add_field => { "[a][0][k]" => 2 } }'
    (event,) = filtered_events(f"filter {{ {config} }}", {"a": [{"k": 1}]})
    assert event.fields["a"] == [{"k": [1, "2"]}]
    assert event.fields["b"] == event.fields["c"] == [{"k": 1}]


def test_metadata():
    config = 'rename => { "a" => "[@metadata][a]" } replace => { "[@metadata][b]" => "%{[@metadata][a]}" }'
    (event,) = filtered_events(f"filter {{ mutate {{ {config} }} }}", {"a": 1})
    assert event.metadata["a"] == 1
    assert event.metadata["b"] == "1"
    assert "a" not in event.fields


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ('upcase => "a"', "upcase"),
        ('convert => { "a" => "int" }', "integer"),
        ('gsub => ["a", "b"]', "field, pattern and replacement"),
        ('gsub => ["a", "(", "b"]', '"(" without ")"'),
        ('rename => ["a"]', "pairs"),
        ('convert => ["a"]', "convert"),
        ('replace => { "a" => "%{[b}" }', "[b"),
    ],
)
def test_faults_of_the_configuration(options, reason):
    with pytest.raises(ConfigurationError) as refused:
        mutated(options, {})
    assert reason in str(refused.value)
