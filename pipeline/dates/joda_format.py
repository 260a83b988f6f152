"""Joda-Time's date patterns, as in `%{+YYYY.MM.dd}` and the date filter: their letters, and printing by them.

    G era           C century of era    Y year of era      y year          x week year
    M month         w week              D day of year      d day           e, E day of week
    a half of day   h, K hour of half   H, k hour of day   m minute        s second
    S fraction      z zone name         Z offset or zone   '...' literal   '' a quote

Two letters print a year as two digits, three print a name short and four in full; other counts are the least number of
digits. Printing is in UTC and, like Joda-Time, to the millisecond: further digits of S are zeros.
"""

from __future__ import annotations

from pipeline.dates.locales import ENGLISH, Names
from pipeline.dates.patterns import (
    NUMBERS,
    Formatter,
    Letters,
    Literal,
    Piece,
    Printer,
    constant,
    formatter,
    is_letter,
    padded,
    run_length,
)

LETTERS = "GCYyxMwDdeEahKHkmsSzZ"


def pieces(pattern: str) -> list[Piece]:
    """The pieces of a pattern; raises ValueError for a letter that Joda-Time does not know."""
    found: list[Piece] = []
    position = 0
    while position < len(pattern):
        if is_letter(pattern[position]):
            count = run_length(pattern, position)
            if pattern[position] not in LETTERS:
                raise ValueError(_unknown(pattern, pattern[position] * count))
            found.append(Letters(pattern[position], count))
            position += count
        else:
            text, position = _literal(pattern, position)
            if text:
                found.append(Literal(text))
    return found


def _unknown(pattern: str, run: str) -> str:
    return (
        f'the date pattern "{pattern}" has no meaning for "{run}"; '
        f"the letters are {' '.join(LETTERS)}, and text goes between single quotes: 'T'"
    )


def _literal(pattern: str, position: int) -> tuple[str, int]:
    text, quoted = "", False
    while position < len(pattern):
        character = pattern[position]
        if character == "'":
            if pattern.startswith("''", position):
                text += "'"
                position += 1
            else:
                quoted = not quoted
        elif is_letter(character) and not quoted:
            break
        else:
            text += character
        position += 1
    return text, position


def compile_format(pattern: str, names: Names = ENGLISH) -> Formatter:
    """A function that prints canonical timestamps by a pattern."""
    if not pattern:
        raise ValueError("a date pattern must not be empty")
    found = pieces(pattern)
    return formatter(found, [_printer(piece, names) for piece in found])


def _printer(piece: Piece, names: Names) -> Printer:
    if isinstance(piece, Literal):
        return constant(piece.text)
    letter, count = piece
    if letter in "YyxC":
        return _year(letter, count)
    if letter in "MEGa":
        return _text(letter, count, names)
    if letter == "S":
        return lambda moment: f"{moment.nanos // 1_000_000:03d}".ljust(count, "0")[:count]
    if letter == "z":
        return constant("UTC" if count < 4 else "Coordinated Universal Time")
    if letter == "Z":
        return constant({1: "+0000", 2: "+00:00"}.get(count, "UTC"))
    if letter == "w":
        return padded(lambda time: time.isocalendar().week, count)
    if letter == "e":
        return padded(lambda time: time.isoweekday(), count)
    return padded(NUMBERS[letter], count)


def _year(letter: str, count: int) -> Printer:
    if letter == "C":
        return padded(lambda time: time.year // 100, count)
    if letter == "x":
        if count == 2:
            return padded(lambda time: time.isocalendar().year % 100, 2)
        return padded(lambda time: time.isocalendar().year, count)
    if count == 2:
        return padded(lambda time: time.year % 100, 2)
    return padded(lambda time: time.year, count)


def _text(letter: str, count: int, names: Names) -> Printer:
    if letter == "a":
        return lambda moment: names.halves[moment.time.hour // 12]
    if letter == "G":
        return constant(names.eras[1])
    if letter == "E":
        days = names.days if count >= 4 else names.short_days
        return lambda moment: days[moment.time.isoweekday() % 7]
    if count < 3:
        return padded(lambda time: time.month, count)
    months = names.months if count >= 4 else names.short_months
    return lambda moment: months[moment.time.month - 1]
