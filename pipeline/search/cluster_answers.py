"""What Elasticsearch is asked and answers, as plain values: kinds of fields, pages, buckets, errors. No requests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from pipeline.errors import NotAuthorised, Unavailable
from pipeline.search.questions import After, Found, SearchFailed, Value

_NUMBERS = "long integer short byte double float half_float scaled_float unsigned_long"
_OBJECTS = ("object", "nested")
_KINDS = {
    **dict.fromkeys(_NUMBERS.split(), "number"),
    **dict.fromkeys(("text", "match_only_text"), "text"),
    **dict.fromkeys(("keyword", "constant_keyword", "wildcard"), "keyword"),
    "flattened": "flattened",
    **dict.fromkeys(("date", "date_nanos"), "date"),
    "ip": "ip",
    "boolean": "boolean",
}


def kind_of_types(types: dict[str, Any]) -> str | None:
    """The kind of a field by its types in several indices; None for objects and what Elasticsearch adds itself."""
    facts = [each for name, each in types.items() if name != "unmapped"]
    if not facts or any(each.get("metadata_field") for each in facts):
        return None
    if not all(each.get("searchable", True) for each in facts if each["type"] not in _OBJECTS):
        return "other"  # a query of it is an error
    kinds = {_KINDS.get(each["type"], "other") for each in facts if each["type"] not in _OBJECTS}
    if not kinds:
        return None
    return kinds.pop() if len(kinds) == 1 else "other"


def page_after(after: After | None, oldest_first: bool) -> dict[str, Any]:
    """What leaves out the pages before."""
    if after is None:
        return {}
    without: list[dict[str, Any]] = [{"ids": {"values": sorted(after.ids)}}]
    if after.timestamp is None:
        return {"must_not": [*without, {"exists": {"field": "@timestamp"}}]}
    bound = {"gte" if oldest_first else "lte": after.timestamp, "format": "epoch_millis"}
    return {"must": [{"range": {"@timestamp": bound}}], "must_not": without}


def found_in(hit: dict[str, Any]) -> Found:
    """A hit, with its time in milliseconds where it has one."""
    timestamp = hit["sort"][0]
    known = timestamp is not None and abs(timestamp) < 1 << 60
    source = hit["_source"]
    return Found(hit["_index"], hit["_id"], timestamp if known else None, source, orjson.dumps(source))


def key_of(bucket: dict[str, Any]) -> Value:
    """The value that a bucket counts; Elasticsearch writes booleans as numbers."""
    key: Value = bucket["key"]
    return key == 1 if bucket.get("key_as_string") in ("true", "false") else key


def percentiles_of(name: str, percents: Sequence[float]) -> dict[str, Any]:
    """The aggregation that asks for percentiles of a field."""
    return {"percentiles": {"field": name, "percents": list(percents), "keyed": False}}


def percentiles_in(found: dict[str, Any]) -> dict[float, float]:
    """The percentiles that its answer holds; none where no document has a number."""
    return {each["key"]: each["value"] for each in found.get("values", ()) if each["value"] is not None}


def read(status: int, body: bytes) -> Any:
    """What an answer says; raises what an error means."""
    if status == 200:
        return orjson.loads(body)
    reason = _reason(body) or f"no reason was given, status {status}"
    if status in (401, 403):
        raise NotAuthorised(f"Elasticsearch refuses ({status}): {reason}; the role needs read and view_index_metadata")
    if status in (429, 502, 503, 504):
        raise Unavailable(f"Elasticsearch is busy ({status}): {reason}")
    raise SearchFailed(f"Elasticsearch cannot answer ({status}): {reason}")


def _reason(body: bytes) -> str:
    try:
        error = orjson.loads(body)["error"]
        causes = error.get("root_cause") or [error]
        return f"{causes[0]['type']}: {causes[0]['reason']}"
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        return body[:200].decode(errors="replace")
