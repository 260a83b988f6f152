"""Conditions, judged over events: a condition, and for each event what it says."""

from typing import Any

import pytest

from pipeline.config.conditions import compile_condition
from pipeline.errors import Unjudged
from pipeline.event import Event
from pipeline.grammar import ast
from pipeline.grammar.parser import parse
from pipeline.grammar.sources import Source, Span

DROPPED = None


def arm_condition(condition: str) -> ast.Condition:
    configuration, faults = parse([Source("t", f"filter {{ if {condition} {{ }} }}")])
    assert not faults
    branch = configuration.sections[0].body[0]
    assert isinstance(branch, ast.Branch)
    return branch.arms[0].condition


def judge(condition: str, fields: dict[str, Any], environment: dict[str, str] | None = None) -> bool | None:
    faults: list[Any] = []
    test = compile_condition(arm_condition(condition), faults, environment or {})
    assert not faults
    try:
        return test(Event(fields, {"m": "x"}))
    except Unjudged:
        return DROPPED


def faults_of(condition: str, environment: dict[str, str] | None = None) -> list[str]:
    faults: list[Any] = []
    compile_condition(arm_condition(condition), faults, environment or {})
    return [f"{fault.span.text}: {fault.message}" for fault in faults]


@pytest.mark.parametrize(
    ("condition", "verdicts"),
    [
        ("[a]", [
            ({}, False), ({"a": None}, False), ({"a": False}, False), ({"a": ""}, False), ({"a": "false"}, False),
            ({"a": "x"}, True), ({"a": " "}, True), ({"a": True}, True), ({"a": 0}, True), ({"a": 0.0}, True),
            ({"a": []}, True), ({"a": {}}, True), ({"a": "False"}, True),
        ]),
        ("![a]", [({}, True), ({"a": "x"}, False)]),
        ("[a][b]", [({"a": {"b": 1}}, True), ({"a": {}}, False), ({"a": 1}, False), ({}, False)]),
        ("[a][-1]", [({"a": ["", "x"]}, True), ({"a": []}, False)]),
        ("[@metadata][m]", [({}, True)]),
        ("'x'", [({}, True)]),
        ("''", [({}, False)]),
        ("'false'", [({}, False)]),
        ("0", [({}, True)]),
        ("[]", [({}, True)]),
        ("/x/", [({}, True)]),
        # equality: kinds are never mixed
        ("[a] == 'x'", [
            ({"a": "x"}, True), ({"a": "X"}, False), ({}, False), ({"a": None}, False), ({"a": ["x"]}, False),
        ]),
        ("[a] == '5'", [({"a": 5}, False), ({"a": "5"}, True)]),
        ("[a] == ''", [({"a": ""}, True), ({}, False), ({"a": None}, False)]),
        ("[a] == 1", [
            ({"a": 1}, True), ({"a": 1.0}, False), ({"a": True}, False), ({"a": "1"}, False), ({}, False),
        ]),
        ("[a] == 1.5", [({"a": 1.5}, True), ({"a": 1}, False)]),
        ("[a] == 1.0", [({"a": 1.0}, True), ({"a": 1}, False)]),
        ("'x' == [a]", [({"a": "x"}, True), ({"a": "y"}, False)]),
        ("[a] != 'x'", [({"a": "x"}, False), ({"a": 1}, True), ({}, True)]),
        ("1 != [a]", [({"a": 1}, False), ({"a": "1"}, True)]),
        ("'x' == 'x'", [({}, True)]),
        ("7 == 7", [({}, True)]),
        ("7 == 7.0", [({}, False)]),
        ("7 != '7'", [({}, True)]),
        ("[a] == ['x', 'y']", [({"a": "x"}, True), ({"a": "y"}, False), ({"a": ["x", "y"]}, False)]),
        ("[a] == [[bb], { cc => 5 }]", [({"a": 5}, True)]),
        ("[a] == [b]", [
            ({"a": "x", "b": "x"}, True), ({"a": 1, "b": 1.0}, False), ({"a": 1, "b": True}, False), ({}, True),
            ({"a": None}, False), ({"a": None, "b": None}, True), ({"a": "x"}, False),
            ({"a": [1, "x"], "b": [1, "x"]}, True), ({"a": [1], "b": [1.0]}, False), ({"a": [1], "b": [1, 2]}, False),
            ({"a": {}, "b": {}}, True), ({"a": {"c": 1}, "b": {"c": 1}}, False),
        ]),
        ("[a] != [b]", [({"a": 1, "b": 2}, True), ({"a": 1}, True), ({"a": "x", "b": "x"}, False)]),
        # order
        ("[a] < 5", [
            ({"a": 4}, True), ({"a": 4.9}, True), ({"a": 5}, False), ({"a": "4"}, DROPPED), ({}, DROPPED),
            ({"a": None}, DROPPED), ({"a": True}, DROPPED), ({"a": [1]}, DROPPED), ({"a": {}}, DROPPED),
        ]),
        ("[a] <= 5", [({"a": 5}, True), ({"a": 5.1}, False)]),
        ("[a] > 1.5", [({"a": 2}, True), ({"a": 1.5}, False)]),
        ("[a] >= 1.5", [({"a": 1.5}, True), ({"a": 1}, False)]),
        ("5 < [a]", [({"a": 6}, True), ({"a": 5}, False)]),
        ("5 <= [a]", [({"a": 5}, True)]),
        ("5 > [a]", [({"a": 4}, True), ({"a": 5}, False)]),
        ("5 >= [a]", [({"a": 5}, True)]),
        ("[a] < 'a'", [
            ({"a": "B"}, True), ({"a": "10"}, True), ({"a": "b"}, False), ({"a": "ä"}, False), ({"a": 1}, DROPPED),
        ]),
        ("[a] < '\U00010000'", [({"a": "\uffff"}, True)]),
        ("[a] < [b]", [
            ({"a": 1, "b": 1.5}, True), ({"a": "a", "b": "b"}, True), ({"a": 1, "b": "2"}, DROPPED),
            ({"a": 1}, DROPPED), ({}, DROPPED), ({"a": True, "b": False}, DROPPED), ({"a": True, "b": True}, False),
            ({"a": None, "b": None}, False),
        ]),
        ("[a] <= [b]", [({"a": True, "b": True}, True), ({"a": None, "b": None}, True), ({"a": [], "b": []}, DROPPED)]),
        ("1 < 2", [({}, True)]),
        ("'b' < 'a'", [({}, False)]),
        ("2 >= 1.5", [({}, True)]),
        # [@timestamp] is no text
        ("[@timestamp] == '2020-01-01T00:00:00.000Z'", [({"@timestamp": "2020-01-01T00:00:00.000Z"}, False)]),
        ("[@timestamp] != 'x'", [({"@timestamp": "2020-01-01T00:00:00.000Z"}, True)]),
        ("[@timestamp] < '2021'", [({"@timestamp": "2020-01-01T00:00:00.000Z"}, DROPPED), ({}, DROPPED)]),
        ("[@timestamp] =~ /2020/", [({"@timestamp": "2020-01-01T00:00:00.000Z"}, False)]),
        ("'2020' in [@timestamp]", [({"@timestamp": "2020-01-01T00:00:00.000Z"}, False)]),
        ("[@timestamp] in '2020-01-01T00:00:00.000Z'", [({"@timestamp": "2020-01-01T00:00:00.000Z"}, False)]),
        ("[@timestamp] in ['2020-01-01T00:00:00.000Z', 'x']", [({"@timestamp": "2020-01-01T00:00:00.000Z"}, True)]),
        ("[@timestamp] > [t]", [
            ({"@timestamp": "2020-01-01T00:00:00.000Z", "t": "2019-12-31T23:59:59.999Z"}, True),
            ({"@timestamp": "2020-01-01T00:00:00.000Z", "t": "2020-01-01T00:00:00.000Z"}, False),
        ]),
        # patterns
        ("[a] =~ /^abc$/", [({"a": "abc"}, True), ({"a": "x\nabc\n"}, True), ({"a": "abcd"}, False), ({}, False)]),
        ("[a] =~ /5/", [({"a": "5"}, True), ({"a": 5}, False), ({"a": ["5"]}, False), ({"a": None}, False)]),
        ("[a] =~ /a\\/b/", [({"a": "a/b"}, True)]),
        ("[a] =~ /(?i)x/", [({"a": "X"}, True)]),
        ("[a] =~ 'x+'", [({"a": "xx"}, True)]),
        ("[a] =~ /${X}/", [({"a": "X"}, False)]),
        ("[a] !~ /5/", [({"a": "5"}, False), ({"a": 5}, True), ({}, True)]),
        ("'z' =~ /z/", [({}, True)]),
        ("'z' !~ /z/", [({}, False)]),
        # in
        ("[a] in ['x', 5, 1.5]", [
            ({"a": "x"}, True), ({"a": 5}, True), ({"a": "5"}, True), ({"a": 1.5}, True), ({"a": 5.0}, False),
            ({"a": "y"}, False), ({}, False), ({"a": None}, False), ({"a": ["x"]}, False),
        ]),
        ("[a] in ['', 'true', '[x, 1]', '{k=v}']", [
            ({"a": ""}, True), ({"a": None}, True), ({}, False), ({"a": True}, True), ({"a": False}, False),
            ({"a": ["x", 1]}, True), ({"a": {"k": "v"}}, True),
        ]),
        ("[a] in [['x', 'y'], 'z']", [({"a": ["x", "y"]}, True), ({"a": "x"}, False)]),
        ("[a] in 'xyz'", [({"a": "yz"}, True), ({"a": "a"}, False), ({"a": 1}, False), ({}, False)]),
        ("[a] in 51", [({"a": "5"}, True), ({"a": 51}, False)]),
        ("[a] in ['x']", [({"a": "x"}, False), ({"a": "x", "'x'": "xyz"}, True)]),
        ("'x' in [a]", [
            ({"a": "axb"}, True), ({"a": ["x"]}, True), ({"a": ["xy"]}, False), ({"a": [["x"]]}, False), ({}, False),
            ({"a": {"x": 1}}, False), ({"a": 1}, False),
        ]),
        ("5 in [a]", [({"a": [5]}, True), ({"a": ["5"]}, False), ({"a": [5.0]}, False), ({"a": 5}, False)]),
        ("'x' not in [a]", [({"a": ["x"]}, False), ({}, True)]),
        ("[a] in [b]", [
            ({"a": "x", "b": "axb"}, True), ({"a": "x", "b": ["x"]}, True), ({"a": "x", "b": ["y"]}, False),
            ({"a": 5, "b": 5}, True), ({"a": 5, "b": [5]}, True), ({"a": 5, "b": [5.0]}, False),
            ({"a": 5, "b": "5"}, False), ({"a": ["x"], "b": ["x"]}, False), ({"a": {}, "b": {}}, False),
            ({}, False), ({"b": [None]}, False), ({"a": None, "b": [None]}, True), ({"a": None, "b": None}, True),
            ({"a": None}, False),
        ]),
        ("'x' in 'x'", [({}, True)]),
        ("'x' in 'xyz'", [({}, False)]),
        ("'x' in ['x', 'y']", [({}, False)]),
        ("'x' not in 'y'", [({}, True)]),
        ("['x', 'y'] in ['x', 'y']", [({}, True)]),
        # joined
        ("[a] and [b]", [({"a": 1, "b": 1}, True), ({"a": 1}, False), ({"b": 1}, False)]),
        ("[a] and [b] and [c]", [({"a": 1, "b": 1, "c": 1}, True), ({"a": 1, "b": 1}, False)]),
        ("[a] and [b] and [c] and [d]", [({"a": 1, "b": 1, "c": 1, "d": 1}, True), ({"a": 1, "b": 1, "c": 1}, False)]),
        ("[a] or [b] or [c] or [d]", [({"d": 1}, True), ({}, False)]),
        ("[a] or [b]", [({"a": 1}, True), ({"b": 1}, True), ({}, False)]),
        ("[a] or [b] or [c]", [({"c": 1}, True), ({}, False)]),
        ("[a] nand [b]", [({"a": 1, "b": 1}, False), ({"a": 1}, True), ({}, True)]),
        ("[a] xor [b]", [({"a": 1, "b": 1}, False), ({"a": 1}, True), ({"b": 1}, True), ({}, False)]),
        ("[a] and [b] and [c] or [d]", [({"a": 1, "d": 1}, True), ({"d": 1}, False), ({"a": 1, "b": 1, "c": 1}, True)]),
        ("([a] or [b]) and !([c] or [d])", [({"b": 1}, True), ({"b": 1, "d": 1}, False)]),
        ("[a] and [a] > 5", [({"a": 9}, True), ({}, False), ({"a": "x"}, DROPPED)]),
    ],
)  # fmt: skip
def test_verdicts(condition: str, verdicts: list[tuple[dict[str, Any], bool | None]]) -> None:
    assert [(fields, judge(condition, fields)) for fields, _ in verdicts] == verdicts


