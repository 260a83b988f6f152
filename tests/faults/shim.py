"""A library that is preloaded into a program and makes its clock jump, its syncs and its writes fail (shim.c).

    faults = Shim(built(folder), folder, under=folder / "data")
    subprocess.Popen(command, env={**os.environ, **faults.environment})
    faults.switch(clock=-3600.0)
    faults.switch(sync=errno.EIO)
    faults.switch()                      all is well again

What the program starts has the same faults. Mounting needs rights that a test does not have; this needs a C compiler.
"""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from pathlib import Path

from tests.servers.packages import NotHere

_CODE = Path(__file__).with_name("shim.c")
_CONTROL = struct.Struct("=qqq")


class Shim:
    """The library, and the file that switches it."""

    def __init__(self, library: Path, folder: Path, under: Path) -> None:
        """The file is in `folder`; files fail in `under` alone."""
        self._control = folder / "faults"
        self.switch()
        self.environment = {
            "LD_PRELOAD": str(library),
            "FAULTS_CONTROL": str(self._control),
            "FAULTS_UNDER": str(under),
        }

    def switch(self, *, clock: float = 0.0, sync: int = 0, write: int = 0) -> None:
        """From now on: seconds by which the wall clock goes wrong, and the error of each sync and of each write.

        With EROFS for writes, nothing else can change the folder either.
        """
        descriptor = os.open(self._control, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.pwrite(descriptor, _CONTROL.pack(round(clock * 1000), sync, write), 0)
        finally:
            os.close(descriptor)


def built(folder: Path) -> Path:
    """The library, built in that folder; raises `NotHere` where there is no compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise NotHere("no C compiler (cc) to build the faults of clock and disk with")
    library = folder / "faults.so"
    command = [compiler, "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", str(library), str(_CODE), "-ldl"]
    subprocess.run(command, check=True)
    return library
