"""What those who watch ask of the database: in threads of their own, and for no longer than they wait.

Requests share the threads of the framework. Where the database hangs they are all taken, and a probe or a scrape that
needed one would say that the process is dead.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import BoundedSemaphore
from typing import TypeVar

from anyio import CapacityLimiter, move_on_after, to_thread

LONGEST = 2.0
"""Seconds; Prometheus waits for 10, Kubernetes' probes for 5."""
MOST = 8
"""Questions that may be open at once; fewer than the pool has connections, which those that hang keep."""

T = TypeVar("T")


class Asking:
    """Asks for an application; made where its loop runs."""

    def __init__(self) -> None:
        self._limiter = CapacityLimiter(MOST)
        self._room = BoundedSemaphore(MOST)  # a thread that is given up still hangs, and the limiter has forgotten it

    async def answer(self, ask: Callable[[], T]) -> T | None:
        """The answer; None where there is none within `LONGEST`, or where `MOST` that were asked before still hang."""
        with move_on_after(LONGEST):
            return await to_thread.run_sync(self._guarded, ask, abandon_on_cancel=True, limiter=self._limiter)
        return None

    def _guarded(self, ask: Callable[[], T]) -> T | None:
        if not self._room.acquire(blocking=False):
            return None
        try:
            return ask()
        finally:
            self._room.release()
