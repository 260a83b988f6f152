"""The value types of options: what each takes, as leniently as Logstash, and what it says of the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from pipeline import options
from pipeline.options import shown

TAKEN: list[tuple[Any, Any, Any]] = [
    (options.Text, "a", "a"),
    (options.Text, 5, "5"),
    (options.Text, 1.5, "1.5"),
    (options.Text, True, "true"),
    (options.Text, False, "false"),
    (options.Text, ["a"], "a"),
    (options.Number, "5", 5),
    (options.Number, "-1.5", -1.5),
    (options.Number, 7, 7),
    (options.Integer, "5", 5),
    (options.Integer, 5.0, 5),
    (options.Boolean, "true", True),
    (options.Boolean, "false", False),
    (options.Boolean, [True], True),
    (options.Array, "a", ["a"]),
    (options.Array, ["a", 1], ["a", 1]),
    (options.Texts, ["a", 1], ["a", "1"]),
    (options.Hash, {"a": 1}, {"a": 1}),
    (options.Hash, ["a", 1, "b", [2]], {"a": 1, "b": [2]}),
    (options.Hash, ["a", "x", "b", "y", "a", "z"], {"a": ["x", "z"], "b": "y"}),
    (options.Hash, ["a", "x", "a", "y", "a", "z"], {"a": ["x", "y", "z"]}),
    (options.Hash, ["a", ["x", "y"], "a", "z"], {"a": ["x", "y", "z"]}),
    (options.TextHash, {"a": 1}, {"a": "1"}),
    (options.ExistingPath, __file__, Path(__file__)),
    (options.Size, 5, 5),
    (options.Size, "5", 5),
    (options.Size, "10mb", 10 << 20),
    (options.Size, "5 MiB", 5 << 20),
    (options.Size, "1.5k", 1536),
    (options.Size, "3b", 3),
    (options.Size, "1GB", 1 << 30),
    (options.Seconds, 2.5, 2.5),
    (options.Seconds, "7", 7),
    (options.Seconds, "750 ms", 0.75),
    (options.Seconds, "10us", 1e-5),
    (options.Seconds, "5 s", 5),
    (options.Seconds, "2 Minutes", 120),
    (options.Seconds, "1.5h", 5400),
    (options.Seconds, "1 day", 86400),
    (options.Seconds, "2 weeks", 1209600),
    (options.Days, 14, 14),
    (options.Days, "0.5", 0.5),
    (options.Days, "12 hours", 0.5),
    (options.Days, "2 weeks", 14),
]


@pytest.mark.parametrize(("kind", "given", "value"), TAKEN)
def test_what_is_taken(kind: Any, given: Any, value: Any) -> None:
    got = TypeAdapter(kind).validate_python(given)
    assert got == pytest.approx(value) if isinstance(value, float) else got == value
    assert type(got) is bool or type(value) is not bool


WRONG: list[tuple[Any, Any, str]] = [
    (options.Text, ["a", "b"], 'expected a string, got ["a", "b"]'),
    (options.Text, {"a": 1}, 'expected a string, got { "a" => 1 }'),
    (options.Number, "five", 'expected a number, got "five"'),
    (options.Number, "1e5", 'expected a number, got "1e5"'),
    (options.Integer, 5.5, "integer"),
    (options.Boolean, "yes", 'expected true or false, got "yes"'),
    (options.Boolean, 1, "expected true or false, got 1"),
    (options.Hash, ["a"], 'expected a hash, or an array of pairs, got 1 values: ["a"]'),
    (options.Hash, [["a"], "b"], 'expected a name first in each pair of the array, got ["a"]'),
    (options.Hash, [{"a": 1}, "b"], 'expected a name first in each pair of the array, got { "a" => 1 }'),
    (options.TextHash, ["a", "b", "a", "c"], 'expected a string, got ["b", "c"]'),
    (options.ExistingPath, "/nowhere", 'there is no file "/nowhere"'),
    (options.Size, "many", 'expected a size such as "10mb", got "many"'),
    (options.Size, "5 parsecs", 'expected a size such as "10mb", got "5 parsecs"'),
    (options.Days, "soon", 'expected a duration such as "5 s" or "1 day", got "soon"'),
    (options.Seconds, "soon", 'expected a duration such as "5 s" or "1 day", got "soon"'),
    (options.Seconds, "5 parsecs", "expected a duration"),
]


@pytest.mark.parametrize(("kind", "given", "message"), WRONG)
def test_what_is_wrong_is_said_in_the_configurations_words(kind: Any, given: Any, message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(kind).validate_python(given)
    assert message in str(caught.value)


UNREADABLE: list[tuple[Any, dict[str, Any], str]] = [
    (options.FilterOptions, {"add_field": {"a[0]": "x"}}, '"a[0]" is no field reference'),
    (options.FilterOptions, {"add_field": {"[a]b]": "x"}}, '"[a]b]" is no field reference'),
    (options.FilterOptions, {"add_field": {"x": "%{a[0]}"}}, 'in "%{a[0]}": "a[0]" is no field reference'),
    (options.FilterOptions, {"add_field": {"x": ["y", "%{a[0]}"]}}, '"a[0]" is no field reference'),
    (options.FilterOptions, {"add_tag": ["%{a[0]}"]}, '"a[0]" is no field reference'),
    (options.FilterOptions, {"remove_tag": ["%{a[0]}"]}, '"a[0]" is no field reference'),
    (options.FilterOptions, {"remove_field": ["b", "[a][[b]"]}, '"[a][[b]" is no field reference'),
    (options.InputOptions, {"add_field": {"x": "%{[a}"}}, "is no field reference"),
    (options.InputOptions, {"tags": ["%{+bogus[}"]}, "%{+bogus[}"),
]


@pytest.mark.parametrize(("model", "given", "message"), UNREADABLE)
def test_what_is_added_and_removed_can_be_read(model: Any, given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        model(**given)
    assert message in str(caught.value)


def test_a_secret_is_not_shown() -> None:
    secret = TypeAdapter(options.Secret).validate_python("hunter2")
    assert secret.get_secret_value() == "hunter2"
    assert "hunter2" not in f"{secret!r} {secret}"


SHOWN: list[tuple[Any, str]] = [
    ("a", '"a"'),
    (5, "5"),
    (True, "true"),
    (["a", 1], '["a", 1]'),
    ({"a": ["b"]}, '{ "a" => ["b"] }'),
    (None, "None"),
]


@pytest.mark.parametrize(("value", "text"), SHOWN)
def test_shown(value: Any, text: str) -> None:
    assert shown(value) == text