@pytest.mark.parametrize(
    ("condition", "fields", "verdict"),
    [
        ("[a] == '${X}'", {"a": "1"}, True),
        ("[a] == '${X}'", {"a": 1}, False),
        ("[a] == '${NO:d}'", {"a": "d"}, True),
        ("[a] == 'a${X}'", {"a": "a${X}"}, True),
        ("[a] in ['${X}', 'y']", {"a": "1"}, True),
        ("'${X}' in [a]", {"a": ["1"]}, True),
        ("'${X}' == '1'", {}, True),
        ("'${X}' =~ /1/", {}, True),
        ("'${EMPTY}'", {}, False),
    ],
)
def test_variables(condition: str, fields: dict[str, Any], verdict: bool) -> None:
    assert judge(condition, fields, {"X": "1", "EMPTY": ""}) is verdict


@pytest.mark.parametrize(
    ("condition", "faults"),
    [
        ("[a] =~ /(/", "/(/: this pattern cannot be used: "),
        ("[a] == '${X}'", "${X}: the variable X is not defined; set it in the environment"),
        ("[a] == /x/", "/x/: only fields, texts and numbers can be compared"),
        ("[a] == []", "[]: only fields, texts and numbers can be compared"),
        ("/x/ == [a]", "/x/: only fields, texts and numbers can be compared"),
        ("['x', 'y'] == [a]", "['x', 'y']: only fields, texts and numbers can be compared"),
        ("1 < 'x'", "1 < 'x': 1 has no order against the text \"x\""),
        ("5 =~ /x/", "5: only a field or a text can be matched"),
        ("['x', 'y'] =~ /x/", "['x', 'y']: only a field or a text can be matched"),
        ("[a] in /x/", '/x/: a pattern cannot stand beside "in": write =~'),
        ("/x/ in [a]", '/x/: a pattern cannot stand beside "in": write =~'),
        ("['x', 'y'] in [a]", "['x', 'y']: an array cannot be looked for in a field"),
        ("'x' and [a]", "'x': a text or a number cannot be negated or joined to another condition"),
        ("!('x')", "('x'): a text or a number cannot be negated or joined to another condition"),
    ],
)
def test_faults(condition: str, faults: str) -> None:
    (found,) = faults_of(condition)
    assert found.startswith(faults)


