"""A file layer that fails when it is told to, and knows what would survive a power cut."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

Fault = Literal["write", "short", "fsync", "truncate"]


class FaultyOs:
    """Stands in for the module `os`. A fault that is set strikes once; `truncate` strikes with the fault beside it."""

    def __init__(self) -> None:
        self.faults: set[Fault] = set()
        self.synced: dict[str, int] = {}
        """By path, how many bytes are on the disk for certain."""

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def _strikes(self, fault: Fault) -> bool:
        if fault not in self.faults:
            return False
        self.faults.discard(fault)
        return True

    def write(self, descriptor: int, data: bytes) -> int:
        if self._strikes("write"):
            raise OSError(5, "Input/output error")
        if self._strikes("short"):
            written = os.write(descriptor, data[: len(data) // 2])
            self.faults.add("write")  # nothing more fits
            return written
        return os.write(descriptor, data)

    def fsync(self, descriptor: int) -> None:
        if self._strikes("fsync"):
            raise OSError(5, "Input/output error")
        os.fsync(descriptor)
        self.synced[str(Path(f"/proc/self/fd/{descriptor}").readlink())] = os.fstat(descriptor).st_size

    def ftruncate(self, descriptor: int, size: int) -> None:
        if self._strikes("truncate"):
            raise OSError(5, "Input/output error")
        os.ftruncate(descriptor, size)

    def at_risk(self, folder: Path) -> list[tuple[Path, int, int]]:
        """The files of which a power cut may lose a part: the bytes that stay for certain, and all of them."""
        found = []
        for path in sorted(folder.glob("*.*")):
            size, synced = path.stat().st_size, self.synced.get(str(path), 0)
            if size > synced:
                found.append((path, synced, size))
        return found
