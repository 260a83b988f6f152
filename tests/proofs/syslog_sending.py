"""Messages of syslog that say their numbers, a sender that sends each once, and what of them is in the queue."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import subprocess
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.proofs.engine import APEX_LOGS, Engine
from tests.proofs.oracle import Oracle

AT_ONCE = 20
PAUSE = 0.01
"""Seconds between so many messages, so that they come all the time, and not all of them before the first kill."""
_NUMBER = re.compile(rb"<14>1 \S+ node-[0-9]+ apex-api ([0-9]+) - - ")


class SyslogOracle(Oracle):
    """Its events are messages of RFC 5424, in octet counting; the process id is the number."""

    def envelope(self, number: int) -> bytes:
        """The message and its length."""
        head = f"<14>1 {self.timestamp(number)} node-{number % self.senders} apex-api {number} - - "
        message = (head + self.message(number)).encode()
        return b"%d %s" % (len(message), message)

    def document(self, number: int) -> dict[str, Any]:
        """What a message has become."""
        time = self.timestamp(number)
        head = {"priority": 14, "facility": 1, "facility_label": "user-level", "severity": 6}
        head |= {"severity_label": "Informational", "timestamp": time, "timestamp8601": time, "syslog5424_ver": 1}
        head |= {"logsource": f"node-{number % self.senders}", "program": "apex-api", "pid": str(number)}
        event = {"@timestamp": time, "@version": "1", "host": "127.0.0.1", "message": self.message(number)}
        return {**event, **head, **self.parsed(number)}


async def send(oracle: Oracle, engine: Engine, numbers: Sequence[int], sent: Counter[str]) -> None:
    """Sends each message once, over a new connection where one broke; counts what was given to a connection."""
    writer: asyncio.StreamWriter | None = None
    for start in range(0, len(numbers), AT_ONCE):
        part = numbers[start : start + AT_ONCE]
        while writer is None:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", engine.port)
            except OSError:
                engine.runs()
                await asyncio.sleep(0.02)
        sent["messages"] += len(part)
        try:
            writer.write(b"".join(map(oracle.envelope, part)))
            await writer.drain()
        except OSError:
            sent["broken connections"] += 1
            writer.close()
            writer = None
        await asyncio.sleep(PAUSE)
    if writer is not None:
        writer.close()


def queued(folder: Path) -> set[int]:
    """The numbers of the messages in the queue that are not known to be delivered, as `queue inspect` shows them."""
    command = [APEX_LOGS, "queue", "inspect", "--json", "--records", "1000000", "--path.data", str(folder / "data")]
    shown = subprocess.run(command, capture_output=True, check=True, timeout=60).stdout
    found = json.loads(shown)
    assert found["lost"] == []
    numbers: set[int] = set()
    for record in found["first"]:
        data = record["data"]
        raw = data.encode() if isinstance(data, str) else base64.b64decode(data["base64"])
        numbers.update(map(int, _NUMBER.findall(raw)))
    return numbers
