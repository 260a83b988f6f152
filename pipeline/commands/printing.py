"""Documents and tables for people and programs. What a document holds came from anywhere: nothing in it may steer
the terminal."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from pipeline.kql.fields import values
from pipeline.search.questions import Found

_LEVELS = ("log.level", "level", "severity")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_WIDEST = 60


def safe(text: str) -> str:
    """A text without what steers a terminal."""
    return _CONTROL.sub(_shown, text)


def line_of(hit: Found, width: int = 0) -> str:
    """A hit for people: time, index, level, message; cut to a width if that is not 0."""
    document = hit.document
    parts = [moment(hit.timestamp), hit.index, _level(document), _message(document)]
    text = safe(" ".join(part for part in parts if part))
    return text if not width or len(text) <= width else text[: width - 1] + "…"


def cells(hit: Found, fields: Sequence[str]) -> list[str]:
    """The values of fields, those of an array with commas between them; nothing where there are none."""
    return [safe(", ".join(map(_cell, values(hit.document, name)))) for name in fields]


def chosen(hit: Found, fields: Sequence[str]) -> dict[str, Any]:
    """The fields by name: a value, a list of several, nothing for none."""
    found = {name: list(values(hit.document, name)) for name in fields}
    return {name: each[0] if len(each) == 1 else each for name, each in found.items() if each}


def table(heading: Sequence[str], rows: Sequence[Sequence[str]], right: frozenset[int] = frozenset()) -> list[str]:
    """Lines of aligned columns, those in `right` to the right; a cell is cut where it is wider than 60."""
    cut = [[cell if len(cell) <= _WIDEST else cell[: _WIDEST - 1] + "…" for cell in row] for row in (heading, *rows)]
    widths = [max(map(len, column)) for column in zip(*cut, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if place in right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cut
    ]


def moment(timestamp: int | None) -> str:
    """A time in milliseconds since 1970, in UTC."""
    if timestamp is None:
        return "-" * 23
    try:
        found = datetime.fromtimestamp(timestamp // 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return str(timestamp)
    return f"{found:%Y-%m-%d %H:%M:%S}.{timestamp % 1000:03}"


def _shown(control: re.Match[str]) -> str:
    return {"\n": "⏎", "\t": " "}.get(control[0], f"\\x{ord(control[0]):02x}")


def _cell(value: Any) -> str:
    return value if type(value) is str else dumped(value)


def _level(document: dict[str, Any]) -> str:
    for name in _LEVELS:
        for value in values(document, name):
            if type(value) is str:
                return value.upper()
    return ""


def _message(document: dict[str, Any]) -> str:
    message = document.get("message")
    if type(message) is str:
        return message
    rest = {key: value for key, value in document.items() if key not in ("@timestamp", "@version")}
    return dumped(rest)


def dumped(value: Any) -> str:
    """A value as JSON; what orjson refuses (cut surrogates) the standard library writes."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        import json

        return json.dumps(value)
