"""Warnings where a configuration meets a surprise of Logstash, and silence where it does not."""

import pytest

from pipeline.config.quirks import quirks
from pipeline.grammar.parser import parse
from pipeline.grammar.sources import Source

TEXT = "is a text, set by grok in t:1:10"


def warnings_of(text: str) -> list[str]:
    configuration, faults = parse([Source("t", text)])
    assert not faults
    return [f"{fault.span.text}: {fault.message}" for fault in quirks(configuration) if fault.span]


@pytest.mark.parametrize(
    ("condition", "warnings"),
    [
        ('[a] in ["x"]', ['["x"]: ["x"] is read as the field named "x", as it has one element; write == "x"']),
        ("[a] == ['x'] and [b]", ["['x']: ['x'] is read as the field named 'x', as it has one element; write == 'x'"]),
        ("!(['x'])", ["['x']: ['x'] is read as the field named 'x', as it has one element; write == 'x'"]),
        ("'a'", ["'a': this condition is always true, as it asks for no field"]),
        ("''", ["'': this condition is never true, as it asks for no field"]),
        ("'false'", ["'false': this condition is never true, as it asks for no field"]),
        ("[a] and [b] and [c] or [d]", [
            "[a] and [b] and [c] or [d]: read as: [a] and ([b] and [c] or [d]); put parentheses to say what is meant",
        ]),
        ("[z] or [a] and ([b]) and [c] == 'a text that is longer than what fits into a line' or [d]", [
            ("[a] and ([b]) and [c] == 'a text that is longer than what fits into a line' or [d]: read as: "
            "[a] and (([b]) and [c] == 'a text tha ... hat fits into a line' or [d]); "
            "put parentheses to say what is meant"),
        ]),
        ("[a] == ['x', 'y']", ["[a] == ['x', 'y']: compared with the first item only; for any of them write \"in\""]),
        ("'x' in ['x', 'y']", [
            "'x' in ['x', 'y']: never true: a text or number is not looked for in an array that is written out",
        ]),
        ("[@timestamp] < '2020'", [
            ("[@timestamp] < '2020': [@timestamp] is a time and cannot be compared with a text or number: "
            "every event is dropped here"),
        ]),
        ("'2020' != [@timestamp]", [
            ("'2020' != [@timestamp]: [@timestamp] is a time and cannot be compared with a text or number: "
            "the two are never equal"),
        ]),
        ("[@timestamp] =~ /x/", ["[@timestamp] =~ /x/: [@timestamp] is a time and matches no pattern"]),
        ("[a] == 'b${X}'", ["'b${X}': ${X} stays as it is: in a condition a variable must be the whole text"]),
        ("[a] in ['b${X}', '${X}']", [
            "'b${X}': ${X} stays as it is: in a condition a variable must be the whole text",
        ]),
        (r"[a] =~ /\w+ü/", [r"/\w+ü/: \w matches ASCII letters only, not ü: write [[:alnum:]_] for all letters"]),
        # no surprise
        ("[a] and [b] or [c]", []),
        ("[a] or [b] and [c]", []),
        ("[a] or [b] and [c] or [d]", []),
        ("[a] and ([b] and [c] or [d])", []),
        ("([a] and [b]) or [c] and ([d] or [e])", []),
        ("[a] and [b] and [c]", []),
        ("[a] and ([b] or [c])", []),
        ("[a] xor [b]", []),
        ("[@timestamp] < [t]", []),
        ("[a] in ['x', 'y'] and 'x' in [tags] and ![b] and [c] == '${X:y}'", []),
        (r"[a] =~ /\\w+ü/ or [a] =~ /\w+/", []),
        ("[a] > 5 and [a] == [b]", []),
    ],
)  # fmt: skip
def test_conditions(condition: str, warnings: list[str]) -> None:
    assert warnings_of(f"filter {{ if {condition} {{ }} }}") == warnings


