"""Patterns that a grammar makes, against Oniguruma."""

import onigurumacffi
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pipeline.languages import ruby_regex
from pipeline.languages.ruby_regex import PatternError
from tests.languages.oracle import for_oracle, for_ruby, oracle_spans, spans

# --------------------------------------------------------------------------------- patterns from a grammar

QUANTIFIERS = [
    "?",
    "*",
    "+",
    "??",
    "*?",
    "+?",
    "?+",
    "*+",
    "++",
    "{2}",
    "{1,2}",
    "{,2}",
    "{0,}",
    "{2}?",
    "{1,2}?",
    "{1,2}+",
]
ITEMS = [
    "a",
    "b",
    "A",
    "a-c",
    "b-z",
    "{w}",
    "{d}",
    "{W}",
    "é",
    "A-Z",
    "[ab]",
    "[^a]",
    r"\n",
    "_",
    "[:digit:]",
    "[:upper:]",
]

letters = st.sampled_from([*"abcAB_-.ékÉs1 ", r"\."])
known = st.sampled_from(
    [*["<w>", "<W>", "<d>", "<D>", "<s>", "<S>"], r"\h", "[[:alpha:]]", "[[:^upper:]]", r"\p{L}", r"\P{Alnum}", r"\R"]
)
items = st.lists(st.sampled_from(ITEMS), min_size=1, max_size=3).map("".join)
classes = st.builds("[{}{}{}]".format, st.sampled_from(["", "^"]), items, st.just("") | items.map("&&".__add__))
anchors = st.sampled_from(["^", "$", r"\A", r"\z", r"\Z", r"\b", r"\B", "(?i)", "(?m)", "(?-i)"])
behind = st.builds(
    "({}{})".format, st.sampled_from(["?<=", "?<!"]), st.sampled_from(["a", "b|ab", "^", "<w>", "[^a]", "é"])
)


def wider(patterns):
    group = st.builds("({}{})".format, st.sampled_from(["?:", "?>", "", "", "?i:", "?m:"]), patterns)
    ahead = st.builds("({}{})".format, st.sampled_from(["?=", "?!"]), patterns)
    counted = st.builds("{}{}".format, letters | known | classes | group, st.sampled_from(["", "", *QUANTIFIERS]))
    pieces = counted | anchors | behind | ahead | st.sampled_from([r"\1", r"\2"])
    branch = st.lists(pieces, min_size=1, max_size=4).map("".join)
    return st.lists(branch, min_size=1, max_size=2).map("|".join)


patterns = st.recursive(letters, wider, max_leaves=6)
subjects = st.text("aabbcAB_-1 .\n", max_size=8) | st.text("abA1 .\nékKsSſÉ²", max_size=8)


def agree(pattern, subjects):
    try:
        oracle = onigurumacffi.compile(f"(?:{for_oracle(pattern)})")
        ours = ruby_regex.compile(for_ruby(pattern))
    except (onigurumacffi.OnigError, PatternError) as error:
        # What is refused must be refused for a reason that the tables above know: a reference to a group that is not
        # there yet, or, which Ruby takes, the repeat of an anchor.
        assume("\\1" not in pattern and "\\2" not in pattern and "target of repeat operator" not in str(error))
        raise
    for subject in subjects:
        assert spans(ours, ours.groups, subject) == oracle_spans(oracle, subject)


@settings(max_examples=150, deadline=None)
@given(patterns, st.lists(subjects, min_size=2, max_size=5))
def test_any_pattern_as_oniguruma(pattern, subjects):
    agree(pattern, subjects)


@pytest.mark.long
@settings(max_examples=10_000, deadline=None)
@given(patterns, st.lists(subjects, min_size=2, max_size=5))
def test_many_patterns_as_oniguruma(pattern, subjects):
    agree(pattern, subjects)
