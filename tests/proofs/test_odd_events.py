"""Events that nobody would send on purpose: each is in the store or a dead letter, and its window is acknowledged."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pipeline.delivery.dead_letters import read
from shippers.lumberjack import Sender
from tests.proofs.engine import Engine

MESSAGES = [
    "plain text",
    "",
    "{cut",
    "[1, 2]",
    '{"event": null, "source_ip": ""}',
    '{"event": {"a": 1}, "source_ip": "10.0.0.1"}',
    '{"event": 5, "source_ip": ["8.8.8.8", "x"]}',
    '{"source_ip": {"a": 1}}',
    '{"source_ip": "8.8.8.8", "geoip": "taken"}',
    '{"@timestamp": "no time", "tags": {"a": 1}}',
    '{"@timestamp": "9999-12-31T23:59:59.999Z"}',
    '{"@metadata": {"_id": "own"}}',
    '{"a": "\\ud800"}',
    '{"n": 123456789012345678901234567890}',
    '{"n": 1e400, "m": NaN}',
    '{"": {"": 1}, "[a]": 2, "%{b}": 3}',
    '{"o": ' + '{"a":' * 300 + "1" + "}" * 300 + "}",
    '{"o": ' + "[" * 5000 + "]" * 5000 + "}",
    '{"fields": 5}',
    '{"host": null, "log": null, "agent": 7}',
    "\x00\x01",
    "x" * 300_000,
]
PAYLOADS = [
    json.dumps({"message": message, "fields": {"service": "apex-api"}, "log": {"offset": number}}).encode()
    for number, message in enumerate(MESSAGES)
] + [
    b"",
    b"{cut",
    b"5",
    b"[]",
    b"\xff\xfe",
    b'{"message": "\\ud800", "fields": {"service": "apex-api"}}',
    b'{"message": 5, "fields": {"service": "apex-api"}}',
    b'{"message": null, "fields": "apex-api", "@timestamp": 5, "@metadata": []}',
    b'{"message": "same", "message": "twice"}',
    b'{"o": ' + b"[" * 5000 + b"]" * 5000 + b"}",
]


@pytest.mark.parametrize("compression", [0, 3])
def test_none_is_lost_and_none_stops_the_others(tmp_path: Path, compression: int) -> None:
    async def send(payloads: list[bytes]) -> int:
        async with Sender("127.0.0.1", engine.port, compression=compression) as sender:
            return await sender.send(payloads)

    engine = Engine(tmp_path, ["--embedded", str(tmp_path / "data")])
    engine.start()
    try:
        engine.listening()
        assert asyncio.run(send(PAYLOADS)) == len(PAYLOADS)
        assert [asyncio.run(send([payload])) for payload in PAYLOADS[:3]] == [1, 1, 1]
        assert engine.stop() == 0
    finally:
        engine.kill()
    stored = 0
    for path in (tmp_path / "data" / "indices").glob("*.sqlite"):
        with closing(sqlite3.connect(path)) as connection:
            stored += connection.execute("SELECT count(*) FROM documents").fetchone()[0]
    letters = list(read(tmp_path / "data" / "dead_letter_queue" / "main"))
    summary = engine.log.read_text().splitlines()[-1]
    assert f"decoded={len(PAYLOADS) + 3 - undecodable(letters)} " in summary
    assert stored + len(letters) == len(PAYLOADS) + 3, summary
    assert "Traceback" not in engine.log.read_text()


def undecodable(letters: list[tuple[str, dict[str, object]]]) -> int:
    return sum(str(letter["reason"]).startswith("cannot be decoded") for _, letter in letters)
