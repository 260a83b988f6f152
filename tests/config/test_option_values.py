"""The options of a plugin as plain values."""

from typing import Any

import pytest

from pipeline.config.option_values import plugin_settings
from pipeline.grammar import ast
from pipeline.grammar.parser import parse
from pipeline.grammar.sources import Source


def plugin(options: str) -> ast.Plugin:
    configuration, faults = parse([Source("t", f"filter {{ a {{ {options} }} }}")])
    assert not faults
    node = configuration.sections[0].body[0]
    assert isinstance(node, ast.Plugin)
    return node


def values(options: str, **environment: str) -> dict[str, Any]:
    settings, faults = plugin_settings(plugin(options), environment)
    assert not faults
    return {name: setting.value for name, setting in settings.items()}


def faults_of(options: str, **environment: str) -> list[str]:
    _, faults = plugin_settings(plugin(options), environment)
    return [f"{fault.span.text}: {fault.message}" for fault in faults if fault.span]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", {}),
        ("b => true", {"b": "true"}),
        ("b => 'x' c => 5 d => 1.5", {"b": "x", "c": 5, "d": 1.5}),
        ("b => [ 'x', [1, yy] ]", {"b": ["x", [1, "yy"]]}),
        ("b => { 'x' => 1 404 => 'y' zz => { 'q' => [] } }", {"b": {"x": 1, "404": "y", "zz": {"q": []}}}),
        # given more than once
        ("b => 'x' b => 'x'", {"b": "x"}),
        ("b => 'x' b => 'y'", {"b": ["x", "y"]}),
        ("b => 'x' b => 'y' b => 'z'", {"b": ["x", "y", "z"]}),
        ("b => 'x' b => ['y', 'z']", {"b": ["x", "y", "z"]}),
        ("b => ['x'] b => 'x' b => ['y', 'x']", {"b": ["x", "x", "y", "x"]}),
        ("b => { 'x' => 1 } b => { 'y' => 2 }", {"b": {"x": 1, "y": 2}}),
        ("b => { 'x' => 1 } b => { 'x' => 2 }", {"b": {"x": [1, 2]}}),
        ("b => { 'x' => 1 } b => { 'x' => 1 }", {"b": {"x": 1}}),
        ("b => { 'x' => [1] } b => { 'x' => [1, 2] }", {"b": {"x": [1, 1, 2]}}),
        ("b => { 'x' => 1 } b => { 'x' => [2] }", {"b": {"x": [1, 2]}}),
        ("b => { 'x' => [1] } b => { 'x' => 1 } b => { 'x' => 2 }", {"b": {"x": [1, 2]}}),
        ("b => { 'x' => { 'y' => 1 } } b => { 'x' => { 'z' => 2 } }", {"b": {"x": {"y": 1, "z": 2}}}),
        ("b => { 'x' => { 'y' => [1] } } b => { 'x' => { 'y' => [1, 2] } }", {"b": {"x": {"y": [1, 2]}}}),
    ],
)
def test_values(options: str, expected: dict[str, Any]) -> None:
    assert values(options) == expected


def test_places() -> None:
    settings, _ = plugin_settings(plugin("b => 1 'c' => [2] b => 3"), {})
    assert {name: (s.name_span.text, s.value_span.text, s.name_span.place) for name, s in settings.items()} == {
        "b": ("b", "1", "t:1:14"),
        "c": ("'c'", "[2]", "t:1:21"),
    }


def test_a_codec_stays_a_plugin() -> None:
    codec = values("codec => json { b => 1 }")["codec"]
    assert isinstance(codec, ast.Plugin)
    assert codec.name == "json"


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ("b => x1 { } b => y1 { }", "a codec can be given only once: take one away"),
        ("b => 'x' b => y1 { }", "a codec can be given only once: take one away"),
        ("b => {} b => 'x'", "a hash can be merged only with a hash"),
        ("b => ['x'] b => {}", "a hash cannot be appended to an array: write all as one"),
    ],
)
def test_options_that_cannot_be_merged(options: str, fault: str) -> None:
    assert faults_of(options) == [f'b: the option "b" is given in line 1 already, and {fault}']


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("${X}", "1"),
        ("a${X}b${Y}", "a1b2"),
        ("${X:default}", "1"),
        ("${NO:default}", "default"),
        ("${NO:}", ""),
        ("${NO:a:b c}", "a:b c"),
        ("${EMPTY:default}", ""),
        ("${a.b_1}", "dotted"),
        ("${LOOP}", "${X}"),
        ("$X", "$X"),
        ("${X", "${X"),
        ("${1X}", "${1X}"),
        ("${X Y}", "${X Y}"),
        ("${f$$:val}", "${f$$:val}"),
    ],
)
def test_variables(value: str, expected: str) -> None:
    environment = {"X": "1", "Y": "2", "EMPTY": "", "a.b_1": "dotted", "LOOP": "${X}"}
    assert values(f'b => "{value}"', **environment) == {"b": expected}
    assert values(f'b => [ "{value}" ]', **environment) == {"b": [expected]}
    assert values(f'b => {{ "k" => [ {{ "{value}" => "{value}" }} ] }}', **environment) == {
        "b": {"k": [{value: expected}]}
    }


def test_variables_are_replaced_after_options_are_merged() -> None:
    assert values("b => '${X}' b => '${Y}' c => 5", X="1", Y="1") == {"b": ["1", "1"], "c": 5}


def test_a_variable_that_is_not_defined() -> None:
    assert faults_of("b => { 'x' => 'a ${HOSTS}' } c => '${OTHER}'", HOST="h") == [
        (
            '${HOSTS}: the variable HOSTS is not defined; did you mean "HOST"?; '
            "set it in the environment, or give a default: ${HOSTS:default}"
        ),
        "${OTHER}: the variable OTHER is not defined; set it in the environment, or give a default: ${OTHER:default}",
    ]
    assert faults_of("b => 'x' b => '${OTHER}'") == [
        "'x': the variable OTHER is not defined; set it in the environment, or give a default: ${OTHER:default}"
    ]
