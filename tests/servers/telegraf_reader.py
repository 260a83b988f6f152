"""Telegraf's input for Logstash, as a program of its own: built from its module with Go, kept in the user's cache."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.servers.packages import NotHere, cache, locked

SOURCE = Path(__file__).with_name("telegraf")
BUILD_TIMEOUT = 600.0


def built() -> Path:
    """The program; built if it is not in the cache. `NotHere` where Go, or the module, cannot be had."""
    names = ("main.go", "go.mod", "go.sum")
    mark = hashlib.sha256(b"".join((SOURCE / name).read_bytes() for name in names)).hexdigest()[:16]
    with locked():
        program = cache() / f"telegraf-reader-{mark}"
        if program.exists():
            return program
        go = shutil.which("go") or shutil.which("/usr/local/go/bin/go")
        if go is None:
            raise NotHere("there is no Go compiler: install one (1.25 or newer)")
        folder = cache() / "telegraf-reader"
        folder.mkdir(exist_ok=True)
        for name in names:
            shutil.copy(SOURCE / name, folder)
        partial = program.with_suffix(".partial")
        environment = {**os.environ, "GOPATH": str(cache() / "go"), "GOFLAGS": "-modcacherw -mod=readonly"}
        done = subprocess.run(
            [go, "build", "-o", str(partial), "."],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=BUILD_TIMEOUT,
        )
        if done.returncode:
            raise NotHere(f"Telegraf's module cannot be built: {done.stderr.strip()[-500:]}")
        partial.rename(program)
        return program


def gathered(program: Path, url: str, *credentials: str) -> list[dict[str, Any]]:
    """What Telegraf makes of the API: measurements with their fields and tags."""
    done = subprocess.run([program, url, *credentials], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]
