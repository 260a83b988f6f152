"""Dates as Elasticsearch takes them in queries: a moment, or as long as what is said of it lasts.

    2026-11-23T09:30:00.123Z   2026-11-23T09:30+01:00   2026-11-23   2026-11   1764000000000 (milliseconds)
    now   now-1d   now-1d/d   2026-11-23||+1M/d

`2026-11-23` is a whole day, `now/h` a whole hour; but `2026-11` and `2026` are their first day, as in Elasticsearch,
and a whole month is `2026-11||/M`. Without an offset a date is in UTC. Units are y, M, w, d, h, m, s.
"""

from __future__ import annotations

import calendar
import re
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_DATE = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)(?:T(?P<hour>\d\d)(?::(?P<minute>\d\d)(?::(?P<second>\d\d)"
    r"(?:[.,](?P<fraction>\d{1,9}))?)?)?(?P<zone>Z|[+-]\d\d(?::?\d\d)?)?)?)?)?"
)
_MILLIS = re.compile(r"-?\d{1,15}")
_STEP = re.compile(r"([+-])(\d{0,9})([yMwdhHms])|/([yMwdhHms])")
_FIXED = {
    "w": timedelta(weeks=1),
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
}


def interval(text: str, now: int) -> tuple[int, int] | None:
    """The first and the last millisecond since 1970 that a date means; None for what is no date.

    `now` is in milliseconds since 1970.
    """
    try:
        if text.startswith("now"):
            moment = _EPOCH + timedelta(milliseconds=now)
            return _computed(moment, moment, text[3:])
        anchor, bars, steps = text.partition("||")
        found = _anchor(anchor.strip())
        if found is None or not bars:
            return None if found is None else (_millis(found[0]), _millis(found[1]))
        return _computed(found[0], found[1], steps)
    except (ValueError, OverflowError):
        return None


def _millis(moment: datetime) -> int:
    return (moment - _EPOCH) // _MILLISECOND


def _anchor(text: str) -> tuple[datetime, datetime] | None:
    found = _DATE.fullmatch(text)
    if found is None:
        if not _MILLIS.fullmatch(text):
            return None
        moment = _EPOCH + timedelta(milliseconds=int(text))
        return moment, moment
    parts = found.groupdict()
    fraction = (parts["fraction"] or "").ljust(6, "0")[:6]
    first = datetime(
        int(parts["year"]),
        int(parts["month"] or 1),
        int(parts["day"] or 1),
        int(parts["hour"] or 0),
        int(parts["minute"] or 0),
        int(parts["second"] or 0),
        int(fraction),
        tzinfo=UTC,
    ) - _offset(parts["zone"])
    if parts["fraction"]:
        return first, first
    units = (("second", "s"), ("minute", "m"), ("hour", "h"), ("day", "d"), ("year", "d"))
    finest = next(unit for name, unit in units if parts[name])
    return first, _moved(first, 1, finest) - _MILLISECOND


def _offset(zone: str | None) -> timedelta:
    if zone is None or zone == "Z":
        return timedelta(0)
    offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:].lstrip(":") or 0))
    return -offset if zone[0] == "-" else offset


def _computed(first: datetime, last: datetime, steps: str) -> tuple[int, int] | None:
    at = 0
    while at < len(steps):
        found = _STEP.match(steps, at)
        if found is None:
            return None
        sign, number, unit, rounded = found.groups()
        if rounded:
            first = _floor(first, rounded)
            last = _moved(_floor(last, rounded), 1, rounded) - _MILLISECOND
        else:
            count = int(number or 1) * (1 if sign == "+" else -1)
            first, last = _moved(first, count, unit), _moved(last, count, unit)
        at = found.end()
    return _millis(first), _millis(last)


def _moved(moment: datetime, count: int, unit: str) -> datetime:
    if unit not in "yM":
        return moment + count * _FIXED[unit.lower()]
    month = moment.month - 1 + count * (12 if unit == "y" else 1)
    year, month = moment.year + month // 12, month % 12 + 1
    return moment.replace(year=year, month=month, day=min(moment.day, calendar.monthrange(year, month)[1]))


def _floor(moment: datetime, unit: str) -> datetime:
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    match unit:
        case "y":
            return day.replace(month=1, day=1)
        case "M":
            return day.replace(day=1)
        case "w":
            return day - timedelta(days=day.weekday())
        case "d":
            return day
        case "h" | "H":
            return moment.replace(minute=0, second=0, microsecond=0)
        case "m":
            return moment.replace(second=0, microsecond=0)
    return moment.replace(microsecond=0)
