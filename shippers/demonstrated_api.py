"""The API within `make run`: started beside the engine, asked once, and its log looked for in the store.

DIR/api/apex-api.db      its database
DIR/api/spans.jsonl      the spans that it exports, one a line, unless OTEL_EXPORTER says otherwise
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, NamedTuple

HOST = "127.0.0.1"
DERIVE = "/signage/common/cabinets/derive"
CABINETS = {"cabinets": [{"width": 48, "height": 24, "depth": 8, "count": 2}]}
VISITOR = "81.2.69.160"
"""A public address for the request to come from: the demonstration is a proxy that the API trusts."""
EXPECTED = ("log_event", "source_ip", "geoip", "request_id", "route", "status")
"""Fields that the configuration gives the log line of a request, or leaves in it."""
START_TIMEOUT = 60.0
"""Seconds for the API to answer."""
INDEX_TIMEOUT = 30.0
"""Seconds for a log line to be found in the store."""

Documents = Callable[[str], list[dict[str, Any]]]
"""What a query finds in the store, each with `_index`, `_id` and `_source`."""


class Asked(NamedTuple):
    """What the API answered, and under which name its log has the request."""

    request_id: str
    answer: dict[str, Any]
    at: float
    """When the answer was there, on the monotonic clock."""


def start(data: Path, port: int, pipeline: str) -> subprocess.Popen[bytes]:
    """Starts the API: its log goes to the pipeline's `HOST:PORT`, its own files under `data`."""
    folder = data / "api"
    folder.mkdir(parents=True, exist_ok=True)
    environment = {
        "OTEL_EXPORTER": "console",
        "OTEL_BSP_SCHEDULE_DELAY": "200",
        "DATABASE_URL": f"sqlite:///{(folder / 'apex-api.db').resolve()}",
        **os.environ,
        "TRUSTED_PROXIES": HOST,
        "LOG_TARGET": f"beats://{pipeline}",
        "HOST": HOST,
        "PORT": str(port),
    }
    with spans(data).open("wb") as errors:
        return subprocess.Popen(
            [sys.executable, "-m", "apex.api"], env=environment, stdout=subprocess.DEVNULL, stderr=errors
        )


def spans(data: Path) -> Path:
    """What the API writes to stderr: its spans, and the reason if it does not start."""
    return data / "api" / "spans.jsonl"


def wait_ready(api: subprocess.Popen[bytes], port: int) -> bool:
    """Whether it answers before it ends, or the time is up."""
    deadline = time.monotonic() + START_TIMEOUT
    while api.poll() is None and time.monotonic() < deadline:
        with suppress(OSError, HTTPException), closing(HTTPConnection(HOST, port, timeout=2)) as connection:
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return True
        time.sleep(0.05)
    return False


def ask(port: int) -> Asked:
    """Derives cabinets, as a visitor from elsewhere. Raises `OSError` or `HTTPException` if there is no answer."""
    headers = {"Content-Type": "application/json", "X-Forwarded-For": VISITOR, "User-Agent": "make-run"}
    with closing(HTTPConnection(HOST, port, timeout=30)) as connection:
        connection.request("POST", DERIVE, json.dumps(CABINETS), headers)
        response = connection.getresponse()
        body = response.read()
        if response.status != 200:
            raise HTTPException(f"{DERIVE} answered {response.status}: {body.decode(errors='replace')[:500]}")
        return Asked(response.headers["X-Request-ID"], json.loads(body), time.monotonic())


def logged(asked: Asked, documents: Documents) -> tuple[dict[str, Any], float] | None:
    """The hit of the request's log line, and the seconds after the answer at which it was found; None if it was not."""
    deadline = asked.at + INDEX_TIMEOUT
    while time.monotonic() < deadline:
        for hit in documents(f'request_id:"{asked.request_id}"'):
            return hit, time.monotonic() - asked.at
        time.sleep(0.1)
    return None


def exported(data: Path, trace_id: str) -> bool:
    """Whether the exporter has told of that trace; it may be a moment later than the log."""
    deadline = time.monotonic() + INDEX_TIMEOUT
    while time.monotonic() < deadline:
        if f"0x{trace_id}" in spans(data).read_text(encoding="utf-8", errors="replace"):
            return True
        time.sleep(0.1)
    return False
