"""From a reader of dates to a parser: time zone and missing year are added, and minutes are remembered.

Lines of a log share their minute. What stands before and after the seconds is looked up, and gives all but the
seconds and their fraction of the timestamp; only a new minute is read by the pattern:

    03/Feb/2026:04:05:06 +0100        before: "03/Feb/2026:04:05:"   seconds: "06"   after: " +0100"
    --> 2026-02-03T03:05:06.000Z      remembered for before and after: "2026-02-03T03:05:"

That is sound because reading goes from left to right and never back, so that other digits in the place of the seconds
cannot change how the rest is read, and because since 1973 zones change their clocks at whole minutes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, date, datetime

from pipeline.clock import Clock
from pipeline.dates import timestamps, zones
from pipeline.dates.fields import with_year
from pipeline.dates.joda_parse import Read, Reader
from pipeline.dates.zones import Zone

Parser = Callable[[str], str | None]
"""From a text to a canonical timestamp; None if the text is no date."""

_SECONDS = frozenset(f"{second:02d}" for second in range(60))
_WHOLE_MINUTES_FROM = 94_694_400_000  # 1973
_REMEMBERED = 4096
_DAY = 86_400_000


def parser(reader: Reader, zone: Zone) -> Parser:
    """Parses texts that have a year; one without an offset is a local time of the zone."""

    def resolve(text: str) -> tuple[Read, int] | None:
        read = reader(text, 1970)
        millis = None if read is None else _to_utc(read, zone)
        return None if read is None or millis is None else (read, millis)

    return _Remembering(resolve).parse


def guessing_parser(reader: Reader, zone: Zone, *, offset_read: bool, clock: Clock | None = None) -> Parser:
    """Parses texts that have no year: it is the present one.

    But December is of the last year if it is January now, and January is of the next if it is December.
    `offset_read` says that the pattern has an offset or a zone; without, the text is a local time of the zone.
    """
    present = _Present(clock)

    def resolve(text: str) -> tuple[Read, int] | None:
        read = reader(text, present.year)
        if read is None:
            return None
        moment = _to_utc(read, zone) if offset_read else _local_to_utc(read.local, zone)
        millis = None if moment is None else _in_year(moment, zone, present)
        return None if millis is None else (read, millis)

    remembering = _Remembering(resolve)

    def parse(text: str) -> str | None:
        if present.is_over():
            remembering.forget()
        return remembering.parse(text)

    return parse


def this_year(clock: Clock | None = None) -> int:
    """The year it is now, where the machine is."""
    return _Present(clock).year


def _to_utc(read: Read, zone: Zone) -> int | None:
    if read.offset is not None:
        return read.local - read.offset * 1000
    return _local_to_utc(read.local, read.zone or zone)


def _local_to_utc(local: int, zone: Zone) -> int | None:
    seconds, millis = divmod(local, 1000)
    try:
        utc = zone.to_utc_strict(seconds)
    except OverflowError:  # at the very end of the years we have
        return None
    return None if utc is None else utc * 1000 + millis


def _in_year(moment: int, zone: Zone, present: _Present) -> int | None:
    local = moment + zone.offset(moment // 1000) * 1000
    days, rest = divmod(local, _DAY)
    day = date.fromordinal(days + timestamps.UNIX_DAY)
    year = present.year + {(12, 1): -1, (1, 12): 1}.get((day.month, present.month), 0)
    if year == day.year:
        return moment
    moved = (with_year(day, year).toordinal() - timestamps.UNIX_DAY) * _DAY + rest
    return zone.to_utc(moved // 1000) * 1000 + moved % 1000


class _Present:
    """The year and the month it is now, where the machine is."""

    def __init__(self, clock: Clock | None) -> None:
        self._now = time.time if clock is None else clock.now
        self._read()

    def _read(self) -> None:
        now = int(self._now())
        zone = zones.of_machine()
        local = datetime.fromtimestamp(now + zone.offset(now), UTC)
        self.year, self.month = local.year, local.month
        following = date(self.year + self.month // 12, self.month % 12 + 1, 1)
        self._ends = zone.to_utc((following.toordinal() - timestamps.UNIX_DAY) * 86_400)
        self._began = now

    def is_over(self) -> bool:
        """True once when another month has begun, or the clock was put back."""
        if self._began <= self._now() < self._ends:
            return False
        before = (self.year, self.month)
        self._read()
        return before != (self.year, self.month)


class _Remembering:
    """A parser that remembers minutes; see the head of this file."""

    __slots__ = ("_after", "_count", "_known", "_resolve", "_separator", "_width", "parse")

    def __init__(self, resolve: Callable[[str], tuple[Read, int] | None]) -> None:
        self._resolve = resolve
        self._known: dict[str, dict[str, str]] = {}
        """By what stands after the seconds, then by what stands before them: a timestamp up to its minute."""
        self._count = 0
        self._after = 0
        """How much stands after the seconds and their fraction, where it was last."""
        self._width = 2
        """How wide the seconds and their fraction are, and what is between them."""
        self._separator = ""
        self.parse: Parser = self._parse

    def forget(self) -> None:
        """Forgets every minute that was parsed, as when their number has reached its bound."""
        self._known.clear()
        self._count = 0

    def _parse(self, text: str) -> str | None:
        end = len(text) - self._after
        start = end - self._width
        minutes = self._known.get(text[end:])
        if minutes is not None:
            minute = minutes.get(text[:start])
            if minute is not None:
                second = text[start : start + 2]
                if second in _SECONDS:
                    if self._width == 2:
                        return f"{minute}{second}.000Z"
                    digits = text[start + 3 : end]
                    if text[start + 2] == self._separator and digits.isdecimal() and digits.isascii():
                        return f"{minute}{second}.{digits[:3]:0<3}Z"
        return self._learn(text)

    def _learn(self, text: str) -> str | None:
        found = self._resolve(text)
        if found is None:
            return None
        read, millis = found
        try:
            stamp = timestamps.from_millis(millis)
        except ValueError:
            return None
        start, end = read.second
        if end - start != 2 or millis < _WHOLE_MINUTES_FROM or stamp[17:19] != text[start:end]:
            return stamp
        if read.fraction[0] >= 0:
            if read.fraction[0] != end + 1:
                return stamp
            self._separator, end = text[end], read.fraction[1]
        self._after, self._width = len(text) - end, end - start
        if self._count >= _REMEMBERED:
            self.forget()
        self._count += 1
        self._known.setdefault(text[end:], {})[text[:start]] = stamp[:17]
        return stamp
