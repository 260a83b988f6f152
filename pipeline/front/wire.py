"""What the front and its workers say to each other, over a socket between them.

message = kind:u8 head:u32 size:u32 head (JSON) data        big-endian

front -> worker     PLAN      what to run                        first of all
                    BATCH     {seq, input, origin, ...} data     to be worked on; `Dealt` says what else
                    STOP      no more is coming: drain, and end
worker -> front     READY     it is built, and takes batches
                    TAKEN     {seq}              the engine has room: another may come
                    ENDED     {seq, events, ...} every event of the batch has its end; its tally, if that is wanted
                    REFUSED   {seq, reason}      its framing is broken: it is not to be acknowledged
                    COUNTS    counters, all since its start
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Mapping
from enum import IntEnum
from typing import Any, NamedTuple

from pipeline.batch import as_json, of_json

_HEAD = struct.Struct(">BII")


class Kind(IntEnum):
    """What a message says."""

    PLAN = 1
    BATCH = 2
    STOP = 3
    READY = 4
    TAKEN = 5
    ENDED = 6
    REFUSED = 7
    COUNTS = 8


class Message(NamedTuple):
    """One message between the front and a worker."""

    kind: Kind
    head: dict[str, Any]
    data: bytes


def packed(kind: Kind, head: Mapping[str, Any] | None = None, data: bytes = b"") -> bytes:
    """The bytes of a message."""
    text = as_json(head or {})
    return _HEAD.pack(kind, len(text), len(data)) + text + data


async def receive(reader: asyncio.StreamReader) -> Message | None:
    """The next message; None when the other side is gone, be it in the middle of one."""
    try:
        kind, head, size = _HEAD.unpack(await reader.readexactly(_HEAD.size))
        text = await reader.readexactly(head)
        return Message(Kind(kind), of_json(text), await reader.readexactly(size))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
