"""What the engine does for a Beats event of the benchmark, written out by hand as one loop: the most it could reach.

    piece -> inflate -> loads -> id -> loads of the message -> update -> rename -> geoip, ready-made -> dumps -> body

It holds for these events and this configuration alone: nothing is configured, nothing can fail, nothing is
acknowledged. Answers of geoip are there before it starts. Between it and the engine's own loop lies what plugins,
conditions and delivery cost; between it and the floor, what no engine is spared.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, cast

import orjson
from xxhash import xxh3_128_hexdigest

from bench.floor import Loop
from pipeline.batch import Origin
from pipeline.protocols import lumberjack_events


def by_hand(pieces: Sequence[tuple[bytes, Origin]]) -> Loop:
    """The loop over these pieces."""
    answers = _answers(pieces)

    def run() -> int:
        return sum(_run(data, answers) for data, _ in pieces)

    return run


def _answers(pieces: Sequence[tuple[bytes, Origin]]) -> dict[str, orjson.Fragment]:
    """Ready-made JSON of the size that answers have, for each address."""
    found = {}
    for data, _ in pieces:
        for payload in _payloads(data):
            envelope: dict[str, Any] = orjson.loads(payload)
            address = orjson.loads(envelope["message"]).get("source_ip")
            found[address] = orjson.Fragment(b'{"ip":"%b","city_name":"%b"}' % (str(address).encode(), b"x" * 200))
    return found


def _payloads(data: bytes) -> Iterator[bytes]:
    return cast("Iterator[bytes]", lumberjack_events.events(data, 100 << 20, 10_000))  # J frames are all there is


def _run(data: bytes, answers: dict[str, orjson.Fragment]) -> int:
    loads, dumps, newline, read = orjson.loads, orjson.dumps, orjson.OPT_APPEND_NEWLINE, datetime.fromisoformat
    starts: dict[str, bytes] = {}
    body, ends = bytearray(), array("Q")
    for payload in _payloads(data):
        fields: dict[str, Any] = loads(payload)
        metadata = fields.pop("@metadata")
        log = fields["log"]
        file, message, time = log["file"], fields["message"], fields["@timestamp"]
        place = f"{fields['agent']['id']}{file['path']}{file['inode']}{log['offset']}"
        metadata["event_id"] = event_id = xxh3_128_hexdigest(f"{place}:{message}".encode())
        read(time)
        fields["@version"], fields["tags"] = "1", ["beats_input_codec_plain_applied"]
        if fields["fields"]["service"] == "apex-api":
            fields.update(loads(message))
            if "event" in fields:
                fields["log_event"] = fields.pop("event")
            if address := fields.get("source_ip"):
                fields["geoip"] = answers[address]
        day = time[:10]
        if day not in starts:
            starts[day] = b'{"create":{"_index":"apex-logs-%b","_id":' % day.replace("-", ".").encode()
        body += starts[day]
        body += dumps(event_id)
        body += b"}}\n"
        body += dumps(fields, None, newline)
        ends.append(len(body))
    return len(ends)
