"""Saved objects: their form, the data view, and how one object refers to another.

Versions are those of Kibana 8.11, the oldest that may import them: a newer Kibana brings them up itself, an older
one refuses them. Without `typeMigrationVersion` Kibana would take them for the oldest it knows.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from mappings.changes import changes

SavedObject = dict[str, Any]

VIEW_ID = "apex-logs"
TRACES = "http://localhost:16686"
"""Where Jaeger is, as `docker-compose.yml` has it; `setup kibana --jaeger` takes another address."""
TYPE_VERSIONS = {"index-pattern": "8.0.0", "search": "8.0.0", "lens": "8.9.0", "dashboard": "8.9.0"}
_STAMP = re.compile(r" \[apex-logs ([0-9a-f]{12})\]$")


def saved(kind: str, name: str, attributes: dict[str, Any], references: list[dict[str, str]]) -> SavedObject:
    """A saved object with a stable id."""
    return {
        "type": kind,
        "id": name,
        "attributes": attributes,
        "references": references,
        "coreMigrationVersion": "8.8.0",
        "typeMigrationVersion": TYPE_VERSIONS[kind],
        "managed": False,
    }


def stamped(made: SavedObject) -> SavedObject:
    """The object with a hash of its content behind its description; a data view has none, and needs none.

    Kibana rewrites what it imports, so what is there cannot be compared with what was sent; the stamp can.
    """
    if made["type"] == "index-pattern":
        return made
    digest = hashlib.sha256(json.dumps(made, sort_keys=True).encode()).hexdigest()[:12]
    description = f"{made['attributes']['description']} [apex-logs {digest}]"
    return {**made, "attributes": {**made["attributes"], "description": description}}


def same(made: SavedObject, found: SavedObject) -> bool:
    """Whether what Kibana has is what was made here. What a person changed in Kibana since counts as the same."""
    ours, theirs = made["attributes"], found["attributes"]
    if made["type"] == "index-pattern":
        return not changes(plain({name: theirs.get(name) for name in ours}), plain(ours))
    stamps = [_STAMP.search(str(each.get("description"))) for each in (ours, theirs)]
    return all(stamps) and len({found[1] for found in stamps if found}) == 1


def plain(attributes: dict[str, Any]) -> dict[str, Any]:
    """Attributes with what they hold as JSON in a text read."""
    return {name: _read(value) for name, value in attributes.items()}


def _read(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def to_view(name: str) -> dict[str, str]:
    """A reference to the data view."""
    return {"type": "index-pattern", "id": VIEW_ID, "name": name}


def data_view(traces: str = TRACES) -> SavedObject:
    """The data view: daily indices, and the data stream by its alias; trace ids are links to Jaeger."""
    link = {
        "id": "url",
        "params": {"type": "a", "urlTemplate": f"{traces}/trace/{{{{rawValue}}}}", "labelTemplate": "{{value}}"},
    }
    attributes = {
        "title": "apex-logs-*",
        "timeFieldName": "@timestamp",
        "name": "apex-logs",
        "fieldFormatMap": json.dumps({"trace_id": link, "trace.id": link}),
    }
    return saved("index-pattern", VIEW_ID, attributes, [])
