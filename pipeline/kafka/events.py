"""From packed records to events, as Logstash's kafka input makes them; the hot path of that input.

    record -> codec on the value -> event id -> @timestamp, @version, [@metadata][kafka]

A record without a value gives what the codec makes of an empty text, as in Logstash. A piece of the batch is a
record; a codec may make several events of one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

import orjson
from xxhash import xxh3_128_hexdigest

from pipeline.arrivals import arrive
from pipeline.batch import Origin
from pipeline.errors import Undecodable
from pipeline.event import SIBLING, Event, Fields
from pipeline.event_ids import Namer, beat_namer
from pipeline.kafka.records import Packed, raw, unpack
from pipeline.plugin import Codec, Reject
from pipeline.texts.codecs import WholeCodec, in_pieces

Decoration = Literal["none", "basic", "extended"]
Decode = Callable[[bytes, Origin, Reject], Iterator[Event]]


def decoder(codec: Codec, group: str, decoration: Decoration) -> Decode:
    """The second half of the input: from a batch and its origin to events."""
    parse = _parser(codec)
    texts = isinstance(codec, WholeCodec) and type(codec.parse(b'{"a":1}')) is dict and _keeps_text(codec)
    described = _describer(group, decoration)

    def decode(data: bytes, origin: Origin, reject: Reject) -> Iterator[Event]:
        packed = unpack(data)
        name, in_place = beat_namer(), _placer(origin)
        start = packed.start
        for index, (offset, timestamp, length) in enumerate(
            zip(packed.offsets, packed.timestamps, packed.lengths, strict=True)
        ):
            value = data[start : start + length] if length > 0 else b""
            start += len(value)
            try:
                found = parse(value)
            except Exception as error:  # whatever a codec raises concerns this record alone
                place = f"record {offset} of partition {origin['partition']} of {origin['topic']}"
                reason = f"{place}: {type(error).__name__}: {error}"
                reject(packed.one(index), Undecodable(reason, {"offset": offset, "last": offset}))
                continue
            for sibling, fields in enumerate(found if isinstance(found, list) else (found,)):
                event_id = (_envelope(value, name) if texts else _named(fields, name)) or in_place(
                    offset, timestamp, length, value
                )
                if sibling:
                    event_id = f"{event_id}_{sibling}"
                event = arrive(fields, {"event_id": event_id}, index + sibling * SIBLING)
                if described is not None:
                    described(event, packed, index, origin)
                yield event

    return decode


def _parser(codec: Codec) -> Callable[[bytes], Fields | list[Fields]]:
    if isinstance(codec, WholeCodec):
        return codec.parse
    pieces, parse = in_pieces(codec)

    def parse_all(value: bytes) -> list[Fields]:
        found: list[Fields] = []
        for piece in pieces(value):
            made = parse(piece)
            found += made if isinstance(made, list) else [made]
        return found

    return parse_all


def _keeps_text(codec: Codec) -> bool:
    """Whether the codec leaves JSON as the text that it is."""
    [fields] = codec.decode(b'{"a":1}')
    return fields.get("message") == '{"a":1}'


# ---------------------------------------------------------------------------------------------- ids


def _placer(origin: Origin) -> Callable[[int, int, int, bytes], str]:
    """Names a record after its topic, partition, offset, timestamp and value."""
    topic = str(origin["topic"])
    start = f"kafka1:{len(topic)}:{topic}:{origin['partition']}:".encode()

    def name(offset: int, timestamp: int, length: int, value: bytes) -> str:
        kind = b"v" if length >= 0 else b"n"
        return xxh3_128_hexdigest(b"%b%d:%d:%b%b" % (start, offset, timestamp, kind, value))

    return name


_NO_METADATA: Fields = {}


def _named(fields: Fields, name: Namer) -> str | None:
    """The id that a Beat's envelope has, wherever it comes from; None for anything else."""
    metadata = fields.get("@metadata")
    if type(metadata) is dict:
        return name(fields, metadata)
    return name(fields, _NO_METADATA) if "log" in fields else None


_STARTS = b'{"@timestamp":"'
_NAMES_BEAT = b'"@metadata":{"beat":"'
_HEAD = 160
"""A Beat writes its name within so many bytes."""


def _envelope(value: bytes, name: Namer) -> str | None:
    """The same, where the codec leaves the envelope as text."""
    if not value.startswith(_STARTS) or _NAMES_BEAT not in value[:_HEAD]:
        return None
    try:
        fields = orjson.loads(value)
    except ValueError:
        return None
    return _named(fields, name)


# ---------------------------------------------------------------------------------------------- decoration


def _describer(group: str, decoration: Decoration) -> Callable[[Event, Packed, int, Origin], None] | None:
    """Adds `[@metadata][kafka]`; what the sender has there gives way, name by name."""
    if decoration == "none":
        return None
    extended = decoration == "extended"

    def describe(event: Event, packed: Packed, index: int, origin: Origin) -> None:
        key = None if packed.keys is None else raw(packed.keys[index])
        own: Fields = {
            "topic": origin["topic"],
            "consumer_group": group,
            "partition": origin["partition"],
            "offset": packed.offsets[index],
            "key": None if key is None else key.decode(errors="replace"),
            "timestamp": packed.timestamps[index],
        }
        if extended and packed.headers is not None:
            headers = {name: shown for name, shown in packed.headers[index] if isinstance(shown, str)}
            if headers:
                own["headers"] = headers
        sent = event.metadata.get("kafka")
        event.metadata["kafka"] = {**sent, **own} if type(sent) is dict else own

    return describe
