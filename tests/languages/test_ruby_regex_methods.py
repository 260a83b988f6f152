"""What a compiled pattern of Ruby does beside finding: names, methods, replacements."""

import pytest

from pipeline.languages import ruby_regex
from pipeline.languages.ruby_regex import PatternError, replacement


def test_names():
    regex = ruby_regex.compile("(?<a>x)(y)|(?<a>z)(?<b.c>w)")
    assert regex.names == {"a": (1, 2), "b.c": (3,)}
    assert regex.groups == 3
    assert regex.search("xy")["a"] == "x"
    assert regex.search("zw")[2] == "z"


def test_methods():
    regex = ruby_regex.compile(r"(?i)\bé")
    assert regex.match("É").span() == (0, 1)
    assert regex.match("a é", 2).span() == (2, 3)
    assert regex.match("ascii") is None
    assert [found.start() for found in regex.finditer("é É eé")] == [0, 2]
    assert repr(regex) == r"Regex('(?i)\\bé')"


# ----------------------------------------------------------------------------------------- substitution


@pytest.mark.parametrize(
    ("pattern", "by", "subject", "result"),
    [
        ("a", "b", "aab", "bbb"),
        ("x*", "-", "abxd", "-a-b--d-"),
        ("|a", "-", "ab", "-a-b-"),
        ("^", "> ", "a\nb\n", "> a\n> b\n"),
        ("$", ";", "a\nb", "a;\nb;"),
        (r"\b", "|", "é a", "|é| |a|"),
        ("ö", "oe", "schön", "schoen"),
        (r"(\w+)@(\w+)", r"\2 at \1", "bob@orange, eve@test", "orange at bob, test at eve"),
        (r"(\d)(?=(\d{3})+$)", r"\1,", "1234567", "1,234,567"),
        ("b", r"[\0\&]", "abc", "a[bb]c"),
        ("b", r"\`\'", "abc", "aacc"),
        ("(a)|b", r"<\1>", "ab", "<a><>"),
        ("a", r"\5", "a", ""),
        ("a", r"\\1", "a", r"\1"),
        ("a", r"\q\ ", "a", r"\q\ "),
        ("a", "\\", "a", "\\"),
        ("(?<n>a)", r"\k<n>\k<n>", "ba", "baa"),
        ("(?<n>a)|(?<n>b)", r"<\k<n>>", "ab", "<a><b>"),
        ("(?<n>a)(b)", r"<\1\2\0\&>", "ab", "<abab>"),
        (r"a\Kb", "-", "abab", "a-a-"),
    ],
)
def test_substitution(pattern, by, subject, result):
    regex = ruby_regex.compile(pattern)
    assert regex.sub(replacement(by, regex), subject) == result


def test_a_replacement_that_names_no_group_fails_when_there_is_something_to_replace():
    regex = ruby_regex.compile("a")
    by = replacement(r"\k<n>", regex)
    assert regex.sub(by, "b") == "b"
    with pytest.raises(PatternError, match='has no group "n"'):
        regex.sub(by, "a")
