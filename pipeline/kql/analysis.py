"""The terms of analysed text, as Elasticsearch's `standard` analyzer makes them: words in lower case.

A word ends where Unicode's word boundaries are (UAX #29): `user-agent` is two words, `10.0.0.1`, `a_b` and `don't`
are one; an ideograph is a word of its own. What holds no letter and no digit is no word.
"""

from __future__ import annotations

import re

import regex

from pipeline.kql.words import ASIAN, SINGLE

_ASCII = re.compile(r"_*[0-9a-z][0-9a-z_]*(?:(?:(?<=[a-z])[.:'](?=[a-z])|(?<=[0-9])[.,;'](?=[0-9]))[0-9a-z_]+)*")
_ANY = regex.compile(rf"(?w)[{SINGLE}]|[{ASIAN}]+|\b[^{SINGLE}{ASIAN}]+?(?:\b|(?=[{SINGLE}{ASIAN}]))", regex.DOTALL)
_LETTER = regex.compile(r"[\p{L}\p{Nd}\p{Nl}\p{Extended_Pictographic}]")


def terms(text: str) -> list[str]:
    """The terms of a text, in their order."""
    if text.isascii():
        return _ASCII.findall(text.lower())
    lowered = text.replace("Σ", "σ").lower()  # without a special form for the end of a word, as in Java
    return [word for word in _ANY.findall(lowered) if _LETTER.search(word)]
