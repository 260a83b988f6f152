"""What the columns of a table are turned into, as the converters of Ruby's CSV library do it.

What cannot be turned into the type stays the text it is. A date is a time at midnight, UTC.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from pipeline.dates import timestamps

Converter = Callable[[str], Any]

_FLOAT = re.compile(r"\s*[+-]?\d+(?:_\d+)*(?:\.\d+(?:_\d+)*)?(?:[eE][+-]?\d+)?\s*")
_INTEGER = re.compile(
    r"\s*([+-]?)(0[xX](?=[0-9a-fA-F])|0[bB](?=[01])|0[oO]?(?=[0-7]))?([0-9a-fA-F]+(?:_[0-9a-fA-F]+)*)\s*"
)
_BASES = {"0x": 16, "0b": 2, "0o": 8, "0": 8}


def integer(text: str) -> Any:
    """Ruby's `Integer()`: decimal, or with 0x, 0b, 0o or 0 before it; underscores between digits."""
    found = _INTEGER.fullmatch(text)
    if not found:
        return text
    sign, prefix, digits = found.groups()
    if not prefix and len(digits) > 1 and digits[0] == "0":
        return text  # 09 is octal, and none
    try:
        return int(sign + digits.replace("_", ""), _BASES[prefix.lower()] if prefix else 10)
    except ValueError:
        return text


def floating(text: str) -> Any:
    """Ruby's `Float()`, without its hexadecimal form."""
    return float(text.replace("_", "")) if _FLOAT.fullmatch(text) else text


def boolean(text: str) -> Any:
    """True or false in any case, with blanks around; anything else in small letters, without the blanks."""
    word = text.strip().lower()
    return {"true": True, "false": False}.get(word, word)


_ISO = re.compile(r"\d{4}-\d{2}-\d{2}")
_DATE = re.compile(r"(?:\w+,?\s+)?(\w{3})\w*\s+(\d{1,2}),?\s+(\d{4}|\d{2})", re.ASCII)
_TIME = re.compile(r"(?:\w+,?\s+)?(\w{3})\w*\s+(\d{1,2})\s+(\d{1,2}:\d{1,2}:\d{1,2}),?\s+(\d{4}|\d{2})", re.ASCII)


def date(text: str) -> Any:
    """A day, as in 2026-11-21 or Nov 21, 2026."""
    if _ISO.fullmatch(text):
        return timestamps.canonical(f"{text}T00:00:00Z") or text
    found = _DATE.fullmatch(text)
    return _read(text, found[1], found[2], "0:0:0", found[3]) if found else text


def date_time(text: str) -> Any:
    """A time, as in 2026-11-21 10:20:30 or Nov 21 10:20:30, 2026; UTC where it names no zone."""
    if _ISO.match(text) and len(text) > 10:
        zoned = text if re.search(r"(Z|[+-]\d{2}:?\d{2})$", text) else f"{text}Z"
        return timestamps.canonical(zoned.replace(" ", "T", 1)) or text
    found = _TIME.fullmatch(text)
    return _read(text, *found.groups()) if found else text


def _read(text: str, month: str, day: str, time: str, year: str) -> Any:
    try:
        when = datetime.strptime(f"{month} {day} {time} {year}", f"%b %d %H:%M:%S {'%Y' if len(year) > 2 else '%y'}")
    except ValueError:
        return text
    return when.strftime("%Y-%m-%dT%H:%M:%S.000Z")


CONVERTERS: dict[str, Converter] = {
    "integer": integer,
    "float": floating,
    "boolean": boolean,
    "date": date,
    "date_time": date_time,
}
