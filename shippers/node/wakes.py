"""Wakes the shipper when files change, where the system can tell (Linux's inotify); else it looks now and then alone.

Only that something has changed is heard, not what: the look that follows finds out. So no event is lost that matters:
the queue of the kernel may overflow, a folder may be of a disk that tells nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import sys
from collections.abc import Iterable

_MODIFY, _MOVED_TO, _CREATE = 0x2, 0x80, 0x100
"""Of linux/inotify.h."""
_FLAGS = os.O_NONBLOCK | os.O_CLOEXEC


class Wakes:
    """Watches folders. Belongs to one event loop."""

    def __init__(self) -> None:
        self._woken = asyncio.Event()
        self._known: set[str] = set()
        self._descriptor = -1
        if sys.platform == "linux":
            self._library = ctypes.CDLL(None, use_errno=True)
            self._descriptor = self._library.inotify_init1(_FLAGS)

    def watch(self, folders: Iterable[str]) -> None:
        """These. One that is refused is looked at now and then all the same."""
        if self._descriptor < 0:
            return
        wanted = set(folders)
        self._known &= wanted
        for folder in wanted:
            if folder not in self._known:
                self._known.add(folder)
                self._library.inotify_add_watch(
                    self._descriptor, os.fsencode(folder), ctypes.c_uint32(_MODIFY | _MOVED_TO | _CREATE)
                )

    def wake(self) -> None:
        """As if something had changed."""
        self._woken.set()

    def forget(self) -> None:
        """What has changed up to now wakes no more: the files are looked at next."""
        self._woken.clear()
        if self._descriptor >= 0:
            with contextlib.suppress(BlockingIOError):
                while os.read(self._descriptor, 65536):
                    pass

    async def wait(self, seconds: float) -> None:
        """Until something changes, and so long at most."""
        loop = asyncio.get_running_loop()
        if self._descriptor >= 0:
            loop.add_reader(self._descriptor, self._woken.set)
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return
        finally:
            if self._descriptor >= 0:
                loop.remove_reader(self._descriptor)

    def close(self) -> None:
        """Watches no more."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
