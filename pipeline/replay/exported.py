"""Documents that were exported from Elasticsearch, and dead letters: lines that hold an event and its id."""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from pipeline.batch import Origin
from pipeline.disk.letters import Letter
from pipeline.event import SIBLING, Event, Fields
from pipeline.plugin import Reject
from pipeline.protocols.lumberjack import json_frames
from pipeline.replay.enveloping import Enveloper, Line, loads, named
from pipeline.replay.times import time_of
from pipeline.texts.json_documents import write_json

STRAIGHT = "replay_straight"
"""In `[@metadata]` of a document that the filters have seen before it was exported."""


class Documents:
    """Each under its own id."""

    def __init__(self, enveloper: Enveloper) -> None:
        self._enveloper = enveloper

    def decode(self, data: bytes, origin: Origin, reject: Reject) -> Iterator[Event]:
        """The documents of a block."""
        enveloper = self._enveloper
        for line, value in _objects(data, origin, reject):
            exported = type(value.get("_source")) is dict
            fields: Fields = value["_source"] if exported else value
            known = value.get("_id") if exported else None
            metadata: Fields = {"event_id": named(line, origin) if known is None else str(known)}
            if known is not None:
                metadata["_id"] = str(known)
            if exported and type(value.get("_index")) is str:
                metadata["_index"] = value["_index"]
            if not enveloper.wishes.refilter:
                metadata[STRAIGHT] = True
            own = time_of(fields.get("@timestamp")) or enveloper.clock.of_fields(fields)
            fields["@timestamp"] = own or enveloper.unknown(origin)
            yield Event(fields, metadata, line[0])


class Letters:
    """The originals of dead letters, decoded anew, under the ids that they had."""

    def __init__(self, enveloper: Enveloper) -> None:
        self._enveloper = enveloper

    def decode(self, data: bytes, origin: Origin, reject: Reject) -> Iterator[Event]:
        """The events of the letters of a block."""
        for line, value in _objects(data, origin, reject):
            try:
                letter = Letter(str(value.pop("name", "")), value)
                payload, event_id = letter.payload, letter.event_id
                if "id" not in value:
                    event_id = named(line, origin)
                events = self._original(letter, (line[0], line[1], payload), origin)
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                reject(json_frames([line[2]]), error)
                continue
            for sibling, event in enumerate(events):
                event.ordinal = line[0] + sibling * SIBLING
                event.metadata["event_id"] = f"{event_id}-{sibling}" if sibling else event_id
                yield event

    def _original(self, letter: Letter, line: Line, origin: Origin) -> list[Event]:
        """Of JSON objects, the events that they are; of anything else, the event of a raw line."""
        enveloper, payload = self._enveloper, line[2]
        documents = _documents(payload)
        chosen = documents[letter.sibling : letter.sibling + 1] if "id" in letter.record else documents
        own = enveloper.clock.of_line(payload) or time_of(letter.record.get("time"))
        time = own or enveloper.unknown(origin)
        if not documents:
            return list(enveloper.events([(line, time)], origin, _unheard))
        for document in chosen:
            document.setdefault("@timestamp", time)
        events = list(enveloper.run(map(write_json, chosen), origin, _unheard, lambda _: ""))
        if (decorate := enveloper.decorate) is not None:
            for event in events:
                decorate(event)
        return events


def _documents(payload: bytes) -> list[Fields]:
    """The objects of an original: one, those of an array, or none."""
    try:
        parsed = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return []
    found = parsed if type(parsed) is list else [parsed]
    return found if all(type(item) is dict for item in found) else []


def _unheard(raw: bytes, error: Exception) -> None:
    """An envelope that was made here can be decoded."""


def _objects(data: bytes, origin: Origin, reject: Reject) -> Iterator[tuple[Line, Fields]]:
    """The lines that are JSON objects; what is none is rejected, as it cannot be a document."""
    offset = origin["offset"]
    for number, line in enumerate(data.split(b"\n")):
        if line.strip():
            try:
                value = loads(line)
                if type(value) is not dict:
                    raise ValueError("the line is JSON, but no object")
            except (ValueError, RecursionError) as error:
                reject(json_frames([line]), error)
            else:
                yield (number, offset, line), value
        offset += len(line) + 1
