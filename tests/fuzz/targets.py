"""What is fuzzed. A target takes one input and raises anything at all where the code under it did what it must not."""

from __future__ import annotations

import contextlib
import struct
import zlib
from collections.abc import Callable
from typing import Any, NamedTuple

from hypothesis import strategies as st

from pipeline.clock import SystemClock
from pipeline.codecs import plain
from pipeline.config.plan import make_plan
from pipeline.dates.timestamps import canonical
from pipeline.errors import BrokenFraming, ConfigurationError, FieldError, FieldReferenceError
from pipeline.event import Event, copied
from pipeline.field_reference import FieldReference
from pipeline.grammar.faults import Fault
from pipeline.grammar.sources import Source
from pipeline.kql import writer
from pipeline.kql.elasticsearch import translate
from pipeline.kql.parser import parse
from pipeline.kql.query import compile_tree
from pipeline.kql.tree import QueryError
from pipeline.protocols import lumberjack as wire
from pipeline.protocols import syslog
from pipeline.protocols.lumberjack import Limits, Opened, Piece, Receiver
from pipeline.protocols.lumberjack_events import count, events, pieces
from pipeline.sprintf import Template
from pipeline.syslog.events import Labels, Reading, by_grammar, decoder
from pipeline.syslog.times import time_reader


class Target(NamedTuple):
    """A name, how inputs are drawn, and what is done with one."""

    name: str
    inputs: st.SearchStrategy[Any]
    run: Callable[[Any], None]


# ---------------------------------------------------------------------------------------------- frames

LIMITS = Limits(frame=4096, window=8)
MOST_INFLATED = 16384
_payloads = st.lists(st.one_of(st.binary(max_size=40), st.just(b'{"a":1}')), max_size=5)
_numbers = st.one_of(st.integers(0, 9), st.sampled_from([0, 1, 4096, 4097, 2**31, 2**32 - 1]))
_json = st.builds(wire.json_frames, _payloads, st.integers(0, 9))
_pairs = st.builds(wire.pairs_frame, st.dictionaries(st.text(max_size=4), st.text(max_size=9), max_size=3))
_window = st.builds(wire.window, _numbers, st.sampled_from([wire.VERSION_1, wire.VERSION_2]))
_inside = st.lists(st.one_of(_json, _pairs, _window, st.binary(max_size=12)), max_size=3).map(b"".join)
_packed = st.builds(wire.compressed, _inside)
_bomb = st.integers(0, 60_000).map(lambda size: wire.compressed(wire.json_frames([b" " * size])))
_lying = st.builds(
    lambda kind, number, rest: b"2" + kind + struct.pack(">I", number) + rest,
    st.sampled_from([b"W", b"J", b"D", b"C", b"A", b"X"]),
    _numbers,
    st.binary(max_size=20),
)
_cut = st.builds(lambda data, end: zlib.compress(data)[:end], _inside, st.integers(0, 40)).map(
    lambda data: b"2C" + struct.pack(">I", len(data)) + data
)
_whole = st.builds(lambda payloads: wire.window(len(payloads)) + wire.json_frames(payloads), _payloads)
_stream = st.lists(
    st.one_of(_whole, _window, _json, _pairs, _packed, _bomb, _lying, _cut, st.binary(max_size=16)), max_size=6
).map(b"".join)
frames = st.tuples(_stream, st.lists(st.integers(1, 64), max_size=20))


def receive(drawn: tuple[bytes, list[int]]) -> None:
    """However the bytes arrive, the same windows and payloads come out, or the same refusal; memory is bounded."""
    data, sizes = drawn
    at_once, refused_at_once = _received(data, [len(data)])
    in_parts, refused_in_parts = _received(data, sizes)
    assert refused_in_parts == refused_at_once
    # What arrives together with bytes that are refused is not given out; its sender sends it again.
    assert (in_parts[: len(at_once)] if refused_at_once else in_parts) == at_once


