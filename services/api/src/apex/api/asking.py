"""What those who watch ask of the database: in threads of their own, and for no longer than they wait.

Requests share the threads of the framework. Where the database hangs they are all taken, and a probe or a scrape that
needed one would say that the process is dead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from anyio import CapacityLimiter, move_on_after, to_thread

LONGEST = 2.0
"""Seconds; Prometheus waits for 10, Kubernetes' probes for 5."""
THREADS = 2

T = TypeVar("T")


class Asking:
    """Asks for an application; made where its loop runs."""

    def __init__(self) -> None:
        self._limiter = CapacityLimiter(THREADS)

    async def answer(self, ask: Callable[[], T]) -> T | None:
        """The answer; None where there is none within `LONGEST`, or where what was asked before still hangs."""
        with move_on_after(LONGEST):
            return await to_thread.run_sync(ask, abandon_on_cancel=True, limiter=self._limiter)
        return None
