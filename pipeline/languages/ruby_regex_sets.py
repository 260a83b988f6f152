"""Sets of characters, for `ruby_regex`: what a class such as `[[:alpha:]&&[^aeiou]]` holds.

A set is a function from a limit to the ranges of code points up to it. A pattern is written twice if
Unicode matters to it: once for subjects in ASCII, where the sets are small, and once for the rest; the
second is only worked out when it is needed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache

Ranges = tuple[tuple[int, int], ...]
"""Inclusive, in order, none touching the next."""
CharacterSet = Callable[[int], Ranges]

ASCII = 0x7F
UNICODE = 0x10FFFF


class UnknownProperty(ValueError):
    """A property that nobody knows, as in `\\p{Foo}`."""


# ------------------------------------------------------------------------------------------- operations


def joined(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Ranges in order, those that touch or overlap made one."""
    result: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if result and low <= result[-1][1] + 1:
            result[-1] = (result[-1][0], max(high, result[-1][1]))
        else:
            result.append((low, high))
    return tuple(result)


def inverted(ranges: Ranges, limit: int) -> Ranges:
    """The ranges between the ranges, up to the limit."""
    result, start = [], 0
    for low, high in ranges:
        if low > start:
            result.append((start, low - 1))
        start = high + 1
    if start <= limit:
        result.append((start, limit))
    return tuple(result)


def explicit(*ranges: tuple[int, int]) -> CharacterSet:
    """The set of just these ranges."""
    whole = joined(ranges)
    return lambda limit: tuple((low, min(high, limit)) for low, high in whole if low <= limit)


def union(sets: list[CharacterSet]) -> CharacterSet:
    """What is in one of the sets."""
    if len(sets) == 1:
        return sets[0]
    return lambda limit: joined(part for one in sets for part in one(limit))


def complement(one: CharacterSet) -> CharacterSet:
    """What is not in the set."""
    return lambda limit: inverted(one(limit), limit)


def intersection(left: CharacterSet, right: CharacterSet) -> CharacterSet:
    """What is in both sets."""
    return complement(union([complement(left), complement(right)]))


def folded(one: CharacterSet) -> CharacterSet:
    """The set, and what differs from its members only in case."""

    def ranges(limit: int) -> Ranges:
        plain = one(limit)
        if limit == ASCII:
            # A letter beyond ASCII may be the sibling of one in it: U+017F of s, U+212A of k.
            plain = joined((*plain, *_foreign_siblings(one)))
        return joined((*plain, *((twin, twin) for twin in _twins(plain, limit))))

    return ranges


def _foreign_siblings(one: CharacterSet) -> list[tuple[int, int]]:
    ranges = one(0x212A)
    return [(ord(letter), ord(letter)) for other, letter in ((0x17F, "s"), (0x212A, "k")) if _holds(ranges, other)]


def _holds(ranges: Ranges, code: int) -> bool:
    return any(low <= code <= high for low, high in ranges)


def _twins(ranges: Ranges, limit: int) -> list[int]:
    if limit == ASCII:
        return [ord(letter.swapcase()) for letter in _ASCII_LETTERS if _holds(ranges, ord(letter))]
    found = []
    for family in _families():
        inside = [code for code in family if _holds(ranges, code)]
        if inside:
            found += [code for code in family if code not in inside]
    return found


_ASCII_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


@lru_cache(maxsize=1)
def _families() -> tuple[tuple[int, ...], ...]:
    """Characters that differ only in case."""
    families: dict[str, list[int]] = {}
    for code in range(0x1E944):
        family = chr(code).casefold()
        if family != chr(code) or family.upper() != family:
            families.setdefault(family, []).append(code)
    return tuple(tuple(family) for family in families.values() if len(family) > 1)


# ------------------------------------------------------------------------------------------- properties

