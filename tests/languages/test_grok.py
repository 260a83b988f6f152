"""Grok patterns are expanded, their parts named where they are wrong, and texts found in the cheapest way."""

from __future__ import annotations

import pytest

from pipeline.languages import grok, ruby_regex
from pipeline.languages.grok import PatternError

PATTERNS = {"INT": r"[+-]?\d+", "WORD": r"\w+", "PAIR": "%{WORD:key}=%{INT:value:int}", "ALT": "a|b"}


def captures(pattern, text, **options):
    compiled = grok.compile(pattern, PATTERNS, **options)
    found = compiled.find(text)
    if found is None:
        return None
    return [
        (one.field, one.convert(found[one.group]) if one.convert else found[one.group]) for one in compiled.captures
    ]


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("%{INT}", "a 5", []),
        ("%{INT:n}", "a 5", [("n", "5")]),
        ("%{INT:n:int}", "a -5", [("n", -5)]),
        ("%{WORD:n:float}", "1e3x", [("n", 1000.0)]),
        ("%{WORD:n:float}", "x", [("n", 0.0)]),
        ("%{WORD:n:int}", "x", [("n", 0)]),
        ("%{WORD:n:int}", "1_000", [("n", 1000)]),
        ("%{WORD:n:text}", "5", [("n", "5")]),
        ("%{PAIR}", "a=5", [("key", "a"), ("value", 5)]),
        ("%{PAIR:pair}", "a=5", [("pair", "a=5"), ("key", "a"), ("value", 5)]),
        ("x%{ALT:which}y", "xby", [("which", "b")]),
        ("%{INT:[a][b]}", "5", [("[a][b]", "5")]),
        ("%{INT:[a][b]:int}", "5", [("[a][b]", 5)]),
        ("%{INT:a-b.c}", "5", [("a-b.c", "5")]),
        ("%{INT:@a}", "5", [("@a", "5")]),
        ("%{INT:a what is this}", "5", [("a", "5")]),
        ("(?<a>.)%{INT:b}", "x5", [("a", "x"), ("b", "5")]),
        ("(?<a:int>.)", "5", [("int", "5")]),
        ("(?<[a][b]>.)", "5", [("[a][b]", "5")]),
        ("(.)%{INT:b}", "x5", [("b", "5")]),
        ("%{INT:a} %{WORD:a} %{INT:a}", "1 b 2", [("a", "1"), ("a", "2"), ("a", "b")]),
        ("%{INT:a:int} %{INT:a:int}", "1 2", [("a", 1), ("a", "2")]),
        ("%{DIGITS=[0-9]{2,3}}", "1234", []),
        ("%{DIGITS:n=[0-9]{2,3}} %{DIGITS:m}", "12 345", [("n", "12"), ("m", "345")]),
        ("(?<a>.+)", "x\ny", [("a", "x\ny")]),
        ("^(?<a>y)$", "x\ny", [("a", "y")]),
        (r"\A(?<a>y)", "x\ny", None),
        ("%{WORD:w}", "größe", [("w", "gr")]),
        (r"\b%{WORD:w}\b", "größe", None),
        ("(?<y>é)%{INT:n}", "éé5", [("y", "é"), ("n", "5")]),
        ("(?i)LEVEL %{INT:n}", "level 5", [("n", "5")]),
        ("a(b)?%{INT:n}", "a5", [("n", "5")]),
        (r"(a)\1", "aa", []),
    ],
)
def test_what_is_captured(pattern, text, expected):
    assert captures(pattern, text) == expected


def test_names_are_kept_where_asked():
    assert captures("%{INT} %{PAIR}", "1 a=2", named_only=False) == [
        ("INT", "1"),
        ("PAIR", "a=2"),
        ("key", "a"),
        ("value", 2),
    ]


@pytest.mark.parametrize(
    ("pattern", "more", "message"),
    [
        (
            "%{POSTFIX_CLIENT}",
            {},
            'there is no grok pattern "POSTFIX_CLIENT"; it is neither built in nor in patterns_dir',
        ),
        ("%{WROD:x}", {}, 'there is no grok pattern "WROD"; did you mean "WORD"?'),
        ("%{QQQQ}", {}, 'there is no grok pattern "QQQQ"; it is neither built in nor in patterns_dir'),
        ("%{A}", {"A": "%{NONE}x"}, r'"NONE".* \(in the pattern A\)'),
        ("%{A}", {"A": "x%{B}", "B": "y%{A}"}, "the grok pattern A refers to itself: A > B > A"),
        ("%{A}", {"A": "%{A=%{A}}"}, "refers to itself"),
        ("x(", {}, r'"\(" without "\)", at character 2 of /x\(/'),
        (
            "%{A:a}",
            {"A": "b%{B}", "B": "[c"},
            r'pattern A cannot be compiled: .*B cannot be compiled: "\[" without "\]"',
        ),
        (r"\Gx", {}, r'"\\G" is not supported'),
    ],
)
def test_what_is_wrong_is_named(pattern, more, message):
    with pytest.raises(PatternError, match=message):
        grok.compile(pattern, {**PATTERNS, **more})


def test_a_pattern_that_doubles_and_doubles_is_refused():
    patterns = {f"P{number}": f"%{{P{number + 1}}}%{{P{number + 1}}}" for number in range(40)} | {"P40": "xx"}
    with pytest.raises(PatternError, match="grows beyond"):
        grok.compile("%{P0}", patterns)


@pytest.mark.parametrize(
    ("pattern", "texts"),
    [
        (r"\Aab", ["ab", "xab", "x\nab", "äab", "ab\nä"]),
        ("^ab", ["ab", "xab", "x\nab", "\näb", "ä\nab", ""]),
        ("^(?:ab|cd)|^e", ["ab", "xe", "e", "x\ncd"]),
        ("ab+c: ", ["xabbc: ", "abc", "ab c: "]),
        ("(?:ab-x|cd-x)[yz]", ["ab-xy", "cd-x", "-x"]),
        ("(?:a:b)?(?:c;d){2}", ["c;dc;d", "c;d", "a:bc;dc;d"]),
        ("(?!x)a;b", ["a;b", "xa;b", ""]),
        ("(?i)k;", ["K;", "\u212a;", "k"]),
        (r"\b;ü", [";ü", "a;ü"]),
        (r"a\K;b", ["a;b", ";b"]),
    ],
)
def test_finding_is_searching(pattern, texts):
    regex = ruby_regex.compile(pattern)
    for text in texts:
        found, searched = regex.find(text), regex.search(text)
        assert (found and found.span()) == (searched and searched.span()), text


@pytest.mark.parametrize(
    ("pattern", "filled"),
    [("(a)(b?)(c)?(?:(d)|(e))", {1}), ("(?:(a)|(a))+", set()), ("((a)b){2}", {1, 2}), ("(a*)(?=(b))", set())],
)
def test_groups_that_hold_a_text_after_every_match(pattern, filled):
    assert ruby_regex.compile(pattern).filled == filled
