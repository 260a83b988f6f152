"""A line as the data of a batch, in the form in which an input decodes it: what `explain --line` gives to an input.

What is a line depends on the input: of a file, a message, the body of a request, the value of a record, and for beats
the JSON that a Beat sends, one event.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pipeline.batch import Origin
from pipeline.kafka import records
from pipeline.protocols import datagrams, messages
from pipeline.protocols.lumberjack import json_frames

_SENDER = "127.0.0.1"


@dataclass(slots=True)
class _Record:
    """A record of Kafka that holds a line."""

    value: bytes | None
    offset: int = 0
    timestamp: int = 0
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes | None]] = ()


def _ended(line: bytes) -> bytes:
    return line + b"\n"


def _message(line: bytes) -> bytes:
    return messages.packed([({}, line)])


DATA: dict[str, Callable[[bytes], bytes]] = {
    "beats": lambda line: json_frames([line]),
    "exec": _message,
    "file": _ended,
    "http": lambda line: line,
    "kafka": lambda line: records.pack([_Record(line)]),
    "rabbitmq": _message,
    "redis": _message,
    "stdin": _ended,
    "syslog": _ended,
    "tcp": _ended,
    "udp": lambda line: datagrams.packed(_SENDER, 0, line),
}
"""By the name of an input."""


def origin() -> Origin:
    """Where the line came from: a sender on this machine, and the beginning of a file or partition."""
    place: Origin = {"path": "explained", "identity": "0-0", "offset": 0, "topic": "explained", "partition": 0}
    return {"id": "explained", "peer": _SENDER, "port": 0, **place}
