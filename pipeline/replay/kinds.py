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
UTF8_BOM = b"\xef\xbb\xbf"
LOOKED_AT = 64 * 1024
"""Bytes of the beginning by which the kind is known."""
_LINES = 50
_FOREIGN = (
    (b"PK\x03\x04", "a zip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a rar archive"),
    (b"\x04\x22\x4d\x18", "packed with lz4"),
    (b"\x1f\x9d", "packed with compress"),
    (b"\x5d\x00\x00", "packed with lzma, before xz"),
    (b"\x89LZO\x00", "packed with lzop"),
    (b"\xff\x06\x00\x00sNaPpY", "packed with snappy"),
    (b"SQLite format 3\x00", "a SQLite file"),
    (b"PAR1", "a Parquet file"),
    (b"Obj\x01", "an Avro file"),
)
_BEAT = frozenset(("agent", "beat", "@metadata", "input"))
"""Of these a Beat sends some, and an application that logs in ECS none: both have `log` and `ecs`."""
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


def foreign(head: bytes) -> str:
    """What something is that holds no lines and cannot be unpacked here; empty, where it is not known to be such."""
    return next((name for magic, name in _FOREIGN if head.startswith(magic)), "")


def is_wide(head: bytes) -> bool:
    """Whether it is text in UTF-16 or UTF-32: with its byte order mark, or every other byte of the beginning is 0."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")):
        return True
    looked_at = head[:1000]
    zeros = max(looked_at[::2].count(0), looked_at[1::2].count(0))
    return len(looked_at) >= 16 and zeros > 0.8 * (len(looked_at) // 2)


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
    if "@timestamp" in value and ("message" in value or "@metadata" in value) and _of_beat(value):
        return "envelopes"
    return "lines"


def _of_beat(value: Any) -> bool:
    log = value.get("log")
    return not _BEAT.isdisjoint(value) or (type(log) is dict and "offset" in log)


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
