"""What kind of lines an archive holds, found out from its first ones.

envelopes    {"@timestamp": ..., "message": ..., "agent": ...}     as Filebeat's file output and Kafka have them
documents    {"_index": ..., "_id": ..., "_source": {...}}         as elasticdump has them
search       {"took": ..., "hits": {"hits": [{"_source": ...}]}}   answers of the _search API, one after the other
letters      {"time": ..., "reason": ..., "plugin": ..., "original": ...}     our dead letters, exported
segment      a file of our dead letter queue
lines        anything else
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Literal, get_args

import orjson

from pipeline.disk.segments import MAGIC

Kind = Literal["envelopes", "documents", "search", "letters", "segment", "lines"]
KINDS: tuple[Kind, ...] = get_args(Kind)
SHOWN = {
    "envelopes": "Filebeat's envelopes",
    "documents": "documents exported from Elasticsearch",
    "search": "answers of Elasticsearch's _search",
    "letters": "dead letters of apex-logs",
    "segment": "a segment of a dead letter queue of apex-logs",
    "lines": "raw lines",
}
LOOKED_AT = 64 * 1024
"""Bytes of the beginning by which the kind is known."""
_LINES = 50
_BEAT = frozenset(("agent", "beat", "@metadata", "log", "ecs", "input"))
_LETTER = frozenset(("time", "reason", "plugin", "original"))


def kind_of(head: bytes, *, whole: bool) -> Kind:
    """The kind of what begins so; `whole`: there is no more of it."""
    if head.startswith(MAGIC):
        return "segment"
    lines = whole_lines(head, whole=whole)[:_LINES]
    if lines and not _is_json(lines[0]) and _begins_answer(head):
        return "search"  # printed prettily, or longer than what was looked at
    found = Counter(map(kind_of_line, lines))
    best: Kind = "lines"
    for kind, count in found.items():
        if count > found[best]:
            best = kind
    return best


def whole_lines(head: bytes, *, whole: bool) -> list[bytes]:
    """The lines of a beginning that are not blank; the last one only if it is whole."""
    lines = head.split(b"\n")
    if not whole and len(lines) > 1:
        lines.pop()
    return [line for line in lines if line.strip()]


def kind_of_line(line: bytes) -> Kind:
    """The kind of one line, by itself."""
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        return "lines"
    return kind_of_value(value)


def kind_of_value(value: Any) -> Kind:
    """The same of its JSON."""
    if type(value) is not dict:
        return "lines"
    if type(value.get("_source")) is dict and ("_id" in value or "_index" in value):
        return "documents"
    hits = value.get("hits")
    if type(hits) is dict and type(hits.get("hits")) is list:
        return "search"
    if value.keys() >= _LETTER:
        return "letters"
    if "@timestamp" in value and not _BEAT.isdisjoint(value) and ("message" in value or "@metadata" in value):
        return "envelopes"
    return "lines"


def _is_json(line: bytes) -> bool:
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True


def _begins_answer(head: bytes) -> bool:
    text = head.lstrip()
    if not text.startswith(b"{"):
        return False
    before, hits, _ = text.partition(b'"hits"')
    return bool(hits) and (b'"took"' in before or before.strip(b" \t\r\n{") == b"")
