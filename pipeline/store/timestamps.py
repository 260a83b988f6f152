"""The time of a document, as the store sorts by it: milliseconds since 1970, from `@timestamp`."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson

_START = b'{"@timestamp":"'
_NAME = b'"@timestamp"'
_FARTHEST = 1 << 53


def of_document(source: bytes) -> int | None:
    """The time of a document, None where it has none that can be read."""
    if source.startswith(_START):  # where nearly every event has it
        end = source.find(b'"', len(_START))
        return millis(source[len(_START) : end].decode(errors="replace"))
    if _NAME not in source:
        return None
    try:
        return millis(orjson.loads(source).get("@timestamp"))
    except ValueError:
        return None


def millis(value: Any) -> int | None:
    """A time as Elasticsearch takes it, an ISO 8601 text or a number of milliseconds; None for anything else."""
    if type(value) is str:
        fraction = value[20:23]
        if value[-1:] == "Z" and value[19:20] == "." and len(fraction) == 3 and fraction.isdecimal():
            second = _parsed(value[:19])
            return None if second is None else second + int(fraction)
        return _parsed(value)
    if type(value) in (int, float) and math.isfinite(value) and abs(value) < _FARTHEST:
        return int(value)
    return None


@lru_cache(maxsize=1024)
def _parsed(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // _MILLISECOND


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = datetime.resolution * 1000
