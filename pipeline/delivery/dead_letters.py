"""The dead letter queue: what could not be delivered, with all that is needed to see why and try again.

A dead letter is one JSON object in a segment (`pipeline/disk/segments.py`):

    time       when it was written, ISO 8601
    reason     why, in words
    plugin     the plugin that gave up, and its place in the configuration
    pipeline   pipeline.id
    id         [@metadata][event_id], if the event was decoded
    item       the item as it was sent to the output, if it came that far
    original   the bytes of the event as the input took them
    origin     where they came from

`item` and `original` are texts where they are UTF-8, else {"base64": "..."}.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from pipeline.batch import Origin
from pipeline.dates.timestamps import now
from pipeline.disk.segments import SegmentWriter, records, segments
from pipeline.errors import StoreError


@dataclass(slots=True)
class DeadLetter:
    """One event, or one item, that is given up for now."""

    reason: str
    plugin: str
    original: bytes
    origin: Origin
    item: bytes | None = None
    event_id: str | None = None


class DeadLetterQueue:
    """Writes dead letters durably; the folder is made at the first one."""

    def __init__(self, folder: Path, pipeline_id: str) -> None:
        self._writer = SegmentWriter(folder)
        self._pipeline_id = pipeline_id
        self._turn = asyncio.Lock()

    async def put(self, letters: Sequence[DeadLetter]) -> None:
        """Returns when the letters are on disk; raises `StoreError` if they cannot be put there."""
        time = now()
        payloads = [_json(_record(letter, self._pipeline_id, time)) for letter in letters]
        async with self._turn:
            await asyncio.to_thread(self._writer.append, payloads)

    def close(self) -> None:
        """Closes the open segment."""
        self._writer.close()


def read(folder: Path, damaged: Callable[[StoreError], None] | None = None) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every dead letter of a folder, oldest first, with the name under which `dlq show` finds it.

    Of a damaged segment the letters before the damage are read; `damaged` hears of it, else `StoreError` is raised.
    """
    for path in segments(folder):
        try:
            for number, payload in enumerate(records(path)):
                yield f"{int(path.stem)}-{number}", orjson.loads(payload)
        except StoreError as error:
            if damaged is None:
                raise
            damaged(error)


def _record(letter: DeadLetter, pipeline_id: str, time: str) -> dict[str, Any]:
    record: dict[str, Any] = {
        "time": time,
        "reason": letter.reason,
        "plugin": letter.plugin,
        "pipeline": pipeline_id,
        "id": letter.event_id,
        "item": None if letter.item is None else _text(letter.item),
        "original": _text(letter.original),
        "origin": letter.origin,
    }
    return {name: value for name, value in record.items() if value is not None}


def _json(record: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(record)
    except TypeError:  # half of a surrogate pair, as an error may quote it from an event
        return json.dumps(record, ensure_ascii=False).encode(errors="replace")


def _text(data: bytes) -> str | dict[str, str]:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}
