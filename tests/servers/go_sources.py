"""Programs of this folder that are written in Go against a published module: built, and kept in the user's cache."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from tests.servers.packages import NotHere, cache, locked

BUILD_TIMEOUT = 600.0


def built(name: str, source: Path) -> Path:
    """The program; built if it is not in the cache. `NotHere` where Go, or a module, cannot be had."""
    names = ("main.go", "go.mod", "go.sum")
    mark = hashlib.sha256(b"".join((source / each).read_bytes() for each in names)).hexdigest()[:16]
    with locked():
        program = cache() / f"{name}-{mark}"
        if program.exists():
            return program
        go = shutil.which("go") or shutil.which("/usr/local/go/bin/go")
        if go is None:
            raise NotHere("there is no Go compiler: install one (1.25 or newer)")
        folder = cache() / name
        folder.mkdir(exist_ok=True)
        for each in names:
            shutil.copy(source / each, folder)
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
            raise NotHere(f"{name} cannot be built: {done.stderr.strip()[-500:]}")
        partial.rename(program)
        return program
