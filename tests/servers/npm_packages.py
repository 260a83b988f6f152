"""Packages of npm, installed into the user's cache, for clients that run under Node.js."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.servers.packages import NotHere, cache, locked

LUMBERJACK_CLIENT = "lumberjack-client@1.0.3"


def installed(package: str) -> tuple[str, Path]:
    """Node.js, and the folder that has the package in `node_modules`; `NotHere` where either cannot be had."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise NotHere("Node.js and npm are not installed")
    with locked():
        folder = cache() / f"npm-{package.replace('@', '-')}"
        if folder.exists():
            return node, folder
        fresh = folder.with_name(folder.name + ".part")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir()
        command = [
            npm,
            "install",
            "--silent",
            "--no-audit",
            "--no-fund",
            "--ignore-scripts",
            "--prefix",
            str(fresh),
            package,
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        if done.returncode:
            raise NotHere(f"npm could not install {package}: {(done.stdout + done.stderr).strip()[-500:]}")
        fresh.rename(folder)
        return node, folder
