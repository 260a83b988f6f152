"""`make run`: the design document's pipeline, with the embedded store, on a bundled sample of API logs.

The engine runs as a user would run it, in a process of its own; the sample goes in through its Beats port, as
Filebeat would ship it, and the store is asked afterwards what it holds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from shippers.lumberjack import Sender

ROOT = Path(__file__).parent.parent
SAMPLE = Path(__file__).parent / "samples" / "apex-api.log"
LOGGING = ROOT / "infra" / "logging"
HOST, PORT = "127.0.0.1", 5044
START_TIMEOUT = 30.0
"""Seconds for the engine to listen."""
LOG_PATH = "/var/log/apex/apex-api.log"


def main() -> int:
    """Runs the demonstration; returns the exit code."""
    parser = argparse.ArgumentParser(prog="make run", description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--once", action="store_true", help="stop after the sample")
    parser.add_argument("--data", type=Path, default=Path("data"), help="the folder of the embedded store")
    arguments = parser.parse_args()
    if _listening():
        print(f"something listens on {HOST}:{PORT} already; stop it first (another `make run`?)", file=sys.stderr)
        return 1
    apex_logs = str(Path(sys.executable).with_name("apex-logs"))
    command = [apex_logs, "run", "-f", str(LOGGING / "logstash.conf"), "--path.settings", str(LOGGING)]
    engine = subprocess.Popen([*command, "--embedded", str(arguments.data)])  # noqa: S603  our own program
    try:
        return _demonstrate(engine, apex_logs, arguments.data, arguments.once)
    except KeyboardInterrupt:
        return 0
    finally:
        _stop(engine)


def _demonstrate(engine: subprocess.Popen[bytes], apex_logs: str, data: Path, once: bool) -> int:
    deadline = time.monotonic() + START_TIMEOUT
    while not _listening():
        if engine.poll() is not None or time.monotonic() > deadline:
            print("the engine did not start; its reason is above", file=sys.stderr)
            return 1
        time.sleep(0.05)
    events = list(_events())
    asyncio.run(_ship(events))
    print(f"\n{len(events)} log lines of apex-api were shipped to {HOST}:{PORT}, and acknowledged: they are indexed.\n")
    shown = subprocess.run([apex_logs, "indices", "--embedded", str(data)], check=False)  # noqa: S603  our own program
    missing = len(events) - _indexed(apex_logs, data, len(events))
    if shown.returncode or missing:
        print(f"{missing} of them are not in the store; `apex-logs dlq list` says why", file=sys.stderr)
        return 1
    _next_commands(data)
    if not once:
        print("Serving until Ctrl-C.", flush=True)
        engine.wait()
    return 0


def _events() -> Iterator[dict[str, Any]]:
    """The sample as Filebeat ships it: each line in an envelope, with its place in the file."""
    offset, moment = 0, "2026-11-21T06:00:00.000Z"
    for line in SAMPLE.read_text(encoding="utf-8").splitlines():
        if line.startswith("{"):
            moment = json.loads(line)["timestamp"]
        yield {
            "@timestamp": moment,
            "@metadata": {"beat": "filebeat", "type": "_doc", "version": "8.11.0"},
            "message": line,
            "log": {"offset": offset, "file": {"path": LOG_PATH}},
            "input": {"type": "filestream"},
            "fields": {"service": "apex-api"},
            "agent": {"id": "5f0b1f2e-8f0e-4a53-9d0a-2c9f0c9f8d11", "type": "filebeat", "version": "8.11.0"},
            "host": {"name": "sample"},
            "ecs": {"version": "8.0.0"},
        }
        offset += len(line.encode()) + 1


async def _ship(events: list[dict[str, Any]]) -> None:
    async with Sender(HOST, PORT) as sender:
        await sender.send(events)


def _indexed(apex_logs: str, data: Path, limit: int) -> int:
    """How many documents of the sample the store holds."""
    query = f'log.file.path:"{LOG_PATH}"'
    command = [apex_logs, "search", query, "--embedded", str(data), "--json", "--limit", str(2 * limit)]
    found = subprocess.run(command, check=True, capture_output=True)  # noqa: S603  our own program
    return len({json.loads(line)["_id"] for line in found.stdout.splitlines()})


def _next_commands(data: Path) -> None:
    where = "" if data == Path("data") else f" --embedded {data}"
    configuration = "infra/logging/logstash.conf"
    print(
        f"""
Next:
  .venv/bin/apex-logs search 'status >= 500'{where}
  .venv/bin/apex-logs search 'geoip.country_code2:SE' --json --limit 1{where}
  .venv/bin/apex-logs explain -f {configuration} --path.settings infra/logging --event shippers/samples/event.json
  .venv/bin/apex-logs check -f {configuration} --path.settings infra/logging
"""
    )


def _listening() -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, PORT)) == 0


def _stop(engine: subprocess.Popen[bytes]) -> None:
    if engine.poll() is None:
        engine.send_signal(signal.SIGTERM)
    try:
        engine.wait(timeout=30)
    except subprocess.TimeoutExpired:
        engine.kill()
        engine.wait()


if __name__ == "__main__":
    sys.exit(main())
