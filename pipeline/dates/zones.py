"""Time zones by the names that Joda-Time and java.time know, and local time to UTC and back.

A name is one of the IANA database ("Europe/Paris", "CET"), "UTC", "GMT" or "UT" with or without an offset
("UTC+02:00"), or an offset alone ("+02:00", "-0530").
"""

from __future__ import annotations

import os
import re
import time
from datetime import datetime, timedelta, timezone, tzinfo
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

_OFFSET = re.compile(r"(?:UTC|GMT|UT)?([+-])(\d\d)(?::?(\d\d)(?::?(\d\d))?)?", re.ASCII)
_EPOCH = datetime(1970, 1, 1)
_HOUR = 3600
_NO_ZONES = frozenset(("localtime", "Factory", "posixrules"))
"""Files of the database that are no zones, but can be opened as such."""


class Zone:
    """A time zone, asked in seconds since 1970.

    `to_utc(local)` turns a local time into UTC: in an overlap the earlier of the two moments, in a gap the time is
    moved on by the length of the gap (java.time). `exists(local)` is False in a gap. `offset(utc)` is what is added
    to UTC.
    """

    __slots__ = ("_hours", "_zone", "fixed", "name")

    def __init__(self, name: str, zone: tzinfo) -> None:
        self.name = name
        self._zone = zone
        self.fixed: int | None = None
        if isinstance(zone, timezone):
            self.fixed = round(zone.utcoffset(None).total_seconds())
        self._hours: dict[int, int] = {}

    @property
    def tzinfo(self) -> tzinfo:
        """The zone as Python's datetime knows it."""
        return self._zone

    def offset(self, utc: int) -> int:
        """Seconds added to UTC at a moment."""
        if self.fixed is not None:
            return self.fixed
        moment = (_EPOCH + timedelta(seconds=utc)).replace(tzinfo=self._zone)
        shifted = self._zone.fromutc(moment)
        return round((shifted.utcoffset() or timedelta()).total_seconds())

    def to_utc(self, local: int) -> int:
        """The moment of a local time; never fails."""
        if self.fixed is not None:
            return local - self.fixed
        return local - self._offset_of_local(local)

    def to_utc_strict(self, local: int) -> int | None:
        """The moment of a local time; None in a gap, where clocks were put forward."""
        if self.fixed is not None:
            return local - self.fixed
        hour = local // _HOUR
        offset = self._hours.get(hour)
        if offset is not None:
            return local - offset
        return self._learn(hour, local)

    def _learn(self, hour: int, local: int) -> int | None:
        # An hour of local time is remembered if one offset holds all through it and none of it is a gap:
        # then its first and its last second give the same offset, there and back.
        first, last = hour * _HOUR, hour * _HOUR + _HOUR - 1
        offset = self._offset_of_local(first)
        if offset == self._offset_of_local(last) and all(self.offset(end - offset) == offset for end in (first, last)):
            if len(self._hours) >= 4096:
                self._hours.clear()
            self._hours[hour] = offset
            return local - offset
        offset = self._offset_of_local(local)
        return local - offset if self.offset(local - offset) == offset else None

    def _offset_of_local(self, local: int) -> int:
        moment = (_EPOCH + timedelta(seconds=local)).replace(tzinfo=self._zone)
        return round((moment.utcoffset() or timedelta()).total_seconds())


UTC = Zone("UTC", timezone.utc)  # noqa: UP017  (datetime.UTC has the name of this very zone)


def find(name: str, *, ignore_case: bool = False) -> Zone | None:
    """The zone of a name, None if there is none."""
    return _find(name, ignore_case)


@lru_cache(maxsize=1024)
def _find(name: str, ignore_case: bool) -> Zone | None:
    if ignore_case:
        name = _spellings().get(name.lower(), name.upper())
    if name in ("UTC", "GMT", "UT", "Z"):
        return Zone(name, timezone.utc)  # noqa: UP017  (as above)
    offset = _OFFSET.fullmatch(name)
    if offset:
        return _fixed(name, offset)
    if name in _NO_ZONES:
        return None
    try:
        return Zone(name, ZoneInfo(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):  # the last for "Europe", which is a folder
        return None


def _fixed(name: str, found: re.Match[str]) -> Zone | None:
    hours, minutes, seconds = int(found[2]), int(found[3] or 0), int(found[4] or 0)
    if hours > 23 or minutes > 59 or seconds > 59:
        return None
    offset = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return Zone(name, timezone(offset if found[1] == "+" else -offset))


def required(name: str) -> Zone:
    """The zone of a name; raises ValueError with the nearest known name if there is none."""
    zone = find(name)
    if zone is None:
        near = get_close_matches(name, [*known(), "UTC"], n=1, cutoff=0.6)
        remedy = f'did you mean "{near[0]}"?' if near else 'write a name such as "Europe/Paris", or an offset: "+02:00"'
        raise ValueError(f'there is no time zone "{name}"; {remedy}')
    return zone


@lru_cache(maxsize=1)
def known() -> frozenset[str]:
    """All names of the IANA database."""
    return frozenset(available_timezones() - _NO_ZONES)


@lru_cache(maxsize=1)
def _spellings() -> dict[str, str]:
    return {name.lower(): name for name in known()}


def of_machine() -> Zone:
    """The zone this machine is set to: `TZ`, else /etc/localtime, else the offset of the C library."""
    return _machine(os.environ.get("TZ"))


@lru_cache(maxsize=8)
def _machine(setting: str | None) -> Zone:
    if setting is not None:
        zone = find(setting.removeprefix(":")) if setting else UTC
        if zone is not None:
            return zone
    for name in _machine_names():
        zone = find(name)
        if zone is not None:
            return zone
    return Zone(time.tzname[0], timezone(timedelta(seconds=-time.timezone)))


def _machine_names() -> list[str]:
    link = Path("/etc/localtime")
    named = Path("/etc/timezone")
    names = [named.read_text(encoding="utf-8").strip()] if named.is_file() else []
    if link.is_symlink():
        names.insert(0, str(link.resolve()).partition("zoneinfo/")[2])
    return names
