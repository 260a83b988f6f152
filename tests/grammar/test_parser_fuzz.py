"""No text makes the parser do anything but report faults, within the text."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.grammar.parser import parse
from pipeline.grammar.sources import Source

VALID = """
input { beats { port => 5044 codec => json { charset => "UTF-8" } } }   # where it comes from
filter {
  if [type] == "apache" and !([a][b] in ["x", 'y', 5] or [message] =~ /^\\/x{2}"/) {
    grok { match => { "message" => "%{COMBINEDAPACHELOG}" } tag_on_failure => [] }
  } else if "x" not in [tags] and [n] >= -1.5 {
    mutate { add_field => { "a" => "${A:b}" 'c' => "d \\" e" } remove_field => [ "f", "g" ] }
  } else { drop { percentage => 40 } }
}
output { elasticsearch { hosts => ["http://es:9200"] index => "logs-%{+YYYY.MM.dd}" } }
"""
PIECES = sorted(set(re.findall(r"\w+|\s+|=>|[^\w\s]", VALID)) | {"\ufeff", "\0", "é", "“", "\\", "elsif", "xor", "=~"})


def check(text: str) -> None:
    _, faults = parse([Source("t", text)])
    for fault in faults:
        assert fault.span is not None
        assert 0 <= fault.span.start <= fault.span.end <= len(text)
        assert str(fault).startswith(fault.span.place)


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=80))
def test_any_text(text: str) -> None:
    check(text)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=60).map("".join))
def test_any_pieces(text: str) -> None:
    check(text)


@st.composite
def mutations(draw: st.DrawFn) -> str:
    """A valid configuration with a few places cut, doubled or overwritten."""
    text = VALID
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = start + draw(st.integers(0, 12))
        replacement = draw(st.sampled_from(PIECES)) * draw(st.integers(0, 2))
        text = text[:start] + replacement + text[end:]
    return text


@settings(max_examples=100, deadline=None)
@given(mutations())
def test_mutations_of_a_valid_configuration(text: str) -> None:
    check(text)


def test_the_valid_configuration_is_valid() -> None:
    assert parse([Source("t", VALID)])[1] == []
