"""Times as CEF writes them, read as points in time.

    1767225600000                          milliseconds since 1970
    Jan 02 03:04:05.678 Europe/Paris       the year, the fraction and the zone may be missing
    Jan 02 2026 03:04:05

Without a year it is the latest such time that is not more than two days ahead. A time in ISO 8601 is read too.
"""

from __future__ import annotations

import re
import time
from datetime import datetime, timedelta

from pipeline.dates.timestamps import canonical
from pipeline.dates.zones import Zone, find

_NAMES = "jan feb mar apr may jun jul aug sep oct nov dec"
_MONTHS = {name: number for number, name in enumerate(_NAMES.split(), 1)}
_FORM = re.compile(
    r"([A-Za-z]{3})[a-z]* +(\d{1,2})(?: +(\d{4}))? +(\d\d):(\d\d):(\d\d)(?:\.(\d{1,3}))?(?: +(\S+))?", re.ASCII
)
_EPOCH = datetime(1970, 1, 1)
_AHEAD = timedelta(days=2)


def read(text: str, zone: Zone) -> str:
    """The time as `@timestamp` holds it; `zone` is for one that names none. Raises ValueError."""
    text = text.strip()
    if re.fullmatch(r"-?\d{1,14}", text, re.ASCII):
        return _canonical(_EPOCH + timedelta(milliseconds=int(text)))
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
    milliseconds = int((fraction or "0").ljust(3, "0"))
    rest = _MONTHS[month.lower()], int(day), int(hour), int(minute), int(second), milliseconds * 1000
    if year is not None:
        return _canonical(_utc(datetime(int(year), *rest), zone))
    now = datetime.fromtimestamp(time.time(), zone.tzinfo).replace(tzinfo=None)
    for guess in range(now.year + 1, now.year - 8, -1):
        try:
            local = datetime(guess, *rest)
        except ValueError:  # the 29th of February
            continue
        if local <= now + _AHEAD:
            return _canonical(_utc(local, zone))
    raise ValueError(f"no such day: {text!r:.100}")


def _utc(local: datetime, zone: Zone) -> datetime:
    seconds = int((local.replace(microsecond=0) - _EPOCH).total_seconds())
    return _EPOCH + timedelta(seconds=zone.to_utc(seconds), microseconds=local.microsecond)


def _canonical(utc: datetime) -> str:
    return f"{utc.isoformat(timespec='milliseconds')}Z"
