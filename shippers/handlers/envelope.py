"""From a record to the JSON of an event, as Filebeat 8 would send it.

    {"@timestamp":"...","@metadata":{"beat":"filebeat",...,"_id":"..."},"message":"...","log":{"level":...,"logger":...},
     "input":{"type":"python"},"fields":{...},"agent":{...},"host":{"name":...},"ecs":{"version":...}}

`@timestamp` and `@metadata` stand first, as the kafka input expects of a Beat's envelope. `[@metadata][_id]` names the
event: chance for the process, and a number for the record.
"""

from __future__ import annotations

import itertools
import json
import secrets
import socket
import sys
import time
import uuid
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import orjson

Entry = tuple[float, str, str, str]
"""A record: seconds since 1970, level, logger, text."""

BEAT_VERSION = "8.11.0"
ECS_VERSION = "8.0.0"
"""What Filebeat 8 says."""
LONGEST = 900_000
"""Bytes of an event; a Kafka broker takes 1,048,588 by default, and a lumberjack frame may have 16 MiB."""
_TRUNCATED = b',"flags":["truncated"]}'
"""What Filebeat says of a line that it has cut."""


class Envelope:
    """Makes events. One thread uses it."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        """Raises `ValueError` if the fields are no JSON, or take more than half of an event."""
        try:
            self._fields = orjson.dumps(dict(fields))
        except TypeError as error:
            raise ValueError(f"fields: {error}") from None
        if len(self._fields) > LONGEST // 2:
            raise ValueError(f"fields: {len(self._fields)} bytes of JSON; at most {LONGEST // 2} fit into every event")
        self.renew()

    def renew(self) -> None:
        """Another process: other ids."""
        host = socket.gethostname()
        agent = {
            "ephemeral_id": str(uuid.uuid4()),
            "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"apex-logs:{host}:{sys.argv[0] if sys.argv else ''}")),
            "name": host,
            "type": "filebeat",
            "version": BEAT_VERSION,
        }
        described = {"agent": agent, "host": {"name": host}, "ecs": {"version": ECS_VERSION}}
        self._tail = b'"input":{"type":"python"},"fields":%b,%b' % (self._fields, orjson.dumps(described)[1:])
        self._prefix = secrets.token_hex(12)
        self._numbers = itertools.count()
        self._second: int | None = None
        self._second_text = ""

    def payload(self, entry: Entry) -> bytes:
        """The event of a record, under an id of its own: to be kept, if it is sent again. Raises nothing."""
        created, level, logger, text = entry
        event_id = f"{self._prefix}{next(self._numbers):x}"
        payload = self._payload(created, _log(level, logger), text, event_id)
        if len(payload) <= LONGEST:
            return payload
        log = _log(level[:100], logger[:1000])[:-1] + _TRUNCATED
        while len(payload) > LONGEST:
            text = text[: len(text) // 2]
            payload = self._payload(created, log, text, event_id)
        return payload

    def _payload(self, created: float, log: bytes, text: str, event_id: str) -> bytes:
        return (
            b'{"@timestamp":"%b","@metadata":{"beat":"filebeat","type":"_doc","version":"8.11.0","_id":"%b"}'
            b',"message":%b,"log":%b,%b'
        ) % (self._time(created).encode(), event_id.encode(), _json(text), log, self._tail)

    def _time(self, created: float) -> str:
        """UTC with milliseconds. A time that is none is now."""
        try:
            second, milliseconds = divmod(int(created * 1000), 1000)
            if second != self._second:
                self._second_text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
                self._second = second
        except (TypeError, ValueError, OverflowError, OSError):
            return self._time(time.time())
        return f"{self._second_text}.{milliseconds:03}Z"


@lru_cache(maxsize=1024)
def _log(level: str, logger: str) -> bytes:
    return b'{"level":%b,"logger":%b}' % (_json(level), _json(logger))


def _json(text: str) -> bytes:
    try:
        return orjson.dumps(text)
    except orjson.JSONEncodeError:  # half of a surrogate pair: the pipeline reads its escape
        return json.dumps(text).encode()
