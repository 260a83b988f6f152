"""How far a pattern gets in a text."""

from __future__ import annotations

import pytest

from pipeline.languages.grok_reasons import furthest, told

PATTERNS = {"INT": r"\d+", "WORD": "[a-z]+"}


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("^%{WORD:a} %{INT:b}$", "abc x", ("^%{WORD:a} ", "%{INT:b}", 4)),
        ("^%{WORD:a} %{INT:b}$", "abc 5 x", ("^%{WORD:a} %{INT:b}", "$", 5)),
        ("^%{WORD:a} %{INT:b}$", "5", ("^", "%{WORD:a}", 0)),
        ("%{WORD:a}(?: %{INT:b})x", "abc 5", ("%{WORD:a}", "(?: ", 3)),
        ("a", "b", ("", "a", 0)),
    ],
)
def test_the_longest_beginning_that_matches(pattern, text, expected):
    assert furthest(pattern, PATTERNS, text) == expected


def test_it_is_told_with_what_stands_there():
    assert told("%{WORD:a}=%{INT}", PATTERNS, "abc=x") == (
        "%{WORD:a}=%{INT}: matches as far as %{WORD:a}=, up to character 4; then %{INT} does not match 'x'"
    )
    assert told("%{INT}", PATTERNS, "x") == "%{INT}: nothing of it matches"
