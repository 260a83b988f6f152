"""The dissect filter."""

import pytest

from pipeline.errors import ConfigurationError
from tests.harness import documents, planned


@pytest.mark.parametrize(
    ("mapping", "text", "fields"),
    [
        ("%{a} %{b}", "1 2 3", {"a": "1", "b": "2 3"}),
        ("[%{a}] %{b};", "[1] 2;3", {"a": "1", "b": "2"}),
        ("%{a},%{},%{?x},%{b}", "1,2,3,4", {"a": "1", "b": "4"}),
        ("%{a},%{b},%{c}", "1,,", {"a": "1", "b": "", "c": ""}),
        ("%{a},%{b}", ",x", {"a": "", "b": ",x"}),
        ("%{a->},%{b}", ",,x", {"a": "", "b": "x"}),
        ("<%{a},%{b}", "<,x", {"a": "", "b": "x"}),
        ("%{a->} %{b}", "1    2", {"a": "1", "b": "2"}),
        ("%{a} %{b} %{+a}", "1 2 3", {"a": "1 3", "b": "2"}),
        ("%{a}, %{+a}", "1, 2", {"a": "1, 2"}),
        ("%{+a/2} %{+a/1}", "1 2", {"a": "2 1"}),
        ("%{+a/1} %{+a}", "1 2", {"a": "2 1"}),
        ("%{?k}=%{&k}", "n=1", {"n": "1"}),
        ("%{?old}=%{&old}", "n=1", {"named": "1"}),
        ("%{k}=%{&k}", "n=1", {"k": "n", "n": "1"}),
        ("%{&old}", "1", {"named": "1"}),
        ("%{+there} %{b}", "1 2", {"there": "0 1", "b": "2"}),
        ("%{[x][y]} %{x.y}", "1 2", {"x": {"y": "1"}, "x.y": "2"}),
        ("%{+a->/2} %{+a/1->} %{b}", "1   2   3", {"a": "2 1", "b": "3"}),
        ("%{a/123} %{b}", "1 2", {"a/123": "1", "b": "2"}),
        ("%{+k} %{&k}", "n 1", {"k": "n", "n": "1"}),
        ("%{?empty}=%{&empty}", "n=1", {}),
        # Only what follows the last brace is a delimiter at the end.
        ("{%{a}} {b}", "{1} {b}", {"a": "1} {b}"}),
        ("<%{a}}>", "<1}>", {"a": "1}"}),
        ("{%{a}}{%{b}}%{c}", "{1}{2}", {"a": "1", "b": "2", "c": ""}),
        ("%{é}–%{b}", "ü–→", {"é": "ü", "b": "→"}),
    ],
)
def test_a_text(mapping, text, fields):
    event = {"message": text, "old": "named", "there": "0", "empty": ""}
    config = f'filter {{ dissect {{ mapping => {{ "message" => "{mapping}" }} add_tag => "t" }} }}'
    assert documents(config, event) == [{**event, **fields, "tags": ["t"]}]


@pytest.mark.parametrize("text", ["", "1", "x1 2", None])
def test_a_text_of_another_form(text):
    config = 'filter { dissect { mapping => { "message" => "[%{a}] %{b}" } add_tag => "t" } }'
    assert documents(config, {"message": text}) == [{"message": text, "tags": ["_dissectfailure"]}]


@pytest.mark.parametrize("mapping", ["%{a}%{b} %{c}", "%{a} %{b->}%{c}", "%{a}%{b}"])
def test_between_fields_without_a_delimiter_no_text_has_one(mapping):
    config = f'filter {{ dissect {{ mapping => {{ "message" => "{mapping}" }} add_tag => "t" }} }}'
    assert documents(config, {"message": "1 2 3"}) == [{"message": "1 2 3", "tags": ["_dissectfailure"]}]


def test_one_of_two_mappings_fails():
    config = 'filter { dissect { mapping => { "a" => "%{x} %{y}" "b" => "%{z},%{w}" } add_tag => "t" } }'
    assert documents(config, {"a": "1 2", "b": "3"}) == [
        {"a": "1 2", "b": "3", "x": "1", "y": "2", "tags": ["_dissectfailure", "t"]}
    ]


@pytest.mark.parametrize(
    ("value", "kind", "result"),
    [
        ("12", "int", 12),
        ("12.9", "int", 12),
        (12.9, "int", 12),
        ("1e3", "int", 1000),
        ("1" * 30, "int", 1.1111111111111111e29),
        ("12", "float", 12.0),
        ("12.5", "INT", 12),
        ("12", "Float", 12.0),
        ("-1.5", "float", -1.5),
        ("18446744073709551615", "int", 18446744073709551615),
    ],
)
def test_conversions(value, kind, result):
    config = f'filter {{ dissect {{ convert_datatype => {{ "n" => "{kind}" }} }} }}'
    (document,) = documents(config, {"n": value})
    assert document == {"n": result}
    assert type(document["n"]) is type(result)


def test_a_conversion_alone_matches_nothing():
    config = 'filter { dissect { convert_datatype => { "n" => "int" } add_tag => "t" } }'
    assert documents(config, {"n": "1"}) == [{"n": 1}]


def test_an_array_is_dissected_as_its_text():
    config = 'filter { dissect { mapping => { "message" => "[%{a}, %{b}]" } } }'
    assert documents(config, {"message": ["x", 2]}) == [{"message": ["x", 2], "a": '"x"', "b": "2"}]


@pytest.mark.parametrize("value", ["x", "", " 5", True, [1, 2], {}, "1_0", "nan", "1e400"])
@pytest.mark.parametrize("kind", ["int", "FLOAT"])
def test_what_cannot_be_converted(value, kind):
    config = f'filter {{ dissect {{ convert_datatype => {{ "n" => "{kind}" }} }} }}'
    assert documents(config, {"n": value}) == [{"n": value, "tags": [f"_dataconversionuncoercible_n_{kind}"]}]


def test_another_type_is_refused():
    with pytest.raises(ConfigurationError, match='got "integer"'):
        planned('filter { dissect { convert_datatype => { "n" => "integer" } } }')


@pytest.mark.parametrize("mapping", ["%{+}", "%{&}", "%{+&a}", "%{&+a}", "no field", "%{[a}"])
def test_faults(mapping):
    with pytest.raises(ConfigurationError):
        planned(f'filter {{ dissect {{ mapping => {{ "message" => "{mapping}" }} }} }}')
