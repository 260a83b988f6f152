"""The kv filter."""

import pytest

from pipeline.errors import ConfigurationError
from tests.harness import documents, planned


@pytest.mark.parametrize(
    ("options", "text", "pairs"),
    [
        (
            "",
            "a=1 b=\"two words\" c='three' d=[4 5] e=(6) f=<7>",
            {"a": "1", "b": "two words", "c": "three", "d": "4 5", "e": "6", "f": "7"},
        ),
        ("include_brackets => false", "d=[4 5]", {"d": "[4"}),
        ("", r'a="say \"hi\"" b=c\ d', {"a": r"say \"hi\"", "b": r"c\ d"}),
        ("", "a = 1 b =2", {"a": "1", "b": "2"}),
        ("whitespace => strict", "a = 1 b=2", {"b": "2"}),
        ("", 'a= b="" c=1', {"a": 'b=""', "c": "1"}),
        ("allow_empty_values => true", 'a="" b=1', {"a": "", "b": "1"}),
        ('field_split => "&?"', "?a=1&b=2&&c=3", {"a": "1", "b": "2", "c": "3"}),
        ('value_split => ":"', "a:1 b:2:3", {"a": "1", "b": "2:3"}),
        ('field_split_pattern => "; +" value_split_pattern => "=>"', "a=>1; b=>2;3", {"a": "1", "b": "2;3"}),
        ('field_split_pattern => ":+"', "k1=v1:k2=v2::k3=v3", {"k1": "v1", "k2": "v2", "k3": "v3"}),
        ("", "a=1 a=2 a=2", {"a": ["1", "2", "2"]}),
        ("allow_duplicate_values => false", "a=1 a=2 a=2", {"a": ["1", "2"]}),
        ("allow_duplicate_values => false", "a=12 a=1", {"a": "12"}),
        ('prefix => "p_"', "a=1", {"p_a": "1"}),
        ('include_keys => ["a", "b"] exclude_keys => "b"', "a=1 b=2 c=3", {"a": "1"}),
        ('default_keys => { "a" => "0" "z" => "9" }', "a=1", {"a": "1", "z": "9"}),
        ('trim_value => "<>" trim_key => "%"', "%a=<1> b=x>y", {"a": "1", "b": "x>y"}),
        ('remove_char_value => ">" remove_char_key => "%"', "a%b=x>y", {"ab": "xy"}),
        ('transform_key => "uppercase" transform_value => "lowercase"', "a=XY", {"A": "xy"}),
        ("recursive => true", "a=1 b=(c=2 d=[e=3])", {"a": "1", "b": {"c": "2", "d": {"e": "3"}}}),
        ("", "a=1\nb=2 c=3", {"a": "1\nb=2", "c": "3"}),
    ],
)
def test_pairs(options, text, pairs):
    config = f'filter {{ kv {{ target => "kv" {options} }} }}'
    assert documents(config, {"message": text})[0].get("kv") == pairs


def test_pairs_become_fields_of_the_event():
    config = 'filter { kv { add_tag => "t" } }'
    assert documents(config, {"message": "a=1 [b][c]=2"}) == [
        {"message": "a=1 [b][c]=2", "a": "1", "b": {"c": "2"}, "tags": ["t"]}
    ]


@pytest.mark.parametrize("value", ["nothing here", 5, None, {"a": 1}])
def test_where_there_are_no_pairs_nothing_matched(value):
    assert documents('filter { kv { add_tag => "t" } }', {"message": value}) == [{"message": value}]


def test_an_array():
    config = 'filter { kv { target => "kv" } }'
    assert documents(config, {"message": ["a=1", "a=2 b=3"]})[0]["kv"] == {"a": ["1", "2"], "b": "3"}
    assert documents(config, {"message": [2, "a=1", None, {"b": "c=2"}]})[0]["kv"] == {"a": "1"}
    assert documents(config, {"message": [2]}) == [{"message": [2]}]


@pytest.mark.parametrize("text", ["[a=1", "a][b=1"])
def test_a_key_that_is_no_field_reference(text):
    assert documents("filter { kv { } }", {"message": text})[0]["tags"] == ["_kv_filter_error"]


@pytest.mark.parametrize(
    "options", ['value_split => ""', 'field_split_pattern => "("', 'trim_key => "["', 'whitespace => "x"']
)
def test_faults(options):
    with pytest.raises(ConfigurationError):
        planned(f"filter {{ kv {{ {options} }} }}")
