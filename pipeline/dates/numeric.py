"""Timestamps from numbers: seconds or milliseconds since 1970, and TAI64N labels; to the millisecond."""

from __future__ import annotations

import re
from typing import Any

from pipeline.dates import timestamps

_INTEGER = re.compile(r"[+-]?[0-9]+")
_DECIMAL = re.compile(r"([+-]?[0-9]+)\.([0-9]{1,3})", re.DOTALL)
_TAI64N = re.compile(r"@?([0-9a-f]{16})([0-9a-f]{8})", re.IGNORECASE)
_LAST_SECOND = 2**31 - 1
"""Logstash takes no more for seconds: a greater number is likely to be of milliseconds."""
_LONG = 2**63
_TAI_AHEAD = 10
"""TAI was ahead of UTC by ten seconds in 1970; later leap seconds are left out, as Logstash leaves them out."""


def unix(value: Any) -> str | None:
    """A timestamp from seconds since 1970, a number or its text; None if it is neither, or too great."""
    if type(value) is str:
        return _unix_text(value)
    if type(value) is int:
        return _from_millis(value * 1000) if value <= _LAST_SECOND else None
    if type(value) is float and abs(value) < _LONG:
        return _from_millis(int(value * 1000)) if int(value) <= _LAST_SECOND else None
    return None


def _unix_text(text: str) -> str | None:
    if _INTEGER.fullmatch(text):
        seconds, millis = int(text), 0
    else:
        found = _DECIMAL.match(text)
        if found is None:
            return None
        seconds, millis = int(found[1]), int(found[2].ljust(3, "0"))
    return _from_millis(seconds * 1000 + millis) if seconds <= _LAST_SECOND else None


def unix_ms(value: Any) -> str | None:
    """A timestamp from milliseconds since 1970, a number or the text of an integer; None if it is neither."""
    if type(value) is str:
        return _from_millis(int(value)) if _INTEGER.fullmatch(value) else None
    if type(value) is int:
        return _from_millis(value)
    if type(value) is float and abs(value) < _LONG:
        return _from_millis(int(value))
    return None


def tai64n(value: Any) -> str | None:
    """A timestamp from a TAI64N label: 16 hexadecimal digits of seconds and 8 of nanoseconds."""
    found = _TAI64N.match(value) if type(value) is str else None
    if found is None:
        return None
    seconds, nanos = int(found[1], 16), int(found[2], 16)
    if seconds >= _LONG or nanos >= 2**31:
        return None
    seconds = seconds % 2**62 - _TAI_AHEAD
    return _from_millis(seconds * 1000 + nanos // 1_000_000)


def _from_millis(millis: int) -> str | None:
    try:
        return timestamps.from_millis(millis)
    except ValueError:  # not in the years 1 to 9999
        return None
