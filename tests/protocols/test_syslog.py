"""Syslog on the wire."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import BrokenFraming
from pipeline.protocols import syslog
from pipeline.protocols.syslog import Message, cut, frames, read, read_5424, trimmed

# ---------------------------------------------------------------------------------------------- frames

STREAMS = {
    "lines": (b"<1>a\n<2>b\n", [b"<1>a", b"<2>b"]),
    "NULs": (b"<1>a\0<2>b\0", [b"<1>a", b"<2>b"]),
    "both": (b"<1>a\n\0<2>b\0\n", [b"<1>a", b"<2>b"]),
    "a carriage return": (b"<1>a\r\n", [b"<1>a"]),
    "counted": (b"4 <1>a5 <2>b\n", [b"<1>a", b"<2>b"]),
    "counted, with lines inside": (b"8 <1>a\nb\nc4 <2>d", [b"<1>a\nb\nc", b"<2>d"]),
    "counted, each with a line feed after it": (b"4 <1>a\n4 <2>b\n", [b"<1>a", b"<2>b"]),
    "mixed": (b"<1>a\n4 <2>b<3>c\n", [b"<1>a", b"<2>b", b"<3>c"]),
    "a number that is no length": (b"12 monkeys\n<2>b\n", [b"12 monkeys", b"<2>b"]),
    "a number alone": (b"12\n<2>b\n", [b"12", b"<2>b"]),
    "nothing": (b"\n\0\n", []),
}


@pytest.mark.parametrize(("data", "messages"), STREAMS.values(), ids=STREAMS)
def test_streams(data: bytes, messages: list[bytes]) -> None:
    assert [trimmed(data[frame.first : frame.last]) for frame in frames(data)] == messages
    for size in range(len(data) + 1):
        assert _received(data, size) == messages


def _received(data: bytes, size: int) -> list[bytes]:
    """The messages, where the stream arrives in two parts."""
    found = []
    first = cut(data[:size])
    for part in (data[:first], data[first:]):
        assert cut(part, final=True) == len(part)
        found += [trimmed(part[frame.first : frame.last]) for frame in frames(part)]
    return found


UNFINISHED = [b"<1>a", b"4 <1>", b"4 ", b"4", b"123456789", b"<1>a\nrest"]


@pytest.mark.parametrize("data", UNFINISHED)
def test_what_is_not_finished_waits(data: bytes) -> None:
    assert cut(data) == (5 if b"\n" in data else 0)


def test_a_line_that_is_too_long_is_cut_and_a_counted_message_refused() -> None:
    assert cut(b"<1>" + b"x" * 10, longest=12) == 13
    assert cut(b"<1>" + b"x" * 9, longest=12) == 0
    with pytest.raises(BrokenFraming, match="a message of 13 bytes is longer than 12"):
        cut(b"13 <1>", longest=12)


@settings(deadline=None)
@given(st.lists(st.tuples(st.binary(max_size=12), st.booleans()), max_size=6), st.data())
def test_every_message_arrives_however_it_is_framed_and_cut(sent: list[tuple[bytes, bool]], data: Any) -> None:
    messages = [b"<13>" + (body if counted else re.sub(rb"[\n\0\r]", b"", body)) for body, counted in sent]
    stream = b"".join(
        b"%d %s" % (len(message), message) if counted else message + b"\n"
        for message, (_, counted) in zip(messages, sent, strict=True)
    )
    found, rest, at = [], b"", 0
    while at < len(stream):
        size = data.draw(st.integers(1, 20))
        rest += stream[at : at + size]
        at += size
        whole = cut(rest, final=at >= len(stream))
        found += [rest[frame.first : frame.last] for frame in frames(rest[:whole])]
        rest = rest[whole:]
    assert found == messages


# ---------------------------------------------------------------------------------------------- RFC 3164

OCT = "Oct 11 22:14:15"
OLD = {
    "the RFC's own": (
        f"<34>{OCT} mymachine su: 'su root' failed for lonvick on /dev/pts/8",
        Message(34, OCT, "mymachine", "su", None, "'su root' failed for lonvick on /dev/pts/8"),
    ),
    "with a pid": (f"<13>{OCT} web1 nginx[42]: up", Message(13, OCT, "web1", "nginx", "42", "up")),
    "a day of one digit": ("<13>Oct  1 22:14:15 web1 a: b", Message(13, "Oct  1 22:14:15", "web1", "a", None, "b")),
    "a name with a colon": (f"<13>{OCT} web1 a:b: c", Message(13, OCT, "web1", "a:b", None, "c")),
    "no program": (f"<13>{OCT} web1 hello you", Message(13, OCT, "web1", None, None, "hello you")),
    "nothing after the program": (f"<13>{OCT} web1 a:", Message(13, OCT, "web1", None, None, "a:")),
    "an address": (f"<13>{OCT} 10.0.0.1 a: b", Message(13, OCT, "10.0.0.1", "a", None, "b")),
    "an address of IPv6": (f"<13>{OCT} 2001:db8::1 a: b", Message(13, OCT, "2001:db8::1", "a", None, "b")),
    "a facility": (f"<13>{OCT} <1.5> web1 a: b", Message(13, OCT, "web1", "a", None, "b")),
    "something before": (f"7: <13>{OCT} web1 a: b", Message(13, OCT, "web1", "a", None, "b")),
    "an ISO 8601 time": (
        "<13>2026-02-03T04:05:06.789+01:00 web1 a: b",
        Message(13, "2026-02-03T04:05:06.789+01:00", "web1", "a", None, "b", iso=True),
    ),
    "lines": (f"<13>{OCT} web1 a: b\n  c", Message(13, OCT, "web1", "a", None, "b\n  c")),
    "a high priority": (f"<999>{OCT} web1 a: b", Message(999, OCT, "web1", "a", None, "b")),
}


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize(("text", "message"), OLD.values(), ids=OLD)
def test_messages_of_rfc_3164(text: str, message: Message, strict: bool) -> None:
    assert read(text, strict=strict) == message


HOSTLESS = {
    "a program that is no host": (f"<13>{OCT} my_proc[1]: b", Message(13, OCT, None, "my_proc", "1", "b")),
    "no host and no program": (f"<13>{OCT} what_ever it is", Message(13, OCT, None, None, None, "what_ever it is")),
    "one word": (f"<13>{OCT} hello", Message(13, OCT, None, None, None, "hello")),
}


@pytest.mark.parametrize(("text", "message"), HOSTLESS.values(), ids=HOSTLESS)
def test_only_the_ecs_pattern_takes_messages_without_a_host(text: str, message: Message) -> None:
    assert read(text, strict=False) == message
    assert read(text, strict=True) is None


NONE = {
    "no priority": f"{OCT} web1 a: b",
    "priority 0": f"<0>{OCT} web1 a: b",
    "a priority with a zero before it": f"<013>{OCT} web1 a: b",
    "a priority of too many digits": f"<{'9' * 30}>{OCT} web1 a: b",
    "no time": "<13>web1 a: b",
    "no month": "<13>Foo 11 22:14:15 web1 a: b",
    "an hour that is none": "<13>Oct 11 24:14:15 web1 a: b",
    "nothing after the time": f"<13>{OCT}",
    "nothing": "",
}


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("text", NONE.values(), ids=NONE)
def test_what_is_no_syslog(text: str, strict: bool) -> None:
    assert read(text, strict=strict) is None


# ---------------------------------------------------------------------------------------------- RFC 5424

NEW = {
    "the RFC's first": (
        "<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - \ufeff'su root' failed",
        Message(
            34,
            "2003-10-11T22:14:15.003Z",
            "mymachine.example.com",
            "su",
            None,
            "'su root' failed",
            True,
            1,
            "ID47",
            None,
        ),
    ),
    "structured data": (
        '<165>1 2003-10-11T22:14:15.003Z m evntslog 8 ID47 [ex@32473 iut="3" src="App"][p@1 class="high"] hello',
        Message(
            165,
            "2003-10-11T22:14:15.003Z",
            "m",
            "evntslog",
            "8",
            "hello",
            True,
            1,
            "ID47",
            {"ex@32473": {"iut": "3", "src": "App"}, "p@1": {"class": "high"}},
        ),
    ),
    "no message": (
        '<165>1 - - - - - [a b="c"]',
        Message(165, None, None, None, None, "", True, 1, None, {"a": {"b": "c"}}),
    ),
    "nothing at all": ("<0>1 - - - - - -", Message(0, None, None, None, None, "", True, 1, None, None)),
    "escapes": (
        r'<1>1 - - - - - [a b="\"q\" \\ \] \n"] [not] data',
        Message(1, None, None, None, None, "[not] data", True, 1, None, {"a": {"b": '"q" \\ ] \\n'}}),
    ),
    "an element without parameters, and a name twice": (
        '<1>1 - - - - - [a][b x="1" x="2" x="3"] y',
        Message(1, None, None, None, None, "y", True, 1, None, {"a": {}, "b": {"x": ["1", "2", "3"]}}),
    ),
}


@pytest.mark.parametrize(("text", "message"), NEW.values(), ids=NEW)
def test_messages_of_rfc_5424(text: str, message: Message) -> None:
    assert read(text, strict=True) == message


BROKEN = {
    "a priority that is none": "<192>1 - - - - - -",
    "no version": "<1>- - - - - -",
    "no structured data": "<1>1 - - - - - hello",
    "an element without its end": '<1>1 - - - - - [a b="c" hello',
    "a value without its end": '<1>1 - - - - - [a b="c] hello',
    "something behind an element": '<1>1 - - - - - [a b="c"]hello',
    "something behind the dash": "<1>1 - - - - - -hello",
    "too few words": "<1>1 - - - -",
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_what_is_not_rfc_5424(text: str) -> None:
    assert read_5424(text) is None


VALUES = st.text(st.characters(blacklist_categories=["Cs"]), max_size=8)
NAMES = st.text("ab@.1-", min_size=1, max_size=4)


@settings(deadline=None)
@given(st.dictionaries(NAMES, st.dictionaries(NAMES, VALUES, max_size=3), min_size=1, max_size=3), VALUES)
def test_structured_data_comes_back(data: dict[str, dict[str, str]], text: str) -> None:
    def escaped(value: str) -> str:
        return re.sub(r'(["\\\]])', r"\\\1", value)

    elements = "".join(
        f"[{name}{''.join(f' {key}={chr(34)}{escaped(value)}{chr(34)}' for key, value in values.items())}]"
        for name, values in data.items()
    )
    message = read_5424(f"<1>1 - - - - - {elements} {text}")
    assert message is not None
    assert message.structured == data
    assert message.text == text.removeprefix("\ufeff")


ATTACKS = {
    "labels": f"<13>{OCT} {'a-' * 50_000}!",
    "blanks": "<13>Oct" + " " * 100_000,
    "beginnings": "<1>Oct" * 20_000,
    "heads": f"<13>{OCT} _ " * 5_000,
    "parameters": "<1>1 - - - - - [a" + ' b="c"' * 20_000,
    "backslashes": '<1>1 - - - - - [a b="' + "\\" * 100_001,
    "digits": "<" + "1" * 100_000,
}


@pytest.mark.parametrize("text", ATTACKS.values(), ids=ATTACKS)
def test_no_message_takes_long(text: str) -> None:
    """A pattern that goes back and forth would not come to an end with these."""
    assert read(text, strict=True) is None
    assert read(text, strict=False) is None or "_ " in text or "a-" in text


WORDS = st.lists(
    st.sampled_from(
        [
            "web1",
            "a.b-c.",
            "a" * 70,
            "10.0.0.1",
            "::1",
            "app[42]:",
            "app:",
            "a:b[7]:",
            "[7]:",
            "x[07]:",
            "",
            "é",
            "<1.2>",
        ]
    ),
    max_size=5,
)


@settings(deadline=None)
@given(st.sampled_from([OCT, "2026-02-03T04:05:06Z", "2026-02-03 04:05"]), WORDS)
def test_the_short_way_and_the_one_by_words_agree(stamp: str, words: list[str]) -> None:
    text = " ".join([f"<13>{stamp}", *words])
    usual = syslog._read_usual(text)
    assert usual in (None, syslog._read_by_words(text, strict=True))
    assert usual in (None, syslog._read_by_words(text, strict=False))


def test_what_a_new_message_quotes_is_not_its_head() -> None:
    quoted = f"<13>{OCT} web1 a: b"
    message = read(f"<1>1 - - - - - - {quoted}", strict=True)
    assert message is not None
    assert (message.version, message.text) == (1, quoted)


@settings(deadline=None)
@given(st.text('<>0123456789 :-[]\\"=.aOct\n', max_size=60))
def test_any_text_is_read_or_not(text: str) -> None:
    message = read(text, strict=False)
    assert message is None or message.text in text