def _received(data: bytes, sizes: list[int]) -> tuple[list[object], bool]:
    receiver, out, at = Receiver(LIMITS), [], 0
    try:
        while at < len(data):
            size = sizes.pop(0) if len(sizes) > 1 else (sizes[0] if sizes else 7)
            for item in receiver.feed(data[at : at + size]):
                if isinstance(item, Opened):
                    assert item.events <= LIMITS.window
                    out.append(item)
                else:
                    out.extend(_unpacked(item))
            assert receiver.waiting <= max(size, 2 * LIMITS.frame + (1 << 20))
            at += size
    except BrokenFraming:
        return out, True
    return out, False


def _unpacked(piece: Piece) -> list[object]:
    bounds = MOST_INFLATED, LIMITS.window
    payloads = list(events(piece.data, *bounds))
    assert len(payloads) == count(piece.data, *bounds) <= LIMITS.window
    assert sum(map(len, payloads)) <= MOST_INFLATED + len(piece.data)
    alone = [next(events(part, *bounds)) for part in pieces(piece.data, *bounds)]
    assert alone == payloads
    assert piece.events in (None, len(payloads))
    return list(payloads)


# ---------------------------------------------------------------------------------------------- configuration

CONFIGURATION = r"""
input { beats { port => 5044 codec => json { charset => "UTF-8" } } stdin { tags => ["a", 'b'] id => "x" } }
filter {
  if [type] == "apache" and !([a][b] in ["x", 'y', 5] or [message] =~ /^\/x{2}"/) {
    json { source => "message" target => "[a][b]" tag_on_failure => [] }
  } else if "x" not in [tags] and [n] >= -1.5 {
    mutate { add_field => { "a" => "${A:b}" 'c' => "d \" %{+YYYY.MM.dd}" } remove_field => [ "f", "[g][0]" ] }
    date { match => ["t", "yyyy-MM-dd HH:mm:ss,SSS", "UNIX_MS", "ISO8601"] timezone => "%{zone}" }
  } else { drop { percentage => 40 } }   # by chance
  split { field => "items" } clone { clones => ["c"] }
}
output { file { path => "/tmp/%{x}/y" gzip => true } stdout { codec => line { format => "%{[a][b]} %{{yyyy}}" } } }
"""
_words = st.sampled_from(
    [
        *"{}[]()\"'=>!~,#/\\%$@:.-\n\t ",
        *"if else and or xor nand not in =~ !~ => == <= >= input filter output codec beats mutate".split(),  # noqa: SIM905  (a list of words is read as one)
        *"add_field 5044 -1.5 true \ufeff \0 é ☃ ${A} %{ }} 0x".split(" "),  # noqa: SIM905  (a list of words is read as one)
    ]
)


@st.composite
def configurations(draw: st.DrawFn) -> str:
    """A sound configuration with a few places cut, doubled or overwritten; or words in any order; or any text."""
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return draw(st.text(max_size=200))
    if kind == 1:
        return "".join(draw(st.lists(_words, max_size=80)))
    if kind == 2:  # depth
        opening, closing = draw(st.sampled_from([("if [a] {", "}"), ("(", ")"), ("[", "]"), ("!", ""), ("{", "}")]))
        depth = draw(st.integers(1, 3000))
        return f"filter {{ if {opening * depth}[a]{closing * depth} {{ drop {{}} }} }}"
    text = CONFIGURATION
    for _ in range(draw(st.integers(1, 5))):
        start = draw(st.integers(0, len(text)))
        end = start + draw(st.integers(0, 16))
        text = text[:start] + draw(_words) * draw(st.integers(0, 3)) + text[end:]
    return text


def check(text: str) -> None:
    """A plan, or faults that can be shown and lie within the text."""
    source = Source("fuzzed", text)
    for escapes in (False, True):
        try:
            plan = make_plan([source], support_escapes=escapes)
        except ConfigurationError as error:
            found: list[Any] = error.faults
            assert found
        else:
            found = list(plan.warnings)
        for fault in found:
            assert isinstance(fault, Fault)
            assert fault.span is None or 0 <= fault.span.start <= fault.span.end <= len(text)
            assert str(fault)


