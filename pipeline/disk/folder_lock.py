"""One process uses a folder at a time: a lock that the system takes back when the process ends, however it does."""

from __future__ import annotations

import fcntl
import os

from pipeline.errors import StoreError

NAME = "lock"


class FolderLock:
    """The folder is this process's until `release`."""

    def __init__(self, folder: str) -> None:
        """Raises `StoreError` if another process has it."""
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, NAME)
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._descriptor, 32).decode(errors="replace").strip() or "unknown"
            os.close(self._descriptor)
            raise StoreError(
                f"{folder} is in use by another process (id {holder}): stop it, or give this one a pipeline.id or "
                "path.queue of its own"
            ) from None
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Lets others have it."""
        os.close(self._descriptor)