def test_every_fault_of_a_condition_at_once() -> None:
    assert len(faults_of("[a] =~ /(/ or ([b] =~ /)/ and 5 =~ /x/) or [c] == '${X}'")) == 4


def test_a_field_reference_that_cannot_be_read() -> None:
    source = Source("t", "[a]b")
    field = ast.Field("[a]b", Span(source, 0, 4))
    faults: list[Any] = []
    compile_condition(ast.Truth(field, field.span), faults, {})
    assert 'is no field reference: "b" outside the brackets' in faults[0].message


@pytest.mark.parametrize(
    ("condition", "fields", "message"),
    [
        ("[a] > 100", {"a": "101"}, 't:1:13: the text "101" has no order against 100'),
        ("[a] > 100", {"a": "x" * 50}, f't:1:13: the text "{"x" * 37}..." has no order against 100'),
        ("[a] > 100", {}, "t:1:13: a missing field has no order against 100"),
        ("[a] > [b]", {"a": [1], "b": {}}, "t:1:13: an array has no order against an object"),
        ("[a] > [b]", {"a": True, "b": 1.5}, "t:1:13: true has no order against 1.5"),
        ("[@timestamp] > '2020'", {"@timestamp": "2021-01-01T00:00:00.000Z"},
         't:1:13: the time 2021-01-01T00:00:00.000Z has no order against the text "2020"'),
    ],
)  # fmt: skip
def test_what_is_said_of_an_event_that_is_dropped(condition: str, fields: dict[str, Any], message: str) -> None:
    test = compile_condition(arm_condition(condition), [], {})
    with pytest.raises(Unjudged) as raised:
        test(Event(fields))
    assert str(raised.value) == message


def test_long_chains_are_judged() -> None:
    assert judge(" or ".join(["[x]"] * 1500 + ["[a]"]), {"a": 1}) is True
    assert judge(" and ".join(["[a]"] * 1500 + ["[x]"]), {"a": 1}) is False
