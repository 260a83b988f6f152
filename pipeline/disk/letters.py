"""Dead letters as they lie on disk: one JSON object each, in the segments of a folder.

    time         when it was written, ISO 8601
    reason       why, in words
    plugin       the plugin that gave up: its id, or its name and its place in the configuration
    plugin_type  the name of that plugin, where it is known
    pipeline     pipeline.id
    input        the name of the input that took the event, where there was one
    id           [@metadata][event_id], if the event was decoded
    sibling      which of the events that the original decodes to, from 0, where there are several
    item         the item as it was sent to the output, if it came that far
    original     the bytes of the event as the input took them
    origin       where they came from

`item` and `original` are texts where they are UTF-8, else {"base64": "..."}. The name of a letter is the number of its
segment and its place in it: `3-0` is the first of the third segment.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import xxhash

from pipeline.disk.removals import remove, removed
from pipeline.disk.segments import records, segment_path, segments
from pipeline.errors import StoreError

Damaged = Callable[[StoreError], None]

_JSON_FRAME = b"2J"
_FRAME_HEAD = 10
_NAME = re.compile(r"(\d{1,16})-(\d{1,10})")


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter, and the name under which it is found again."""

    name: str
    record: dict[str, Any]
    size: int = 0
    """Its bytes on disk."""

    @property
    def item(self) -> bytes | None:
        """The item as it was sent, if it came that far."""
        return to_bytes(self.record["item"]) if "item" in self.record else None

    @property
    def original(self) -> bytes:
        """The bytes of the event as the input took them."""
        return to_bytes(self.record["original"])

    @property
    def payload(self) -> bytes:
        """The original without the frame in which a Beat sends it."""
        data = self.original
        if self.record.get("input") not in ("beats", None) or not data.startswith(_JSON_FRAME):
            return data
        head, rest = data[:_FRAME_HEAD], data[_FRAME_HEAD:]
        return rest if int.from_bytes(head[-4:]) == len(rest) else data

    @property
    def event_id(self) -> str:
        """The event's id; of one that has none, an id that no other event has, and the same each time."""
        known = self.record.get("id")
        if type(known) is str:
            return known
        text = f"{self.record.get('pipeline')}:{self.name}:{self.record.get('time')}"
        return f"letter-{xxhash.xxh3_128_hexdigest(text.encode(errors='replace'))}"

    @property
    def input(self) -> str:
        """The name of the input that took the event; empty where a filter made it."""
        return str(self.record.get("input", ""))

    @property
    def sibling(self) -> int:
        """Which of the events that the original decodes to it is; a letter of a retry has it in its origin."""
        return int(self.record.get("sibling") or self.record.get("origin", {}).get("sibling", 0))

    @property
    def plugin_type(self) -> str:
        """The name of the plugin that gave up; empty where it is not known."""
        known = self.record.get("plugin_type")
        if type(known) is str:
            return known
        name, place, _ = str(self.record.get("plugin", "")).partition(" at ")
        return name if place else ""


def to_bytes(value: Any) -> bytes:
    """What `item` and `original` stand for."""
    return base64.b64decode(value["base64"]) if isinstance(value, dict) else str(value).encode()


def to_text(data: bytes) -> str | dict[str, str]:
    """Bytes as a part of a letter."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}


def letters(folder: Path, damaged: Damaged | None = None) -> Iterator[Letter]:
    """Every dead letter of a folder that is not removed, oldest first.

    Of a damaged segment the letters before the damage are read; `damaged` hears of it, else `StoreError` is raised.
    """
    for path in segments(folder):
        try:
            gone = removed(path)
            for index, payload in enumerate(records(path)):
                if index not in gone:
                    yield Letter(f"{int(path.stem)}-{index}", orjson.loads(payload), len(payload))
        except FileNotFoundError:  # deleted meanwhile: another process emptied it, or made room
            continue
        except StoreError as error:
            if damaged is None:
                raise
            damaged(error)


def read(folder: Path, damaged: Damaged | None = None) -> Iterator[tuple[str, dict[str, Any]]]:
    """The same, as pairs of name and record."""
    return ((letter.name, letter.record) for letter in letters(folder, damaged))


def parse_name(name: str) -> tuple[int, int] | None:
    """The number of the segment and the index in it; None for what is no name."""
    found = _NAME.fullmatch(name)
    return None if found is None else (int(found[1]), int(found[2]))


def remove_letters(folder: Path, names: Collection[str]) -> None:
    """Returns when it is on disk that the letters are removed; raises `StoreError`. Segments stay where they are."""
    by_segment: dict[int, list[int]] = {}
    for name in names:
        parsed = parse_name(name)
        assert parsed is not None, name
        by_segment.setdefault(parsed[0], []).append(parsed[1])
    for number, indexes in by_segment.items():
        path = segment_path(folder, number)
        if path.exists():  # else it is gone, and its letters with it
            remove(path, indexes)