DIGIT = explicit((0x30, 0x39))
WORD = explicit((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
SPACE = explicit((0x09, 0x0D), (0x20, 0x20))
HEX = explicit((0x30, 0x39), (0x41, 0x46), (0x61, 0x66))
"""`\\d`, `\\w`, `\\s` and `\\h`, which know only ASCII in Ruby."""

_POSIX = {
    "alnum": r"[\p{Alphabetic}\p{Nd}]",
    "alpha": r"\p{Alphabetic}",
    "ascii": r"[\x00-\x7f]",
    "blank": r"[\p{Zs}\t]",
    "cntrl": r"\p{Cc}",
    "digit": r"\p{Nd}",
    "graph": r"[^\p{White_Space}\p{Cc}\p{Cn}\p{Cs}]",
    "lower": r"\p{Lowercase}",
    "print": r"[[^\p{White_Space}\p{Cc}\p{Cn}\p{Cs}]\p{Zs}]",
    "punct": r"[\p{P}$+<=>\^`|~]",
    "space": r"\p{White_Space}",
    "upper": r"\p{Uppercase}",
    "word": r"[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}]",
    "xdigit": r"[0-9A-Fa-f]",
}
POSIX_NAMES = frozenset(_POSIX)


def named(name: str) -> CharacterSet:
    """The set of a POSIX bracket or a Unicode property; both know all of Unicode in Ruby."""
    plain = re.sub(r"[ _-]", "", name).lower()
    source = _POSIX.get(plain) or rf"\p{{{name}}}"
    _ranges(source, ASCII)
    return lambda limit: _ranges(source, limit)


_VARIED = ((0x00000, 0x33FFF), (0xE0000, 0xE0FFF))
_UNIFORM: Ranges = ((0x34000, 0xDFFFF), (0xE1000, 0xEFFFF), (0xF0000, 0xFFFFD), (0xFFFFE, 0xFFFFF))
_UNIFORM += ((0x100000, 0x10FFFD), (0x10FFFE, UNICODE))
"""What Unicode has given out, character by character; and stretches of which one character stands for all."""


@lru_cache(maxsize=64)
def _ranges(source: str, limit: int) -> Ranges:
    import regex  # only patterns that name a property need its tables

    try:
        run = regex.compile(f"(?V1){source}+")
    except regex.error:
        raise UnknownProperty(f"there is no property {source}") from None
    found: list[tuple[int, int]] = []
    for low, high in _VARIED if limit > ASCII else ((0, limit),):
        every = "".join(map(chr, range(low, high + 1)))
        found += ((low + one.start(), low + one.end() - 1) for one in run.finditer(every))
    if limit > ASCII:
        found += (stretch for stretch in _UNIFORM if run.match(chr(stretch[0])))
    return joined((low, min(high, limit)) for low, high in found if low <= limit)


WORD_CHARACTER = union(
    [explicit((0xB2, 0xB3), (0xB9, 0xB9), (0xBC, 0xBE)), lambda limit: _ranges(_POSIX["word"], limit)]
)
"""What `\\b` takes for a word: more than `\\w` does, and the digits and fractions of Latin-1."""

# ------------------------------------------------------------------------------------------- writing


def written(ranges: Ranges, limit: int) -> str:
    """The set as Python writes it: a class, or an escaped character where there is but one."""
    if not ranges:
        return r"(?!)"
    if ranges == ((0, limit),):
        return "(?s:.)"
    if len(ranges) == 1 and ranges[0][0] == ranges[0][1]:
        return character(ranges[0][0])
    others = inverted(ranges, limit)
    if len(others) < len(ranges) or (ranges[-1][1] == limit and len(others) == len(ranges)):
        return f"[^{_members(others)}]"
    return f"[{_members(ranges)}]"


def _members(ranges: Ranges) -> str:
    parts = []
    for low, high in ranges:
        parts.append(character(low))
        if high > low:
            parts.append("-" * (high > low + 1) + character(high))
    return "".join(parts)


def character(code: int) -> str:
    """A character as it may stand anywhere in a Python pattern."""
    if code < 0x20 or code == 0x7F:
        return f"\\x{code:02x}"
    text = chr(code)
    return text if code > ASCII or text.isalnum() or text in "_ \"%'/,:;<=>@!`" else "\\" + text
