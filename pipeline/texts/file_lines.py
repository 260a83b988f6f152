"""From the lines of a file to events: their fields, their place, their ids."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import xxhash

from pipeline.arrivals import arrive
from pipeline.batch import Origin
from pipeline.dates.timestamps import canonical
from pipeline.event import SIBLING, Event, Fields
from pipeline.plugin import Codec, Reject
from pipeline.texts.codecs import in_pieces


def decoder(
    codec: Codec, delimiter: int, host: str, *, ecs: bool
) -> Callable[[bytes, Origin, Reject], Iterator[Event]]:
    """The second half of the input: from the bytes of a batch to its events. `delimiter` is its length.

    An event as most are arrives here without a call, any other through `arrive`.
    """
    pieces, parse = in_pieces(codec)
    describe = _ecs_describer(host) if ecs else _describer(host)
    digest = xxhash.xxh3_64_hexdigest  # the place tells lines apart; the line tells of a place that was written anew

    def decode(data: bytes, origin: Origin, reject: Reject) -> Iterator[Event]:
        path, identity, offset, ordinal = origin["path"], origin["identity"], origin["offset"], 0
        last_sent: Any = _NEVER
        last = ""
        for piece in pieces(data):
            parsed = parse(piece)
            id_ = f"{identity}{offset:x}.{digest(piece)}"
            offset += len(piece) + delimiter
            if isinstance(parsed, list):
                for sibling, fields in enumerate(parsed):
                    describe(fields, path)
                    own = {"path": path, "host": host, "event_id": f"{id_}-{sibling}" if sibling else id_}
                    yield arrive(fields, own, ordinal + sibling * SIBLING)
                ordinal += 1
                continue
            describe(parsed, path)
            sent = parsed.get("@timestamp")
            if sent != last_sent and type(sent) is str and (known := canonical(sent)) is not None:
                last_sent, last = sent, known
            metadata: Any = parsed.get("@metadata")
            if type(metadata) is dict and "_id" not in metadata:
                del parsed["@metadata"]
                metadata["path"], metadata["host"], metadata["event_id"] = path, host, id_
            else:
                metadata = {"path": path, "host": host, "event_id": id_}
            if sent != last_sent or "tags" in parsed or "@metadata" in parsed:
                yield arrive(parsed, metadata, ordinal)
            else:
                parsed["@timestamp"] = last
                if "@version" not in parsed:
                    parsed["@version"] = "1"
                yield Event(parsed, metadata, ordinal)
            ordinal += 1

    return decode


_NEVER = object()
"""Unequal to any `@timestamp`."""


def _describer(host: str) -> Callable[[Fields, str], None]:
    def describe(fields: Fields, path: str) -> None:
        if "path" not in fields:
            fields["path"] = path
        if "host" not in fields:
            fields["host"] = host

    return describe


def _ecs_describer(host: str) -> Callable[[Fields, str], None]:
    def describe(fields: Fields, path: str) -> None:
        log: Any = fields.get("log")
        if log is None:
            fields["log"] = {"file": {"path": path}}
        elif type(log) is dict:
            file = log.setdefault("file", {})
            if type(file) is dict and "path" not in file:
                file["path"] = path
        known: Any = fields.get("host")
        if known is None:
            fields["host"] = {"name": host}
        elif type(known) is dict and "name" not in known:
            known["name"] = host

    return describe
