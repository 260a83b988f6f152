"""What a handler says of its own troubles: on stderr, where no logging can bring it back, and seldom."""

from __future__ import annotations

import contextlib
import sys
import time


class Complaints:
    """Says at most one line in so many seconds."""

    def __init__(self, every: float) -> None:
        self._every = every
        self._next = 0.0

    def say(self, text: str, *, always: bool = False) -> None:
        """Says it, if it is time again."""
        now = time.monotonic()
        if now < self._next and not always:
            return
        self._next = now + self._every
        with contextlib.suppress(Exception):  # there may be no stderr, or none any more
            sys.stderr.write(f"apex-logs handler: {text}\n")
            sys.stderr.flush()
