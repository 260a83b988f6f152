"""Sentry's command line, from the package registry into the user's cache; it is no dependency of the project."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.servers.packages import NotHere, cache, locked

VERSION = "3.8.2"
TIMEOUT = 300.0


def program() -> Path:
    """The program; `NotHere` says why it cannot be had."""
    folder = cache() / f"sentry-cli-{VERSION}"
    with locked():
        if not folder.exists():
            _install(folder)
    return folder / "bin" / "sentry-cli"


def _install(folder: Path) -> None:
    fresh = folder.with_name(folder.name + ".part")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:", "--upgrade"]
    command += ["--target", str(fresh), f"sentry-cli=={VERSION}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT)
    if done.returncode:
        raise NotHere(f"pip install sentry-cli: {done.stderr.strip()[-500:]}")
    fresh.rename(folder)
