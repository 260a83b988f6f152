"""Why a text does not match a grok pattern: how far the pattern gets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from pipeline.languages import grok
from pipeline.languages.grok import PatternError

_REFERENCE = re.compile(r"%\{[^}]*\}")
_WIDTH = 40


class Furthest(NamedTuple):
    """The longest beginning of a pattern that matches, and where in the text it ends."""

    matching: str
    next: str
    """The next piece of the pattern, which does not match any more."""
    end: int


def furthest(pattern: str, patterns: Mapping[str, str], text: str) -> Furthest:
    """Looks at the places between the references of a pattern, from its end on."""
    cuts = sorted({place for found in _REFERENCE.finditer(pattern) for place in found.span()} | {0, len(pattern)})
    for index in range(len(cuts) - 2, -1, -1):
        begin = pattern[: cuts[index]]
        try:
            found = grok.compile(begin, patterns).find(text)
        except PatternError:
            continue  # cut inside a group
        if found:
            return Furthest(begin, pattern[cuts[index] : cuts[index + 1]], found.end())
    return Furthest("", pattern, 0)


def told(pattern: str, patterns: Mapping[str, str], text: str) -> str:
    """The same as a line to read."""
    matching, piece, end = furthest(pattern, patterns, text)
    rest = repr(text[end : end + _WIDTH])
    if not matching:
        return f"{pattern}: nothing of it matches"
    return f"{pattern}: matches as far as {matching}, up to character {end}; then {piece} does not match {rest}"
