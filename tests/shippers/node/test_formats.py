"""What the formats find in bytes: tables, and that it does not matter how much of a file is there at a time."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shippers.node.containers import Containers
from shippers.node.entries import Entry, Format
from shippers.node.lines import Lines
from shippers.node.multiline import Multiline

T = "2026-11-23T12:23:31.624573922Z"


def cri(text: str, tag: str = "F", stream: str = "stdout") -> str:
    return f"{T} {stream} {tag} {text}\n"


def docker(text: str, stream: str = "stdout") -> str:
    return json.dumps({"log": text, "stream": stream, "time": T}, separators=(",", ":"), ensure_ascii=False) + "\n"


def multiline(pattern: str, *, negate: bool = False, after: bool = True, lines: int = 100, size: int = 1000) -> Format:
    return Multiline(Lines(size), re.compile(pattern.encode()), negate=negate, after=after, most=(lines, size))


def found(formatted: Format, text: str | bytes, *, final: bool = False) -> list[tuple[str, ...]]:
    """Texts with their flags, of what is whole."""
    data = text.encode() if isinstance(text, str) else text
    whole = data[: formatted.cut(data, final=final)]
    return [(entry.text.decode(), *entry.flags) for entry in formatted.entries(whole)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("not whole", []),
        ("one\ntwo\nthr", [("one",), ("two",)]),
        ("one\r\ntwo\r\n", [("one",), ("two",)]),
        ("\n\r\n\none\n\n", [("one",)]),
        (" \n", [(" ",)]),
        ("1234567890\n", [("1234567890",)]),
        ("1234567890abc\nx\n", [("1234567890", "truncated"), ("abc",), ("x",)]),
        ("1234567890abcdefghij", [("1234567890", "truncated")]),
        ("123456789ü123456789\n", [("123456789", "truncated"), ("ü12345678", "truncated"), ("9",)]),
        ("1234567890\r\n", [("1234567890", "truncated")]),
    ],
)
def test_lines(text: str, expected: list[tuple[str, ...]]) -> None:
    assert found(Lines(10), text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (cri("one") + cri("two"), [("one",), ("two",)]),
        (cri("one", "P") + cri(" and", "P") + cri(" two"), [("one and two",)]),
        (cri("one", "P"), []),
        (cri("0") + cri("one", "P"), [("0",)]),
        (cri("out", "P") + cri("err", stream="stderr") + cri("side"), [("err",), ("outside",)]),
        (cri("out", "P") + cri("err", stream="stderr"), []),
        (cri(" spaces "), [(" spaces ",)]),
        (cri(""), []),
        (f"{T} stdout F\n", []),
        (cri("tagged", "F:more:tags"), [("tagged",)]),
        ("neither of the two\n", [("neither of the two",)]),
        (docker("one\n") + docker("two\r\n"), [("one",), ("two",)]),
        (docker("one") + docker(" and two\n"), [("one and two",)]),
        (docker("one"), []),
        (docker('{"a":"\\n\\",\\"stream\\":\\"b"}\n') + docker("part"), [('{"a":"\\n\\",\\"stream\\":\\"b"}',)]),
        (docker("out") + docker("err\n", "stderr") + docker("side\n"), [("err",), ("outside",)]),
        ('{"log": 1}\n', [('{"log": 1}',)]),
        ('{"log"\n', [('{"log"',)]),
        (cri("x" * 60, "P") + cri("y" * 50, "P") + cri("z"), [("x" * 60 + "y" * 50, "truncated"), ("z",)]),
    ],
)
def test_containers(text: str, expected: list[tuple[str, ...]]) -> None:
    assert found(Containers(100), text) == expected


def test_the_stream_and_the_time_of_a_container() -> None:
    [entry] = Containers(100).entries(cri("a", "P", "stderr").encode() + cri("b", stream="stderr").encode())
    assert entry == Entry(0, b"ab", "stderr", T)
    assert found(Containers(100, "stdout"), cri("out") + cri("err", stream="stderr")) == [("out",)]


def test_what_is_never_finished_does_not_grow_without_end() -> None:
    text = "".join(cri("o", "P") + cri("e", "P", "stderr") for _ in range(300))
    assert found(Containers(1000), text[:4000]) == []
    assert found(Containers(1000), text) == [("o" * 300,), ("e" * 300,)]


@pytest.mark.parametrize(
    ("formatted", "text", "expected"),
    [
        (multiline("^ "), "a\n b\n c\nd\n e\n", [("a\n b\n c", "multiline")]),
        (multiline("^a", negate=True), "a1\nb\na2\nc\na3\n", [("a1\nb", "multiline"), ("a2\nc", "multiline")]),
        (multiline(r"\\$", after=False), "a\\\nb\nc\nd\\\n", [("a\\\nb", "multiline"), ("c",)]),
        (
            multiline("^ ", lines=2),
            "a\n b\n c\n d\ne\n",
            [("a\n b", "multiline", "truncated"), (" c\n d", "multiline", "truncated")],
        ),
        (multiline("^ ", size=8), "a\n bcdef\n g\nh\n", [("a\n bcdef", "multiline", "truncated"), (" g",)]),
        (multiline("^ "), "a\n", []),
        (multiline("^ "), " a\nb\n", [(" a",)]),
    ],
)
def test_multiline(formatted: Format, text: str, expected: list[tuple[str, ...]]) -> None:
    assert found(formatted, text) == expected


def test_multiline_over_containers() -> None:
    formatted = Multiline(Containers(1000), re.compile(rb"^ "), negate=False, after=True, most=(100, 1000))
    text = cri("a", "P") + cri("b") + cri(" c") + cri("d")
    assert found(formatted, text) == [("ab\n c", "multiline")]
    assert found(formatted, text, final=True) == [("ab\n c", "multiline"), ("d",)]
    between = cri("a") + cri("err", "P", "stderr") + cri("b") + cri("or", stream="stderr") + cri("z")
    whole = formatted.cut(between.encode())
    assert found(formatted, between.encode()[whole:], final=True)[-1] == ("z",)


def test_multiline_is_not_cut_before_a_line_that_began_later() -> None:
    formatted = Multiline(Containers(1000), re.compile(rb"^ "), negate=False, after=True, most=(100, 1000))
    text = cri("a") + cri("b", "P") + cri(" c", "F", "stderr") + cri("d")
    assert formatted.cut(text.encode()) == 0
    more = (text + cri("e")).encode()
    assert [entry.text for entry in formatted.entries(more[: formatted.cut(more)])] == [b"a\n c", b"bd"]


# ---------------------------------------------------------------------------------------------- however it comes


def read(formatted: Format, data: bytes, sizes: Iterator[int]) -> list[tuple[int, bytes, tuple[str, ...]]]:
    """As a file is read that grows: a cut of what is there, again and again."""
    entries, position, there = [], 0, 0
    while position < len(data):
        there = min(len(data), max(there, position) + next(sizes))
        final = there == len(data)
        piece = data[position:there]
        whole = formatted.cut(piece)
        if final and not whole:
            whole = formatted.cut(piece, final=True)
        entries += [(position + one.offset, one.text, one.flags) for one in formatted.entries(piece[:whole])]
        position += whole
    return entries


LINE = st.sampled_from(["a", " b", "long line that is cut in pieces", "ü", "\r", "", "{", " "])
CONTAINER = st.builds(cri, LINE, st.sampled_from("PF"), st.sampled_from(["stdout", "stderr"])) | st.builds(
    docker, st.builds(str.__add__, LINE, st.sampled_from(["", "\n"])), st.sampled_from(["stdout", "stderr"])
)


@given(st.data(), st.lists(LINE.map("{}\n".format), max_size=12))
@pytest.mark.parametrize(
    "formatted",
    [Lines(10), multiline("^ ", size=40), multiline("^a", negate=True, lines=3), multiline("^ ", after=False)],
    ids=["lines", "multiline", "negated", "before"],
)
def test_lines_are_the_same_however_the_file_grows(formatted: Format, data: st.DataObject, lines: list[str]) -> None:
    text = "".join(lines).encode()
    step = data.draw(st.integers(1, 50))
    assert read(formatted, text, iter(lambda: step, 0)) == read(formatted, text, iter(lambda: 1 << 20, 0))


@given(st.data(), st.lists(CONTAINER, max_size=8))
@pytest.mark.parametrize("joined", [False, True], ids=["containers", "multiline"])
def test_containers_are_the_same_however_the_file_grows(joined: bool, data: st.DataObject, lines: list[str]) -> None:
    formatted: Format = Containers(1000)
    if joined:
        formatted = Multiline(Containers(1000), re.compile(rb"^ "), negate=False, after=True, most=(100, 1000))
    text = "".join(lines).encode()
    step = data.draw(st.integers(1, 200))
    assert read(formatted, text, iter(lambda: step, 0)) == read(formatted, text, iter(lambda: 1 << 20, 0))
