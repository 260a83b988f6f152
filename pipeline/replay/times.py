"""The time of a line: of a field in it, else that of the line before it, else of the file, where that is asked for.

A line that has none, such as one of a stack trace, belongs to the line before it. At the beginning of a file it takes
the time of the first line that has one. What is left without any has `UNKNOWN`; a date filter may still find its time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from pipeline.config.plan import Plan
from pipeline.dates.timestamps import canonical, from_epoch, from_millis
from pipeline.event import Fields
from pipeline.field_reference import FieldReference, parse

USUAL: tuple[str, ...] = ("@timestamp", "timestamp", "time")
UNKNOWN = "0001-01-01T00:00:00.000Z"
"""Stands for the time of an event until a filter has found it: today's would send it to today's index."""
TIMESTAMP = FieldReference("@timestamp")
_LOOKED_BACK = 200
"""Lines in which the last time is looked for."""
_MILLIS = 1e11
"""A number from here on counts milliseconds since 1970, a smaller one seconds."""


class Clock:
    """Reads the time of lines and documents."""

    def __init__(self, names: Sequence[str] = USUAL) -> None:
        """`names` are fields, `[a][b]` or a bare name, of which the first that holds a time counts."""
        self._paths = [parse(name) for name in names]

    def of_line(self, line: bytes) -> str | None:
        """The time of a line of JSON, canonical; None if it has none."""
        if not line.lstrip().startswith(b"{"):
            return None
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError:
            return None
        return self.of_fields(value)

    def of_fields(self, fields: Fields) -> str | None:
        """The same of a document."""
        for path in self._paths:
            value: Any = fields
            for key in path:
                value = value.get(key) if type(value) is dict else None
            if value is not None and (found := time_of(value)) is not None:
                return found
        return None

    def first(self, lines: Iterable[bytes]) -> str | None:
        """The time of the first line that has one."""
        return next(filter(None, map(self.of_line, lines)), None)

    def last(self, data: bytes, default: str | None) -> str | None:
        """The time of the last line that has one, of a block of lines."""
        end = len(data)
        for _ in range(_LOOKED_BACK):
            if end <= 0:
                break
            start = data.rfind(b"\n", 0, end - 1) + 1
            found = self.of_line(data[start:end])
            if found is not None:
                return found
            end = start
        return default


def time_of(value: Any) -> str | None:
    """The canonical time of a value: ISO 8601, or seconds or milliseconds since 1970; None if it is none."""
    if type(value) is str:
        found = canonical(value.strip())
        return canonical(value.strip().replace(" ", "T", 1)) if found is None else found
    if type(value) not in (int, float):
        return None
    try:
        return from_millis(int(value)) if abs(value) >= _MILLIS else from_epoch(value)
    except (ValueError, OverflowError):
        return None


def finds_time(plan: Plan) -> bool:
    """Whether a date filter of the configuration may set `@timestamp`."""
    return any(
        checked.module.name == "date" and getattr(checked.options, "target", None) == TIMESTAMP
        for checked in plan.section("filter")
    )
