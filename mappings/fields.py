"""The type of each field of an index `apex-logs-*`. To change a field is to change its line here.

Names are dotted, and each is a field of its own: the indices have `subobjects: false`, so `user_agent` (the text
that the API logs) and `user_agent.name` (what ECS makes of it) live side by side, and a `host` that is a text in
one event and an object in the next loses neither.
"""

from __future__ import annotations

from typing import Any

FieldType = dict[str, Any]

KEYWORD: FieldType = {"type": "keyword", "ignore_above": 1024}
DATE: FieldType = {"type": "date"}
IP: FieldType = {"type": "ip"}
PLACE: FieldType = {"type": "geo_point"}
LONG: FieldType = {"type": "long"}
SHORT: FieldType = {"type": "short"}
DURATION: FieldType = {"type": "float"}
PROSE: FieldType = {"type": "match_only_text"}
"""Full text that is searched and not scored; plain `text` where a server has no such type."""
LONG_TEXT: FieldType = {"type": "wildcard", "ignore_above": 8191}
"""A long text that is searched by its parts; a keyword where a server has no such type."""
KEPT: FieldType = {"type": "keyword", "index": False, "doc_values": False}
"""In the document, and not searched."""
FREE_FORM: FieldType = {"type": "flattened", "ignore_above": 1024}
"""An object of any keys: one field, however many they are."""

EVENT_TIME: FieldType = {"type": "date", "ignore_malformed": False}

APPLICATION: dict[str, FieldType] = {
    "timestamp": DATE,
    "level": KEYWORD,
    "log_event": KEYWORD,
    "logger": KEYWORD,
    "request_id": KEYWORD,
    "trace_id": KEYWORD,
    "span_id": KEYWORD,
    "method": KEYWORD,
    "route": KEYWORD,
    "status": SHORT,
    "duration_ms": DURATION,
    "source_ip": IP,
    "user_agent": KEYWORD,
    "exception": PROSE,
    "fields.service": KEYWORD,
    "context": FREE_FORM,
    "extra": FREE_FORM,
}
"""What the API logs and `infra/logging/logstash.conf` writes."""

GEOIP: dict[str, FieldType] = {
    "geoip.ip": IP,
    "geoip.location": PLACE,
    "geoip.latitude": DURATION,
    "geoip.longitude": DURATION,
    "geoip.country_code2": KEYWORD,
    "geoip.country_code3": KEYWORD,
    "geoip.country_name": KEYWORD,
    "geoip.city_name": KEYWORD,
}
"""What the geoip filter writes without ECS."""

_WITH_A_PLACE = ("client", "destination", "host", "observer", "server", "source")

ECS: dict[str, FieldType] = {
    "@timestamp": EVENT_TIME,
    "@version": KEYWORD,
    "message": PROSE,
    "tags": KEYWORD,
    "labels": FREE_FORM,
    "ecs.version": KEYWORD,
    "error.code": KEYWORD,
    "error.message": PROSE,
    "error.stack_trace": LONG_TEXT,
    "error.type": KEYWORD,
    "event.action": KEYWORD,
    "event.category": KEYWORD,
    "event.created": DATE,
    "event.dataset": KEYWORD,
    "event.duration": LONG,
    "event.end": DATE,
    "event.ingested": DATE,
    "event.original": KEPT,
    "event.outcome": KEYWORD,
    "event.sequence": LONG,
    "event.start": DATE,
    "http.request.body.bytes": LONG,
    "http.request.headers": FREE_FORM,
    "http.request.method": KEYWORD,
    "http.response.body.bytes": LONG,
    "http.response.headers": FREE_FORM,
    "http.response.status_code": LONG,
    "kubernetes.annotations": FREE_FORM,
    "kubernetes.labels": FREE_FORM,
    "log.file.path": KEYWORD,
    "log.level": KEYWORD,
    "log.logger": KEYWORD,
    "log.offset": LONG,
    "process.pid": LONG,
    "related.ip": IP,
    "service.name": KEYWORD,
    "service.version": KEYWORD,
    "source.as.number": LONG,
    "source.port": LONG,
    "span.id": KEYWORD,
    "trace.id": KEYWORD,
    "transaction.id": KEYWORD,
    "url.domain": KEYWORD,
    "url.full": LONG_TEXT,
    "url.original": LONG_TEXT,
    "url.path": LONG_TEXT,
    "url.port": LONG,
    "url.query": KEYWORD,
    "user_agent.device.name": KEYWORD,
    "user_agent.name": KEYWORD,
    "user_agent.original": KEYWORD,
    "user_agent.os.name": KEYWORD,
    "user_agent.os.version": KEYWORD,
    "user_agent.version": KEYWORD,
    **{f"{owner}.geo.location": PLACE for owner in _WITH_A_PLACE},
    **{f"{owner}.ip": IP for owner in _WITH_A_PLACE},
}
"""Fields of the Elastic Common Schema 8.11 whose type is no keyword, and those that analysts ask for."""

UNKNOWN: list[tuple[str, str, str, FieldType]] = [
    ("addresses", "*.ip", "string", IP),
    ("addresses_named_so", "*_ip", "string", IP),
    ("milliseconds_whole", "*_ms", "long", DURATION),
    ("milliseconds", "*_ms", "double", DURATION),
    ("seconds_whole", "*_seconds", "long", DURATION),
    ("seconds", "*_seconds", "double", DURATION),
    ("messages", "*.message", "string", PROSE),
    ("stack_traces", "*.stack_trace", "string", LONG_TEXT),
    ("texts", "*", "string", KEYWORD),
]
"""What a field becomes that has no line above: rule, name, kind of its first value, type. The first that fits."""


def declared() -> dict[str, FieldType]:
    """All fields that have a type of their own."""
    return {**ECS, **GEOIP, **APPLICATION}
