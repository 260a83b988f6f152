"""Messages of a sender in the data of one batch: each with what is known of it, and its bytes.

    message = head_length:u32 payload_length:u32 head payload         big-endian; the head is JSON, an object

A codec makes events of each payload; a message that it cannot read is rejected alone. The id of an event is the
batch's with the position of the message, or what the head holds as `id`; the events of one message are siblings.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from pipeline.arrivals import arrive
from pipeline.batch import Origin, as_json, of_json
from pipeline.event import SIBLING, Event
from pipeline.plugin import Codec, Reject

_LENGTHS = struct.Struct(">II")

Head = dict[str, Any]
Decode = Callable[[bytes, Origin, Reject], Iterator[Event]]
Describe = Callable[[Event, Head, bytes], None]


class Message(NamedTuple):
    """One of them, and where it lies in the data."""

    head: Head
    payload: bytes
    start: int
    end: int


def packed(messages: Iterable[tuple[Head, bytes]]) -> bytes:
    """The data of a batch."""
    parts: list[bytes] = []
    for known, payload in messages:
        head = as_json(known)
        parts += (_LENGTHS.pack(len(head), len(payload)), head, payload)
    return b"".join(parts)


def unpacked(data: bytes) -> Iterator[Message]:
    """The messages in it."""
    position = 0
    while position < len(data):
        head, payload = _LENGTHS.unpack_from(data, position)
        begin = position + _LENGTHS.size
        end = begin + head + payload
        yield Message(of_json(data[begin : begin + head]), data[begin + head : end], position, end)
        position = end


def pick(data: bytes, number: int) -> bytes:
    """The message of a number; all the data where there is none."""
    for found, message in enumerate(unpacked(data)):
        if found == number:
            return data[message.start : message.end]
    return data


def decoder(codec: Codec, describe: Describe) -> Decode:
    """The second half of an input: from messages to events; `describe` adds what the head says."""

    def decode(data: bytes, origin: Origin, reject: Reject) -> Iterator[Event]:
        id_ = origin["id"]
        for ordinal, message in enumerate(unpacked(data)):
            name = message.head.get("id") or (f"{id_}-{ordinal}" if ordinal else id_)
            try:
                decoded = list(codec.decode(message.payload))
            except Exception as error:  # whatever a codec raises concerns this message alone
                reject(data[message.start : message.end], error)
                continue
            for sibling, fields in enumerate(decoded):
                own = {"event_id": f"{name}_{sibling}" if sibling else name}
                event = arrive(fields, own, ordinal + sibling * SIBLING)
                describe(event, message.head, message.payload)
                yield event

    return decode
