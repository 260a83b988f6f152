"""One process uses a folder at a time: a lock that the system takes back when the process ends, however it does."""

from __future__ import annotations

import fcntl
import os
from time import monotonic, sleep

from pipeline.errors import StoreError

NAME = "lock"
_PAUSE = 0.02
"""Seconds between two tries."""
_REMEDY = "stop it, or give this one a pipeline.id or path.queue of its own"


class FolderLock:
    """The folder is this process's until `release`."""

    def __init__(self, folder: str, patience: float = 0.5, remedy: str = _REMEDY) -> None:
        """Raises `StoreError`, which tells the remedy, if another process still has it after so many seconds."""
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, NAME)
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        if not self._taken(patience):
            holder = os.read(self._descriptor, 32).decode(errors="replace").strip() or "unknown"
            os.close(self._descriptor)
            raise StoreError(f"{folder} is in use by another process (id {holder}): {remedy}")
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def _taken(self, patience: float) -> bool:
        """Tries again for a moment: who only asks whether the folder is in use has it for one, too."""
        deadline = monotonic() + patience
        while True:
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if monotonic() >= deadline:
                    return False
                sleep(_PAUSE)
            else:
                return True

    def release(self) -> None:
        """Lets others have it."""
        os.close(self._descriptor)
