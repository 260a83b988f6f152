"""From the lines of an archive to events. Filebeat's envelopes, the hot path, the beats input's own loop decodes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import accumulate

from pipeline.batch import Origin
from pipeline.beats.events import Run
from pipeline.event import Event
from pipeline.plugin import Reject
from pipeline.protocols.lumberjack import json_frames
from pipeline.replay.enveloping import Decorate, Enveloper, Line, is_object, loads, named
from pipeline.replay.exported import Documents, Letters
from pipeline.replay.times import Clock
from pipeline.replay.wishes import Wishes
from pipeline.texts.json_documents import write_json

_LOOKED_BACK = 200
_TIMESTAMP, _NO_TIMESTAMP = b'"@timestamp"', "_@timestamp"
_USUAL = Clock()


class Decoder:
    """Decodes blocks of whole lines; `origin["kind"]` says what they are."""

    def __init__(self, wishes: Wishes, run: Run, decorate: Decorate | None) -> None:
        """`run` makes events of envelopes; `decorate` does what the configuration's input does to each."""
        self._enveloper = Enveloper(wishes, run, decorate)
        self._run = run
        self._decorate = decorate
        self._clock = self._enveloper.clock
        self._picked: tuple[bytes, list[bytes]] = (b"", [])
        documents, letters = Documents(self._enveloper).decode, Letters(self._enveloper).decode
        self._by_kind: dict[str, Callable[[bytes, Origin, Reject], Iterator[Event]]] = {
            "envelopes": self._envelopes,
            "documents": documents,
            "search": documents,
            "letters": letters,
            "segment": letters,
            "lines": self._raw,
        }

    def decode(self, data: bytes, origin: Origin, reject: Reject) -> Iterator[Event]:
        """The events of the lines; a piece is a line."""
        return self._by_kind[origin["kind"]](data, origin, reject)

    def pick(self, data: bytes, origin: Origin, piece: int) -> bytes:
        """The line of one event, in the frame in which a Beat would have sent it: so a dead letter can be retried."""
        if self._picked[0] is not data:  # where one event of a block fails, others often do
            self._picked = (data, data.split(b"\n"))
        lines = self._picked[1]
        if piece >= len(lines):
            return data
        line = lines[piece]
        if origin["kind"] == "lines" or (origin["kind"] == "envelopes" and not is_object(line)):
            before = b"\n".join(lines[max(0, piece - _LOOKED_BACK) : piece])
            time = self._clock.of_line(line) or self._clock.last(before, origin.get("time"))
            offset = origin["offset"] + sum(map(len, lines[:piece])) + piece
            line = self._enveloper.envelope((piece, offset, line), origin, time)
        return json_frames([line])

    # ------------------------------------------------------------------------------------ envelopes

    def _envelopes(self, data: bytes, origin: Origin, reject: Reject) -> Iterator[Event]:
        block, number = _Block(data, origin), -1
        odd: list[tuple[int, Exception]] = []

        def payloads() -> Iterator[bytes]:
            nonlocal number
            for number, text in enumerate(block.lines):
                yield text if _TIMESTAMP in text else self._dated(text, block.time(number) or unknown)

        decorate, unknown = self._decorate, self._enveloper.unknown(origin)
        events = self._run(
            payloads(),
            origin,
            lambda _, error: odd.append((number, error)),
            lambda _: named(block.line(number), origin),
        )
        for event in events:
            if odd:
                yield from self._odd(odd, block, reject)
            if _NO_TIMESTAMP in event.fields:
                self._redated(event, block.time(number) or unknown)
            if decorate is not None:
                decorate(event)
            yield event
        if odd:
            yield from self._odd(odd, block, reject)

    def _dated(self, line: bytes, time: str) -> bytes:
        """An envelope that has no time gets that of its fields, else that of the one before it: never the present."""
        if not is_object(line):
            return line
        fields = loads(line)
        fields.setdefault("@timestamp", self._clock.of_fields(fields) or time)
        return write_json(fields)

    def _redated(self, event: Event, time: str) -> None:
        """The same where `@timestamp` is no time; it stays in `_@timestamp`."""
        event.fields["@timestamp"] = self._clock.of_fields({**event.fields, "@timestamp": None}) or time

    def _odd(self, odd: list[tuple[int, Exception]], block: _Block, reject: Reject) -> Iterator[Event]:
        """Lines among envelopes that are none: raw ones, tagged as the json codec tags them. Envelopes that the codec
        refuses are dead-lettered, as they are when a Beat sends them."""
        lines, unknown = [], self._enveloper.unknown(block.origin)
        for number, error in odd:
            text = block.lines[number]
            if is_object(text):
                reject(json_frames([text]), error)
            elif text.strip():
                lines.append((block.line(number), block.time(number) or unknown))
        odd.clear()
        yield from self._enveloper.events(lines, block.origin, reject)

    # ------------------------------------------------------------------------------------ raw lines

    def _raw(self, data: bytes, origin: Origin, reject: Reject) -> Iterator[Event]:
        return self._enveloper.events(self._timed(data, origin), origin, reject)

    def _timed(self, data: bytes, origin: Origin) -> Iterator[tuple[Line, str]]:
        lines = data.split(b"\n")
        time: str | None = origin.get("time") or self._clock.first(lines)
        offset, unknown = origin["offset"], self._enveloper.unknown(origin)
        for number, line in enumerate(lines):
            if line.strip():  # Filebeat passes over empty lines, too
                time = self._clock.of_line(line) or time
                yield (number, offset, line), time or unknown
            offset += len(line) + 1


class _Block:
    """The lines of a block of envelopes, and what is asked for few of them: their places, the times before them."""

    def __init__(self, data: bytes, origin: Origin) -> None:
        self.lines = data.split(b"\n")
        self.origin = origin
        self._offsets: list[int] = []
        self._times: dict[int, str | None] = {}

    def line(self, number: int) -> Line:
        """A line with its place."""
        if not self._offsets:
            lengths = (len(text) + 1 for text in self.lines)
            self._offsets = list(accumulate(lengths, initial=self.origin["offset"]))
        return number, self._offsets[number], self.lines[number]

    def time(self, number: int) -> str | None:
        """The time of the last line before one that has any; at the beginning of an archive, of the first that has."""
        start = max(0, number - _LOOKED_BACK)
        for before in range(number - 1, start - 1, -1):
            time = self._times.get(before) or _USUAL.of_line(self.lines[before])
            if time is not None:
                self._times[number - 1] = time
                return time
        return self.origin.get("time") or _USUAL.first(self.lines[:_LOOKED_BACK])
