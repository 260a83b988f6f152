"""Events in ArcSight's Common Event Format: their text read and written.

    CEF:0|vendor|product|version|signature|name|severity|key=value key=value

In the header `|` and `\\` are escaped by a backslash, in values `=`, `\\` and line breaks. A value goes on over blanks
until something follows that looks like a key. What a syslog header puts before `CEF:` is kept apart.
"""

from __future__ import annotations

import re

from pipeline.texts.conversions import stripped

_HEADER = re.compile(r"((?:\\\||\\\\|[^|])*?)\|", re.DOTALL)
_HEADER_ESCAPE = re.compile(r"\\([\\|])")
_KEY = r"\w+(?:\.[^.=\s|\\\[\]]+)*(?:\[[0-9]+\])?"
_PAIR = re.compile(rf"({_KEY})=((?:\S|\s++(?!{_KEY}=))*)\s*", re.ASCII)
_END = re.compile(r"(?:\r\n|\n|\r)\Z")
_VALUE_ESCAPE = re.compile(r"\\([\\=nr])")
_MEANT = {"n": "\n", "r": "\r"}

Pair = tuple[str, str]


def read(text: str, headers: int) -> tuple[list[str], str, list[Pair]]:
    """The fields of the header, what came before `CEF:`, and the extensions. Raises ValueError for other text."""
    if text[:1] == '"':  # some connectors put quotes around it
        text = text[1:-1]
    text = _END.sub("", text)
    if "\n" in text:
        raise ValueError("there is a line break in it: give the codec a delimiter")
    header: list[str] = []
    position = 0
    while len(header) < headers:
        found = _HEADER.match(text, position)
        if not found:
            raise ValueError(f"the header has {len(header)} of {headers} fields that end in |")
        header.append(_HEADER_ESCAPE.sub(r"\1", found[1]))
        position = found.end()
    before, _, version = header[0].rpartition(" ")
    header[0] = version.removeprefix("CEF:")
    return header, before, _pairs(stripped(text[position:]))


def _pairs(text: str) -> list[Pair]:
    pairs: list[Pair] = []
    position = 0
    while found := _PAIR.match(text, position):
        pairs.append((found[1], _value(found[2])))
        position = found.end()
    if position < len(text):
        raise ValueError(f"an extension has no key: {text[position:]!r:.100}")
    return pairs


def _value(text: str) -> str:
    if "\\" not in text:
        return text
    return _VALUE_ESCAPE.sub(lambda found: _MEANT.get(found[1], found[1]), text)


def header_text(value: str) -> str:
    """A field of the header, escaped; line breaks are not possible there."""
    value = value.replace("\r\n", "\n").replace("\\", "\\\\").replace("|", "\\|")
    return value.replace("\n", " ").replace("\r", " ")


def value_text(value: str) -> str:
    """The value of an extension, escaped."""
    value = value.replace("\r\n", "\n").replace("\\", "\\\\").replace("=", "\\=")
    return value.replace("\n", "\\n").replace("\r", "\\n")


def key_text(name: str) -> str:
    """A name of letters and digits alone."""
    return re.sub(r"[^a-zA-Z0-9]", "", name)
