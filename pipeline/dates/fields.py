"""From the fields of a date, as a pattern found them, to a local time: the way Joda-Time does it.

A field is a letter of a Joda pattern with its number. `y` stands for `Y` too, `e` for `E`; `H` is 0 to 23, `h` is 0 to
11. Joda-Time sets one field after the other on 1 January 1970, the greater ones first, each cutting off what is
smaller, and then sets them all once more, where only the last one cuts off. So a weekday that does not fit its date
moves the date within its week.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

_EPOCH = date(1970, 1, 1)
_UNIX_DAY = _EPOCH.toordinal()
_RARE = frozenset("CxwDe")
_DATE_FIELDS = "CyxMwDde"
"""In the order in which Joda-Time sets them."""
_TIME_FIELDS = frozenset("aHhmsS")
_NEED_YEAR = frozenset("MwDde")


def local_millis(fields: Mapping[str, int], default_year: int) -> int | None:
    """Milliseconds from 1970 to a local time; None if there is no such day or hour."""
    day = local_day(fields, default_year)
    hour = fields.get("a", 0) * 12
    hour = fields.get("H", hour)
    if "h" in fields:
        hour = hour // 12 * 12 + fields["h"]
    minute, second = fields.get("m", 0), fields.get("s", 0)
    if day is None or hour > 23 or minute > 59 or second > 59:
        return None
    return day * 86_400_000 + (hour * 3600 + minute * 60 + second) * 1000 + fields.get("S", 0)


def local_day(fields: Mapping[str, int], default_year: int) -> int | None:
    """Days from 1970 to the date of the fields; None if there is no such date in the years 1 to 9999."""
    try:
        if _RARE.isdisjoint(fields):
            return _simple(fields, default_year)
        values = {letter: fields[letter] for letter in _DATE_FIELDS if letter in fields}
        if next(iter(values)) in _NEED_YEAR:
            values = {"y": default_year} | values
        return _set_all(values, cut=_TIME_FIELDS.isdisjoint(fields)).toordinal() - _UNIX_DAY
    except (ValueError, OverflowError):
        return None


def _simple(fields: Mapping[str, int], default_year: int) -> int:
    year, month, day = fields.get("y"), fields.get("M"), fields.get("d")
    if year is None:
        if month is None and day is None:
            return 0
        year = default_year
    first = 1 if month is None else month
    return date(year, first, 1 if day is None else day).toordinal() - _UNIX_DAY


def _set_all(values: dict[str, int], *, cut: bool) -> date:
    day, letter = _EPOCH, ""
    for letter, value in values.items():
        day = _floor(letter, _set(day, letter, value))
    for letter, value in values.items():
        day = _set(day, letter, value)
    return _floor(letter, day) if cut else day


def _set(day: date, letter: str, value: int) -> date:
    if letter == "y":
        return with_year(day, value)
    if letter == "C":
        return with_year(day, value * 100 + day.year % 100)
    if letter == "M":
        first = day.replace(month=value, day=1)
        return first.replace(day=min(day.day, _last_day(first)))
    if letter == "d":
        return day.replace(day=value)
    if letter == "D":
        found = date(day.year, 1, 1) + timedelta(days=value - 1)
        if value < 1 or found.year != day.year:
            raise ValueError("no such day of the year")
        return found
    return _set_in_weeks(day, letter, value)


def _set_in_weeks(day: date, letter: str, value: int) -> date:
    year, week, weekday = day.isocalendar()
    if letter == "x":
        try:
            return date.fromisocalendar(value, week, weekday)
        except ValueError:  # the year has no week 53
            return date.fromisocalendar(value, min(week, 52), weekday)
    if letter == "w":
        return date.fromisocalendar(year, value, weekday)
    return date.fromisocalendar(year, week, value)


def _floor(letter: str, day: date) -> date:
    if letter == "C":
        return date(day.year // 100 * 100, 1, 1)
    if letter == "y":
        return date(day.year, 1, 1)
    if letter == "M":
        return day.replace(day=1)
    if letter == "x":
        return date.fromisocalendar(day.isocalendar().year, 1, 1)
    return day - timedelta(days=day.weekday()) if letter == "w" else day


def with_year(day: date, year: int) -> date:
    """The same day in another year; 29 February becomes the 28th where there is none."""
    try:
        return day.replace(year=year)
    except ValueError:
        if (day.month, day.day) != (2, 29):
            raise
        return date(year, 2, 28)


def _last_day(first: date) -> int:
    following = first.replace(day=28) + timedelta(days=4)
    return (following - timedelta(days=following.day)).day
