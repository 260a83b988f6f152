"""`make run`: the design document's pipeline, with the embedded store, on a bundled sample of API logs; and the API.

The engine and the API run as a user would run them, each in a process of its own. The sample goes in through the
engine's Beats port, as Filebeat would ship it, the API's log through the same port, and the store is asked afterwards
what it holds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from typing import Any

from shippers import demonstrated_api
from shippers.lumberjack import Sender

ROOT = Path(__file__).parent.parent
SAMPLE = Path(__file__).parent / "samples" / "apex-api.log"
LOGGING = ROOT / "infra" / "logging"
HOST, PORT = "127.0.0.1", 5044
API_PORT = 8000
START_TIMEOUT = 30.0
"""Seconds for the engine to listen."""
LOG_PATH = "/var/log/apex/apex-api.log"


def main() -> int:
    """Runs the demonstration; returns the exit code."""
    parser = argparse.ArgumentParser(prog="make run", description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--once", action="store_true", help="stop after the sample")
    parser.add_argument("--data", type=Path, default=Path("data"), help="the folder of the embedded store")
    parser.add_argument("--port", type=int, default=API_PORT, help="the port of the API")
    arguments = parser.parse_args()
    for port in (PORT, arguments.port):
        if _listening(port):
            print(f"something listens on {HOST}:{port} already; stop it first (another `make run`?)", file=sys.stderr)
            return 1
    apex_logs = str(Path(sys.executable).with_name("apex-logs"))
    command = [apex_logs, "run", "-f", str(LOGGING / "logstash.conf"), "--path.settings", str(LOGGING)]
    engine = subprocess.Popen([*command, "--embedded", str(arguments.data)])  # noqa: S603  our own program
    api = demonstrated_api.start(arguments.data, arguments.port, f"{HOST}:{PORT}")
    try:
        failed = _demonstrate(engine, apex_logs, arguments.data)
        failed = failed or _demonstrate_api(api, apex_logs, arguments.data, arguments.port)
        if not failed and not arguments.once:
            print("Serving until Ctrl-C.", flush=True)
            engine.wait()
        return failed
    except KeyboardInterrupt:
        return 0
    finally:
        _stop(api)
        _stop(engine)


def _demonstrate(engine: subprocess.Popen[bytes], apex_logs: str, data: Path) -> int:
    deadline = time.monotonic() + START_TIMEOUT
    while not _listening(PORT):
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
    return 0


def _demonstrate_api(api: subprocess.Popen[bytes], apex_logs: str, data: Path, port: int) -> int:
    if not demonstrated_api.wait_ready(api, port):
        print(f"the API did not start; its reason is in {demonstrated_api.spans(data)}", file=sys.stderr)
        return 1
    try:
        asked = demonstrated_api.ask(port)
    except (OSError, HTTPException) as error:
        print(f"the API did not answer: {error}", file=sys.stderr)
        return 1
    found = demonstrated_api.logged(asked, lambda query: _search(apex_logs, data, query, 2))
    if found is None:
        print("the log line of the API's request is not in the store; `apex-logs dlq list` says why", file=sys.stderr)
        return 1
    hit, seconds = found
    document = hit["_source"]
    area, weight = asked.answer["A_ft2"], asked.answer["weight_estimate_lb"]
    print(f"\nThe API on http://{HOST}:{port} derived {area} ft2, {weight} lb.")
    print(f"{seconds:.1f} s later its log was found in {hit['_index']}:\n")
    shown = ("log_event", "source_ip", "geoip", "request_id", "trace_id", "route", "status", "duration_ms")
    print(json.dumps({name: document.get(name) for name in shown}, indent=2, ensure_ascii=False))
    if absent := [name for name in demonstrated_api.EXPECTED if not document.get(name)]:
        print(f"it has no {', '.join(absent)}", file=sys.stderr)
        return 1
    trace = document.get("trace_id")
    if trace and os.environ.get("OTEL_EXPORTER", "console") == "console":
        if not demonstrated_api.exported(data, trace):
            print(f"the exporter has no trace {trace} in {demonstrated_api.spans(data)}", file=sys.stderr)
            return 1
        print(f"\nThe exporter has the same trace: {demonstrated_api.spans(data)}")
    _next_commands(data, port)
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
    return len({hit["_id"] for hit in _search(apex_logs, data, f'log.file.path:"{LOG_PATH}"', 2 * limit)})


def _search(apex_logs: str, data: Path, query: str, limit: int) -> list[dict[str, Any]]:
    command = [apex_logs, "search", query, "--embedded", str(data), "--json", "--limit", str(limit)]
    found = subprocess.run(command, check=True, capture_output=True)  # noqa: S603  our own program
    return [json.loads(line) for line in found.stdout.splitlines()]


def _next_commands(data: Path, port: int) -> None:
    where = "" if data == Path("data") else f" --embedded {data}"
    configuration = "infra/logging/logstash.conf"
    print(
        f"""
Next:
  curl -s http://{HOST}:{port}{demonstrated_api.DERIVE} -H 'X-Forwarded-For: {demonstrated_api.VISITOR}' \\
    -H 'Content-Type: application/json' -d '{json.dumps(demonstrated_api.CABINETS)}'
  .venv/bin/apex-logs search 'status >= 500'{where}
  .venv/bin/apex-logs search 'geoip.country_code2:SE' --json --limit 1{where}
  .venv/bin/apex-logs explain -f {configuration} --path.settings infra/logging --event shippers/samples/event.json
  .venv/bin/apex-logs check -f {configuration} --path.settings infra/logging
"""
    )


def _listening(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


if __name__ == "__main__":
    sys.exit(main())
