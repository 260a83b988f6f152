"""Programs built from their Go modules, kept in the user's cache. What is on the PATH already is taken as it is."""

from __future__ import annotations

import os
import shutil
import subprocess

from tests.servers.packages import NotHere, cache, locked

TIMEOUT = 600.0
"""Seconds for one build, downloads included."""


def program(name: str, module: str, version: str) -> str:
    """The path of the program that the module's top package is; `NotHere` where it cannot be had."""
    if found := shutil.which(name):
        return found
    built = cache() / "go-programs" / f"{name}-{version}"
    with locked():
        if not built.exists():
            _build(name, f"{module}@{version}", version)
    return str(built)


def _build(name: str, package: str, version: str) -> None:
    go = shutil.which("go") or shutil.which("/usr/local/go/bin/go")
    if go is None:
        raise NotHere(f"{name}: there is no Go compiler: install one (1.24 or newer)")
    folder = cache() / "go-programs"
    folder.mkdir(exist_ok=True)
    environment = {**os.environ, "GOPATH": str(cache() / "go"), "GOBIN": str(folder), "GOFLAGS": "-modcacherw"}
    done = subprocess.run(
        [go, "install", package], env=environment, capture_output=True, text=True, timeout=TIMEOUT, cwd=folder
    )
    if done.returncode:
        raise NotHere(f"{package} cannot be built: {done.stderr.strip()[-500:]}")
    (folder / name).rename(folder / f"{name}-{version}")
