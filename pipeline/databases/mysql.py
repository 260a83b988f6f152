"""Columns of MySQL and MariaDB as their Java drivers have them, and so Logstash.

TINYINT(1), BIT(1)    true or false; with `tinyInt1isBit=false` in the connection string a TINYINT(1) is a number
YEAR                  the first day of it; with `yearIsDateType=false` a number
TIME                  a time of day, where it is one; it may also be a duration of days
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

SWITCHES = frozenset({"tinyInt1isBit", "yearIsDateType"})
"""What of this a connection string can turn off."""
_TINYINT, _TIME, _YEAR, _BIT = 1, 11, 13, 16
"""Types of columns, as the protocol counts them."""

Reader = Callable[[Any], Any]


def readers(columns: Iterable[tuple[Any, ...]], switches: Mapping[str, str]) -> list[Reader | None]:
    """For each column, as PEP 249 describes them, what makes of its values what Java has; None: they stay."""
    kinds: dict[int, Reader] = {_TIME: _time}
    narrow: dict[int, Reader] = {_BIT: lambda value: value != b"\0"}
    if switches.get("yearIsDateType") != "false":
        kinds[_YEAR] = lambda year: date(year, 1, 1) if year else None
    if switches.get("tinyInt1isBit") != "false":
        narrow[_TINYINT] = lambda value: value > 0 or value == -1
    return [kinds.get(kind) or (narrow.get(kind) if size == 1 else None) for _, kind, _, size, *_ in columns]


def _time(value: timedelta) -> Any:
    if timedelta(0) <= value < timedelta(days=1):
        return (datetime.min + value).time()
    minutes, seconds = divmod(abs(value), timedelta(minutes=1))
    return f"{'-' if value < timedelta(0) else ''}{minutes // 60:02}:{minutes % 60:02}:{seconds.seconds:02}"