# ---------------------------------------------------------------------------------------------- events

_names = st.one_of(
    st.sampled_from(["a", "b", "tags", "@timestamp", "@metadata", "0", "-1", "99999", "a b", ""]), st.text(max_size=4)
)
_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=6)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_names, inner, max_size=3)),
    max_leaves=8,
)
fields = st.dictionaries(_names, _values, max_size=5)
_bracketed = st.lists(_names, min_size=1, max_size=4).map(lambda names: "".join(f"[{name}]" for name in names))
references = st.one_of(_bracketed, _names, st.text("[]ab0-@", max_size=12), st.text(max_size=12))


def refer(drawn: tuple[str, dict[str, Any], Any]) -> None:
    """Reads, sets and removes; what was set is there or nothing has changed, and nothing else is raised."""
    text, document, value = drawn
    try:
        reference = FieldReference(text)
    except FieldReferenceError:
        return
    event = Event(copied(document), {"m": 1})
    assert reference.has(event) or reference.get(event) is None
    before = copied(event.fields), copied(event.metadata)
    found = reference.remove(Event(copied(event.fields), copied(event.metadata)))
    assert _same(found, reference.get(event))
    assert _same((event.fields, event.metadata), before)
    if text.count("9") > 3:  # an index that would make an array of gigabytes is not for here
        return
    with contextlib.suppress(FieldError):
        reference.set(event, value)
        assert _same(reference.get(event), value) or _same((event.fields, event.metadata), before)
        reference.remove(event)


def _same(one: object, other: object) -> bool:
    return repr(one) == repr(other)  # NaN is not equal to itself


_placeholders = st.one_of(
    references.map(lambda text: "%{" + text + "}"),
    st.text("+YyMdHhmsSzZEDwxGKkaA'%{}. :-", max_size=12).map(lambda text: "%{+" + text + "}"),
    st.text("yMdHhmsSnNAzXxVOuQqwWeEDFgG'[]#. :-", max_size=12).map(lambda text: "%{{" + text + "}}"),
    st.sampled_from(["%{", "}", "%{}", "%{+%s}", "%{{TIME_NOW}}", "%{@timestamp}", "%%{a}"]),
)
templates = st.lists(st.one_of(_placeholders, st.text(max_size=8)), max_size=4).map("".join)
_stamps = st.one_of(
    st.sampled_from(["2026-11-25T10:00:00.000Z", "0001-01-01T00:00:00.000000001Z", "9999-12-31T23:59:59.999Z", "no"]),
    st.text(max_size=30),
    st.datetimes().map(lambda moment: moment.isoformat(timespec="milliseconds") + "Z"),
    _values,
)


def write(drawn: tuple[str, dict[str, Any], Any]) -> None:
    """A text comes out of every template that can be read, the same one each time."""
    text, document, stamp = drawn
    try:
        template = Template(text)
    except ValueError:
        return
    event = Event({**document, "@timestamp": stamp}, {"m": 1})
    first = template.render(event)
    assert type(first) is str
    assert "TIME_NOW" in text or template.render(event) == first
    if template.constant:
        assert first == template.render(Event({}))


# ---------------------------------------------------------------------------------------------- syslog

_syslog_words = st.sampled_from(
    [
        *(
            "<13>",
            "<0>",
            "<191>",
            "<999>",
            "1 ",
            "- ",
            "-",
            " ",
            ":",
            "\\",
            '"',
            "]",
            "[a",
            '[a b="c"]',
            ' b="',
            "=",
            "7 ",
        ),
        *("Oct 11 22:14:15", "Feb 29 23:59:60", "2026-02-03T04:05:06Z", "2026-02-30T24:00:00.1+99:99", "10.0.0.1"),
        *("::1", "web1", "app[42]:", "app:", "a-" * 40, "\ufeff", "☃", "<1.2>", "PROXY TCP4 ", "\r\n"),
    ]
)
_syslog_text = st.lists(st.one_of(_syslog_words, st.text(max_size=3)), max_size=14).map("".join)
_syslog_lines = st.builds(
    lambda text, how: (b"%d " % (len(text.encode()) + how) if how < 2 else b"") + text.encode() + b"\n\0"[how & 1 :],
    _syslog_text,
    st.integers(0, 4),
)
_syslog_stream = st.lists(st.one_of(_syslog_lines, st.binary(max_size=8)), max_size=5).map(b"".join)
messages = st.tuples(_syslog_stream, st.lists(st.integers(1, 40), max_size=20))
_LONGEST_MESSAGE = 200


