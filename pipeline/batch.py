"""The batch: bytes as a sender sent them, and what to do when every event in them has its end."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

Origin = dict[str, Any]
"""Where a batch came from: plain JSON values, so that a queue or another process can hold it.

`id`, always there, is a text that is drawn once for the batch and kept with its bytes; events without
an id of their own are named after it.
"""


Tally = Counter[tuple[str, str, str]]
"""What became of the events of a batch: how often what, and of it whose and why, or where; else empty texts.

    read  dropped  unrouted  outside  made  lost
    dead         the plugin, the kind of its reason
    indexed, duplicates, refused        the index (empty for an output that knows none)
"""

UNCOUNTED = -1
"""Told to `Batch.end` in place of a number by a persistent queue, which decodes a batch after its end."""


def as_json(value: Any) -> bytes:
    """An origin, or what holds one, as JSON. The name of a file may hold bytes that are no UTF-8: halves of pairs."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return json.dumps(value).encode()


def of_json(data: bytes) -> Any:
    """The value that `as_json` wrote; raises ValueError for what is no JSON."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return json.loads(data)


@dataclass(slots=True)
class Batch:
    """Bytes that an input took, whole: they decode without what came before or comes after.

    `end(events)` is called once, when each of the `events` that were decoded from the data has its end:
    written, dead-lettered, dropped by a filter, or routed to no output. The input acknowledges then.
    With a persistent queue that is when the batch is on disk, and `events` is `UNCOUNTED`.
    `refuse(error)` is called instead of it if the data breaks the sender's protocol: nothing of the
    batch was processed, nothing may be acknowledged.
    """

    data: bytes
    origin: Origin
    end: Callable[[int], None]
    refuse: Callable[[Exception], None]
    tally: Tally | None = None
    """Where whoever gave the batch wants to know what became of its events: complete when `end` is called."""
    careful: bool = False
    """Worked on event by event, with a turn of the loop after each: it may be deadly."""
