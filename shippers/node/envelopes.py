"""Events as Filebeat 8 sends them: the same fields under the same names, as JSON, written without building objects.

    {"@timestamp":"...","@metadata":{...},"log":{"file":{...},"offset":0},"message":"...","input":{...}, ...}

`log.file.fingerprint` names a file and its generation (a file that was truncated, or took the inode of another, is
another), and `log.file.path` is the path under which it was found, also after it was renamed. So the server makes the
same id of a line that is sent twice, and never one id of two lines.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson

from pipeline.disk.chunks import Chunk
from shippers.node.entries import Format

ECS_VERSION = "8.0.0"
_SECOND = len("2026-11-23T12:23:31")


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends: `agent.*` and `host.*`."""

    agent: dict[str, str]
    host: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Marks:
    """What an input adds to each of its events."""

    fields: dict[str, Any] = field(default_factory=dict)
    under_root: bool = False
    tags: tuple[str, ...] = ()


class Envelopes:
    """Makes the events of one input."""

    def __init__(self, sender: Sender, marks: Marks, formatted: Format) -> None:
        self._entries = formatted.entries
        agent = sender.agent
        metadata = {"beat": agent["type"], "type": "_doc", "version": agent["version"]}
        self._head = b'","@metadata":' + orjson.dumps(metadata) + b',"log":{"file":'
        own: dict[str, Any] = {"input": {"type": "filestream"}, "ecs": {"version": ECS_VERSION}}
        own |= {"host": sender.host, "agent": agent}
        if marks.tags:
            own["tags"] = list(marks.tags)
        if marks.fields and marks.under_root:
            own = {**marks.fields, **own}
        elif marks.fields:
            own["fields"] = marks.fields
        self._tail = b"," + orjson.dumps(own)[1:]

    def of(self, chunk: Chunk, now: float) -> Iterator[bytes]:
        """The events of a piece of a file that is read `now`, in seconds since 1970."""
        start, tail, dumps = chunk.offset, self._tail, orjson.dumps
        read = timestamp(now)
        after = self._head + dumps(_file(chunk)) + b',"offset":'
        before = b'{"@timestamp":"' + read.encode() + after
        for offset, text, stream, written, flags, _ in self._entries(chunk.data):
            try:
                message = dumps(text.decode())
            except UnicodeDecodeError:
                message = dumps(text.decode("utf-8", "replace"))
            if not stream and not flags:
                yield b'%b%d},"message":%b%b' % (before, start + offset, message, tail)
                continue
            more = b',"flags":' + dumps(flags) if flags else b""
            own = b',"stream":' + dumps(stream) if stream else b""
            when = (canonical(written) or read) if written else read
            known = b'{"@timestamp":"' + when.encode() + after
            yield b'%b%d%b},"message":%b%b%b' % (known, start + offset, more, message, own, tail)


def _file(chunk: Chunk) -> dict[str, str]:
    """`log.file`; numbers are texts, as Filebeat has them."""
    assert chunk.key is not None
    device = chunk.key.major << 24 | chunk.key.minor
    # What is no UTF-8 in a path cannot stand in JSON.
    path = chunk.first_path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return {
        "path": path,
        "device_id": str(device),
        "inode": str(chunk.key.inode),
        "fingerprint": chunk.identity,
    }


def timestamp(now: float) -> str:
    """A moment in UTC, in milliseconds."""
    millis = int(now * 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(millis // 1000)) + f".{millis % 1000:03}Z"


def canonical(written: str) -> str | None:
    """A container's time in UTC, in milliseconds; None for what is no time."""
    if written.endswith("Z") and len(written) > _SECOND and written[_SECOND] in ".Z":
        fraction = written[_SECOND + 1 : -1]
        if written[_SECOND] == "Z" or fraction.isdecimal():
            text = f"{written[:_SECOND]}.{fraction[:3]:0<3}Z"
            return text if _is_time(text[:_SECOND]) else None
    try:
        moment = datetime.fromisoformat(written)
        return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z" if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


@lru_cache(maxsize=64)
def _is_time(second: str) -> bool:
    try:
        return datetime.fromisoformat(second).tzinfo is None
    except ValueError:
        return False