@pytest.mark.parametrize(
    ("options", "warnings"),
    [
        ("add_tag => ['t_%{a}'] remove_field => ['a']", [
            "'t_%{a}': the tag will read %{a}: fields are removed before tags are added; add it in a block before",
        ]),
        ("add_tag => 't_%{[a][b]}' remove_field => '[a][b]'", [
            ("'t_%{[a][b]}': the tag will read %{[a][b]}: fields are removed before tags are added; "
            "add it in a block before"),
        ]),
        ("add_tag => 't_%{a}' remove_field => ['b', '[bad']", []),
        ("add_field => { 'x' => '%{a}' } remove_field => 'a'", []),
        ("x => 010", ["010: 010 is 8, as the leading 0 makes it octal"]),
        ("x => [ 0, 10, 0.5, -7 ]", []),
        ("x => { 'y' => json { z => -011 } }", None),
        ("codec => json { z => -011 }", ["-011: -011 is -9, as the leading 0 makes it octal"]),
        ('x => "C:\\y\\"\n z"', ['\\": the string goes on behind this quote: a string cannot end in a backslash']),
        ('x => "say \\"hi\\"" y => "two\nlines"', []),
    ],
)  # fmt: skip
def test_plugins(options: str, warnings: list[str] | None) -> None:
    if warnings is not None:
        assert warnings_of(f"filter {{ a {{ {options} }} }}") == warnings


def test_patterns_of_plugins() -> None:
    assert warnings_of(
        r"filter { grok { match => { 'm' => '(?<ä>\w+)ß' } } mutate { gsub => [ 'm', '\wé', 'x' ] } }"
    ) == [
        r"'(?<ä>\w+)ß': \w matches ASCII letters only, not ß: write [[:alnum:]_] for all letters",
        r"'\wé': \w matches ASCII letters only, not é: write [[:alnum:]_] for all letters",
    ]


@pytest.mark.parametrize(
    ("filters", "outcome"),
    [
        ("grok { match => { 'm' => '%{NUMBER:n} %{X}' } } if [n] > 5 { }", "every event is dropped here"),
        ("grok { match => [ 'm', '(?<n>\\d+)' ] } if 5 == [n] { }", "the two are never equal"),
        ("grok { match => { 'm' => '%{NUMBER:n:int}' } } if [n] > 5 { }", None),
        ("grok { match => { 'm' => '%{NUMBER:n}' } } if [n] > '5' or [o] > 5 { }", None),
        ("grok { match => { 'm' => '%{NUMBER:n}' } } mutate { convert => { 'n' => 'integer' } } if [n] > 5 { }", None),
        ("grok { match => { 'm' => '%{NUMBER:[a][n]}' } } mutate { remove_field => 'a' } if [a][n] > 5 { }", None),
        ("grok { match => { 'm' => '%{NUMBER:n}' } } ruby { } if [n] > 5 { }", None),
        ("grok { match => { 'm' => '%{NUMBER:n}' } } if [x] { ruby { } } if [n] > 5 { }", None),
        (
            "grok { match => { 'm' => '%{NUMBER:n}' } } if [x] { drop { } } if [n] > 5 { }",
            "every event is dropped here",
        ),
        ("if [x] { grok { match => { 'm' => '%{NUMBER:n}' } } } if [n] > 5 { }", None),
        ("grok { match => { 'm' => '%{NUMBER:n}' } } if [x] { } else if [n] > 5 { }", "every event is dropped here"),
        ("grok { match => { 'm' => '%{NUMBER:n[}' } } if [n] > 5 { }", None),
    ],
)
def test_texts_compared_with_numbers(filters: str, outcome: str | None) -> None:
    warnings = warnings_of(f"filter {{ {filters} }}")
    if outcome is None:
        assert warnings == []
    else:
        remedy = "convert it to a number first, or compare it with a text"
        assert [warning.partition(": ")[2] for warning in warnings] == [f"[n] {TEXT}: {outcome}; {remedy}"]


@pytest.mark.parametrize(
    ("plugin", "field"),
    [
        ("dissect { mapping => { 'm' => '%{n} %{+x} %{?y}' } }", "[n]"),
        ("dissect { mapping => { 'm' => '%{n}' } convert_datatype => { 'n' => 'int' } }", None),
        ("mutate { add_field => { 'n' => '5' } }", "[n]"),
        ("mutate { add_field => { 'n' => 5 'x_%{y}' => 'z' } }", None),
        ("mutate { replace => { '[n]' => '%{x}' } codec => json { n => 'x' } }", "[n]"),
        ("mutate { rename => [ 'x', 'n' ] add_field => { 'n' => [ 'x' ] } }", None),
    ],
)
def test_what_sets_a_text(plugin: str, field: str | None) -> None:
    warnings = warnings_of(f"output {{ if [n] > 5 {{ }} }} filter {{ {plugin} }} input {{ }}")
    assert [warning.split(": ")[1].split(" ")[0] for warning in warnings] == ([field] if field else [])
