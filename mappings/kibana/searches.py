"""Saved searches: where an analyst starts in Discover."""

from __future__ import annotations

import json

from mappings.kibana.objects import SavedObject, saved, to_view

_INDEX = "kibanaSavedObjectMeta.searchSourceJSON.index"

SEARCHES = [
    (
        "requests",
        "Requests",
        "What the API answered.",
        'log_event: "request_finished"',
        ["level", "method", "route", "status", "duration_ms", "source_ip", "trace_id"],
    ),
    (
        "errors",
        "Errors",
        "What went wrong.",
        "level: error or status >= 500",
        ["level", "route", "status", "error.type", "error.message", "trace_id"],
    ),
    (
        "unparsed",
        "Unparsed lines",
        "Lines of the API that are no JSON, as they were.",
        "tags: _jsonparsefailure",
        ["message", "host.name", "log.file.path"],
    ),
]
"""Id, title, purpose, KQL query, columns."""


def searches() -> list[SavedObject]:
    """The saved searches."""
    return [_search(*each) for each in SEARCHES]


def _search(name: str, title: str, purpose: str, query: str, columns: list[str]) -> SavedObject:
    source = {"query": {"query": query, "language": "kuery"}, "filter": [], "indexRefName": _INDEX}
    attributes = {
        "title": f"apex-logs: {title}",
        "description": purpose,
        "columns": columns,
        "sort": [["@timestamp", "desc"]],
        "kibanaSavedObjectMeta": {"searchSourceJSON": json.dumps(source)},
    }
    return saved("search", f"apex-logs-{name}", attributes, [to_view(_INDEX)])
