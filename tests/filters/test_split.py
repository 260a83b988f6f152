"""The split filter."""

import pytest

from tests.harness import filtered, filtered_events


def documents(options, event):
    """What one event becomes, less what every event has."""
    return [
        {name: value for name, value in document.items() if name not in ("@timestamp", "@version")}
        for document in filtered(f"filter {{ split {{ {options} }} }}", event)
    ]


FAILED = {"tags": ["_split_type_failure"]}


@pytest.mark.parametrize(
    ("options", "event", "children"),
    [
        (
            "",
            {"message": "a\nb", "k": {"l": [1]}},
            [{"message": "a", "k": {"l": [1]}}, {"message": "b", "k": {"l": [1]}}],
        ),
        ("", {"message": "a\n"}, [{"message": "a"}]),
        ('add_tag => "t"', {"message": "a"}, [{"message": "a"}]),
        ('add_tag => "t"', {"message": "a\nb"}, [{"message": "a", "tags": ["t"]}, {"message": "b", "tags": ["t"]}]),
        ('terminator => ","', {"message": ",a,,b,"}, [{"message": "a"}, {"message": "b"}]),
        ('terminator => " ; "', {"message": "a ; b;c"}, [{"message": "a"}, {"message": "b;c"}]),
        ('terminator => ""', {"message": "ab"}, [{"message": "a"}, {"message": "b"}]),
        ('terminator => " "', {"message": " a  b "}, [{"message": "a"}, {"message": "b"}]),
        ('terminator => " "', {"message": "a\u2003b c\u00a0"}, [{"message": "a\u2003b"}, {"message": "c\u00a0"}]),
        ("", {"message": ""}, []),
        ("", {"message": "\n\n"}, []),
        ('field => "a"', {"a": [1, None, "", {"k": 1}, [2], 0]}, [{"a": 1}, {"a": {"k": 1}}, {"a": [2]}, {"a": 0}]),
        ('field => "a"', {"a": ["x"]}, [{"a": "x"}]),
        ('field => "a"', {"a": []}, []),
        ('field => "a" target => "b"', {"a": [1, 2]}, [{"a": [1, 2], "b": 1}, {"a": [1, 2], "b": 2}]),
        ('field => "[a][b]"', {"a": {"b": [1, 2], "c": 3}}, [{"a": {"c": 3, "b": 1}}, {"a": {"c": 3, "b": 2}}]),
        (
            'field => "a" target => "[b][c]"',
            {"a": "x\ny"},
            [{"a": "x\ny", "b": {"c": "x"}}, {"a": "x\ny", "b": {"c": "y"}}],
        ),
        ("", {"k": 1}, [{"k": 1, **FAILED}]),
        ("", {"message": 5}, [{"message": 5, **FAILED}]),
        ("", {"message": None}, [{"message": None, **FAILED}]),
        ('add_field => { "x" => "y" }', {"message": {"a": 1}}, [{"message": {"a": 1}, **FAILED}]),
    ],
)
def test_split(options, event, children):
    assert documents(options, event) == children


def test_children_share_nothing():
    config = 'filter { split { field => "a" target => "b" } mutate { replace => { "[b][k]" => "%{[b][n]}" } } }'
    first, second = filtered_events(config, {"a": [{"n": 1}, {"n": 2}]})
    assert first.fields["a"] == second.fields["a"] == [{"n": 1}, {"n": 2}]
    assert [first.fields["b"], second.fields["b"]] == [{"n": 1, "k": "1"}, {"n": 2, "k": "2"}]
