"""What tables show of documents: cells as texts, under keys of our own."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import orjson

from pipeline.explore.view import TIME
from pipeline.languages.kql_fields import leaves, values
from pipeline.search.questions import Found

_LEVELS = ("log.level", "level")
USUAL = (
    _LEVELS,
    ("service.name", "service", "fields.service", "host.name"),
    ("http.response.status_code", "status", "status_code"),
    ("url.path", "route", "path"),
    ("log_event", "message"),
)
"""The columns without a choice: of each, the one that most of the documents have, the first of several."""
_COLORS = {
    "text-negative font-medium": ("error", "critical", "fatal", "alert", "emergency", "panic"),
    "text-orange-9 font-medium": ("warn", "warning"),
}
WIDEST = 2_000
"""So many characters of a value are shown in a cell; the document has them all."""
_TRACES = ("trace.id", "trace_id")
_TRACE = re.compile(r"[0-9a-fA-F]{16,32}")


def moment(timestamp: int | None) -> str:
    """A time in milliseconds since 1970, in UTC, for people."""
    if timestamp is None:
        return "no time"
    try:
        found = datetime.fromtimestamp(timestamp // 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return str(timestamp)
    return f"{found:%Y-%m-%d %H:%M:%S}.{timestamp % 1000:03}"


def columns_of(hits: Sequence[Found], chosen: Sequence[str]) -> list[str]:
    """The columns beside the time."""
    if chosen:
        return [name for name in chosen if name != TIME]
    found = []
    for names in USUAL:
        having = {name: sum(any(True for _ in values(hit.document, name)) for hit in hits) for name in names}
        most = max(names, key=having.__getitem__)
        found += [most] if having[most] else []
    return found


def column(name: str, key: str, last: bool) -> dict[str, Any]:
    """A column as AG Grid takes it; the last one takes the room that is left."""
    size: dict[str, Any] = {"flex": 1, "minWidth": 240} if last else {"width": 150}
    if name in _LEVELS:
        looks = {style: " || ".join(f"/^{word}$/i.test(x)" for word in words) for style, words in _COLORS.items()}
        size = {"width": 100, "cellClassRules": looks}
    return {"field": key, "headerName": name, "sortable": False, **size}


def cell(document: dict[str, Any], name: str) -> str:
    """The values of a field as a text, those of an array with commas between them."""
    text = ", ".join(map(as_text, values(document, name)))
    return text if len(text) <= WIDEST else text[:WIDEST] + "…"


def as_text(value: Any) -> str:
    """A value as it is shown, and as a filter has it."""
    return value if type(value) is str else json.dumps(value, ensure_ascii=False)


def key_of(hit: Found) -> str:
    """What tells a document from all others."""
    return f"{hit.index}/{hit.id}"


def row(hit: Found, names: Sequence[str]) -> dict[str, str]:
    """A row of the table: its key, the time, and the columns as c0, c1, ..."""
    cells = {f"c{place}": cell(hit.document, name) for place, name in enumerate(names)}
    return {"key": key_of(hit), "time": moment(hit.timestamp), **cells}


def parts(document: dict[str, Any]) -> list[tuple[str, str]]:
    """Every field of a document with its values, by name."""
    found: dict[str, list[str]] = {}
    for name, value in leaves(document):
        found.setdefault(name, []).append(as_text(value))
    return [(name, ", ".join(each)) for name, each in sorted(found.items())]


def first_value(document: dict[str, Any], name: str) -> str | None:
    """The value that a filter on a field takes."""
    return next((as_text(value) for value in values(document, name)), None)


def indented(hit: Found) -> str:
    """A document as JSON to read."""
    try:
        return orjson.dumps(hit.document, option=orjson.OPT_INDENT_2).decode()
    except TypeError:  # a surrogate that was cut
        return json.dumps(hit.document, indent=2)


def trace_link(document: dict[str, Any], template: str) -> str | None:
    """Where the trace of a document is shown; None where it has none. `{}` in the template is the trace's id."""
    for name in _TRACES:
        for value in values(document, name):
            if type(value) is str and _TRACE.fullmatch(value):
                return template.replace("{}", quote(value))
    return None
