"""Canonical timestamps: the UTC text that Logstash prints, such as `2026-02-03T04:05:06.789Z`.

The fraction has 3, 6 or 9 digits, as few as hold the value, and years run from 0001 to 9999. `canonical` reads
what Logstash's `Timestamp` reads:

    date = YYYY-MM-DD [ "T" HH:MM [ :SS [ "." up to 9 digits ]]] [ zone ]
    zone = "Z" | +HH | +HHMM | +HH:MM | +HHMMSS | +HH:MM:SS | a name such as Europe/Paris

Letters may be small. Without a zone the time is the machine's. A day past the end of a month is its last one, as in
java.time (31 February is the 28th), and 24:00 is the start of the next day.
"""

from __future__ import annotations

import re
import time
from calendar import monthrange
from datetime import date, datetime
from functools import lru_cache

from pipeline.clock import Clock
from pipeline.dates import zones

UNIX_DAY = date(1970, 1, 1).toordinal()
_LAST_SECOND = (date.max.toordinal() - UNIX_DAY + 1) * 86_400 - 1
_FIRST_SECOND = (1 - UNIX_DAY) * 86_400
_BILLION = 1_000_000_000

_TEXT = re.compile(
    r"""(\d{4})-(\d\d)-(\d\d)
        (?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{0,9}))?)?)?
        (?:(Z)|([+-])(\d\d)(?::?(\d\d)(?::?(\d\d))?)?|([A-Z][A-Z0-9_./+:-]*))?""",
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)


_of_iso = datetime.fromisoformat


def canonical(text: str) -> str | None:
    """The canonical form of an ISO 8601 text; None if it is not one, or its year is not of four digits.

    Most are canonical already: the standard library's parser, which is written in C, looks at their digits.
    """
    if len(text) == 24 and text[10] == "T" and text[19] == "." and text[23] == "Z" and text[5] != "W":
        try:
            _of_iso(text)
        except ValueError:
            pass  # a 31st of February, 24:00: read below
        else:
            return text
    return _read(text)


@lru_cache(maxsize=8192)
def _read(text: str) -> str | None:
    found = _TEXT.fullmatch(text)
    if found is None:
        return None
    year, month, day = int(found[1]), int(found[2]), int(found[3])
    hour, minute, second = int(found[4] or 0), int(found[5] or 0), int(found[6] or 0)
    nanos = int((found[7] or "").ljust(9, "0"))
    if not (year and 1 <= month <= 12 and 1 <= day <= 31 and minute < 60 and second < 60):
        return None
    if hour > 23 and (hour, minute, second, nanos) != (24, 0, 0, 0):
        return None
    day = min(day, monthrange(year, month)[1])
    local = (date(year, month, day).toordinal() - UNIX_DAY) * 86_400 + hour * 3600 + minute * 60 + second
    seconds = _to_utc(local, found)
    return None if seconds is None or not _FIRST_SECOND <= seconds <= _LAST_SECOND else from_epoch(seconds, nanos)


def _to_utc(local: int, found: re.Match[str]) -> int | None:
    if found[8]:
        return local
    if found[9]:
        hours, minutes, seconds = int(found[10]), int(found[11] or 0), int(found[12] or 0)
        offset = hours * 3600 + minutes * 60 + seconds
        if minutes > 59 or seconds > 59 or offset > 18 * 3600:
            return None
        return local - offset if found[9] == "+" else local + offset
    if found[13]:
        zone = zones.find(found[13], ignore_case=True)
        return None if zone is None else zone.to_utc(local)
    return zones.of_machine().to_utc(local)


def from_epoch(seconds: float, nanos: int = 0) -> str:
    """The canonical text of a moment; a float counts to the microsecond, which is as much as it holds."""
    if type(seconds) is not int:
        micros = round(seconds * 1_000_000)
        seconds, nanos = micros // 1_000_000, nanos + micros % 1_000_000 * 1000
    if not 0 <= nanos < _BILLION:
        seconds, nanos = seconds + nanos // _BILLION, nanos % _BILLION
    minute, second = divmod(seconds, 60)
    if not nanos:
        return f"{_minute(minute)}{second:02d}.000Z"
    if not nanos % 1_000_000:
        return f"{_minute(minute)}{second:02d}.{nanos // 1_000_000:03d}Z"
    if not nanos % 1000:
        return f"{_minute(minute)}{second:02d}.{nanos // 1000:06d}Z"
    return f"{_minute(minute)}{second:02d}.{nanos:09d}Z"


def from_millis(millis: int) -> str:
    """The canonical text of a moment in milliseconds since 1970."""
    seconds, rest = divmod(millis, 1000)
    minute, second = divmod(seconds, 60)
    return f"{_minute(minute)}{second:02d}.{rest:03d}Z"


@lru_cache(maxsize=8192)
def _minute(minute: int) -> str:
    days, rest = divmod(minute, 1440)
    try:
        day = date.fromordinal(days + UNIX_DAY)
    except (ValueError, OverflowError):
        raise ValueError(f"{minute * 60} seconds since 1970 is not in the years 0001 to 9999") from None
    return f"{day.isoformat()}T{rest // 60:02d}:{rest % 60:02d}:"


def now(clock: Clock | None = None) -> str:
    """The present, to the microsecond."""
    return from_epoch(time.time() if clock is None else clock.now())


def epoch_seconds(text: str) -> int:
    """Whole seconds since 1970 of a canonical text, rounded down."""
    return _day_seconds(text[:10]) + int(text[11:13]) * 3600 + int(text[14:16]) * 60 + int(text[17:19])


def epoch_millis(text: str) -> int:
    """Whole milliseconds since 1970 of a canonical text, rounded down."""
    return epoch_seconds(text) * 1000 + int(text[20:23])


def epoch_nanos(text: str) -> int:
    """Nanoseconds since 1970 of a canonical text."""
    return epoch_seconds(text) * _BILLION + nanos_of(text)


def nanos_of(text: str) -> int:
    """The fraction of a canonical text, in nanoseconds."""
    return int(text[20:-1].ljust(9, "0"))


def to_datetime(text: str) -> datetime:
    """A naive datetime, in UTC and to the microsecond, of a canonical text."""
    return datetime.fromisoformat(text[:26].rstrip("Z"))


@lru_cache(maxsize=1024)
def _day_seconds(day: str) -> int:
    return (date.fromisoformat(day).toordinal() - UNIX_DAY) * 86_400
