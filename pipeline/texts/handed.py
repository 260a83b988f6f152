"""An event as one line of bytes, metadata included, as one pipeline hands it to another."""

from __future__ import annotations

import json

import orjson

from pipeline.event import Event, Fields
from pipeline.texts.json_documents import write_json


def write_event(event: Event) -> bytes:
    """`[fields, metadata]` as JSON, in one line that is ended."""
    try:
        return orjson.dumps([event.fields, event.metadata], None, orjson.OPT_APPEND_NEWLINE)
    except TypeError:
        return b"[%s,%s]\n" % (write_json(event.fields), write_json(event.metadata))


def read_event(line: bytes) -> tuple[Fields, Fields]:
    """The fields and the metadata."""
    try:
        fields, metadata = orjson.loads(line)
    except orjson.JSONDecodeError:  # half of a surrogate pair, a number that orjson does not take
        fields, metadata = json.loads(line)
    return fields, metadata
