"""The design document's pipeline makes the same of a line, whether Filebeat's envelope or the shipper's holds it."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from shippers import demonstration
from shippers.lumberjack import Sender
from tests.proofs.engine import Engine
from tests.proofs.oracle import in_store
from tests.shippers.node.shipper import PATIENCE, configuration, ship

INPUT = """
[[inputs]]
id = "apex"
paths = ["{folder}/logs/*.log"]
fields = {{ service = "apex-api" }}
"""
OTHERS = {"agent", "host", "@timestamp"}
"""Who sent it, and when it was read, where the line has no time."""


def test_the_sample_by_both_ways(tmp_path: Path) -> None:
    envelopes = list(demonstration._events())
    engine = Engine(tmp_path, ["--embedded", str(tmp_path / "data")])
    engine.start()
    try:
        engine.listening()
        path = configuration(tmp_path, engine.port, inputs=INPUT)
        (tmp_path / "logs" / "apex-api.log").write_bytes(demonstration.SAMPLE.read_bytes())
        done = ship(path, "--once")
        assert done.returncode == 0, done.stderr

        async def send() -> None:
            async with Sender("127.0.0.1", engine.port) as sender:
                await sender.send(envelopes)

        asyncio.run(send())
        found: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
        deadline = time.monotonic() + PATIENCE
        while sum(map(len, found.values())) < 2 * len(envelopes) and time.monotonic() < deadline:
            found.clear()
            for _, document in in_store(tmp_path / "data"):
                found[document["log"]["offset"]].append(document)
        assert engine.stop() == 0
    finally:
        engine.kill()
    assert len(found) == len(envelopes)
    for offset, documents in found.items():
        shipped, sent = sorted(documents, key=lambda document: "inode" not in document["log"]["file"])
        del shipped["log"], sent["log"]
        for name in OTHERS:
            assert type(shipped.pop(name)) is type(sent.pop(name))
        assert shipped == sent, offset
