"""What servers need on this machine: a Java Development Kit, and files from Maven Central, kept in the user's cache.

The cache is `$XDG_CACHE_HOME/apex-logs/servers` (`~/.cache` by default); a lock lets one process fill it at a time.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

POM = Path(__file__).with_name("pom.xml")


class NotHere(Exception):
    """A server cannot be had on this machine; the text says why."""


class Jdk(NamedTuple):
    """A Java Development Kit."""

    version: int
    home: Path


def jdk() -> Jdk:
    """The kit in `JAVA_HOME`, or the newest one that is installed."""
    if "JAVA_HOME" in os.environ:
        homes = [Path(os.environ["JAVA_HOME"])]
    else:
        homes = sorted(Path("/usr/lib/jvm").glob("*"))
        if compiler := shutil.which("javac"):
            homes.append(Path(compiler).resolve().parent.parent)
    kits = [Jdk(_version(home), home) for home in homes if (home / "bin" / "javac").exists()]
    if not kits:
        raise NotHere("no Java Development Kit found: install one (21 or newer for Elasticsearch 9), or set JAVA_HOME")
    return max(kits)


def _version(home: Path) -> int:
    release = home / "release"
    found = re.search(r'^JAVA_VERSION="(\d+)', release.read_text(), re.MULTILINE) if release.exists() else None
    return int(found[1]) if found else 0


def cache() -> Path:
    """The folder that keeps downloads and what is built from them."""
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = root / "apex-logs" / "servers"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def locked() -> Iterator[None]:
    """Keeps other processes from filling the cache at the same time."""
    with (cache() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def version(profile: str) -> str:
    """The version that a profile of the pom fetches."""
    found = re.search(rf"<{profile}\.version>(.*?)</", POM.read_text())
    assert found, f"pom.xml has no version of {profile}"
    return found[1]


def fetched(profile: str) -> Path:
    """The files of a profile of the pom, fetched if they are not in the cache. Call it under the lock."""
    folder = cache() / f"{profile.rsplit('-', 1)[0]}-{version(profile)}"
    if folder.exists():
        return folder
    maven = shutil.which("mvn")
    if maven is None:
        raise NotHere(f"mvn is not installed, and {folder.name} is not in {cache()}")
    fresh = folder.with_name(folder.name + ".part")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    pom = shutil.copy(POM, fresh)  # Maven leaves marks beside the pom
    command = [maven, "-q", "-B", "-f", str(pom), "-P", profile, "package", f"-Dout={fresh}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    if done.returncode:
        raise NotHere(f"Maven could not fetch {folder.name}: {(done.stdout + done.stderr).strip()[-500:]}")
    fresh.rename(folder)
    return folder
