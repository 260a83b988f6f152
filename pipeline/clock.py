"""The time, behind a protocol, so that tests can turn it."""

import time
from typing import Protocol


class Clock(Protocol):
    """What the engine asks of a clock. Both values are seconds."""

    def now(self) -> float:
        """Seconds since 1970-01-01T00:00:00Z."""
        ...

    def monotonic(self) -> float:
        """Seconds since an unspecified moment; never goes back."""
        ...


class SystemClock:
    """The clock of the machine."""

    now = staticmethod(time.time)
    monotonic = staticmethod(time.monotonic)
