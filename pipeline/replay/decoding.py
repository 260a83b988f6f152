"""From the lines of an archive to events. The hot path is that of Filebeat's envelopes, which the beats input decodes.

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
from pipeline.disk.letters import Letter
from pipeline.event import Event, Fields
from pipeline.plugin import Reject
from pipeline.protocols.lumberjack import json_frames
from pipeline.replay.times import UNKNOWN, Clock, time_of
from pipeline.replay.wishes import Wishes, place_of
from pipeline.texts.codecs import text_of
from pipeline.texts.json_documents import write_json

NO_JSON = "_jsonparsefailure"
_LOOKED_BACK = 200
_TIMESTAMP, _NO_TIMESTAMP = b'"@timestamp"', "_@timestamp"
STRAIGHT = "replay_straight"
"""In `[@metadata]` of a document that the filters have seen before it was exported."""

Decorate = Callable[[Event], None]
Line = tuple[int, int, bytes]
"""Its number in the block, its offset in the stream, and the line."""


class Decoder:
    """Decodes blocks of whole lines; `origin["kind"]` says what they are."""

    def __init__(self, wishes: Wishes, run: Run, decorate: Decorate | None) -> None:
        """`run` makes events of envelopes; `decorate` does what the configuration's input does to each."""
        self._wishes = wishes
        self._run = run
        self._decorate = decorate
        self._clock = Clock(wishes.time_fields)
        self._usual = Clock()
        self._text = text_of("UTF-8")
        self._envelope = _envelope(wishes)
        self._picked: tuple[bytes, list[bytes]] = (b"", [])
        self._by_kind = {
            "envelopes": self._envelopes,
            "documents": self._documents,
            "search": self._documents,
            "letters": self._letters,
            "segment": self._letters,
            "lines": self._raw,
        }

    def decode(self, data: bytes, origin: Origin, reject: Reject) -> Iterator[Event]:
        """The events of the lines; each has the number of its line for an ordinal."""
        return self._by_kind[origin["kind"]](data, origin, reject)

    def pick(self, data: bytes, origin: Origin, ordinal: int) -> bytes:
        """The line of one event, in the frame in which a Beat would have sent it: so a dead letter can be retried."""
        if self._picked[0] is not data:  # where one event of a block fails, others often do
            self._picked = (data, data.split(b"\n"))
        lines = self._picked[1]
        if ordinal >= len(lines):
            return data
        line = lines[ordinal]
        if origin["kind"] == "lines" or (origin["kind"] == "envelopes" and not _is_object(line)):
            before = b"\n".join(lines[max(0, ordinal - _LOOKED_BACK) : ordinal])
            time = self._clock.of_line(line) or self._clock.last(before, origin.get("time"))
            offset = origin["offset"] + sum(map(len, lines[:ordinal])) + ordinal
            line = self._envelope_of((ordinal, offset, line), origin, time)
        return json_frames([line])

    # ------------------------------------------------------------------------------------ envelopes

    def _envelopes(self, data: bytes, origin: Origin, reject: Reject) -> Iterator[Event]:
        digest, identity = xxhash.xxh3_64_hexdigest, origin["identity"]
        number, offset, line = -1, 0, b""
        following = origin["offset"]
        last: Any = origin.get("time") or self._usual.first(data.split(b"\n", _LOOKED_BACK))
        odd: list[tuple[Line, Exception]] = []
        dated, redated, unknown = self._dated, self._redated, self._unknown(origin)

        def payloads() -> Iterator[bytes]:
            nonlocal number, offset, following, line
            for text in data.split(b"\n"):
                number, offset, line = number + 1, following, text
                following += len(text) + 1
                yield text if _TIMESTAMP in text else dated(text, last or unknown)

        def failed(_raw: bytes, error: Exception) -> None:
            odd.append(((number, offset, line), error))

        decorate = self._decorate
        for event in self._run(payloads(), origin, failed, lambda _: f"{identity}{offset:x}.{digest(line)}"):
            if odd:
                yield from self._odd(odd, origin, reject, last)
            if _NO_TIMESTAMP in event.fields:
                redated(event, last or unknown)
            if decorate is not None:
                decorate(event)
            last = event.fields.get("@timestamp")
            yield event
        if odd:
            yield from self._odd(odd, origin, reject, last)

    def _dated(self, line: bytes, time: str) -> bytes:
        """An envelope that has no time gets that of its fields, else that of the one before it: never the present."""
        if not _is_object(line):
            return line
        fields = _loads(line)
        fields.setdefault("@timestamp", self._clock.of_fields(fields) or time)
        return write_json(fields)

    def _redated(self, event: Event, time: str) -> None:
        """The same where `@timestamp` is no time; it stays in `_@timestamp`."""
        event.fields["@timestamp"] = self._clock.of_fields({**event.fields, "@timestamp": None}) or time

    def _odd(self, odd: list[tuple[Line, Exception]], origin: Origin, reject: Reject, time: Any) -> Iterator[Event]:
        """Lines among envelopes that are none: raw ones, tagged as the json codec tags them. Envelopes that the codec
        refuses are dead-lettered, as they are when a Beat sends them."""
        lines = []
        for line, error in odd:
            if _is_object(line[2]):
                reject(json_frames([line[2]]), error)
            elif line[2].strip():
                lines.append((line, time or self._unknown(origin)))
        odd.clear()
        yield from self._enveloped(lines, origin, reject)

    # ------------------------------------------------------------------------------------ raw lines

    def _raw(self, data: bytes, origin: Origin, reject: Reject) -> Iterator[Event]:
        return self._enveloped(self._timed(data, origin), origin, reject)

    def _timed(self, data: bytes, origin: Origin) -> Iterator[tuple[Line, str]]:
        lines = data.split(b"\n")
        time: str | None = origin.get("time") or self._clock.first(lines)
        offset, unknown = origin["offset"], self._unknown(origin)
        for number, line in enumerate(lines):
            if line.strip():  # Filebeat passes over empty lines, too
                time = self._clock.of_line(line) or time
                yield (number, offset, line), time or unknown
            offset += len(line) + 1

    def _enveloped(self, lines: Iterable[tuple[Line, str]], origin: Origin, reject: Reject) -> Iterator[Event]:
        """The events of lines in the envelopes that Filebeat would send."""
        number, named = 0, ""

        def payloads() -> Iterator[bytes]:
            nonlocal number, named
            for line, time in lines:
                number, named = line[0], _named(line, origin)
                yield self._envelope_of(line, origin, time)

        for event in self._run(payloads(), origin, reject, lambda _: named):
            event.ordinal = number
            if self._decorate is not None:
                self._decorate(event)
            yield event

    def _envelope_of(self, line: Line, origin: Origin, time: str | None) -> bytes:
        _, offset, text = line
        fields = {**self._envelope, "message": self._text(text.removesuffix(b"\r"))}
        if origin["kind"] == "envelopes":
            fields["tags"] = [NO_JSON]
        fields["log"] = {**fields.get("log", {}), "offset": offset, "file": {"path": origin["path"]}}
        if time is not None:
            fields["@timestamp"] = time
        return write_json(fields)

    def _unknown(self, origin: Origin) -> str:
        return from_epoch(origin["mtime"]) if self._wishes.mtime else UNKNOWN

    # ------------------------------------------------------------------------------------ documents

    def _documents(self, data: bytes, origin: Origin, reject: Reject) -> Iterator[Event]:
        for line, value in _objects(data, origin, reject):
            exported = type(value.get("_source")) is dict
            fields: Fields = value["_source"] if exported else value
            known = value.get("_id") if exported else None
            metadata: Fields = {"event_id": _named(line, origin) if known is None else str(known)}
            if known is not None:
                metadata["_id"] = str(known)
            if exported and type(value.get("_index")) is str:
                metadata["_index"] = value["_index"]
            if not self._wishes.refilter:
                metadata[STRAIGHT] = True
            fields["@timestamp"] = self._time_of(fields, origin)
            yield Event(fields, metadata, line[0])

    def _time_of(self, fields: Fields, origin: Origin) -> str:
        return time_of(fields.get("@timestamp")) or self._clock.of_fields(fields) or self._unknown(origin)

    # ------------------------------------------------------------------------------------ dead letters

    def _letters(self, data: bytes, origin: Origin, reject: Reject) -> Iterator[Event]:
        """The originals, decoded anew, under the ids that they had."""
        for line, value in _objects(data, origin, reject):
            try:
                letter = Letter(str(value.pop("name", "")), value)
                payload, event_id = letter.payload, letter.event_id
                if "id" not in value:
                    event_id = _named(line, origin)
                events = self._original(letter, payload, (line[0], line[1], payload), origin)
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                reject(json_frames([line[2]]), error)
                continue
            for sibling, event in enumerate(events):
                event.ordinal = line[0]
                event.metadata["event_id"] = f"{event_id}-{sibling}" if sibling else event_id
                yield event

    def _original(self, letter: Letter, payload: bytes, line: Line, origin: Origin) -> list[Event]:
        try:
            parsed = orjson.loads(payload)
        except orjson.JSONDecodeError:
            parsed = None
        several = type(parsed) is list and all(type(item) is dict for item in parsed)
        documents = parsed if several else [parsed] if type(parsed) is dict else []
        chosen = documents[letter.sibling : letter.sibling + 1] if "id" in letter.record else documents
        time = self._clock.of_line(payload) or time_of(letter.record.get("time")) or self._unknown(origin)
        if not documents:
            return list(self._enveloped([(line, time)], origin, _unheard))
        for document in chosen:
            document.setdefault("@timestamp", time)
        events = list(self._run(map(write_json, chosen), origin, _unheard, lambda _: ""))
        if (decorate := self._decorate) is not None:
            for event in events:
                decorate(event)
        return events


def _named(line: Line, origin: Origin) -> str:
    _, offset, text = line
    return f"{origin['identity']}{offset:x}.{xxhash.xxh3_64_hexdigest(text)}"


def _is_object(line: bytes) -> bool:
    try:
        return type(_loads(line)) is dict
    except (ValueError, RecursionError):
        return False


def _unheard(raw: bytes, error: Exception) -> None:
    """An envelope that was made here can be decoded."""


def _objects(data: bytes, origin: Origin, reject: Reject) -> Iterator[tuple[Line, Fields]]:
    """The lines that are JSON objects; what is none is rejected, as it cannot be a document."""
    offset = origin["offset"]
    for number, line in enumerate(data.split(b"\n")):
        if line.strip():
            try:
                value = _loads(line)
                if type(value) is not dict:
                    raise ValueError("the line is JSON, but no object")
            except (ValueError, RecursionError) as error:
                reject(json_frames([line]), error)
            else:
                yield (number, offset, line), value
        offset += len(line) + 1


def _loads(line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return json.loads(line)


def _envelope(wishes: Wishes) -> Fields:
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
