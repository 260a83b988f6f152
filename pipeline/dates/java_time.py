"""java.time's date patterns, as in `%{{yyyy-MM-dd}}`: their letters, and printing by them.

    G era             u year                y year of era     Y week year       D day of year
    M, L month        d day of month        Q, q quarter      w week of year    W week of month
    E, e, c weekday   F week of month       a half of day     B part of day     h, K hour of half
    H, k hour         m minute  s second    S fraction        A milli of day    n nano    N nano of day
    g Julian day      V, v, z, O, X, x, Z zone                p pads the next   '...' literal   '' a quote

Two letters print a year as two digits, three print a name short, four in full, five as one letter. Printing is in UTC
and English; weeks are those of Java's English locale, which begin on Sunday, the first holding 1 January. `[` and `]`
print nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from pipeline.dates import timestamps
from pipeline.dates.locales import ENGLISH
from pipeline.dates.patterns import (
    NUMBERS,
    Formatter,
    Letters,
    Piece,
    Printer,
    constant,
    formatter,
    is_letter,
    padded,
    run_length,
)

_MOST = dict.fromkeys("aFWg", 1) | dict.fromkeys("dhHkKmsw", 2) | {"D": 3} | dict.fromkeys("MLQqEecGB", 5)
_MOST |= {"S": 9, "V": 2, "z": 4, "v": 4, "O": 4, "X": 5, "x": 5, "Z": 5} | dict.fromkeys("uyYAnN", 19) | {"g": 19}
"""How often each letter may be repeated."""
_COUNTS = {"V": (2,), "v": (1, 4), "O": (1, 4), "c": (1, 3, 4, 5), "B": (1, 4, 5)}
_ZONES = {
    "V": {2: "Z"},
    "v": {1: "Z", 4: "Z"},
    "z": dict.fromkeys(range(1, 5), "Z"),
    "O": {1: "GMT", 4: "GMT"},
    "X": dict.fromkeys(range(1, 6), "Z"),
    "x": {1: "+00", 2: "+0000", 3: "+00:00", 4: "+0000", 5: "+00:00"},
    "Z": {1: "+0000", 2: "+0000", 3: "+0000", 4: "GMT", 5: "Z"},
}


def compile_format(pattern: str) -> Formatter:
    """A function that prints canonical timestamps by a pattern; raises ValueError if it cannot be read."""
    pieces: list[Piece] = []
    printers: list[Printer] = []
    position = depth = 0
    while position < len(pattern):
        character = pattern[position]
        if is_letter(character):
            position = _letters(pattern, position, pieces, printers)
            continue
        if character == "'":
            text, position = _quoted(pattern, position)
            printers.append(constant(text))
            continue
        if character in "{}#":
            raise _fault(pattern, f'"{character}" is reserved; put it between single quotes')
        depth += {"[": 1, "]": -1}.get(character, 0)
        if depth < 0:
            raise _fault(pattern, 'there is a "]" without "["')
        if character not in "[]":
            printers.append(constant(character))
        position += 1
    return formatter(pieces, printers)


def _fault(pattern: str, why: str) -> ValueError:
    return ValueError(f'the date pattern "{pattern}" cannot be read: {why}')


def _quoted(pattern: str, start: int) -> tuple[str, int]:
    text, position = "", start + 1
    while position < len(pattern):
        if pattern[position] != "'":
            text += pattern[position]
        elif pattern.startswith("''", position):
            text += "'"
            position += 1
        else:
            return text or "'", position + 1
        position += 1
    raise _fault(pattern, "a text in single quotes does not end")


def _letters(pattern: str, start: int, pieces: list[Piece], printers: list[Printer]) -> int:
    letter, count = pattern[start], run_length(pattern, start)
    position = start + count
    width = 0
    if letter == "p":
        width = count
        if position == len(pattern) or not is_letter(pattern[position]) or pattern[position] == "p":
            raise _fault(pattern, 'the letters to be padded must follow on "p"')
        letter, count = pattern[position], run_length(pattern, position)
        position += count
    if letter not in _MOST:
        raise _fault(pattern, f'the letter "{letter}" has no meaning; the letters are {" ".join(sorted(_MOST))}')
    if count > _MOST[letter] or count not in _COUNTS.get(letter, (count,)):
        raise _fault(pattern, f'"{letter * count}" is no length that "{letter}" can have')
    printer = _printer(letter, count)
    pieces.append(Letters(letter, count))
    printers.append(_right(printer, width) if width else printer)
    return position


def _right(printer: Printer, width: int) -> Printer:
    return lambda moment: printer(moment).rjust(width)


def _printer(letter: str, count: int) -> Printer:
    if letter in _ZONES:
        return constant(_ZONES[letter][count])
    if letter in "uyY":
        return _year(letter, count)
    if letter in "SAnN":
        return _fraction(letter, count)
    if letter in "GaB":
        return _text(letter, count)
    if letter in "MLEecQq":
        return _named(letter, count)
    return padded(NUMBERS.get(letter) or _OTHERS[letter], count)


def _year(letter: str, count: int) -> Printer:
    year = (lambda time: _week(time)[0]) if letter == "Y" else _year_of
    if count == 2:
        return padded(lambda time: year(time) % 100, 2)
    return padded(year, count)


def _year_of(time: datetime) -> int:
    return time.year


def _fraction(letter: str, count: int) -> Printer:
    if letter == "S":
        return lambda moment: f"{moment.nanos:09d}"[:count]
    if letter == "n":
        return lambda moment: f"{moment.nanos:0{count}d}"
    if letter == "A":
        return lambda moment: f"{_second_of_day(moment.time) * 1000 + moment.nanos // 1_000_000:0{count}d}"
    return lambda moment: f"{_second_of_day(moment.time) * 1_000_000_000 + moment.nanos:0{count}d}"


def _second_of_day(time: datetime) -> int:
    return time.hour * 3600 + time.minute * 60 + time.second


def _text(letter: str, count: int) -> Printer:
    if letter == "G":
        return constant({4: "Anno Domini", 5: "A"}.get(count, "AD"))
    if letter == "a":
        return lambda moment: ENGLISH.halves[moment.time.hour // 12]
    return lambda moment: _part_of_day(moment.time, narrow=count == 5)


def _part_of_day(time: datetime, *, narrow: bool) -> str:
    if time.minute == 0 and time.hour in (0, 12):
        return ("n" if time.hour else "mi") if narrow else ("noon" if time.hour else "midnight")
    parts = ((6, "at night"), (12, "in the morning"), (18, "in the afternoon"), (21, "in the evening"))
    return next((name for end, name in parts if time.hour < end), "at night")


def _named(letter: str, count: int) -> Printer:
    number, names, short = _NAMED[letter]
    if count < 3 and letter != "E":
        return padded(number, count)
    if count == 5:
        return padded(number, 1) if letter in "Qq" else lambda moment: names[number(moment.time) - 1][0]
    chosen = names if count == 4 else short
    return lambda moment: chosen[number(moment.time) - 1]


def _quarter(time: datetime) -> int:
    return (time.month - 1) // 3 + 1


def _month(time: datetime) -> int:
    return time.month


def _weekday(time: datetime) -> int:
    return time.isoweekday() % 7 + 1


_QUARTERS = ("1st quarter", "2nd quarter", "3rd quarter", "4th quarter")
_NAMED: dict[str, tuple[Callable[[datetime], int], tuple[str, ...], tuple[str, ...]]] = {
    **dict.fromkeys("ML", (_month, ENGLISH.months, ENGLISH.short_months)),
    **dict.fromkeys("Eec", (_weekday, ENGLISH.days, ENGLISH.short_days)),
    **dict.fromkeys("Qq", (_quarter, _QUARTERS, ("Q1", "Q2", "Q3", "Q4"))),
}


def _week(time: datetime) -> tuple[int, int]:
    """The week year and the week, where weeks begin on Sunday and the first holds 1 January."""
    saturday = time.toordinal() - time.isoweekday() % 7 + 6
    past_end = saturday > datetime.max.toordinal()
    year = time.year + 1 if past_end else (time + timedelta(days=saturday - time.toordinal())).year
    first = 1 if past_end else datetime(year, 1, 1).toordinal()
    return year, 1 if past_end else (saturday - first) // 7 + 1


def _week_of_month(time: datetime) -> int:
    first_weekday = (time.isoweekday() - time.day + 1) % 7
    return (time.day - 1 + first_weekday) // 7 + 1


_OTHERS: dict[str, Callable[[datetime], int]] = {
    "w": lambda time: _week(time)[1],
    "W": _week_of_month,
    "F": lambda time: (time.day - 1) // 7 + 1,
    "g": lambda time: time.toordinal() - timestamps.UNIX_DAY + 40587,
}
