"""Times as CEF writes them, read as points in time.

    1767225600000                          milliseconds since 1970, or 1767225600000.123456
    Jan 02 03:04:05.678 Europe/Paris       the year, the fraction and the zone may be missing
    Jan 02 2026 03:04:05

Without a year it is the latest such time that is not more than two days ahead. A time in ISO 8601 is read too.
"""

from __future__ import annotations

import re
import time
from datetime import datetime, timedelta

from pipeline.dates.timestamps import canonical, from_epoch
from pipeline.dates.zones import Zone, find

_NAMES = "jan feb mar apr may jun jul aug sep oct nov dec"
_MONTHS = {name: number for number, name in enumerate(_NAMES.split(), 1)}
_FORM = re.compile(
    r"([A-Za-z]{3})[a-z]* +(\d{1,2})(?: +(\d{4}))? +(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?: +(\S+))?", re.ASCII
)
_MILLIS = re.compile(r"(-?\d{1,14})(?:\.(\d{1,6}))?", re.ASCII)
_EPOCH = datetime(1970, 1, 1)
_AHEAD = timedelta(days=2)


def read(text: str, zone: Zone | None) -> str:
    """The time as `@timestamp` holds it; `zone` is for one that names none. Raises ValueError."""
    text = text.strip()
    if found := _MILLIS.fullmatch(text):
        millis = int(found[1])
        return from_epoch(millis // 1000, millis % 1000 * 1_000_000 + int((found[2] or "").ljust(6, "0")))
    if zone is None:
        raise ValueError("its time zone is not known")
    found = _FORM.fullmatch(text)
    if found is None:
        if (timestamp := canonical(text)) is None:
            raise ValueError(f"no time: {text!r:.100}")
        return timestamp
    month, day, year, hour, minute, second, fraction, named = found.groups()
    if month.lower() not in _MONTHS:
        raise ValueError(f"no month: {month!r}")
    if named is not None:
        known = find(named)
        if known is None:
            raise ValueError(f"no time zone: {named!r:.100}")
        zone = known
    nanos = int((fraction or "").ljust(9, "0"))
    rest = _MONTHS[month.lower()], int(day), int(hour), int(minute), int(second)
    if year is not None:
        return _utc(datetime(int(year), *rest), nanos, zone)
    now = datetime.fromtimestamp(time.time(), zone.tzinfo).replace(tzinfo=None)
    for guess in range(now.year + 1, now.year - 8, -1):
        try:
            local = datetime(guess, *rest)
        except ValueError:  # the 29th of February
            continue
        if local <= now + _AHEAD:
            return _utc(local, nanos, zone)
    raise ValueError(f"no such day: {text!r:.100}")


def _utc(local: datetime, nanos: int, zone: Zone) -> str:
    return from_epoch(zone.to_utc(int((local - _EPOCH).total_seconds())), nanos)
