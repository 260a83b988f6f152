"""Component templates and index templates, made for what a server knows.

The index template for daily indices and the one for the data stream are made of the same three components:
settings, fields of ECS, fields of the application. Their priority, 300, is above that of the stack's `logs-*-*`
(100) and of the elasticsearch output's own template (200).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mappings import fields
from mappings.fields import FieldType

Body = dict[str, Any]

DAILY, STREAM = "apex-logs", "apex-logs-stream"
SETTINGS, ECS_FIELDS, FIELDS = "apex-logs-settings", "apex-logs-ecs", "apex-logs-fields"
DAILY_PATTERN, STREAM_PATTERN = "apex-logs-*", "logs-apex-*"
PRIORITY = 300
FIELD_LIMIT = 2000
"""Fields of one index; what comes beyond is kept in the document and not searched, where the server can do that."""
MADE_BY = {"managed_by": "apex-logs"}


@dataclass(frozen=True, slots=True)
class Server:
    """What a server knows, as far as the templates depend on it."""

    match_only_text: bool = True
    wildcard: bool = True
    ignore_dynamic_beyond_limit: bool = True
    lifecycle: bool = True

    def field(self, declared: FieldType) -> FieldType:
        """A field's type, or the nearest that the server has."""
        if declared["type"] == "match_only_text" and not self.match_only_text:
            return {"type": "text", "norms": False}
        if declared["type"] == "wildcard" and not self.wildcard:
            return {"type": "keyword", "ignore_above": declared["ignore_above"]}
        return declared


PROBES: dict[str, Body] = {
    "match_only_text": {"mappings": {"properties": {"message": {"type": "match_only_text"}}}},
    "wildcard": {"mappings": {"properties": {"path": {"type": "wildcard"}}}},
    "ignore_dynamic_beyond_limit": {"settings": {"index.mapping.total_fields.ignore_dynamic_beyond_limit": True}},
}
"""For each thing that a server may not know, a template that it refuses then. Simulated, never installed."""

INSTEAD = {
    "match_only_text": "messages are of type text",
    "wildcard": "long texts are of type keyword",
    "ignore_dynamic_beyond_limit": f"documents that bring more than {FIELD_LIMIT} fields are refused",
}
"""What is so instead, where a server refuses a probe."""

NEEDED: Body = {"mappings": {"subobjects": False}}
"""What every server must know: Elasticsearch does since 8.3."""


def probe(content: Body) -> Body:
    """The body of a simulation that says whether a server takes this content."""
    return {"index_patterns": ["apex-logs-probe-0-*"], "priority": PRIORITY + 1, "template": content}


def settings(server: Server) -> Body:
    """The component with the settings of an index."""
    index: Body = {
        "codec": "best_compression",
        "refresh_interval": "5s",
        "sort.field": "@timestamp",
        "sort.order": "desc",
        "mapping.total_fields.limit": FIELD_LIMIT,
        "mapping.ignore_malformed": True,
    }
    if server.ignore_dynamic_beyond_limit:
        index["mapping.total_fields.ignore_dynamic_beyond_limit"] = True
    named = {f"index.{name}": value for name, value in index.items()}
    return _component({"settings": named, "mappings": {"subobjects": False, "date_detection": False}})


def ecs_fields(server: Server) -> Body:
    """The component with ECS, and what unknown fields become."""
    rules = [
        {rule: {"path_match": name, "match_mapping_type": kind, "mapping": server.field(becomes)}}
        for rule, name, kind, becomes in fields.UNKNOWN
    ]
    typed = {name: server.field(declared) for name, declared in fields.ECS.items()}
    return _component({"mappings": {"subobjects": False, "dynamic_templates": rules, "properties": typed}})


def application_fields(server: Server) -> Body:
    """The component with the fields of the API and of the geoip filter."""
    typed = {name: server.field(declared) for name, declared in {**fields.APPLICATION, **fields.GEOIP}.items()}
    return _component({"mappings": {"subobjects": False, "properties": typed}})


def _component(content: Body) -> Body:
    return {"template": content, "_meta": MADE_BY}


def daily(server: Server) -> Body:
    """The index template of daily indices, `apex-logs-2026.11.23`; all of them are behind the alias `apex-logs`."""
    return _index_template(DAILY_PATTERN, _lifecycle(server, DAILY) | {"aliases": {"apex-logs": {}}})


def stream(server: Server) -> Body:
    """The index template of the data stream `logs-apex-default`, which is also found as `apex-logs-stream`."""
    content = _lifecycle(server, STREAM) | {"aliases": {"apex-logs-stream": {}}}
    return _index_template(STREAM_PATTERN, content) | {"data_stream": {}}


def _index_template(pattern: str, content: Body) -> Body:
    return {
        "index_patterns": [pattern],
        "priority": PRIORITY,
        "composed_of": [SETTINGS, ECS_FIELDS, FIELDS],
        "template": content,
        "_meta": MADE_BY,
    }


def _lifecycle(server: Server, policy: str) -> Body:
    return {"settings": {"index.lifecycle.name": policy}} if server.lifecycle else {}


def known(unknown: Iterable[str], lifecycle: bool) -> Server:
    """The server that refused these of `PROBES`."""
    missing = set(unknown)
    return Server(**{name: name not in missing for name in PROBES}, lifecycle=lifecycle)
