"""Events a second, between the looks of whoever asks."""

from __future__ import annotations

import time
from collections import deque

_SPAN = 60.0
"""Seconds that "current" looks back, at most."""


class Rates:
    """Events a second: since the start, and since the oldest look of the last minute."""

    def __init__(self, started: float) -> None:
        self._started = started
        self._looks: deque[tuple[float, tuple[float, ...]]] = deque()

    def look(self, values: tuple[float, ...]) -> list[dict[str, float]]:
        """The rates of each value."""
        now = time.monotonic()
        while self._looks and (now - self._looks[0][0] > _SPAN or self._looks[0][1] > values):
            self._looks.popleft()
        since, before = self._looks[0] if self._looks else (self._started, (0.0,) * len(values))
        self._looks.append((now, values))
        lifetime, span = max(now - self._started, 1e-3), max(now - since, 1e-3)
        return [
            {"current": round((value - then) / span, 4), "lifetime": round(value / lifetime, 4)}
            for value, then in zip(values, before, strict=True)
        ]
