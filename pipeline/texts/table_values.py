"""What the columns of a table are turned into, as the converters of Ruby's CSV library do it.

What cannot be turned into the type stays the text it is. A date is a time, too: midnight, where the machine is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from pipeline.dates import timestamps, zones

Converter = Callable[[str], Any]

_FLOAT = re.compile(r"\s*[+-]?(?:\d+(?:_\d+)*(?:\.\d+(?:_\d+)*)?|\.\d+(?:_\d+)*)(?:[eE][+-]?\d+)?\s*")
_HEX = re.compile(r"0[xX][0-9a-fA-F]+\s*")
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
    """Ruby's `Float()`; of its hexadecimal forms only those of whole numbers without a sign."""
    if _HEX.fullmatch(text):
        return float(int(text, 16))
    return float(text.replace("_", "")) if _FLOAT.fullmatch(text) else text


def boolean(text: str) -> Any:
    """True or false in any case, with blanks around; anything else in small letters, without the blanks."""
    word = text.strip().lower()
    return {"true": True, "false": False}.get(word, word)


_ISO = re.compile(r"\d{4}-\d{2}-\d{2}")
_DATE = re.compile(r"(?:\w+,?\s+)?(\w{3})\w*\s+(\d{1,2}),?\s+(\d{2,4})", re.ASCII)
_TIME = re.compile(r"(?:\w+,?\s+)?(\w{3})\w*\s+(\d{1,2})\s+(\d{1,2}:\d{1,2}:\d{1,2}),?\s+(\d{2,4})", re.ASCII)


def date(text: str) -> Any:
    """A day, as in 2026-11-21 or Nov 21, 2026."""
    day = _day(text[:10]) if _ISO.fullmatch(text) else None
    if found := _DATE.fullmatch(text):
        day = _written_out(found[1], found[2], "0:0:0", found[3])
    if day is None:
        return text
    midnight = (day.toordinal() - timestamps.UNIX_DAY) * 86_400
    return timestamps.from_epoch(zones.of_machine().to_utc(midnight))


def date_time(text: str) -> Any:
    """A time, as in 2026-11-21 10:20:30 or Nov 21 10:20:30, 2026; UTC where it names no zone."""
    if _ISO.match(text):
        if not (day := _day(text[:10])):
            return text
        if len(text) == 10:
            return f"{day.isoformat()}.000Z"
        zoned = text if re.search(r"(Z|[+-]\d{2}:?\d{2})$", text) else f"{text}Z"
        return timestamps.canonical(zoned.replace(" ", "T", 1)) or text
    found = _TIME.fullmatch(text)
    moment = _written_out(*found.groups()) if found else None
    return f"{moment.isoformat()}.000Z" if moment else text


def _day(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _written_out(month: str, day: str, time: str, year: str) -> datetime | None:
    form = "%b %d %H:%M:%S %y" if len(year) == 2 else "%b %d %H:%M:%S %Y"
    try:
        return datetime.strptime(f"{month} {day} {time} {year if len(year) == 2 else year.zfill(4)}", form)
    except ValueError:
        return None


CONVERTERS: dict[str, Converter] = {
    "integer": integer,
    "float": floating,
    "boolean": boolean,
    "date": date,
    "date_time": date_time,
}
