"""Lines in the envelopes that Filebeat would send, and what every kind of line has in common: its place and its id.

The id of an event that does not bring its own is made of the archive's fingerprint (and the name in a tar), the line's
offset and the line. So it is the same wherever and whenever the archive is replayed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import orjson
import xxhash

from pipeline.batch import Origin
from pipeline.beats.events import Run
from pipeline.dates.timestamps import from_epoch
from pipeline.event import SIBLING, Event, Fields
from pipeline.plugin import Reject
from pipeline.replay.times import UNKNOWN, Clock
from pipeline.replay.wishes import Wishes, place_of
from pipeline.texts.codecs import text_of
from pipeline.texts.json_documents import write_json

NO_JSON = "_jsonparsefailure"
Decorate = Callable[[Event], None]
Line = tuple[int, int, bytes]
"""Its number in the block, its offset in the stream, and the line."""


class Enveloper:
    """Makes events of lines."""

    def __init__(self, wishes: Wishes, run: Run, decorate: Decorate | None) -> None:
        """`run` makes events of envelopes; `decorate` does what the configuration's input does to each."""
        self.wishes = wishes
        self.run = run
        self.decorate = decorate
        self.clock = Clock(wishes.time_fields)
        self._text = text_of("UTF-8")
        self._common = _common(wishes)

    def events(self, lines: Iterable[tuple[Line, str]], origin: Origin, reject: Reject) -> Iterator[Event]:
        """The events of lines with their times; a piece is a line."""
        number, name = 0, ""

        def payloads() -> Iterator[bytes]:
            nonlocal number, name
            for line, time in lines:
                number, name = line[0], named(line, origin)
                yield self.envelope(line, origin, time)

        for event in self.run(payloads(), origin, reject, lambda _: name):
            event.ordinal += number - event.ordinal % SIBLING
            if self.decorate is not None:
                self.decorate(event)
            yield event

    def envelope(self, line: Line, origin: Origin, time: str | None) -> bytes:
        """The envelope of a line, as JSON. One that stands among envelopes is tagged as the json codec would do it."""
        _, offset, text = line
        fields = {**self._common, "message": self._text(text.removesuffix(b"\r"))}
        if origin["kind"] == "envelopes":
            fields["tags"] = [NO_JSON]
        fields["log"] = {**fields.get("log", {}), "offset": offset, "file": {"path": origin["path"]}}
        if time is not None:
            fields["@timestamp"] = time
        return write_json(fields)

    def unknown(self, origin: Origin) -> str:
        """The time of what has none."""
        return from_epoch(origin["mtime"]) if self.wishes.mtime else UNKNOWN


def named(line: Line, origin: Origin) -> str:
    """The id of what has none."""
    _, offset, text = line
    return f"{origin['identity']}{offset:x}.{xxhash.xxh3_64_hexdigest(text)}"


def loads(line: bytes) -> Any:
    """The JSON of a line, also where orjson refuses what is JSON; raises `ValueError`, `RecursionError`."""
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return json.loads(line)


def is_object(line: bytes) -> bool:
    """Whether a line is a JSON object."""
    try:
        return type(loads(line)) is dict
    except (ValueError, RecursionError):
        return False


def _common(wishes: Wishes) -> Fields:
    """What all raw lines have in common, with the fields that were asked for."""
    event = Event(
        {
            "@metadata": {"beat": "filebeat", "type": "_doc", "version": "8.0.0"},
            "input": {"type": "filestream"},
            "ecs": {"version": "8.0.0"},
            "host": {"name": wishes.host},
            "agent": {"type": "filebeat", "name": wishes.host},
        }
    )
    for name, value in wishes.fields.items():
        place_of(name).set(event, value)
    return event.fields
