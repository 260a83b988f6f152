"""Reading texts by Joda-Time's date patterns (their letters: see `joda_format`).

Numbers may have fewer digits than there are letters, never more than the field can have; years have up to nine digits
unless digits follow at once. Names are taken short and in full, written as usual, in capitals or in small letters.
Other text may differ in case. The whole text must be used up.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from pipeline.dates import joda_format, zones
from pipeline.dates.fields import local_millis
from pipeline.dates.locales import Names
from pipeline.dates.patterns import Letters, Literal, Piece
from pipeline.dates.zones import Zone

_NUMERIC = frozenset("CxyYdhHmsSeDwkK")
_DIGITS = {"d": 2, "h": 2, "H": 2, "k": 2, "K": 2, "m": 2, "s": 2, "w": 2, "e": 1, "D": 3, "M": 2}
_RANGES = {"h": (1, 12), "K": (0, 11), "k": (1, 24), "e": (1, 7)}
OFFSET = r"(?>[Zz]|[+-][0-9]{2}(?>:[0-9]{2}(?>:[0-9]{2}(?>[.,][0-9]{1,3})?)?|[0-9]{2}(?>[0-9]{2}(?>[0-9]{1,3})?)?)?)"
_SHORT_ZONES = {
    **dict.fromkeys(("UTC", "GMT", "UT"), "UTC"),
    **dict.fromkeys(("EST", "EDT"), "America/New_York"),
    **dict.fromkeys(("CST", "CDT"), "America/Chicago"),
    **dict.fromkeys(("MST", "MDT"), "America/Denver"),
    **dict.fromkeys(("PST", "PDT"), "America/Los_Angeles"),
}
"""The only zone names that Joda-Time reads for `z`."""


class Read(NamedTuple):
    """What was read: local milliseconds since 1970, and the offset or zone where the text has one.

    `second` and `fraction` are where in the text those digits are, (-1, -1) where there are none.
    """

    local: int
    offset: int | None
    zone: Zone | None
    second: tuple[int, int]
    fraction: tuple[int, int]


Reader = Callable[[str, int], Read | None]
"""Called with the text, and the year to take if it has none."""

_Convert = Callable[[str], int]


class _Step(NamedTuple):
    """What to do with one group of the regular expression. `convert` raises ValueError if out of range."""

    field: str
    convert: _Convert


def compile_reader(pattern: str, names: Names, this_year: int) -> Reader:
    """A function that reads texts by a pattern. Two digits of a year mean one from 80 years ago to 19 years ahead."""
    pieces = joda_format.pieces(pattern)
    if not pieces:
        raise ValueError("a date pattern must not be empty")
    expression, steps = "", list[_Step]()
    for position, piece in enumerate(pieces):
        if isinstance(piece, Literal):
            expression += f"(?i:{re.escape(piece.text)})"
            continue
        part, step = _part(pattern, piece, pieces[position + 1 :], names, this_year)
        expression += f"({part})"
        steps.append(step)
    return _reader(re.compile(expression), steps)


def _reader(expression: re.Pattern[str], steps: Sequence[_Step]) -> Reader:
    fields_at = {step.field: group for group, step in enumerate(steps, 1)}
    second_at, fraction_at = fields_at.get("s", -1), fields_at.get("S", -1)
    zone_at = fields_at.get("zone", fields_at.get("short zone", -1))

    def read(text: str, default_year: int) -> Read | None:
        found = expression.fullmatch(text)
        if found is None:
            return None
        try:
            fields = {step.field: step.convert(part) for step, part in zip(steps, found.groups(), strict=True)}
        except ValueError:
            return None
        local = local_millis(fields, default_year)
        if local is None or fields.get("G") == 0:  # before Christ: no year of ours
            return None
        zone = None
        if zone_at > 0:
            zone = zones.find(_SHORT_ZONES.get(found[zone_at], found[zone_at]))
        none = (-1, -1)
        second = found.span(second_at) if second_at > 0 else none
        return Read(local, fields.get("Z"), zone, second, found.span(fraction_at) if fraction_at > 0 else none)

    return read


def _part(pattern: str, piece: Letters, rest: Sequence[Piece], names: Names, this_year: int) -> tuple[str, _Step]:
    letter, count = piece
    if letter in "yYxC":
        return _year(letter, count, _digits_follow(rest), this_year)
    if letter == "S":
        return f"[0-9]{{1,{count}}}+", _Step("S", fraction)
    if letter in "zZ":
        return _zone(pattern, letter, count)
    if letter in "GaE" or (letter == "M" and count > 2):
        return _names(letter, names)
    most = max(_DIGITS[letter], count)
    field = {"k": "H", "K": "h"}.get(letter, letter)
    return f"[0-9]{{1,{most}}}+", _Step(field, _number(letter))


def _digits_follow(rest: Sequence[Piece]) -> bool:
    if not rest or isinstance(rest[0], Literal):
        return False
    letter, count = rest[0]
    return letter in _NUMERIC or (letter == "M" and count < 3)


def _number(letter: str) -> _Convert:
    if letter not in _RANGES:
        return int
    least, most = _RANGES[letter]
    turn = {"h": 12, "k": 24}.get(letter, most + 1)

    def convert(text: str) -> int:
        number = int(text)
        if not least <= number <= most:
            raise ValueError("out of range")
        return number % turn

    return convert


def fraction(text: str) -> int:
    """Milliseconds of the digits after a decimal point; further digits are cut off."""
    return int(text[:3].ljust(3, "0"))


def _year(letter: str, count: int, digits_follow: bool, this_year: int) -> tuple[str, _Step]:
    field = {"Y": "y"}.get(letter, letter)
    if letter == "C":
        return f"[-+]?[0-9]{{1,{count}}}+", _Step(field, int)
    if count == 2:
        expression = "[0-9]{2}" if digits_follow else "[-+]?[0-9]++"
        return expression, _Step(field, _pivot(this_year))
    most = count if digits_follow else max(9, count)
    sign = "" if letter == "Y" else "[-+]?"
    return f"{sign}[0-9]{{1,{most}}}+", _Step(field, int)


def _pivot(this_year: int) -> _Convert:
    low = this_year - 80

    def convert(text: str) -> int:
        year = int(text)
        if len(text) != 2 or not text.isdigit():
            return year
        return year + low + (100 if year < low % 100 else 0) - low % 100

    return convert


def _zone(pattern: str, letter: str, count: int) -> tuple[str, _Step]:
    if letter == "z":
        if count >= 4:
            raise ValueError(f'the date pattern "{pattern}" can print but not read: "zzzz", a zone name in full')
        return _alternatives(_SHORT_ZONES), _Step("short zone", lambda _text: 0)
    if count < 3:
        return OFFSET, _Step("Z", offset_seconds)
    return _alternatives([*zones.known(), "UTC"]), _Step("zone", lambda _text: 0)


def offset_seconds(text: str) -> int:
    """Seconds of an offset such as `Z`, `+0200`, `-05:30`; raises ValueError if it is too large."""
    if text in "Zz":
        return 0
    digits = text[1:].replace(":", "")
    hours, minutes, seconds = int(digits[:2]), int(digits[2:4] or 0), int(digits[4:6] or 0)
    if hours > 23 or minutes > 59 or seconds > 59:
        raise ValueError("no such offset")
    offset = hours * 3600 + minutes * 60 + seconds
    return -offset if text[0] == "-" else offset


def _names(letter: str, names: Names) -> tuple[str, _Step]:
    values: dict[str, int] = {}
    for group in _groups(letter, names):
        for value, name in enumerate(group):
            for text in (name, name.lower(), name.upper()):
                values.setdefault(text, value + 1 if letter == "M" else (value or 7) if letter == "E" else value)
    return _alternatives(values), _Step({"E": "e"}.get(letter, letter), values.__getitem__)


def _groups(letter: str, names: Names) -> tuple[tuple[str, ...], ...]:
    if letter == "M":
        return names.months, names.short_months
    if letter == "E":
        return names.days, names.short_days
    if letter == "a":
        return (names.halves,)
    return (names.eras, ("BCE", "CE")) if names.language == "en" else (names.eras,)


def _alternatives(texts: Sequence[str] | dict[str, object] | dict[str, int] | dict[str, str]) -> str:
    longest_first = sorted(texts, key=lambda text: (-len(text), text))
    return f"(?>{'|'.join([re.escape(text) for text in longest_first])})"