def read_syslog(drawn: tuple[bytes, list[int]]) -> None:
    """However the bytes arrive, each that is no framing is in one message, once; each is an event in both layouts."""
    data, sizes = drawn
    rest, at = b"", 0
    while at < len(data):
        size = sizes.pop(0) if sizes else 7
        rest += data[at : at + size]
        at += size
        try:
            whole = syslog.cut(rest, final=at >= len(data), longest=_LONGEST_MESSAGE)
        except BrokenFraming:
            return
        assert whole or len(rest) <= _LONGEST_MESSAGE + 12 or at >= len(data)
        _frames_hold_all(rest[:whole])
        rest = rest[whole:]
    assert rest == b""


def _frames_hold_all(data: bytes) -> None:
    found = list(syslog.frames(data))
    left, at = b"", 0
    for frame in found:
        assert at <= frame.start <= frame.first <= frame.last <= frame.end <= len(data)
        left += data[at : frame.start]
        at = frame.end
    assert (left + data[at:]).strip(b"\n\0") == b""
    for decode in _SYSLOG_DECODERS:
        events = list(decode(data, {"id": "x", "peer": "::1"}, _must_not_reject))
        assert [event.ordinal for event in events] == list(range(len(found)))
        for event in events:
            assert canonical(event.fields["@timestamp"]) == event.fields["@timestamp"]
            assert type(event.fields["message"]) is str


def _must_not_reject(raw: bytes, error: Exception) -> None:
    raise AssertionError(raw) from error


_SYSLOG_DECODERS = [
    decoder(
        plain.build(plain.Options(ecs_compatibility="disabled")),
        Reading(FieldReference("message"), by_grammar(ecs=ecs), time_reader("Europe/Paris", None, SystemClock())),
        Labels(["kernel"], ["Emergency"]),
        ecs=ecs,
    )
    for ecs in (True, False)
]


# ---------------------------------------------------------------------------------------------- queries

_query_parts = st.one_of(
    st.sampled_from(
        ["a", "message", ":", ">=", "<", "(", ")", '"', "*", "\\", " and ", " or ", " not ", "{", "now-1d/d"]
    ),
    st.sampled_from(["2026-11-23", "10.0.0.0/8", "ip", "@timestamp", "1e3", "\\u0041", "true", " ", "日"]),
    st.text(max_size=3),
)
queries = st.tuples(st.lists(_query_parts, max_size=12).map("".join), fields)


def ask(drawn: tuple[str, dict[str, Any]]) -> None:
    """A query is refused at a place in it, or is the same when written and read again; it judges any document."""
    text, document = drawn
    tree, refused = None, None
    try:
        tree = parse(text)
    except QueryError as error:
        refused = error
    if tree is None:
        assert refused is not None
        assert 0 <= refused.position <= len(text)
        return
    assert parse(writer.write(tree)) == tree
    now = 1_795_428_000_000
    translate(tree, {"a": "keyword", "message": "text", "ip": "ip", "@timestamp": "date", "n": "number"}, now)
    query = compile_tree(tree, now)
    assert query.matches(document) in (True, False)
    assert query.matches({"a": [document, None, 2**80, 1.5, True], "message": document, "ip": "::1"}) in (True, False)


TARGETS = [
    Target("frames", frames, receive),
    Target("syslog", messages, read_syslog),
    Target("configuration", configurations(), check),
    Target("field references", st.tuples(references, fields, _values), refer),
    Target("queries", queries, ask),
    Target("sprintf", st.tuples(templates, fields, _stamps), write),
]
