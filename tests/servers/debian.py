"""Programs from Debian's packages, unpacked into the user's cache: nothing is installed, no right is needed.

    redis = debian.program("redis-server", package="redis-server")
    subprocess.Popen([redis.path, ...], env=redis.environment)

What is on the PATH already is taken as it is.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from tests.servers.packages import NotHere, cache, locked

TIMEOUT = 600.0
"""Seconds for one call of apt."""


class Program(NamedTuple):
    """A program that can be run."""

    path: str
    environment: dict[str, str]
    """The variables to run it with: unpacked libraries are found by `LD_LIBRARY_PATH`."""


def program(name: str, *, package: str) -> Program:
    """The program of that name; `NotHere` says why it cannot be had."""
    if found := shutil.which(name):
        return Program(found, dict(os.environ))
    root = unpacked(package)
    places = [root / "usr/bin", root / "usr/sbin", *sorted(root.glob("usr/lib/*/bin")), *root.glob("usr/lib/*/*/bin")]
    for place in places:
        if (place / name).is_file():
            return Program(str(place / name), _environment(root, places))
    raise NotHere(f"Debian's package {package} holds no program {name}")


def unpacked(package: str) -> Path:
    """The folder that a package and what it needs beyond what is installed are unpacked into."""
    folder = cache() / f"debian-{package}"
    with locked():
        if not folder.exists():
            _fetch(package, folder)
    return folder


def _fetch(package: str, folder: Path) -> None:
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise NotHere(f"{package} is not installed, and this is no Debian that could fetch it")
    fresh = folder.with_name(folder.name + ".part")
    shutil.rmtree(fresh, ignore_errors=True)
    archives = fresh / "archives"
    archives.mkdir(parents=True)
    try:
        _apt("download", *_needed(package), folder=archives)
    except NotHere:
        _apt("update")  # a new machine has no lists yet, or old ones, of packages that are gone; that needs root
        _apt("download", *_needed(package), folder=archives)
    for archive in archives.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", str(archive), str(fresh)], check=True, timeout=TIMEOUT)
    shutil.rmtree(archives)
    fresh.rename(folder)


def _needed(package: str) -> list[str]:
    """The package, and those it depends on that are not installed."""
    told = _apt("install", "--simulate", "--no-install-recommends", package)
    return sorted({package, *re.findall(r"^Inst (\S+)", told, re.MULTILINE)})


def _apt(*arguments: str, folder: Path | None = None) -> str:
    command = ["apt-get", "-q", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT)
    if done.returncode:
        raise NotHere(f"apt-get {' '.join(arguments)}: {done.stderr.strip()[-500:]}")
    return done.stdout


def _environment(root: Path, places: list[Path]) -> dict[str, str]:
    libraries = [root / "usr/lib", root / "lib", *root.glob("usr/lib/*-linux-gnu"), *root.glob("lib/*-linux-gnu")]
    return {
        **os.environ,
        "PATH": os.pathsep.join([*map(str, places), os.environ.get("PATH", "")]),
        "LD_LIBRARY_PATH": os.pathsep.join(str(each) for each in libraries if each.is_dir()),
    }
