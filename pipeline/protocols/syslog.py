"""Syslog on the wire: messages in a stream (RFC 6587), and what a message says (RFC 3164, RFC 5424).

A stream may change its framing from message to message; a length counts as one only if a message follows it:

    83 <13>Oct 11 22:14:15 ...          octet counting: a length, a blank, a message that begins with "<"
    <13>Oct 11 22:14:15 ...\\n           else: up to a line feed, or a NUL

A message is read as Logstash's default pattern reads it, `<%{POSINT}>%{SYSLOGLINE}`, by hand; or as RFC 5424 says:

    <PRI>Mmm dd hh:mm:ss [<f.p> ]host [program[pid]: ]message         the time may be ISO 8601, too
    <PRI>VERSION time host app-name procid msgid structured-data[ message]
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv6Address
from typing import NamedTuple

from pipeline.errors import BrokenFraming

LONGEST = 1 << 20
"""Bytes of a message in a stream; senders keep to 8 KiB or less."""

# ---------------------------------------------------------------------------------------------- frames


class Frame(NamedTuple):
    """Where a message lies in a stream, with and without its framing."""

    start: int
    first: int
    last: int
    end: int


_COUNTED = re.compile(rb"([1-9][0-9]{0,8}) (?=<)")
_MAY_COUNT = re.compile(rb"[1-9][0-9]{0,8} ?")
_END = re.compile(rb"[\n\0]")
_ENDS = b"\n\0"


def frames(data: bytes, *, final: bool = True, longest: int | None = None) -> Iterator[Frame]:
    """The messages of a stream that are whole; with `final`, what is left at the end is one, too.

    Raises `BrokenFraming` for a length over the longest. Messages of nothing are left out.
    """
    at, size = 0, len(data)
    while at < size:
        first = data[at]
        if first in _ENDS:
            at += 1
            continue
        start = at
        if 0x31 <= first <= 0x39:
            found = _COUNTED.match(data, at)
            if found:
                length = int(found[1])
                if longest is not None and length > longest:
                    raise BrokenFraming(f"a message of {length} bytes is longer than {longest}")
                at = found.end() + length
                if at > size and not final:
                    return
                at = min(at, size)
                yield Frame(start, found.end(), at, at)
                continue
            if not final and _MAY_COUNT.fullmatch(data, at):
                return
        end = _END.search(data, at)
        if end is None:
            if final or (longest is not None and size - at > longest):
                yield Frame(start, at, size, size)
            return
        at = end.end()
        yield Frame(start, start, end.start(), at)


def cut(data: bytes, *, final: bool = False, longest: int = LONGEST) -> int:
    """How many leading bytes of a stream are whole messages; raises `BrokenFraming`."""
    if final:
        return len(data)
    whole = 0
    for frame in frames(data, final=False, longest=longest):
        whole = frame.end
    return whole


def trimmed(message: bytes) -> bytes:
    """A message without the line feeds and NULs after it, and without a carriage return before those."""
    return message.rstrip(b"\n\0").removesuffix(b"\r")


# ---------------------------------------------------------------------------------------------- messages


class Message(NamedTuple):
    """What a message says; None where it does not."""

    priority: int
    timestamp: str | None
    host: str | None
    program: str | None
    pid: str | None
    text: str
    iso: bool = False
    """Whether the time is ISO 8601."""
    version: int | None = None
    """Of RFC 5424; None for the older form."""
    id: str | None = None
    structured: dict[str, dict[str, str | list[str]]] | None = None


def read(text: str, *, strict: bool) -> Message | None:
    """What a message says; None if it has neither form. `strict`: the older form, RFC 3164, needs a host.

    A message of the older form may begin anywhere in the text.
    """
    return _read_usual(text) or read_5424(text) or _read_by_words(text, strict=strict)


_MONTH = (
    r"\b(?:[Jj]an(?:uary|uar)?|[Ff]eb(?:ruary|ruar)?|[Mm](?:a|ä)?r(?:ch|z)?|[Aa]pr(?:il)?|[Mm]a(?:y|i)?|[Jj]un(?:e|i)?"
    r"|[Jj]ul(?:y|i)?|[Aa]ug(?:ust)?|[Ss]ep(?:tember)?|[Oo](?:c|k)?t(?:ober)?|[Nn]ov(?:ember)?|[Dd]e(?:c|z)(?:ember)?)\b"
)
_DAY = r"(?:0[1-9]|[12][0-9]|3[01]|[1-9])"
_HOUR = r"(?:2[0123]|[01]?[0-9])"
_MINUTE = r"[0-5][0-9]"
_SECOND = r"(?:(?:[0-5]?[0-9]|60)(?:[:.,][0-9]+)?)"
_HEAD = re.compile(
    rf"<(?P<priority>[1-9][0-9]{{0,8}})>(?:(?P<timestamp>{_MONTH} +{_DAY} {_HOUR}:{_MINUTE}:{_SECOND})"
    rf"|(?P<iso>(?:[0-9]{{4}}|[0-9]{{2}})-(?:0?[1-9]|1[0-2])-{_DAY}[T ]{_HOUR}:?{_MINUTE}(?::?{_SECOND})?"
    rf"(?:Z|[+-]{_HOUR}:?{_MINUTE})?))(?: <[0-9]+.[0-9]+>)?(?= )"
)
_LABEL = r"[0-9A-Za-z][0-9A-Za-z-]{0,62}"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
_PROGRAM = re.compile(r"(?P<program>[\x21-\x5a\x5c\x5e-\x7e]+)(?:\[(?P<pid>[1-9][0-9]{0,17})\])?:")


_USUAL = re.compile(
    rf"{_HEAD.pattern} (?P<host>{_LABEL}+(?:\.{_LABEL}+)*+\.?) "
    r"(?P<program>[\x21-\x5a\x5c\x5e-\x7e]+)(?:\[(?P<pid>[1-9][0-9]{0,17})\])?: "
)
"""All of it up to the text, as most senders write it: what does not match is read word by word."""


def _read_usual(text: str) -> Message | None:
    found = _USUAL.match(text)
    if found is None:
        return None
    priority, stamp, iso, host, name, pid = found.groups()
    return Message(int(priority), stamp or iso, host, name, pid, text[found.end() :], iso is not None)


def _read_by_words(text: str, *, strict: bool) -> Message | None:
    for head in _HEAD.finditer(text):
        at = head.end()
        word, after = _word(text, at)
        host = word if word is not None and _is_host(word) else None
        if host is None and strict:
            continue
        if host is not None:
            at = after
            word, after = _word(text, at)
        program = _PROGRAM.fullmatch(word) if word is not None else None
        if program:
            at = after
        stamp, iso = head["timestamp"], head["iso"]
        name, pid = (program["program"], program["pid"]) if program else (None, None)
        return Message(int(head["priority"]), stamp or iso, host, name, pid, text[at + 1 :], iso is not None)
    return None


def _word(text: str, at: int) -> tuple[str | None, int]:
    """The word after the blank at a place, and where it ends; None if no blank follows it."""
    end = text.find(" ", at + 1)
    return (None, at) if end < 0 else (text[at + 1 : end], end)


def _is_host(word: str) -> bool:
    if _HOST.fullmatch(word):
        return True
    if ":" not in word:
        return False
    try:
        IPv6Address(word)
    except ValueError:
        return False
    return True


_HEADER = re.compile(
    r"<(?P<priority>0|[1-9][0-9]{0,2})>(?P<version>[1-9][0-9]{0,2}) (?P<timestamp>\S+) (?P<host>\S+) (?P<program>\S+)"
    r" (?P<pid>\S+) (?P<id>\S+) (?=[-\[])"
)
_ELEMENT = re.compile(r'\[(?P<id>[^\s="\]]+)(?P<parameters>(?: [^\s="\]]+="(?:[^"\\]|\\.)*+")*+) *\]', re.DOTALL)
_PARAMETER = re.compile(r' ([^\s="\]]+)="((?:[^"\\]|\\.)*+)"', re.DOTALL)
_ESCAPED = re.compile(r'\\(["\\\]])')
_HIGHEST = 191


def read_5424(text: str) -> Message | None:
    """What a message of RFC 5424 says; None if it is none."""
    header = _HEADER.match(text)
    if header is None or int(header["priority"]) > _HIGHEST:
        return None
    taken = _structured(text, header.end())
    if taken is None:
        return None
    structured, at = taken
    given = {name: None if header[name] == "-" else header[name] for name in ("timestamp", "host", "program", "pid")}
    return Message(
        int(header["priority"]),
        **given,
        text=text[at + 1 :].removeprefix("\ufeff"),
        iso=True,
        version=int(header["version"]),
        id=None if header["id"] == "-" else header["id"],
        structured=structured,
    )


def _structured(text: str, at: int) -> tuple[dict[str, dict[str, str | list[str]]] | None, int] | None:
    """The structured data at a place, and where it ends; None if it is broken."""
    elements: dict[str, dict[str, str | list[str]]] = {}
    if text[at] == "-":
        at += 1
    while at < len(text) and (found := _ELEMENT.match(text, at)):
        values = elements.setdefault(found["id"], {})
        for name, escaped in _PARAMETER.findall(found["parameters"]):
            value, known = _ESCAPED.sub(r"\1", escaped), values.get(name)
            if known is None:
                values[name] = value
            else:
                values[name] = [*known, value] if isinstance(known, list) else [known, value]
        at = found.end()
    if at < len(text) and text[at] != " ":
        return None
    return elements or None, at
