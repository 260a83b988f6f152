"""Telegraf's input for Logstash, as a program of its own: built from its module with Go, kept in the user's cache."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.servers import go_sources

SOURCE = Path(__file__).with_name("telegraf")


def built() -> Path:
    """The program; `NotHere` where it cannot be had."""
    return go_sources.built("telegraf-reader", SOURCE)


def gathered(program: Path, url: str, *credentials: str) -> list[dict[str, Any]]:
    """What Telegraf makes of the API: measurements with their fields and tags."""
    done = subprocess.run([program, url, *credentials], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]
