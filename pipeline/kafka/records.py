"""Records of one partition as the bytes of a batch, and back.

    {"offsets":[7,8],"timestamps":[...],"lengths":[5,-1],"keys":[...],"headers":[...]}\\n  value value ...

    lengths     bytes of each value; -1: the record has none (a tombstone)
    timestamps  milliseconds since 1970; -1: the record has none
    keys        a text, {"base64": "..."} where it is not UTF-8, or null; left out where no record has a key
    headers     pairs of a name and a value, written as keys are; left out where no record has any

The values stand as they came. One record alone has the same form, so that a dead letter can be read by people, and be
decoded by itself.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from pipeline.errors import BrokenFraming

Shown = str | dict[str, str] | None
Headers = list[tuple[str, Shown]]


class Record(Protocol):
    """What is kept of a record that a consumer gives."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]


@dataclass(slots=True)
class Packed:
    """The records of a batch: columns, and where their values stand."""

    data: bytes
    start: int
    offsets: list[int]
    timestamps: list[int]
    lengths: list[int]
    keys: list[Shown] | None
    headers: list[Headers] | None

    def one(self, index: int) -> bytes:
        """One record, packed alone."""
        start = self.start + sum(length for length in self.lengths[:index] if length > 0)
        head: dict[str, Any] = {
            "offsets": [self.offsets[index]],
            "timestamps": [self.timestamps[index]],
            "lengths": [self.lengths[index]],
        }
        if self.keys is not None:
            head["keys"] = [self.keys[index]]
        if self.headers is not None:
            head["headers"] = [self.headers[index]]
        return orjson.dumps(head) + b"\n" + self.data[start : start + max(self.lengths[index], 0)]


def pack(records: Sequence[Record]) -> bytes:
    """The records of one partition, in their order."""
    values = [record.value for record in records]
    head: dict[str, Any] = {
        "offsets": [record.offset for record in records],
        "timestamps": [-1 if record.timestamp is None else record.timestamp for record in records],
        "lengths": [-1 if value is None else len(value) for value in values],
    }
    keys = [record.key for record in records]
    if any(key is not None for key in keys):
        head["keys"] = [_shown(key) for key in keys]
    headers = [record.headers for record in records]
    if any(headers):
        head["headers"] = [[(name, _shown(value)) for name, value in pairs] for pairs in headers]
    return b"".join((orjson.dumps(head), b"\n", *[value for value in values if value]))


def unpack(data: bytes) -> Packed:
    """The records of a batch; raises `BrokenFraming` where the bytes are none."""
    end = data.find(b"\n")
    try:
        head = orjson.loads(data[: max(end, 0)])
        columns = head["offsets"], head["timestamps"], head["lengths"]
        keys, headers = head.get("keys"), head.get("headers")
        whole = {len(column) for column in (*columns, keys, headers) if column is not None}
        size = sum(length for length in head["lengths"] if length > 0)
        sound = len(whole) == 1 and all(type(number) is int for column in columns for number in column)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BrokenFraming(f"these are no packed records: {error}") from None
    if not sound or len(data) != end + 1 + size:
        raise BrokenFraming("these are no packed records: the columns and the values do not agree")
    return Packed(data, end + 1, *columns, keys, headers)


def _shown(data: bytes | None) -> Shown:
    if data is None:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}


def raw(shown: Shown) -> bytes | None:
    """The bytes of a key, or of a header's value."""
    if shown is None:
        return None
    return shown.encode() if isinstance(shown, str) else base64.b64decode(shown["base64"])
