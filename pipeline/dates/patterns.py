"""What is common to the date patterns of Joda-Time and java.time: pieces, and how they print a moment.

A pattern is a row of letters, each repeated to say how long its text is, and of literal text, which quotes protect.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from pipeline.dates import timestamps


class Literal(NamedTuple):
    """Text that stands for itself."""

    text: str


class Letters(NamedTuple):
    """A letter, and how often it is repeated."""

    letter: str
    times: int


Piece = Literal | Letters


class Moment(NamedTuple):
    """A timestamp taken apart: `time` is naive and in UTC, `nanos` is the fraction of its second."""

    time: datetime
    nanos: int


Printer = Callable[[Moment], str]


class Formatter(NamedTuple):
    """A compiled pattern. `format` prints a canonical timestamp.

    Only the first `length` characters of the timestamp matter: 10 for a pattern of days, 19 for one of seconds.
    """

    format: Callable[[str], str]
    length: int


DAY, HOUR, MINUTE, SECOND, ALL = 10, 13, 16, 19, 30
"""How many characters of a canonical timestamp tell it to that unit."""

NUMBERS: dict[str, Callable[[datetime], int]] = {
    "D": lambda time: time.timetuple().tm_yday,
    "d": lambda time: time.day,
    "h": lambda time: time.hour % 12 or 12,
    "K": lambda time: time.hour % 12,
    "H": lambda time: time.hour,
    "k": lambda time: time.hour or 24,
    "m": lambda time: time.minute,
    "s": lambda time: time.second,
}
"""The letters that print the same number in both kinds of pattern."""

LENGTHS = dict.fromkeys("ahHkKB", HOUR) | {"m": MINUTE, "s": SECOND} | dict.fromkeys("SAnN", ALL)
"""What of a timestamp a letter depends on; the day for all others."""


def padded(number: Callable[[datetime], int], width: int) -> Printer:
    """Prints a number with zeros before it up to a width."""
    return lambda moment: f"{number(moment.time):0{width}d}"


def constant(text: str) -> Printer:
    """Prints the same text for every moment."""
    return lambda _moment: text


def formatter(pieces: Sequence[Piece], printers: Sequence[Printer]) -> Formatter:
    """Joins the printers of the pieces."""
    length = max((LENGTHS.get(piece.letter, DAY) for piece in pieces if isinstance(piece, Letters)), default=DAY)

    def render(text: str) -> str:
        moment = Moment(timestamps.to_datetime(text), timestamps.nanos_of(text))
        return "".join([printer(moment) for printer in printers])

    return Formatter(render, length)


def is_letter(character: str) -> bool:
    """Both kinds of pattern know only the letters of ASCII."""
    return character.isascii() and character.isalpha()


def run_length(pattern: str, start: int) -> int:
    """How often the character at a position is repeated there."""
    end = start
    while end < len(pattern) and pattern[end] == pattern[start]:
        end += 1
    return end - start
