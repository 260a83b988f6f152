"""Each fault of the preloaded library is what it says, in the folder that it is for, and in children too."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.faults.shim import Shim, built
from tests.servers.skipping import or_skip

LOOK = """
import errno, os, sys, time
from pathlib import Path
folder = Path(sys.argv[1])

def outcome(call):
    try:
        call()
        return "done"
    except OSError as error:
        return errno.errorcode[error.errno]

file = os.open(folder / "there", os.O_RDWR)
print("open", flush=True)
sys.stdin.readline()
def rename():
    os.rename(folder / "there", folder / "moved")
    os.rename(folder / "moved", folder / "there")
def remove():
    (folder / "new").unlink()
for name, call in {
    "sync": lambda: os.fsync(file),
    "data": lambda: os.fdatasync(file),
    "write": lambda: os.write(file, b"x"),
    "at": lambda: os.pwrite(file, b"x", 0),
    "cut": lambda: os.ftruncate(file, 1),
    "read": lambda: os.pread(file, 1, 0),
    "make": lambda: (folder / "new").write_bytes(b""),
    "remove": remove,
    "rename": rename,
    "folder": lambda: (folder / "inner").mkdir(exist_ok=True),
}.items():
    print(name, outcome(call))
print("clock", time.time(), time.clock_gettime(time.CLOCK_REALTIME), time.monotonic())
"""
EVERY = ("sync", "data", "write", "at", "cut", "read", "make", "remove", "rename", "folder")


@pytest.fixture
def shim(tmp_path: Path) -> Shim:
    for name in ("under", "beside"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "there").write_bytes(b"there")
    with or_skip("faults"):
        return Shim(built(tmp_path), tmp_path, tmp_path / "under")


def look(shim: Shim, folder: Path, **faults: Any) -> dict[str, list[str]]:
    """What a child of a program with the library meets, as soon as it has opened a file."""
    shim.switch()
    command = [sys.executable, "-c", "import subprocess, sys; subprocess.run([sys.executable, '-c', *sys.argv[1:]])"]
    environment = {**os.environ, **shim.environment}
    pipe = subprocess.PIPE
    with subprocess.Popen([*command, LOOK, str(folder)], stdin=pipe, stdout=pipe, text=True, env=environment) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "open\n"
        shim.switch(**faults)
        answer, _ = child.communicate("\n", 30)
    return {name: values for name, *values in map(str.split, answer.splitlines())}


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        ({}, {}),
        ({"sync": errno.EIO}, dict.fromkeys(("sync", "data"), "EIO")),
        ({"write": errno.ENOSPC}, dict.fromkeys(("write", "at"), "ENOSPC")),
        ({"write": errno.EROFS}, dict.fromkeys(set(EVERY) - {"sync", "data", "read"}, "EROFS")),
    ],
    ids=["none", "sync", "space", "read-only"],
)
def test_files_fail_in_that_folder_alone(
    shim: Shim, tmp_path: Path, faults: dict[str, int], expected: dict[str, str]
) -> None:
    met = look(shim, tmp_path / "under", **faults)
    assert {name: met[name][0] for name in EVERY} == {name: expected.get(name, "done") for name in EVERY}
    beside = look(shim, tmp_path / "beside", **faults)
    assert {beside[name][0] for name in EVERY} == {"done"}


@pytest.mark.parametrize("seconds", [-86_400.0, 3600.0])
def test_the_wall_clock_jumps_and_no_other(shim: Shim, tmp_path: Path, seconds: float) -> None:
    *wall, monotonic = map(float, look(shim, tmp_path / "beside", clock=seconds)["clock"])
    for clock in wall:
        assert abs(clock - time.time() - seconds) < 60
    assert abs(monotonic - time.monotonic()) < 60
